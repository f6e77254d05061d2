"""Runs judged on the same images: the JSON of `heldout compare`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.records.estimate import Estimate


@dataclass(frozen=True)
class Scores:
    """How a run does on one part of the split; fractions. `recall` maps a class to its recall."""

    accuracy: Estimate
    auc: Estimate | None
    recall: dict[str, Estimate | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Oscillation:
    """How restless the validation accuracy is.

    Attributes:
        reversals: Changes of direction whose swing exceeds the sampling error of the validation accuracy.
        roughness_points: Root mean square of the curve around its running median, in accuracy points.
    """

    reversals: int
    roughness_points: float


@dataclass(frozen=True)
class Frozen:
    """What was verified to have stayed as it was through training.

    Attributes:
        verified: All parameters and buffers that should not move are the same bytes after training as before.
        bn: Mode of the frozen BatchNorm layers: `eval` (statistics fixed) or `train` (statistics move); `none` where
            nothing is frozen.
        prefix_stages: Names of the leading stages that no phase trained, whose activations were cached where possible.
        detail: One sentence.
    """

    verified: bool
    bn: Literal["eval", "train", "none"]
    prefix_stages: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class RunRow:
    """One run in a comparison.

    `gap_points` is validation minus test accuracy; `test` and `gap_points` are None without a test set, `train` without
    predictions of training images. What nobody told of a given model's training is None.
    """

    id: str
    model: str
    strategy: str
    seed: int
    epochs: int | None
    trainable_parameters: int | None
    parameters: int | None
    seconds_per_epoch: float | None
    wall_seconds: float | None
    device: str
    train: Scores | None
    val: Scores
    test: Scores | None
    gap_points: Estimate | None
    oscillation: Oscillation | None
    overfit_epoch: int | None
    frozen: Frozen | None
    test_evaluations: int | None


@dataclass(frozen=True)
class Pair:
    """Two runs on the same test images; `difference_points` is the accuracy of `a` minus that of `b`.

    Attributes:
        a: Id of a run.
        b: Id of another.
        split: Part they are compared on.
        difference_points: With the interval of a paired bootstrap over patients.
        p: Exact McNemar test.
        p_holm: The same after Holm's correction over all pairs of the comparison.
        verdict: `distinguishable` when p_holm < 0.05 and the interval of the difference excludes 0: McNemar's test
            takes images as independent, the bootstrap takes patients, and the more cautious of the two decides.
    """

    a: str
    b: str
    split: str
    difference_points: Estimate
    p: float
    p_holm: float
    verdict: Literal["distinguishable", "not distinguishable"]


@dataclass(frozen=True)
class Group:
    """One model and strategy over its seeds.

    Means are fractions; spreads are standard deviations over seeds in points, None with one seed.
    """

    model: str
    strategy: str
    seeds: tuple[int, ...]
    val_accuracy: float
    val_spread_points: float | None
    test_accuracy: float | None
    test_spread_points: float | None


@dataclass(frozen=True)
class Comparison:
    """All runs of a study, all pairs of runs, and the models over their seeds."""

    runs: tuple[RunRow, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[Group, ...]
    format: int = 2
