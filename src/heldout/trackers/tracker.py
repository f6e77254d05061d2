"""What a tracker is, and what it is given: plain values, so that it knows nothing of how runs are made or kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class TrackedRun:
    """One finished run.

    Attributes:
        id: Its id in the study; an equal recipe has the same one in another study.
        hash: Hash of its files and scores: what was calibrated or judged anew since is sent anew.
        name: What the report calls it.
        settings: Model, strategy, seed and every setting of its recipe, by dotted names.
        scores: `val/accuracy`, `test/auc`, `gap_points` … -> its value; the ends of its 95 % interval under `…_low` and
            `…_high`. Accuracies are fractions, differences points.
        curves: Name -> its value after each epoch, from the first on.
        began: When its training began.
        seconds: How long it took.
        files: What its folder holds: recipe, record, curves, predictions and the network.
    """

    id: str
    hash: str
    name: str
    settings: Mapping[str, str]
    scores: Mapping[str, float]
    curves: Mapping[str, tuple[float, ...]]
    began: datetime
    seconds: float
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Limits:
    """Where a setting is searched.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether it is drawn on a logarithmic scale.
    """

    low: float
    high: float
    log: bool


@dataclass(frozen=True)
class TrackedTrial:
    """One training of a search for settings.

    Attributes:
        hash: Of all that follows.
        settings: Those that were searched, by name.
        value: What trials are compared by; the greater, the better.
        told: `val_accuracy`, `val_loss`, `seconds` -> its value.
    """

    hash: str
    settings: Mapping[str, float]
    value: float
    told: Mapping[str, float]


@dataclass(frozen=True)
class TrackedSearch:
    """A search for the settings of a model with a strategy, as far as it has come.

    Attributes:
        id: Its id in the study.
        name: Model, strategy and seed, in words.
        space: What was searched, by name.
        trials: In their order; only ever more of them.
    """

    id: str
    name: str
    space: Mapping[str, Limits]
    trials: tuple[TrackedTrial, ...]


@dataclass(frozen=True)
class TrackedStudy:
    """A study as it is now.

    Attributes:
        id: Tells it from every other study, of the same images and name too; a copy of its folder is the same study.
        folder: Where it is.
        name: Name of its folder, which other studies may have as well.
        runs: Its finished runs.
        report: Its report; None where none was written.
        searches: Its searches for settings.
    """

    id: str
    folder: Path
    name: str
    runs: tuple[TrackedRun, ...]
    report: Path | None
    searches: tuple[TrackedSearch, ...] = ()


@dataclass(frozen=True)
class Sent:
    """What came of it.

    Attributes:
        tracker: Name of the tracker.
        place: Where they are now.
        new: Ids of what was sent, all or some of it.
        known: Ids of what was there already, as it is now; nothing of it was changed.
        look: The command that shows them, or their address.
        noun: What was sent.
    """

    tracker: str
    place: str
    new: tuple[str, ...]
    known: tuple[str, ...]
    look: str
    noun: Literal["run", "search"] = "run"


class Tracker(Protocol):
    """Sends runs, bound to `TRACKER` in a file of its own.

    A run that is there already (its `hash`) is not sent again; one that was cut off in the middle is. What is replaced
    is of this study (`TrackedStudy.id`): what others sent to the place stays. Nothing in the study's folder is changed
    but what the tracker itself wrote there. A place is shown without what is secret in it (`blanked`).
    """

    @property
    def name(self) -> str:
        """Name on the shelf: `--track NAME[:PLACE]`."""

    @property
    def what(self) -> str:
        """What it is, and which places it takes, in a line."""

    def send(self, study: TrackedStudy, place: str) -> Sent:
        """Send the runs.

        Args:
            study: The study.
            place: What stands after the colon; empty for the tracker's own default.

        Raises:
            HeldoutError: It is not installed, or the place cannot be reached or written.
        """
