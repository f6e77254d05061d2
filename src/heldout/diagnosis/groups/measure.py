"""Scores of groups on validation and test, their gaps, and how these differ from those of all other images.

With a_V, a_T the scores of a group, o_V, o_T those of all other images, v and s its shares of validation and test, the
gap is exactly

    G = (o_V − o_T) + s · ((a_V − a_T) − (o_V − o_T)) + (v − s) · (a_V − o_V)

The second part is what test would gain if the group had lost no more than the others; the third what it is worth that
test has more, or less, of a group that is harder in validation too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from heldout.diagnosis.groups.cells import Cell, Mask, crossed_cells, large_enough, single_cells
from heldout.diagnosis.groups.columns import columns_in, grouping
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records import Estimate, Subgroup
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import varies
from heldout.stats.estimates import share_estimate, weighted_share_estimate
from heldout.stats.few import FEW, effective_images
from heldout.stats.intervals import Z95, difference
from heldout.stats.joint import JointBootstrap
from heldout.stats.max_statistic import single_step
from heldout.stats.measured import simultaneous
from heldout.stats.scores import Reals
from heldout.stats.units import Units
from heldout.stats.weighted import weighted_mean, weighted_sums
from heldout.stats.weights import Weights


@dataclass(frozen=True, eq=False)
class GroupLoss:
    """One group.

    Attributes:
        cell: Which images.
        val: Score on validation, a fraction; None without images.
        test: Likewise on test.
        gap: Validation minus test, points; None where the group is too small on a side.
        others_gap: The same of all other images, points.
        difference: Its gap minus that of all others, points, with an interval that holds for all groups at once.
        points: Its share of the test images times the difference: what test would gain if it lost no more than others.
        mix: Points that its other share of test is worth, at the scores of validation.
        p: Of the difference, corrected for all groups.
        errors: The difference in its standard errors.
    """

    cell: Cell
    val: Estimate | None
    test: Estimate | None
    gap: Estimate | None = None
    others_gap: float = 0.0
    difference: Estimate | None = None
    points: Estimate | None = None
    mix: Estimate | None = None
    p: float | None = None
    errors: float = 0.0

    @property
    def share(self) -> float:
        """Share of the test images."""
        return float(self.cell.test.mean())


@dataclass(frozen=True)
class GroupTable:
    """All groups of all columns.

    Attributes:
        losses: Groups of one column, then common parts of two; those that were compared and those that could not be.
        left_out: Column -> why it has no groups, in words.
    """

    losses: tuple[GroupLoss, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def compared(self) -> tuple[GroupLoss, ...]:
        """Groups that are large enough on both sides."""
        return tuple(loss for loss in self.losses if loss.difference is not None)

    def record(self) -> tuple[Subgroup, ...]:
        """The groups for the record."""
        return tuple(
            Subgroup(
                loss.cell.columns,
                loss.cell.name,
                int(loss.cell.val.sum()),
                int(loss.cell.test.sum()),
                loss.val,
                loss.test,
                loss.gap,
                loss.difference,
                loss.points,
                loss.mix,
                loss.p,
            )
            for loss in self.losses
        )


def measure_groups(run: RunData, rules: Rules) -> GroupTable:
    """Score every group and compare it with all other images.

    Args:
        run: With validation and test images.
        rules: Sizes of groups, and the level.
    """
    val, test = run.val, run.test
    assert val is not None and test is not None
    cells: list[Cell] = []
    left_out: list[tuple[str, str]] = []
    for column, (of_val, of_test) in columns_in(val, test).items():
        found = grouping(column, of_val, of_test, (val.labels, test.labels), rules)
        if isinstance(found, str):
            left_out.append((column, found))
        else:
            cells += single_cells(found, val, test, rules)
    compared = [c for c in cells if large_enough(c, val, test, rules.min_group, rules.min_group_patients)]
    crossed = crossed_cells(compared, val, test, rules)
    small = [_scored(run, cell) for cell in cells if cell not in compared]
    share = rules.crossed_share if crossed else 0.0
    losses = [*_losses(run, compared, rules.level, 1 - share), *small, *_losses(run, crossed, rules.level, share)]
    return GroupTable(tuple(losses), tuple(left_out))


def _losses(run: RunData, cells: Sequence[Cell], level: float, share: float) -> list[GroupLoss]:
    """The groups of one family, corrected for each other; a family may raise a share of the false alarms."""
    if not cells:
        return []
    parts = _Family.of(run, cells)
    errors = parts.standard_errors(run)  # (G,)
    differences = parts.differences  # (B + 1, G)
    spread = differences[1:].std(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        null = np.where(spread > 0, (differences[1:] - differences[0]) / spread, 0.0)
    corrected = single_step(differences[0] / errors, null, level * share)
    found = []
    for g, cell in enumerate(cells):
        n = int(cell.val.sum() + cell.test.sum())
        method = f"{run.draws.method}, max-|t| over {len(cells)} groups"
        half = corrected.critical * float(errors[g])
        value, weight = float(differences[0, g]), float(parts.share[1][0, g])
        mix = simultaneous(run.draws.measured(parts.mix[:, g], n), len(cells), level)
        scored = _scored(run, cell)
        found.append(
            replace(
                scored,
                gap=_gap(run.draws, parts, g, n, scored),
                others_gap=float(parts.gap_of_others[0, g]),
                difference=Estimate(value, value - half, value + half, n, method),
                points=Estimate(weight * value, weight * (value - half), weight * (value + half), n, method),
                mix=mix.estimate(),
                p=min(1.0, float(corrected.p[g]) / share),
                errors=float(differences[0, g] / errors[g]),
            )
        )
    return found


@dataclass(frozen=True)
class _Family:
    """Scores (fractions) and weighted shares of groups and of all others, each (B + 1, G): of validation, of test."""

    cells: Sequence[Cell]
    inside: tuple[Reals, Reals]
    others: tuple[Reals, Reals]
    share: tuple[Reals, Reals]

    @classmethod
    def of(cls, run: RunData, cells: Sequence[Cell]) -> _Family:
        """Every score in every replicate."""
        val, test = run.val, run.test
        assert val is not None and test is not None
        scores = [
            _shares(part.right, np.stack([rows_of(cell, part.part) for cell in cells], axis=1), weights)
            for part, weights in ((val, run.draws.val), (test, run.draws.test))
        ]
        inside, others, share = (((scores[0][i], scores[1][i])) for i in range(3))
        return cls(cells, inside, others, share)

    @property
    def gaps(self) -> Reals:
        """Gaps of the groups, points."""
        return 100 * (self.inside[0] - self.inside[1])

    @property
    def gap_of_others(self) -> Reals:
        """Gaps of all others, points."""
        return 100 * (self.others[0] - self.others[1])

    @property
    def differences(self) -> Reals:
        """Gap of the group minus that of all others, points."""
        return self.gaps - self.gap_of_others

    @property
    def mix(self) -> Reals:
        """What the other share of the group in test is worth at the scores of validation, points."""
        return 100 * (self.share[0] - self.share[1]) * (self.inside[0] - self.others[0])

    def standard_errors(self, run: RunData) -> Reals:
        """Standard errors of the differences, points, (G,): by the replicates, and not below what so few images allow.

        A group in which all are right has replicates that do not vary; its error is that of a share to which two
        images were added, one right and one wrong (Agresti & Coull 1998), spread as Student's t for few patients.
        """
        drawn = self.differences[1:]
        by_draws = run.draws.drawn.few.factors(drawn.T) * drawn.std(axis=0, ddof=1)
        least = [
            sum(
                _variance(
                    part.right, side, Units.of(part.labels, part.ids, part.patients), run.draws.of_part(part.part)
                )
                for part in (run.val, run.test)
                if part is not None
                for side in (rows_of(cell, part.part), ~rows_of(cell, part.part))
            )
            for cell in self.cells
        ]
        errors: Reals = np.maximum(by_draws, 100 * np.sqrt(np.array(least, dtype=np.float64)))
        return errors


def rows_of(cell: Cell, part: str) -> Mask:
    """Which images of a part belong to a group."""
    return {"val": cell.val, "test": cell.test}[part]


def _shares(right: Mask, members: Mask, weights: Weights) -> tuple[Reals, Reals, Reals]:
    """Weighted share of right images in each group, in all others, and weighted share of the group; each (B + 1, G)."""
    hits = right[:, None] & members
    columns = np.concatenate([members, hits, np.stack([np.ones_like(right), right], axis=1)], axis=1)
    sums = weighted_sums(columns.astype(np.float64), weights)
    g = members.shape[1]
    number, good, every, all_good = sums[:, :g], sums[:, g : 2 * g], sums[:, -2:-1], sums[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        inside, others = good / number, (all_good - good) / (every - number)
    # A replicate in which no patient of a group was drawn says nothing of it: its value stands for it.
    inside, others = (np.where(np.isfinite(one), one, one[:1]) for one in (inside, others))
    return inside, others, number / every


def _variance(right: Mask, rows: Mask, units: Units, weights: Weights) -> float:
    """Variance of a share of few images, never 0."""
    of = units.take(rows)
    weight = weights[0, rows].astype(np.float64)
    worth = float(weight.sum() ** 2 / (weight**2).sum() / len(weight))  # Kish (1965); 1 where all count alike
    n = max(1.0, worth * effective_images(right[rows], of))
    p = (float(np.average(right[rows], weights=weight)) * n + 1) / (n + 2)
    factor = float(stdtrit(len(of) - 1, 0.975)) / Z95 if len(of) < FEW else 1.0
    return p * (1 - p) / n * factor**2


def _scored(run: RunData, cell: Cell) -> GroupLoss:
    """Scores of a group, without a comparison."""
    val, test = run.val, run.test
    assert val is not None and test is not None
    return GroupLoss(cell, _score(run.draws, val, cell.val), _score(run.draws, test, cell.test))


def _score(draws: JointBootstrap, part: Predictions, rows: Mask) -> Estimate | None:
    """Score of some images of a part, a fraction; None without any."""
    if not rows.any():
        return None
    weights = draws.of_part(part.part)[:, rows]
    if np.ptp(weights[0]) == 0:
        return share_estimate(part.right[rows], Units.of(part.labels, part.ids, part.patients).take(rows))
    found = draws.measured(weighted_mean(part.right[rows], weights), int(rows.sum()))
    return weighted_share_estimate(found, len(np.unique(part.units[rows])))


def _gap(draws: JointBootstrap, family: _Family, g: int, n: int, scored: GroupLoss) -> Estimate:
    """Gap of a group; where a score does not vary, from the intervals of both."""
    gap = draws.measured(family.gaps[:, g], n)
    if all(varies(side[:, g]) for side in family.inside) or scored.val is None or scored.test is None:
        return gap.estimate()
    val, test = scored.val, scored.test
    low, high = difference(val.value, (val.low, val.high), test.value, (test.low, test.high))
    return Estimate(gap.value, min(100 * low, gap.value), max(100 * high, gap.value), n, "square-and-add")
