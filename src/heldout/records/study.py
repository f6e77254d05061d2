"""The plan of a study: one cohort and split, models × strategies × seeds."""

from __future__ import annotations

from dataclasses import dataclass, field

from heldout.records.recipe import Fit, PrecisionChoice, Setting


@dataclass(frozen=True)
class StudyRecord:
    """`study.json`, the plan.

    The folder holds besides: `cohort.parquet`, `split.parquet`, `runs/`, `images/` (decoded and resized once),
    `features/` (activations of frozen stages) and `test_evaluations.jsonl` (a line each time test images were scored).

    Attributes:
        name: Title of the study.
        data: What the person gave as DATA.
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
        version: Version of heldout that wrote it.
        notes: Sentences a person should read.
        reading: How DATA was read and its split drawn: options of `heldout run` by name, None or False where not given.
        format: Version of this record.
    """

    name: str
    data: str
    cohort: str
    split: str
    models: tuple[str, ...]
    strategies: dict[str, dict[str, Setting]]
    seeds: tuple[int, ...]
    image_size: int
    fit: Fit
    precision: PrecisionChoice
    runs: tuple[str, ...]
    version: str
    notes: tuple[str, ...] = field(default=())
    reading: dict[str, Setting] = field(default_factory=dict)
    format: int = 1
