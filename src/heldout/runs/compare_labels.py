"""Runs with several labels an image, judged on the same images: by a mean over labels, and label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from heldout.errors import InputError, Problem, UsageError
from heldout.records import Baseline, Comparison, Estimate, LabelScores, Pair, Scores
from heldout.records.label_predictions import LabelPredictions
from heldout.records.labelling import SEVERAL
from heldout.records.metric import MetricName
from heldout.runs.folder import StudyFiles
from heldout.runs.judging import Judging
from heldout.runs.rows import groups_of, row_of, verdict_of
from heldout.stats.bootstrap import Resamples, varies
from heldout.stats.joint import JointBootstrap
from heldout.stats.label_scores import (
    LabelValues,
    area_difference,
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
    differs = study.differs
    rows = tuple(
        row_of(
            run,
            judged[run.record.id].scores,
            judged[run.record.id].gap,
            judged[run.record.id].over,
            len(run.labelled["val"]) * len(study.cohort.classes),
            differs[run.record.id],
        )
        for run in study.runs
    )
    return Comparison(
        runs=rows,
        pairs=_pairs(judged, shared),
        groups=groups_of(rows),
        metric=judging.metric,
        unit=judging.unit,
        baseline=shared.baseline,
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
        guessed: Part -> the metric of one answer for all images, on the sample and in every replicate, (B + 1,).
    """

    classes: tuple[str, ...]
    metric: MetricName
    joint: JointBootstrap
    resamples: dict[str, Resamples]
    guessed: dict[str, Reals]

    @classmethod
    def of(cls, study: StudyFiles, metric: MetricName, bootstrap: int, seed: int) -> _Shared:
        sides = study.runs[0].labelled
        _check_labels(sides, study.cohort.classes)
        joint = joint_draws(sides["val"], sides.get("test"), bootstrap, seed)
        resamples = {part: joint.resamples(part) for part in sides if part != "train"}
        if "train" in sides:
            resamples["train"] = joint_draws(sides["train"], None, bootstrap, seed).resamples("val")
        held_out = {part: side for part, side in sides.items() if part != "train"}
        guessed = {part: LabelValues(alike(side), resamples[part]).of_metric(metric) for part, side in held_out.items()}
        return cls(study.cohort.classes, metric, joint, resamples, guessed)

    @property
    def baseline(self) -> Baseline:
        """What one answer for all images scores."""
        found = {part: _exact(values, self.resamples[part]) for part, values in self.guessed.items()}
        return Baseline("", found["val"], found.get("test"))

    @property
    def judged(self) -> Literal["test", "val"]:
        """The part that pairs are judged on: test, or validation where there is no test."""
        return "test" if "test" in self.resamples else "val"


def alike(side: LabelPredictions) -> LabelPredictions:
    """A part as it is answered by whoever finds every label on every image, equally sure."""
    return replace(side, logits=np.ones_like(side.logits), thresholds=np.zeros(side.k))


def _exact(values: Reals, drawn: Resamples) -> Estimate:
    """A score of the baseline; where it is the same whoever is drawn (an AUC of one half) it has no interval."""
    told = mean_estimate(values, drawn)
    assert told is not None, "some label is there to be judged by (`_check_labels`)"
    if varies(values[1:]):
        return told
    return Estimate(told.value, told.value, told.value, told.n, "exact")


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
    def over(self) -> Estimate:
        """The metric over that of one answer for all images, in points, on the part that runs are judged on."""
        part = self.shared.judged
        drawn = self.shared.resamples[part]
        return points_estimate(self.metric[part] - self.shared.guessed[part], drawn, how="paired ")

    @property
    def gap(self) -> Estimate | None:
        """Validation minus test in points; None without test."""
        if "test" not in self.values:
            return None
        drawn = self.shared.joint
        return points_estimate(self.metric["val"] - self.metric["test"], drawn.drawn)


def _pairs(judged: dict[str, _Run], shared: _Shared) -> tuple[Pair, ...]:
    """Every pair once, the earlier run as `a`, both on the same draws."""
    part, drawn = shared.judged, shared.resamples[shared.judged]
    couples = list(combinations(judged, 2))
    apart = [judged[a].metric[part] - judged[b].metric[part] for a, b in couples]
    areas = {id_: over_labels(run.values[part].auc) for id_, run in judged.items()}
    areas_apart = [areas[a] - areas[b] for a, b in couples]
    p_values, p_areas = ([bootstrap_p(one, drawn) for one in each] for each in (apart, areas_apart))
    corrected = holm(p_areas)
    pairs = []
    for place, ((a, b), p, p_holm) in enumerate(zip(couples, p_values, holm(p_values), strict=True)):
        points = points_estimate(apart[place], drawn, how="paired ")
        pairs.append(
            Pair(
                a=a,
                b=b,
                split=part,
                difference_points=points,
                p=p,
                p_holm=p_holm,
                verdict=verdict_of(p_holm, points),
                test="bootstrap",
                auc_difference=area_difference(areas_apart[place], drawn),
                p_auc=p_areas[place],
                p_auc_holm=corrected[place],
            )
        )
    return tuple(pairs)
