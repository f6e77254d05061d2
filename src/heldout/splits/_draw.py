"""Draw whole units so that every class gets its share.

The target of class k is t_k = round(fraction · n_k) images, at least 1. Units come in the order of a lottery; a unit
is taken if that brings the drawn counts v closer to the target, distance being Σ_k |t_k − v_k| / n_k: a class counts
by its share, so that a rare class is not sacrificed to a frequent one. Then single units are taken or put back while
that brings v closer. Where every unit is one image this ends exactly at the target, and is the ordinary stratified
draw; with patients it ends within half of the smallest patient that could still be moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.errors import InputError, Problem
from heldout.splits._units import Ints, Units, lottery, units_of

PASSES = 10
"""Upper bound on rounds of improvement; two or three are usual, since every move must shorten the distance."""


def draw_part(
    table: pd.DataFrame, classes: tuple[str, ...], fraction: float, seed: int, by_patient: bool, purpose: str
) -> npt.NDArray[np.bool_]:
    """Which images are drawn.

    Args:
        table: Rows of `Cohort.table`, n of them.
        classes: Class names in the order of their indices.
        fraction: Share to draw, between 0 and 1.
        seed: Seed of the draw.
        by_patient: Whether patients stay whole.
        purpose: `validation` or `test`, for the lottery and for messages.

    Returns:
        (n,) True for images that are drawn; every class stands on both sides.

    Raises:
        InputError: A class has fewer than two units, so that it cannot stand on both sides.
    """
    units = units_of(table, classes, by_patient)
    _refuse_small(table, units, classes, by_patient, purpose)
    totals = units.counts.sum(axis=0)  # (k,)
    target = np.maximum(1, np.floor(fraction * totals + 0.5)).astype(np.int64)
    order = lottery(table["id"].to_numpy(dtype=str), units, seed, purpose)
    taken = choose_units(units.counts[order], target, totals)
    drawn = np.zeros(len(units.counts), dtype=bool)
    drawn[order] = taken
    _refuse_one_sided(units, drawn, classes, by_patient, purpose)
    return np.asarray(drawn[units.of_image])


def choose_units(counts: Ints, target: Ints, totals: Ints) -> npt.NDArray[np.bool_]:
    """Which units to take, in the order given.

    Args:
        counts: (u, k) images of each class in each unit, units in random order.
        target: (k,) images of each class that are wanted.
        totals: (k,) images of each class that there are, each at least 1.

    Returns:
        (u,) True for units that are taken. Every class with two or more units is on both sides, unless units of several
        classes make that impossible.
    """
    weight = 1.0 / totals
    taken = np.zeros(len(counts), dtype=bool)
    missing = target.astype(np.int64).copy()
    for _ in range(PASSES):
        moved = False
        for unit, count in enumerate(counts):
            change = count if taken[unit] else -count
            if (np.abs(missing + change) * weight).sum() < (np.abs(missing) * weight).sum() - 1e-12:
                taken[unit] = not taken[unit]
                missing += change
                moved = True
        if not moved:
            break
    _fill_both_sides(counts, taken)
    return taken


def _fill_both_sides(counts: Ints, taken: npt.NDArray[np.bool_]) -> None:
    """Move the smallest unit across, in place, for a class that stands on one side only (few, large patients)."""
    for k in range(counts.shape[1]):
        holders = np.flatnonzero(counts[:, k])
        sides = taken[holders]
        if len(holders) < 2 or (sides.any() and not sides.all()):
            continue
        unit = holders[np.argmin(counts[holders].sum(axis=1))]
        taken[unit] = not taken[unit]


def _refuse_small(table: pd.DataFrame, units: Units, classes: tuple[str, ...], by_patient: bool, purpose: str) -> None:
    noun = "patients" if by_patient else "different images"
    problems = []
    for k, name in enumerate(classes):
        holders = int((units.counts[:, k] > 0).sum())
        if holders < 2:
            images = int((table["label"] == name).sum())
            problems.append(
                Problem(
                    f"class '{name}'",
                    f"{images} images of {holders} {noun if holders != 1 else noun.removesuffix('s')}",
                    f"at least 2 {noun}, so that the class stands on both sides when {purpose} is drawn",
                    f"Add images of '{name}', leave the class out, or give the {purpose} set yourself.",
                )
            )
    if problems:
        raise InputError(problems, title=f"No {purpose} set can be drawn")


def _refuse_one_sided(
    units: Units, drawn: npt.NDArray[np.bool_], classes: tuple[str, ...], by_patient: bool, purpose: str
) -> None:
    inside = units.counts[drawn].sum(axis=0)
    outside = units.counts[~drawn].sum(axis=0)
    problems = [
        Problem(
            f"class '{name}'",
            f"{inside[k]} images in {purpose} and {outside[k]} outside, since "
            + ("patients" if by_patient else "copies")
            + " of several classes cannot be torn apart",
            "images of every class on both sides",
            f"Add {'patients' if by_patient else 'images'} of '{name}', or give the {purpose} set yourself.",
        )
        for k, name in enumerate(classes)
        if not inside[k] or not outside[k]
    ]
    if problems:
        raise InputError(problems, title=f"No {purpose} set can be drawn")
