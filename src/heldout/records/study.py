"""A study on disk: what it is of, written once, and what was planned on it, a file a plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from heldout.records.codec import LATER
from heldout.records.recipe import Fit, PrecisionChoice, Setting


@dataclass(frozen=True)
class StudyRecord:
    """`study.json`: which images, read and divided how. It is written once and never changed.

    The folder holds besides: `cohort.parquet`, `split.parquet`, `plans/` (`PlanRecord`), `runs/`, `images/` (decoded
    and resized once), `features/` (activations of frozen stages), `tuning/` (searches for settings) and
    `test_evaluations.jsonl` (a line each time test images were scored).

    Attributes:
        name: Title of the study.
        data: What the person gave as DATA.
        cohort: Hash of the cohort.
        split: Hash of the split.
        version: Version of heldout that wrote it.
        notes: Sentences a person should read.
        reading: How DATA was read and its split drawn: options of `heldout run` by name, None or False where not given.
        format: Version of this record.
        token: Drawn when the study was begun: no other has it, be it of the same images. A copy of the folder is the
            same study. Empty in records of 0.2.0 and before.
    """

    name: str
    data: str
    cohort: str
    split: str
    version: str
    notes: tuple[str, ...] = field(default=())
    reading: dict[str, Setting] = field(default_factory=dict)
    format: int = 2
    token: str = field(default="", metadata=LATER)


@dataclass(frozen=True)
class PlanRecord:
    """`plans/<hash>.json`: what one call of `heldout run` planned; the hash is of all but `version` and `created`.

    Attributes:
        cohort: Hash of the cohort.
        split: Hash of the split.
        models: Full names of the backbones.
        strategies: Name of each strategy -> all its settings.
        seeds: Seeds of the runs.
        image_size: Side of the square input in pixels.
        fit: How an image that is not square becomes square.
        precision: Mixed precision of the passes as it was asked for; `auto` left it to each model, and the
            recipes of the runs say what it was.
        runs: Ids of the planned runs, in order.
        search: The search for settings: options of `heldout run` by name; empty without one.
        version: Version of heldout that wrote it.
        created: When, ISO 8601, UTC; plans stand in this order.
        format: Version of this record.
        intensity: The intensity policy as it was asked for; the recipes of the runs hold its numbers.
        channels: How channels are chosen, likewise.
    """

    cohort: str
    split: str
    models: tuple[str, ...]
    strategies: dict[str, dict[str, Setting]]
    seeds: tuple[int, ...]
    image_size: int
    fit: Fit
    precision: PrecisionChoice
    runs: tuple[str, ...]
    search: dict[str, Setting] = field(default_factory=dict)
    version: str = ""
    created: str = ""
    format: int = 1
    intensity: str = field(default="", metadata=LATER)
    channels: str = field(default="", metadata=LATER)

    def joined(self, later: PlanRecord) -> PlanRecord:
        """What both planned: the runs of both, each once; where only one value can stand, that of the later plan."""
        return PlanRecord(
            cohort=later.cohort,
            split=later.split,
            models=tuple(dict.fromkeys([*self.models, *later.models])),
            strategies={**self.strategies, **later.strategies},
            seeds=tuple(sorted({*self.seeds, *later.seeds})),
            image_size=later.image_size,
            fit=later.fit,
            precision=later.precision,
            runs=tuple(dict.fromkeys([*self.runs, *later.runs])),
            search=later.search,
            version=later.version,
            created=later.created,
            intensity=later.intensity,
            channels=later.channels,
        )
