"""What a cross-validation adds to a comparison: differences over folds, and what choosing among the runs is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.records import Estimate, Scores
from heldout.records.comparison import Choosing, FoldPair
from heldout.records.logit_table import logits_in
from heldout.records.predictions import Predictions
from heldout.records.recipe import Setting
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.recipes import RecipeKey, recipe_key
from heldout.runs.rows import verdict_of
from heldout.stats.bootstrap import Resamples
from heldout.stats.decisions import unit_ids
from heldout.stats.estimates import difference_estimate, metric_estimate
from heldout.stats.folds import corrected_t
from heldout.stats.metric import ClassWeights
from heldout.stats.paired import holm
from heldout.stats.scores import Indices, Reals
from heldout.stats.units import Units
from heldout.ties import first_of_largest


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold answers of all runs, a row a unit of decision.

    Attributes:
        study: The study, with its runs.
        sides: Run -> its answers out of fold.
        metric: What the classes' recalls count.
        resamples: Draws of these rows.
    """

    study: StudyFiles
    sides: Mapping[str, Predictions]
    metric: ClassWeights
    resamples: Resamples

    def fold_pairs(self) -> tuple[FoldPair, ...]:
        """Every two recipes, over all folds that both have."""
        differs = self.study.differs
        groups: dict[RecipeKey, dict[int, RunFiles]] = {}
        for run in self.study.runs:
            key = recipe_key(run.record.backbone, run.record.strategy, differs[run.record.id])
            groups.setdefault(key, {})[run.record.seed] = run
        found = [pair for a, b in combinations(groups.values(), 2) if (pair := self._pair(a, b, differs)) is not None]
        adjusted = holm([pair.p for pair in found])
        return tuple(
            replace(pair, p_holm=p_holm, verdict=verdict_of(p_holm, pair.difference_points))
            for pair, p_holm in zip(found, adjusted, strict=True)
        )

    def _pair(
        self,
        runs_a: Mapping[int, RunFiles],
        runs_b: Mapping[int, RunFiles],
        differs: Mapping[str, dict[str, Setting]],
    ) -> FoldPair | None:
        """One pair, not yet corrected for their number; None without a repeat that both have."""
        differences, held_out, learned = [], [], []
        shared = [seed for seed in runs_a if seed in runs_b]
        for seed in shared:
            first, second = self.sides[runs_a[seed].record.id], self.sides[runs_b[seed].record.id]
            fold = folds_of(runs_a[seed], first)
            for number in np.unique(fold):
                rows = fold == number
                each = self.metric.weigh(first.labels[rows], np.ones((1, int(rows.sum())), dtype=np.float32))[0]
                gained = first.right[rows].astype(np.float64) - second.right[rows]
                differences.append(float((each * gained).sum() / each.sum()))
                held_out.append(int(rows.sum()))
                learned.append(_learned(runs_a[seed], int(number), rows))
        if not shared:
            return None
        found = corrected_t(differences, learned, held_out, held_out)
        points = Estimate(
            100 * found.value, 100 * found.low, 100 * found.high, len(next(iter(self.sides.values()))), found.method
        )
        if not found.varies:  # the folds show no spread: what the drawn patients show is told instead
            one, other = (self.sides[runs[shared[0]].record.id] for runs in (runs_a, runs_b))
            points = difference_estimate(one.right, other.right, self.resamples, one.labels, self.metric)
        count = len(differences) // len(shared)
        a, b = (runs[shared[0]].record for runs in (runs_a, runs_b))
        return FoldPair(
            a.backbone,
            a.strategy,
            b.backbone,
            b.strategy,
            count,
            len(shared),
            points,
            found.p,
            found.p,
            "not distinguishable",
            differs[a.id],
            differs[b.id],
        )

    def choosing(self) -> tuple[Choosing, ...]:
        """Of a nested cross-validation, for each repeat: the score of the runs that its folds would choose."""
        if self.study.split.test:
            return ()
        runs: dict[int, list[RunFiles]] = {}
        for run in self.study.runs:
            runs.setdefault(run.record.seed, []).append(run)
        return tuple(self._choosing(seed, found) for seed, found in runs.items() if len(found) > 1)

    def _choosing(self, seed: int, runs: Sequence[RunFiles]) -> Choosing:
        first = self.sides[runs[0].record.id]
        fold, labels = folds_of(runs[0], first), self.study.cohort.table.set_index("id")["label"]
        index = {name: k for k, name in enumerate(self.study.cohort.classes)}
        logits, chosen = np.array(first.logits), []
        for number, name in enumerate(fold_names(runs[0])):
            scores = [self._score(_inner(run, name), labels, index) for run in runs]
            best = int(first_of_largest(np.array(scores)))  # of equals the first in the plan
            rows = fold == number
            logits[rows] = self.sides[runs[best].record.id].logits[rows]
            chosen.append(runs[best].record.id)
        side = first.with_logits(logits)
        units = Units.of(side.labels, side.ids, side.patients)
        told = metric_estimate(side, units, self.resamples, self.metric)
        return Choosing(seed, tuple(chosen), _wider(runs[0], side, told, self.metric))

    def _score(self, inner: pd.DataFrame, labels: pd.Series[str], index: Mapping[str, int]) -> float:
        """A fold's score on its own validation images, image by image, by the metric."""
        truth: Indices = np.array([index[label] for label in labels.loc[inner["id"]]], dtype=np.int64)
        right = first_of_largest(logits_in(inner), axis=1) == truth
        each = self.metric.weigh(truth, np.ones((1, len(truth)), dtype=np.float32))[0]
        return float((each * right).sum() / each.sum())


def over_folds(run: RunFiles, side: Predictions, scores: Scores, metric: ClassWeights) -> Scores:
    """Scores out of fold whose intervals count that folds share training images, too.

    These are accuracy and the score that runs are judged by; AUC, recalls and further scores keep theirs.

    The interval over patients takes the networks as given; what another draw of training images would have given shows
    in the spread over folds (`stats.folds`). The wider of the two is told, end by end: that over patients alone held
    the truth in 84 to 93 of 100 studies, both together in 94 to 99 (docs/statistics.md).

    Args:
        run: A cross-validated run.
        side: Its answers out of fold.
        scores: What `side` scores, with intervals over patients.
        metric: What the classes' recalls count.
    """
    plain = ClassWeights(np.ones(side.logits.shape[1]), None)
    accuracy = _wider(run, side, scores.accuracy, plain)
    by_metric = None if scores.by_metric is None else _wider(run, side, scores.by_metric, metric)
    return replace(scores, accuracy=accuracy, by_metric=by_metric)


def difference_over_folds(
    run: RunFiles, side: Predictions, other: Predictions, told: Estimate, metric: ClassWeights
) -> Estimate:
    """The score of a run out of fold minus that of other answers to the same images, likewise.

    Args:
        run: A cross-validated run.
        side: Its answers out of fold.
        other: The others, row by row; they learned from no fold.
        told: The difference in points, with an interval over patients.
        metric: What the classes' recalls count.
    """
    gained = 100 * (side.right.astype(np.float64) - other.right)
    return _wider(run, side, told, metric, gained, (-100.0, 100.0))


def _wider(
    run: RunFiles,
    side: Predictions,
    told: Estimate,
    metric: ClassWeights,
    gained: Reals | None = None,
    ends: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """One score with the wider of its interval and that of its folds; as it is where the folds do not differ.

    Args:
        run: A cross-validated run.
        side: Its answers out of fold.
        told: The score, with an interval over patients.
        metric: What the classes' recalls count.
        gained: (n,) what each row adds; None for whether it is right.
        ends: Least and most that the score can be.
    """
    fold, added = folds_of(run, side), side.right.astype(np.float64) if gained is None else gained
    scores, held_out, learned = [], [], []
    for number in np.unique(fold):
        rows = fold == number
        each = metric.weigh(side.labels[rows], np.ones((1, int(rows.sum())), dtype=np.float32))[0]
        scores.append(float((each * added[rows]).sum() / each.sum()))
        held_out.append(int(rows.sum()))
        learned.append(_learned(run, int(number), rows))
    found = corrected_t(scores, learned, held_out, held_out)
    if not found.varies:
        return told
    half = max(found.high - found.value, 0.0)
    low, high = max(ends[0], min(told.low, told.value - half)), min(ends[1], max(told.high, told.value + half))
    return Estimate(told.value, low, high, told.n, f"the wider of {told.method} and {found.method}")


def fold_names(run: RunFiles) -> tuple[str, ...]:
    """Names of the folds of a run, in their order."""
    assert run.folds is not None
    return tuple(dict.fromkeys(run.folds.loc[run.folds["split"] == "val", "variant"]))


def folds_of(run: RunFiles, side: Predictions) -> NDArray[np.int64]:
    """(n,) number of the fold of each row, images or patients; the images of a patient stand in one fold."""
    assert run.folds is not None
    own = run.folds[run.folds["split"] == "val"]
    number = {name: row for row, name in enumerate(fold_names(run))}
    of_image = dict(zip(own["id"], own["variant"].map(number), strict=True))
    images = run.predictions["val"]
    of_row = {unit: of_image[id_] for unit, id_ in zip(unit_ids(images), images.ids, strict=True)}
    of_row |= of_image
    return np.array([of_row[id_] for id_ in side.ids], dtype=np.int64)


def _learned(run: RunFiles, number: int, rows: NDArray[np.bool_]) -> float:
    """How many rows the network of a fold learned from: the others, less the share that a nested fold is chosen by.

    Args:
        run: A cross-validated run.
        number: Number of the fold.
        rows: (n,) which rows, images or patients, are in the fold.
    """
    assert run.folds is not None
    own, name = run.folds["split"] == "val", fold_names(run)[number]
    others = int((own & (run.folds["variant"] != name)).sum())
    return float((~rows).sum()) * (1 - len(_inner(run, name)) / others)


def _inner(run: RunFiles, name: str) -> pd.DataFrame:
    """What a fold's network answered to the images that the fold was chosen by."""
    assert run.folds is not None
    return run.folds[(run.folds["split"] == "choice") & (run.folds["variant"] == name)]
