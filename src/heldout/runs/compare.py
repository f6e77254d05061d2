"""Runs of a study judged on the same images (task D). Formulas and reasons: docs/statistics.md."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.errors import InputError, Problem, UsageError
from heldout.records import PARTS, Comparison, Estimate, Group, Oscillation, Pair, RunRow, Scores
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.stats.bootstrap import Resamples, draw
from heldout.stats.curves import overfit_epoch, reversals, roughness_points
from heldout.stats.estimates import Share, auc_estimate, difference_estimate, gap_estimate, share
from heldout.stats.paired import holm, mcnemar, spread_points

ALPHA = 0.05
"""Two runs are told apart when Holm's p is below this; intervals are 95 %."""

FEWEST_REPLICATES = 100
"""With fewer replicates the 2.5 % percentile is one of the two smallest values, and means nothing."""


def compare(folder: Path, *, bootstrap: int = 2000, seed: int = 0) -> Comparison:
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


def compare_study(study: StudyFiles, *, bootstrap: int = 2000, seed: int = 0) -> Comparison:
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
    parts = {name: _part(study, name, bootstrap, seed) for name in PARTS if study.split.part(name)}
    rows = tuple(_row(run, parts) for run in study.runs)
    return Comparison(runs=rows, pairs=_pairs(study.runs, parts), groups=_groups(rows))


@dataclass(frozen=True)
class _Part:
    """One part of the split, the same for all runs: labels, shape (n,), and the draws of its patients."""

    name: str
    labels: NDArray[np.int64]
    resamples: Resamples


def _part(study: StudyFiles, name: str, bootstrap: int, seed: int) -> _Part:
    labels = study.runs[0].predictions[name].labels
    # A seed of its own for each part: validation and test are drawn independently.
    resamples = draw(
        labels, study.split.part(name), study.patients(name), replicates=bootstrap, seed=(seed, PARTS.index(name))
    )
    return _Part(name, labels, resamples)


def _right(run: RunFiles, part: _Part) -> NDArray[np.bool_]:
    """Which images of a part a run got right, shape (n,)."""
    return run.predictions[part.name].right


def _accuracy(run: RunFiles, part: _Part) -> Share:
    accuracy = share(_right(run, part), np.ones(len(part.labels), dtype=bool), part.resamples)
    assert accuracy is not None  # a part in `parts` has images
    return accuracy


def _scores(run: RunFiles, part: _Part, accuracy: Share) -> Scores:
    right = _right(run, part)
    recalls = {name: share(right, part.labels == k, part.resamples) for k, name in enumerate(run.record.classes)}
    return Scores(
        accuracy=accuracy.estimate,
        auc=auc_estimate(part.labels, run.predictions[part.name].logits, part.resamples),
        recall={name: recall.estimate if recall else None for name, recall in recalls.items()},
    )


def _row(run: RunFiles, parts: dict[str, _Part]) -> RunRow:
    record = run.record
    accuracies = {name: _accuracy(run, part) for name, part in parts.items()}
    scores = {name: _scores(run, part, accuracies[name]) for name, part in parts.items()}
    curve = run.history["val_accuracy"].to_numpy(dtype=np.float64)
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
        train=scores["train"],
        val=scores["val"],
        test=scores.get("test"),
        gap_points=_gap(accuracies, parts),
        oscillation=Oscillation(reversals(curve, len(parts["val"].labels)), roughness_points(curve)),
        overfit_epoch=overfit_epoch(
            run.history["train_loss"].to_numpy(dtype=np.float64), run.history["val_loss"].to_numpy(dtype=np.float64)
        ),
        frozen=record.frozen,
        test_evaluations=record.test_evaluations,
    )


def _gap(accuracies: dict[str, Share], parts: dict[str, _Part]) -> Estimate | None:
    if "test" not in parts:
        return None
    val, test = parts["val"].resamples, parts["test"].resamples
    units = "patient" if val.patients or test.patients else "image"
    method = f"{units} bootstrap of both sets, {val.what} and {test.what}, {val.replicates} replicates"
    return gap_estimate(accuracies["val"], accuracies["test"], method)


def _pairs(runs: tuple[RunFiles, ...], parts: dict[str, _Part]) -> tuple[Pair, ...]:
    """Every pair once, the earlier run as `a`, on test, or on validation where there is no test."""
    part = parts.get("test", parts["val"])
    right = {run.record.id: _right(run, part) for run in runs}
    couples = list(combinations(right, 2))
    p_values = [mcnemar(right[a], right[b]) for a, b in couples]
    pairs = []
    for (a, b), p, p_holm in zip(couples, p_values, holm(p_values), strict=True):
        points = difference_estimate(right[a], right[b], part.resamples)
        # McNemar takes images as independent, the bootstrap takes patients: the more cautious of the two decides.
        apart = p_holm < ALPHA and not points.low <= 0 <= points.high
        pairs.append(Pair(a, b, part.name, points, p, p_holm, "distinguishable" if apart else "not distinguishable"))
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
