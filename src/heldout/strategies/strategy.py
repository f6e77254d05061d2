"""What a strategy is: a frozen dataclass whose fields are its settings, and the phases they amount to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from heldout.records.run import Choice, Learning

Trainable = Literal["all", "head", "first", "last", "norm", "bias", "lora"]
Solver = Literal["adamw", "logistic", "neighbours", "interpolate", "average"]
Schedule = Literal["cosine", "constant"]
Statistics = Literal["follow", "keep"]
ClassWeights = Literal["none", "balanced"]
Augment = Literal["none", "mirror", "flips", "optical", "all", "wide"]
Keep = Literal["last", "best", "average"]

STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Values of C (inverse regularisation, on standardised features) that a linear probe tries."""

BEGINNING = -1
"""Number of the end from which the first phase starts: the pretrained trunk with its new head."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same parameters learn.

    Attributes:
        name: What the history calls it.
        trainable: Which parameters learn. The head always does; besides it `all`, none (`head`), the `first` or the
            `last` blocks of the trunk, weights and biases of its normalisation layers (`norm`), its biases (`bias`),
            or adapters beside its weights (`lora`).
        epochs: Passes over the training images; for every solver but `adamw` always 1.
        blocks: How many blocks `first` and `last` mean; at most all.
        rank: Rank of the adapters of `lora`.
        solver: `adamw` by mini-batches. `logistic`: the head is solved to its optimum by scikit-learn's logistic
            regression, its strength of regularisation chosen on validation. `neighbours`: the head becomes the training
            images' features, of which the nearest vote. `interpolate`: the point on the straight
            line of weights between the ends of two phases with the least validation loss. `average`: the mean of the
            weights at the ends of several phases.
        lr: Learning rate at the start, for the head; `layer_decay` says what it is elsewhere.
        weight_decay: Decoupled weight decay (Loshchilov & Hutter 2019), on weights of two or more dimensions.
        batch_size: Images a step.
        schedule: `cosine` (to zero over the phase, Loshchilov & Hutter 2017) or `constant`.
        warmup: Share of the phase's steps in which the learning rate rises in a straight line from zero.
        layer_decay: The learning rate of a block is that of the block behind it times this; the head's is `lr`.
        anchor: Pull of the trunk's parameters toward their values before the first phase, decoupled like weight decay
            and in its place: at every step they move `lr · anchor` of the way back.
        bn: Mode of the BatchNorm layers in the frozen part. `eval` leaves their statistics alone; `train` lets them
            follow the batches, although no parameter moves: what a notebook does that sets only `requires_grad`.
        statistics: Of BatchNorm layers whose own parameters are trained. `follow`: they normalise by the batch, and
            their statistics follow. `keep`: they normalise by the statistics they have, as they do when they predict.
        class_weights: `balanced` weighs the loss of an image by n / (k · n of its class), for k classes; of several
            labels that of an image with a label by the number of images without it for one with it.
        patience: Epochs in a row without a better validation accuracy (ties: lower loss) that end the phase early;
            None never does.
        augment: Training images are changed at random: `mirror` (left and right), `flips` (all eight flips and quarter
            turns), `optical` (brightness, contrast, blur, noise, JPEG), `all` (`flips` and `optical`), or `none`.
        views: Where activations are cached, how many views of each training image are: the image itself and others
            changed by `augment`, which the epochs take in turn. Where they are not, every epoch draws anew.
        tried: What is chosen among on validation: values of C for `logistic`, of k for `neighbours`, of α for
            `interpolate`.
        start: Number of the phase at whose end this one starts, or `BEGINNING`; None goes on from the phase before.
        of: Numbers of the phases whose ends `interpolate` (two, α = 0 first) and `average` work on.
    """

    name: str
    trainable: Trainable
    epochs: int
    blocks: int = 1
    rank: int = 8
    solver: Solver = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 32
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    layer_decay: float = 1.0
    anchor: float = 0.0
    bn: Literal["eval", "train"] = "eval"
    statistics: Statistics = "follow"
    class_weights: ClassWeights = "none"
    patience: int | None = None
    augment: Augment = "none"
    views: int = 4
    tried: tuple[float, ...] = ()
    start: int | None = None
    of: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        wrong = [*self._wrong_numbers(), *self._wrong_choices()]
        if wrong:
            raise ValueError("; ".join(wrong))

    def _wrong_numbers(self) -> Iterator[str]:
        for name, minimum in (
            ("epochs", 1),
            ("blocks", 1),
            ("views", 1),
            ("batch_size", 2),
            ("weight_decay", 0),
            ("anchor", 0),
        ):
            if getattr(self, name) < minimum:
                yield f"{name} is at least {minimum}, found {getattr(self, name)}"
        if self.lr <= 0:
            yield f"lr is above 0, found {self.lr}"
        if not 0 < self.layer_decay <= 1:
            yield f"layer_decay is above 0 and at most 1, found {self.layer_decay}"
        if not 0 <= self.warmup < 1:
            yield f"warmup is a share of the steps, at least 0 and below 1, found {self.warmup}"
        if self.patience is not None and self.patience < 1:
            yield f"patience is at least 1, or none, found {self.patience}"

    def _wrong_choices(self) -> Iterator[str]:
        if self.solver != "adamw" and self.epochs != 1:
            yield f"a phase that is solved has 1 epoch, found {self.epochs}"
        if self.solver == "logistic" and (not self.tried or min(self.tried) <= 0):
            yield f"strengths holds one value or more, all above 0, found {self.tried}"
        if self.solver == "neighbours" and (not self.tried or min(self.tried) < 1):
            yield f"neighbours holds one value or more, all at least 1, found {self.tried}"
        if self.solver == "interpolate" and (not self.tried or not 0 <= min(self.tried) <= max(self.tried) <= 1):
            yield f"alphas holds one value or more, from 0 to 1, found {self.tried}"


CHOICES: dict[Solver, Choice] = {"logistic": "strength", "neighbours": "neighbours", "interpolate": "blend"}
"""What a solver chooses on validation."""


@dataclass(frozen=True)
class Range:
    """Between which values a setting is searched.

    Attributes:
        low: The least.
        high: The greatest.
        log: Whether equal ratios, rather than equal differences, are equally far.
    """

    low: float
    high: float
    log: bool = True


@dataclass(frozen=True)
class Strategy(ABC):
    """Base of all strategies. A subclass is a frozen dataclass in a file of its own, bound to `STRATEGY`.

    The class docstring is the manual entry that `heldout strategies` prints: what it does, when to try it, sources.

    Attributes of the class:
        name: The name it goes by.
        title: A few words.
        pretrained: Whether it starts from pretrained weights; otherwise from the architecture's own random ones.
        labels: Kinds of labels that it can learn: one class an image (`single`), several labels (`several`).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    pretrained: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ("single", "several")

    def __post_init__(self) -> None:
        self.phases()  # settings that make no phase are refused where they are made

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The plan in the order in which it is carried out."""

    def space(self) -> dict[str, Range]:
        """Settings that `--tune` searches; none where everything is chosen on validation already."""
        return {}

    @property
    def keeps(self) -> Keep:
        """Which epoch's weights are kept.

        The `last`; the `best`, with the highest validation accuracy (ties: lower loss); or the `average` of the last
        epochs of the last phase.
        """
        return "last"

    def learning(self) -> Learning:
        """What the run's record says was trained, chosen and kept; derived from the phases.

        A choice counts where the last phase made it among several values: from an earlier one training went on, and
        what is scored is no longer what did best on validation.
        """
        from heldout.records.run import Learning  # it brings pandas, which a list of strategies need not wait for

        phases = self.phases()
        last = phases[-1]
        several = last.solver in CHOICES and len(last.tried) > 1
        own: tuple[Choice, ...] = (CHOICES[last.solver],) if several else ()
        return Learning(
            backbone_trained=any(phase.trainable != "head" for phase in phases),
            uses_seed=not self.pretrained or any(phase.solver == "adamw" for phase in phases),
            keeps=self.keeps,
            chosen=(*own, "epoch") if self.keeps == "best" else own,
            tried=last.tried if several else (),
        )
