"""What a comparison tells of a run and of its seeds, however its images are labelled."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from heldout.records import Estimate, Group, Oscillation, RunRow, Scores
from heldout.records.recipe import Setting
from heldout.runs.folder import RunFiles
from heldout.runs.recipes import RecipeKey, recipe_key
from heldout.stats.curves import overfit_epoch, reversals, roughness_points
from heldout.stats.paired import spread_points

ALPHA = 0.05
"""Two runs are told apart when Holm's p is below this; intervals are 95 %."""


def row_of(
    run: RunFiles,
    scores: dict[str, Scores],
    gap: Estimate | None,
    over: Estimate | None,
    val_images: int,
    differs: dict[str, Setting],
) -> RunRow:
    """A run in a comparison.

    Args:
        run: Its files.
        scores: Part -> how it does there.
        gap: Validation minus test in points; None without test.
        over: Its score over that of the baseline, in points; None where there is no baseline.
        val_images: Validation images, for what their sampling error lets the curve turn.
        differs: Its settings that are not those of all runs of its model and strategy (`recipes`).
    """
    record = run.record
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
        gap_points=gap,
        oscillation=_oscillation(run.history, val_images),
        overfit_epoch=_overfit_epoch(run.history),
        frozen=record.frozen,
        test_evaluations=record.test_evaluations,
        over_baseline_points=over,
        better_than_baseline=over is None or over.low > 0,
        folds=len(record.members),
        differs=differs,
    )


def _oscillation(history: pd.DataFrame, n: int) -> Oscillation | None:
    """How restless validation accuracy was; None without a history."""
    if history.empty or "val_accuracy" not in history:
        return None
    curve = history["val_accuracy"].to_numpy(dtype=np.float64)
    return Oscillation(reversals(curve, n), roughness_points(curve))


def _overfit_epoch(history: pd.DataFrame) -> int | None:
    if history.empty:
        return None
    train, val = (history[name].to_numpy(dtype=np.float64) for name in ("train_loss", "val_loss"))
    return overfit_epoch(train, val)


def verdict_of(p_holm: float, points: Estimate) -> Literal["distinguishable", "not distinguishable"]:
    """Whether two runs can be told apart: by the test and by the bootstrap's interval, whichever is more cautious."""
    return "distinguishable" if p_holm < ALPHA and not points.low <= 0 <= points.high else "not distinguishable"


def groups_of(rows: tuple[RunRow, ...]) -> tuple[Group, ...]:
    """Runs of one recipe over their seeds, in the order in which they first appear."""
    members: dict[RecipeKey, list[RunRow]] = {}
    for row in rows:
        members.setdefault(recipe_key(row.model, row.strategy, row.differs), []).append(row)
    groups = []
    for group in members.values():
        val = [row.val.score.value for row in group]
        test = [row.test.score.value for row in group if row.test is not None]
        groups.append(
            Group(
                model=group[0].model,
                strategy=group[0].strategy,
                seeds=tuple(row.seed for row in group),
                val_accuracy=float(np.mean(val)),
                val_spread_points=spread_points(val),
                test_accuracy=float(np.mean(test)) if test else None,
                test_spread_points=spread_points(test),
                differs=group[0].differs,
            )
        )
    return tuple(groups)
