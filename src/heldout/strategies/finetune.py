"""Fine-tuning: every parameter learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from heldout.strategies._strategy import Phase, Strategy


@dataclass(frozen=True)
class Finetune(Strategy):
    """Train the whole network, starting from the pretrained weights, with a new linear head.

    What it does: all parameters learn with one learning rate (AdamW, cosine to zero), BatchNorm statistics follow the
    new images.

    When to try it: many images, or images that look unlike photographs. It nearly always wins on validation images
    from the same source; on images from elsewhere it can lose to fixed features, since it bends features that
    transferred (Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution,
    ICLR 2022).

    Sources: Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014; Kornblith et al.,
    Do Better ImageNet Models Transfer Better?, CVPR 2019.

    Attributes:
        epochs: Passes over the training images.
        lr: Learning rate at the start.
        weight_decay: Decoupled weight decay.
        batch_size: Images a step.
        schedule: `cosine` or `constant`.
        keep: Weights that are scored: the `last` epoch's, which were not chosen on validation, or the `best`.
    """

    name: ClassVar[str] = "finetune"
    title: ClassVar[str] = "fine-tune the whole network"

    epochs: int = 30
    lr: float = 3e-4
    weight_decay: float = 0.01
    batch_size: int = 32
    schedule: Literal["cosine", "constant"] = "cosine"
    keep: Literal["last", "best"] = "last"

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which everything learns."""
        return (
            Phase(
                name="finetune",
                trainable="all",
                epochs=self.epochs,
                lr=self.lr,
                weight_decay=self.weight_decay,
                batch_size=self.batch_size,
                schedule=self.schedule,
            ),
        )

    @property
    def keeps(self) -> Literal["last", "best"]:
        """As the setting `keep` says."""
        return self.keep


STRATEGY = Finetune
