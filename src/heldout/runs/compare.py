"""Runs of a study judged on the same images (task D). Formulas and reasons: docs/statistics.md."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.errors import InputError, Problem, UsageError
from heldout.records import Comparison, Estimate, Group, Oscillation, Pair, RunRow, Scores
from heldout.records.predictions import Predictions
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.stats.bootstrap import FEWEST_REPLICATES, REPLICATES, Resamples
from heldout.stats.curves import overfit_epoch, reversals, roughness_points
from heldout.stats.estimates import auc_estimate, difference_estimate, gap_estimate, share_estimate
from heldout.stats.joint import JointBootstrap, draw_training
from heldout.stats.paired import holm, mcnemar, spread_points
from heldout.stats.scores import Indices
from heldout.stats.units import Units

ALPHA = 0.05
"""Two runs are told apart when Holm's p is below this; intervals are 95 %."""


def compare(folder: Path, *, bootstrap: int = REPLICATES, seed: int = 0) -> Comparison:
    """Judge all complete runs of a study.

    Args:
        folder: Folder of the study.
        bootstrap: Number of bootstrap replicates.
        seed: Seed of the bootstrap; runs share its draws, so that they are compared on the same drawn patients.

    Raises:
        InputError: The folder is no study, holds no complete run, or a run is damaged.
        UsageError: Fewer than `FEWEST_REPLICATES` replicates.
    """
    return compare_study(read_study(Path(folder)), bootstrap=bootstrap, seed=seed)


def compare_study(study: StudyFiles, *, bootstrap: int = REPLICATES, seed: int = 0) -> Comparison:
    """Like `compare`, for a study that has been read.

    Raises:
        InputError: No complete run.
        UsageError: Fewer than `FEWEST_REPLICATES` replicates.
    """
    if bootstrap < FEWEST_REPLICATES:
        raise UsageError(f"Found {bootstrap} bootstrap replicates; expected at least {FEWEST_REPLICATES}.")
    if not study.runs:
        found = f"no complete run; {len(study.missing)} are planned"
        raise InputError(
            [Problem(str(study.folder), found, "at least one", "Call the same `heldout run` again; it goes on.")],
            title="There is nothing to compare yet",
        )
    sides = {run.record.id: dict(run.predictions) for run in study.runs}
    names = list(sides[study.runs[0].record.id])
    shared = _shared(next(iter(sides.values())), bootstrap, seed)
    rows = tuple(_row(run, sides[run.record.id], shared) for run in study.runs)
    judged = "test" if "test" in names else "val"
    right = {id_: own[judged].right for id_, own in sides.items()}
    return Comparison(runs=rows, pairs=_pairs(right, judged, shared.resamples[judged]), groups=_groups(rows))


@dataclass(frozen=True)
class _Shared:
    """What all runs share, since they are judged on the same images.

    Attributes:
        joint: The bootstrap of validation and test.
        resamples: Draws of each part that has images.
        units: Units of each part.
        of_class: Rows of each class of a part, and their units.
    """

    joint: JointBootstrap
    resamples: dict[str, Resamples]
    units: dict[str, Units]
    of_class: dict[str, list[tuple[Indices, Units] | None]]


def _shared(first: dict[str, Predictions], bootstrap: int, seed: int) -> _Shared:
    joint = JointBootstrap.of(first["val"], first.get("test"), bootstrap, seed)
    resamples = {name: joint.resamples(name) for name in first if name != "train"}
    if "train" in first:
        resamples["train"] = draw_training(first["train"], bootstrap, seed)
    units = {name: Units.of(side.labels, side.ids, side.patients) for name, side in first.items()}
    of_class: dict[str, list[tuple[Indices, Units] | None]] = {}
    for name, side in first.items():
        rows = [np.flatnonzero(side.labels == k) for k in range(side.logits.shape[1])]
        of_class[name] = [(own, units[name].take(own)) if len(own) else None for own in rows]
    return _Shared(joint, resamples, units, of_class)


def _scores(side: Predictions, classes: tuple[str, ...], shared: _Shared) -> Scores:
    recalls: dict[str, Estimate | None] = {}
    for name, own in zip(classes, shared.of_class[side.part], strict=True):
        recalls[name] = share_estimate(side.right[own[0]], own[1]) if own else None
    return Scores(
        accuracy=share_estimate(side.right, shared.units[side.part]),
        auc=auc_estimate(side.labels, side.logits, shared.resamples[side.part]),
        recall=recalls,
    )


def _row(run: RunFiles, sides: dict[str, Predictions], shared: _Shared) -> RunRow:
    record = run.record
    scores = {name: _scores(side, record.classes, shared) for name, side in sides.items()}
    return RunRow(
        id=record.id,
        model=record.backbone,
        strategy=record.strategy,
        seed=record.seed,
        epochs=record.epochs,
        trainable_parameters=record.trainable_parameters,
        parameters=record.parameters,
        seconds_per_epoch=record.seconds_per_epoch,
        wall_seconds=record.wall_seconds,
        device=record.device,
        train=scores.get("train"),
        val=scores["val"],
        test=scores.get("test"),
        gap_points=_gap(sides, scores, shared.joint),
        oscillation=_oscillation(run.history, len(sides["val"])),
        overfit_epoch=_overfit_epoch(run.history),
        frozen=record.frozen,
        test_evaluations=record.test_evaluations,
    )


def _oscillation(history: pd.DataFrame, n: int) -> Oscillation | None:
    """How restless validation accuracy was; None without a history."""
    if history.empty:
        return None
    curve = history["val_accuracy"].to_numpy(dtype=np.float64)
    return Oscillation(reversals(curve, n), roughness_points(curve))


def _overfit_epoch(history: pd.DataFrame) -> int | None:
    if history.empty:
        return None
    train, val = (history[name].to_numpy(dtype=np.float64) for name in ("train_loss", "val_loss"))
    return overfit_epoch(train, val)


def _gap(sides: dict[str, Predictions], scores: dict[str, Scores], joint: JointBootstrap) -> Estimate | None:
    if "test" not in sides:
        return None
    val, test = scores["val"].accuracy, scores["test"].accuracy
    return gap_estimate(joint, sides["val"].right, sides["test"].right, val, test)


def _pairs(right: dict[str, NDArray[np.bool_]], part: str, resamples: Resamples) -> tuple[Pair, ...]:
    """Every pair once, the earlier run as `a`.

    Args:
        right: Run -> which images of the part it got right, shape (n,).
        part: Test, or validation where there is no test.
        resamples: Draws of that part.
    """
    couples = list(combinations(right, 2))
    p_values = [mcnemar(right[a], right[b]) for a, b in couples]
    pairs = []
    for (a, b), p, p_holm in zip(couples, p_values, holm(p_values), strict=True):
        points = difference_estimate(right[a], right[b], resamples)
        # McNemar takes images as independent, the bootstrap takes patients: the more cautious of the two decides.
        apart = p_holm < ALPHA and not points.low <= 0 <= points.high
        pairs.append(Pair(a, b, part, points, p, p_holm, "distinguishable" if apart else "not distinguishable"))
    return tuple(pairs)


def _groups(rows: tuple[RunRow, ...]) -> tuple[Group, ...]:
    """Runs of one model and strategy over their seeds, in the order in which they first appear."""
    members: dict[tuple[str, str], list[RunRow]] = {}
    for row in rows:
        members.setdefault((row.model, row.strategy), []).append(row)
    groups = []
    for (model, strategy), group in members.items():
        val = [row.val.accuracy.value for row in group]
        test = [row.test.accuracy.value for row in group if row.test is not None]
        groups.append(
            Group(
                model=model,
                strategy=strategy,
                seeds=tuple(row.seed for row in group),
                val_accuracy=float(np.mean(val)),
                val_spread_points=spread_points(val),
                test_accuracy=float(np.mean(test)) if test else None,
                test_spread_points=spread_points(test),
            )
        )
    return tuple(groups)
