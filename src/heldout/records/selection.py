"""What `--strategies auto` tried, what it recommends, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.records.codec import LATER
from heldout.records.recipe import Setting

Standing = Literal["as good", "worse"]
"""Of a candidate against the chosen one, on validation: no difference can be told; it is worse."""


@dataclass(frozen=True)
class Candidate:
    """One recipe that was trained; the test images had no part in it.

    Attributes:
        backbone: Full name of the weights.
        strategy: Name of the strategy.
        settings: All of its settings.
        differs: Those of them that are not the strategy's defaults.
        rung: Number of the rung of the ladder, from 0: how much of the network learns.
        val_accuracy: Of the weights that would be kept, a fraction; of several labels the share of right answers.
        val_loss: Likewise, mean cross-entropy in nats.
        seconds: Wall time.
    """

    backbone: str
    strategy: str
    settings: dict[str, Setting]
    differs: dict[str, Setting]
    rung: int
    val_accuracy: float
    val_loss: float
    seconds: float


@dataclass(frozen=True)
class Behind:
    """How far a candidate lies behind the chosen one on validation, drawn again by patient.

    Of a cross-validation the interval is the wider of that and the one that counts what folds share (`stats.racing`).

    Attributes:
        candidate: Its number.
        points: Accuracy of the chosen one minus its own, in points.
        low: Lower end of the 95 % interval.
        high: Upper end.
        best: Share of the draws in which it has the highest accuracy of all candidates; None where there are too few
            patients to draw.
    """

    candidate: int
    points: float
    low: float
    high: float
    best: float | None

    @property
    def standing(self) -> Standing:
        """Whether it can be told from the chosen one."""
        return "worse" if self.low > 0 else "as good"


@dataclass(frozen=True)
class Dropped:
    """A model that was not widened: it cannot win any more.

    Attributes:
        backbone: Full name of its weights.
        rung: Number of the last rung that it was on.
        points: Accuracy of the best candidate so far minus that of its own best, in points.
        low: Lower end of the interval, above 0; with Bonferroni's correction for the number of models.
    """

    backbone: str
    rung: int
    points: float
    low: float


@dataclass(frozen=True)
class Ensemble:
    """The mean of the probabilities of all candidates that cannot be told from the chosen one, itself among them.

    Attributes:
        members: Their numbers, two or more.
        val_accuracy: Of the mean on the images that candidates are judged by, a fraction.
        points: Its accuracy minus that of the chosen one, in points.
        low: Lower end of the 95 % interval, made as that of `Behind`.
        high: Upper end.
    """

    members: tuple[int, ...]
    val_accuracy: float
    points: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether it surely is, on these images."""
        return self.low > 0


@dataclass(frozen=True)
class Selection:
    """`auto/<hash>.json`; beside it `auto/<hash>.parquet`: validation logits of every candidate.

    Columns of the table: `id`, `split`, `variant` (the candidate's number), `logit_<k>`.

    Attributes:
        models: Full names of the weights that there were to choose from.
        minutes: Budget; no training was begun later.
        seed: Seed of the trainings.
        candidates: In the order in which they were trained.
        dropped: Models that were not widened.
        chosen: Number of the recommended candidate; None while the search goes on.
        behind: Each candidate against it, in their order.
        ended: Why the search ended: the ladder was climbed, or the budget was spent; empty while it goes on.
        ensemble: What candidates that are as good as the chosen one score together; None while the search goes on, and
            where there is no such other.
        folds: Folds of the cross-validation that candidates were judged by, out of fold; 0 for one validation set.
        format: Version of this record.
    """

    models: tuple[str, ...]
    minutes: float
    seed: int
    candidates: tuple[Candidate, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    chosen: int | None = None
    behind: tuple[Behind, ...] = ()
    ended: Literal["", "ladder", "budget"] = ""
    ensemble: Ensemble | None = field(default=None, metadata=LATER)
    folds: int = field(default=0, metadata=LATER)
    format: int = field(default=1)

    @property
    def spent(self) -> float:
        """Minutes that were spent on trainings."""
        return sum(candidate.seconds for candidate in self.candidates) / 60
