"""Runs of a study judged on the same images (task D). Formulas and reasons: docs/statistics.md."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heldout.errors import InputError, Problem, UsageError
from heldout.files import read_json
from heldout.records import (
    Asking,
    Baseline,
    Comparison,
    Estimate,
    Metric,
    RunRow,
    Scores,
)
from heldout.records.predictions import Predictions
from heldout.records.recipe import Setting
from heldout.runs.compare_folds import OutOfFold, difference_over_folds, over_folds
from heldout.runs.compare_labels import compare_labels
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.judging import Judging
from heldout.runs.pairs import pairs_of
from heldout.runs.rows import groups_of, row_of
from heldout.runs.selections import ended_selections
from heldout.stats.bootstrap import FEWEST_REPLICATES, REPLICATES, Resamples
from heldout.stats.decisions import decided
from heldout.stats.estimates import auc_estimate, difference_estimate, gap_estimate, metric_estimate, share_estimate
from heldout.stats.further import Answers, Asked, further_estimates
from heldout.stats.joint import JointBootstrap, draw_training
from heldout.stats.metric import ClassWeights
from heldout.stats.scores import Indices
from heldout.stats.units import Units


def compare(
    folder: Path, *, judging: Judging | None = None, bootstrap: int | None = None, seed: int | None = None
) -> Comparison:
    """Judge all complete runs of a study.

    Args:
        folder: Folder of the study.
        judging: By what; None for accuracy, image by image.
        bootstrap: Number of bootstrap replicates; None for that of the study's diagnoses, so that a gap has one
            interval wherever it is told, and for 1000 without any.
        seed: Seed of the bootstrap, likewise, else 0; runs share its draws, so that they are compared on the same drawn
            patients.

    Raises:
        InputError: The folder is no study, holds no complete run, or a run is damaged; patients of several classes
            where they are the unit.
        UsageError: Fewer than `FEWEST_REPLICATES` replicates.
    """
    return compare_study(read_study(Path(folder)), judging=judging, bootstrap=bootstrap, seed=seed)


def compare_study(
    study: StudyFiles, *, judging: Judging | None = None, bootstrap: int | None = None, seed: int | None = None
) -> Comparison:
    """Like `compare`, for a study that has been read.

    Raises:
        InputError: No complete run; patients of several classes where they are the unit.
        UsageError: Fewer than `FEWEST_REPLICATES` replicates.
    """
    judging = judging or Judging(Metric(study.cohort.labelling.metric))
    diagnosed = _of_diagnoses(study)
    bootstrap = diagnosed[0] if bootstrap is None else bootstrap
    seed = diagnosed[1] if seed is None else seed
    if bootstrap < FEWEST_REPLICATES:
        raise UsageError(f"Found {bootstrap} bootstrap replicates; expected at least {FEWEST_REPLICATES}.")
    if not study.runs and study.set_aside:
        raise InputError(
            [problem for run in study.set_aside for problem in run.problems], f"No run of {study.folder} can be used"
        )
    if not study.runs:
        found = f"no complete run; {len(study.missing)} are planned"
        raise InputError(
            [Problem(str(study.folder), found, "at least one", "Call the same `heldout run` again; it goes on.")],
            title="There is nothing to compare yet",
        )
    comparison = COMPARERS[study.cohort.labels](study, judging, bootstrap, seed)
    return replace(comparison, selections=tuple(selection for _, selection in ended_selections(study.folder)))


def _of_diagnoses(study: StudyFiles) -> tuple[int, int]:
    """Replicates and seed that the study's diagnoses share; the usual ones where there are none, or several."""
    found = set()
    for path in study.diagnoses.glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # a damaged one is told by the report
            about = read_json(path)
            found.add((int(about["bootstrap"]), int(about["bootstrap_seed"])))
    shared = found.pop() if len(found) == 1 else (REPLICATES, 0)
    return shared if shared[0] >= FEWEST_REPLICATES else (REPLICATES, 0)


def _compare_classes(study: StudyFiles, judging: Judging, bootstrap: int, seed: int) -> Comparison:
    """Judge runs with one class an image."""
    images = {run.record.id: dict(run.predictions) for run in study.runs}
    sides = {id_: decided(own, judging.unit, study.cohort.classes) for id_, own in images.items()}
    shared = _shared(next(iter(sides.values())), judging, study.cohort.classes, bootstrap, seed)
    differs = study.differs
    rows = tuple(_row(run, sides[run.record.id], shared, differs[run.record.id]) for run in study.runs)
    folds = OutOfFold(study, {id_: own["val"] for id_, own in sides.items()}, shared.metric, shared.resamples["val"])
    crossed = bool(study.split.folds)
    judged = {id_: own[shared.judged] for id_, own in sides.items()}
    return Comparison(
        runs=rows,
        pairs=pairs_of(judged, shared.units[shared.judged], shared.resamples[shared.judged], shared.metric),
        groups=groups_of(rows),
        metric=judging.metric,
        unit=judging.unit,
        baseline=_baseline(shared),
        asking=judging.asking,
        fold_pairs=folds.fold_pairs() if crossed else (),
        choosing=folds.choosing() if crossed else (),
    )


@dataclass(frozen=True)
class _Shared:
    """What all runs share, since they are judged on the same images.

    Attributes:
        judging: By what they are judged.
        classes: Names of the classes.
        metric: What the classes' recalls count.
        sides: The parts of the first run, for labels.
        joint: The bootstrap of validation and test.
        resamples: Draws of each part that has images.
        units: Units of each part.
        of_class: Rows of each class of a part, and their units.
        common: The commonest class of train (of validation where train is not known); of equals the first.
    """

    judging: Judging
    classes: tuple[str, ...]
    metric: ClassWeights
    sides: dict[str, Predictions]
    joint: JointBootstrap
    resamples: dict[str, Resamples]
    units: dict[str, Units]
    of_class: dict[str, list[tuple[Indices, Units] | None]]
    common: int

    @property
    def judged(self) -> Literal["test", "val"]:
        """The part that pairs are judged on: test, or validation where there is no test."""
        return "test" if "test" in self.sides else "val"

    def constant(self, part: str) -> Predictions:
        """The part as it is answered by whoever always says the commonest class."""
        side = self.sides[part]
        return side.with_logits(np.tile(np.eye(side.logits.shape[1])[self.common], (len(side), 1)))


def _shared(
    first: dict[str, Predictions], judging: Judging, classes: tuple[str, ...], bootstrap: int, seed: int
) -> _Shared:
    metric = ClassWeights.of(judging.metric, classes)
    joint = JointBootstrap.of(first["val"], first.get("test"), bootstrap, seed, metric)
    resamples = {name: joint.resamples(name) for name in first if name != "train"}
    if "train" in first:
        resamples["train"] = draw_training(first["train"], bootstrap, seed)
    units = {name: Units.of(side.labels, side.ids, side.patients) for name, side in first.items()}
    of_class: dict[str, list[tuple[Indices, Units] | None]] = {}
    for name, side in first.items():
        rows = [np.flatnonzero(side.labels == k) for k in range(side.logits.shape[1])]
        of_class[name] = [(own, units[name].take(own)) if len(own) else None for own in rows]
    common = first.get("train", first["val"]).commonest()
    return _Shared(judging, classes, metric, first, joint, resamples, units, of_class, common)


def _scores(side: Predictions, shared: _Shared) -> Scores:
    recalls: dict[str, Estimate | None] = {}
    for name, own in zip(shared.classes, shared.of_class[side.part], strict=True):
        recalls[name] = share_estimate(side.right[own[0]], own[1]) if own else None
    resamples, units = shared.resamples[side.part], shared.units[side.part]
    plain = shared.judging.metric.name == "accuracy"
    answers = Answers(side.labels, side.logits, _asked(shared.judging.asking, shared.classes))
    return Scores(
        accuracy=share_estimate(side.right, units),
        auc=auc_estimate(side.labels, side.logits, resamples),
        recall=recalls,
        by_metric=None if plain else metric_estimate(side, units, resamples, shared.metric),
        scores={} if side.part == "train" or not shared.judging.further else further_estimates(answers, resamples),
    )


def _asked(asking: Asking, classes: tuple[str, ...]) -> Asked:
    """The same by index.

    Raises:
        UsageError: A class that is none, or a rate outside of 0 … 1.
    """
    if asking.positive and asking.positive not in classes:
        raise UsageError(f"Found '{asking.positive}' as the positive class; expected one of: {', '.join(classes)}.")
    if not 0 < asking.at < 1:
        raise UsageError(f"Found {asking.at:g} as the specificity to reach; expected a fraction between 0 and 1.")
    order = tuple(classes.index(name) for name in asking.order)
    return Asked(asking.ordered, classes.index(asking.positive) if asking.positive else None, asking.at, order)


def _baseline(shared: _Shared) -> Baseline:
    found = {
        part: metric_estimate(shared.constant(part), shared.units[part], shared.resamples[part], shared.metric)
        for part in shared.sides
        if part != "train"
    }
    return Baseline(shared.classes[shared.common], found["val"], found.get("test"))


def _row(run: RunFiles, sides: dict[str, Predictions], shared: _Shared, differs: dict[str, Setting]) -> RunRow:
    scores = {name: _scores(side, shared) for name, side in sides.items()}
    if run.folds is not None:
        scores["val"] = over_folds(run, sides["val"], scores["val"], shared.metric)
    judged, constant = sides[shared.judged], shared.constant(shared.judged)
    over = _difference(judged.right, constant.right, shared)
    if run.folds is not None and judged.part == "val":
        over = difference_over_folds(run, judged, constant, over, shared.metric)
    return row_of(run, scores, _gap(sides, scores, shared.joint), over, len(run.predictions["val"]), differs)


def _gap(sides: dict[str, Predictions], scores: dict[str, Scores], joint: JointBootstrap) -> Estimate | None:
    if "test" not in sides:
        return None
    val, test = scores["val"].score, scores["test"].score
    return gap_estimate(joint, sides["val"].right, sides["test"].right, val, test)


def _difference(a: NDArray[np.bool_], b: NDArray[np.bool_], shared: _Shared) -> Estimate:
    """The metric of one run minus that of another on the part they are judged on, points."""
    part = shared.judged
    return difference_estimate(a, b, shared.resamples[part], shared.sides[part].labels, shared.metric)


COMPARERS = {"single": _compare_classes, "several": compare_labels}
"""By the labelling."""
