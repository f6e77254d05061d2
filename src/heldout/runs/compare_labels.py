"""Runs with several labels an image, judged on the same images: by a mean over labels, and label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

from heldout.errors import InputError, Problem, UsageError
from heldout.records import Comparison, Estimate, LabelScores, Pair, Scores
from heldout.records.label_predictions import LabelPredictions
from heldout.records.labelling import SEVERAL
from heldout.records.metric import MetricName
from heldout.runs.folder import StudyFiles
from heldout.runs.judging import Judging
from heldout.runs.rows import groups_of, row_of, verdict_of
from heldout.stats.bootstrap import Resamples
from heldout.stats.joint import JointBootstrap
from heldout.stats.label_scores import (
    LabelValues,
    bootstrap_p,
    joint_draws,
    mean_estimate,
    over_labels,
    points_estimate,
    scores,
)
from heldout.stats.paired import holm
from heldout.stats.scores import Reals


def compare_labels(study: StudyFiles, judging: Judging, bootstrap: int, seed: int) -> Comparison:
    """Judge all runs of a study with several labels an image; it has one run at least.

    Raises:
        UsageError: A metric or a unit that is for one class an image.
        InputError: No label that both parts have images with and without.
    """
    if judging.unit.name != "image" or judging.metric.name not in SEVERAL.metrics:
        asked = "--unit patient" if judging.unit.name != "image" else f"--metric {judging.metric.option}"
        raise UsageError(
            f"Found {asked}, which is for one class an image; expected one decision an image and one of "
            f"{', '.join(SEVERAL.metrics)}, since images of this study have several labels. One label is judged as two "
            f"classes by heldout diagnose STUDY --label NAME."
        )
    shared = _Shared.of(study, judging.metric.name, bootstrap, seed)
    judged = {run.record.id: _Run(dict(run.labelled), shared) for run in study.runs}
    rows = tuple(
        row_of(
            run,
            judged[run.record.id].scores,
            judged[run.record.id].gap,
            None,
            len(run.labelled["val"]) * len(study.cohort.classes),
        )
        for run in study.runs
    )
    return Comparison(
        runs=rows,
        pairs=_pairs(judged, shared),
        groups=groups_of(rows),
        metric=judging.metric,
        unit=judging.unit,
        baseline=None,
        asking=judging.asking,
    )


@dataclass(frozen=True)
class _Shared:
    """What all runs share.

    Attributes:
        classes: Names of the labels.
        metric: What runs are judged by.
        joint: The bootstrap of validation and test.
        resamples: Part -> draws of its images.
    """

    classes: tuple[str, ...]
    metric: MetricName
    joint: JointBootstrap
    resamples: dict[str, Resamples]

    @classmethod
    def of(cls, study: StudyFiles, metric: MetricName, bootstrap: int, seed: int) -> _Shared:
        sides = study.runs[0].labelled
        _check_labels(sides, study.cohort.classes)
        joint = joint_draws(sides["val"], sides.get("test"), bootstrap, seed)
        resamples = {part: joint.resamples(part) for part in sides if part != "train"}
        if "train" in sides:
            resamples["train"] = joint_draws(sides["train"], None, bootstrap, seed).resamples("val")
        return cls(study.cohort.classes, metric, joint, resamples)

    @property
    def judged(self) -> Literal["test", "val"]:
        """The part that pairs are judged on: test, or validation where there is no test."""
        return "test" if "test" in self.resamples else "val"


def _check_labels(sides: Mapping[str, LabelPredictions], classes: tuple[str, ...]) -> None:
    for part, side in sides.items():
        both = (side.labels.min(axis=0) == 0) & (side.labels.max(axis=0) == 1)
        if not both.any():
            found = f"no label of {', '.join(classes)} that some images of {part} have and some have not"
            problem = Problem(f"the labels of {part}", found, "one at least", "Draw the split anew, or add images.")
            raise InputError([problem], title="There is nothing to judge by")


class _Run:
    """One run's scores."""

    def __init__(self, sides: dict[str, LabelPredictions], shared: _Shared) -> None:
        self.shared = shared
        self.values = {part: LabelValues(side, shared.resamples[part]) for part, side in sides.items()}

    @cached_property
    def metric(self) -> dict[str, Reals]:
        """Part -> the metric on the sample and in every replicate, (B + 1,)."""
        return {part: one.of_metric(self.shared.metric) for part, one in self.values.items()}

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Part -> its scores."""
        return {part: self._scores(part) for part in self.values}

    def _scores(self, part: str) -> Scores:
        values, drawn = self.values[part], self.shared.resamples[part]
        right = mean_estimate(values.right, drawn)
        assert right is not None
        labels: dict[str, LabelScores] = {}
        means: dict[str, Estimate | None] = {}
        if part != "train":
            labels = {name: values.of_label(c) for c, name in enumerate(self.shared.classes)}
            means = {one.name: mean_estimate(over_labels(values.further[one.name]), drawn) for one in scores()}
        return Scores(
            accuracy=right,
            auc=mean_estimate(over_labels(values.auc), drawn),
            by_metric=mean_estimate(self.metric[part], drawn),
            scores=means,
            labels=labels,
        )

    @property
    def gap(self) -> Estimate | None:
        """Validation minus test in points; None without test."""
        if "test" not in self.values:
            return None
        drawn = self.shared.joint
        return points_estimate(self.metric["val"] - self.metric["test"], drawn.drawn, drawn.factor)


def _pairs(judged: dict[str, _Run], shared: _Shared) -> tuple[Pair, ...]:
    """Every pair once, the earlier run as `a`, both on the same draws."""
    part, drawn = shared.judged, shared.resamples[shared.judged]
    couples = list(combinations(judged, 2))
    apart = [judged[a].metric[part] - judged[b].metric[part] for a, b in couples]
    p_values = [bootstrap_p(values, drawn) for values in apart]
    pairs = []
    for (a, b), values, p, p_holm in zip(couples, apart, p_values, holm(p_values), strict=True):
        points = points_estimate(values, drawn, how="paired ")
        pairs.append(Pair(a, b, part, points, p, p_holm, verdict_of(p_holm, points), "bootstrap"))
    return tuple(pairs)
