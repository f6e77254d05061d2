"""What a search for settings tried, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.records.recipe import Setting
from heldout.ties import SAME, SAME_LOSS, first_best

LOSS = 1e-4
"""What a nat of validation loss counts beside the accuracy: it decides between equal accuracies of under a thousand
images, and never against a better one."""


@dataclass(frozen=True)
class Trial:
    """One training with other settings; the test images had no part in it.

    Attributes:
        settings: Those that were searched, by name.
        val_accuracy: Of the weights that would be kept.
        val_loss: Likewise, mean cross-entropy in nats.
        seconds: Wall time.
    """

    settings: dict[str, Setting]
    val_accuracy: float
    val_loss: float
    seconds: float

    @property
    def value(self) -> float:
        """What the next proposals go by; the greater, the better."""
        return self.val_accuracy - LOSS * min(self.val_loss, 1e3)


@dataclass(frozen=True)
class Tuning:
    """`tuning/<id>.json`: the id is that of the run with the settings as they were before.

    Beside it `tuning/<id>.parquet`: validation logits of every trial, columns `id`, `split`, `variant` (the number of
    the trial), `logit_<k>`.

    Attributes:
        backbone: Full name of the weights.
        strategy: Name of the strategy.
        seed: Seed of the trainings and of the search.
        trials: In their order; the first is the settings as they were.
        format: Version of this record.
    """

    backbone: str
    strategy: str
    seed: int
    trials: tuple[Trial, ...]
    format: int = 1

    @property
    def best(self) -> Trial:
        """The greatest validation accuracy, of equals the lower loss, of equals the earlier."""
        most = max(trial.val_accuracy for trial in self.trials)
        equals = [trial for trial in self.trials if trial.val_accuracy >= most - SAME]
        return first_best(equals, lambda trial: -trial.val_loss, SAME_LOSS)
