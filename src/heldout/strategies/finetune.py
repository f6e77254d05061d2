"""Fine-tuning: every parameter learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase, Range


@dataclass(frozen=True)
class Finetune(Kept):
    """Train the whole network, starting from the pretrained weights, with a new linear head.

    What it does: all parameters learn (AdamW, cosine to zero), BatchNorm statistics follow the new images. With
    `layer_decay` below 1 the early blocks, whose features are general, learn slower than the late ones (0.65 to 0.9 in
    the literature); `warmup` spares the pretrained weights the first steps, in which the new head knows nothing yet.

    When to try it: many images, or images that look unlike photographs. It nearly always wins on validation images
    from the same source; on images from elsewhere it can lose to fixed features, since it bends features that
    transferred (Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution,
    ICLR 2022).

    Sources: Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014; Kornblith et al.,
    Do Better ImageNet Models Transfer Better?, CVPR 2019; layer-wise decay: Clark et al., ELECTRA, ICLR 2020, and Bao
    et al., BEiT, ICLR 2022.

    Attributes:
        layer_decay: The learning rate of a block is that of the block behind it times this; 1 gives all the same.
    """

    name: ClassVar[str] = "finetune"
    title: ClassVar[str] = "fine-tune the whole network"

    layer_decay: float = 1.0

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which everything learns."""
        return (replace(self.phase("finetune", "all"), layer_decay=self.layer_decay),)

    def space(self) -> dict[str, Range]:
        """Beside rate and decay, how much slower the early blocks learn."""
        return {**super().space(), "layer_decay": Range(0.5, 1.0, log=False)}


STRATEGY = Finetune
