"""Settings that every strategy has which learns by epochs."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.strategies.strategy import (
    Augment,
    ClassWeights,
    Keep,
    Phase,
    Range,
    Schedule,
    Solver,
    Statistics,
    Strategy,
    Trainable,
)


@dataclass(frozen=True)
class Trained(Strategy):
    """A strategy with at least one phase of mini-batches.

    Attributes:
        epochs: Passes over the training images, all phases together but those that are solved.
        lr: Learning rate at the start, for the head.
        weight_decay: Decoupled weight decay, on weights of two or more dimensions.
        batch_size: Images a step.
        schedule: `cosine`, to zero over the phase, or `constant`.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero.
        statistics: BatchNorm layers that learn normalise by the batch, and their statistics `follow` the new images; or
            they `keep` the pretrained statistics and normalise by those.
        class_weights: `balanced` weighs every class alike in the loss, however few its images; `none` every image. Of
            several labels `balanced` weighs images with a label as much as those without, label by label.
        patience: Epochs in a row without a better validation accuracy that end training early; `none` never ends it.
        augment: Training images are changed at random, by the seed: `mirror` (left and right), `flips` (all eight flips
            and quarter turns, where orientation carries no meaning), `optical` (brightness, contrast, blur, noise,
            JPEG), `all` (`flips` and `optical`), `wide` (`all`, and stain, light and magnification as widely as
            laboratories differ), or `none`.
        views: Phases whose frozen part is cached cannot draw anew in every epoch: they take so many cached views of
            each training image in turn, the first of them the image itself. Of no effect with `augment=none`.
    """

    epochs: int = 30
    lr: float = 3e-4
    weight_decay: float = 0.01
    batch_size: int = 32
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    statistics: Statistics = "follow"
    class_weights: ClassWeights = "none"
    patience: int | None = None
    augment: Augment = "none"
    views: int = 4

    def space(self) -> dict[str, Range]:
        """The rate within a factor of ten, and the decay over what is in use."""
        return {"lr": Range(self.lr / 10, self.lr * 10), "weight_decay": Range(1e-4, 0.3)}

    def phase(self, name: str, trainable: Trainable, epochs: int | None = None) -> Phase:
        """A phase of mini-batches with the settings above; `dataclasses.replace` gives it what is special."""
        return Phase(
            name=name,
            trainable=trainable,
            epochs=self.epochs if epochs is None else epochs,
            lr=self.lr,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            schedule=self.schedule,
            warmup=self.warmup,
            statistics=self.statistics,
            class_weights=self.class_weights,
            patience=self.patience,
            augment=self.augment,
            views=self.views,
        )

    def solved(self, name: str, solver: Solver, tried: tuple[float, ...] = (), of: tuple[int, ...] = ()) -> Phase:
        """A phase that is solved rather than trained: the head alone for `logistic`, else the whole network."""
        trainable: Trainable = "head" if solver == "logistic" else "all"
        return Phase(
            name=name,
            trainable=trainable,
            epochs=1,
            solver=solver,
            statistics=self.statistics,
            class_weights=self.class_weights,
            tried=tried,
            of=of,
        )


@dataclass(frozen=True)
class Kept(Trained):
    """A trained strategy of whose epochs one, or the average of the last, is kept.

    Attributes:
        keep: Weights that are scored: the `last` epoch's, which were not chosen on validation; the `best` on
            validation; or the `average` of the last epochs, the newest weighing a fifth, with BatchNorm statistics
            measured anew on the training images (Izmailov et al., Averaging Weights Leads to Wider Optima and Better
            Generalization, UAI 2018).
    """

    keep: Keep = "last"

    @property
    def keeps(self) -> Keep:
        """As the setting `keep` says."""
        return self.keep
