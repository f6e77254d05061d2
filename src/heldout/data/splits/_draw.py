"""Draw whole units so that every class gets its share.

The target of class k is t_k = round(fraction · n_k) images, at least 1. Units come in the order of a lottery; a unit
is taken if that brings the drawn counts v closer to the target, distance being Σ_k |t_k − v_k| / n_k: a class counts
by its share, so that a rare class is not sacrificed to a frequent one. Then single units are taken or put back while
that brings v closer. Where every unit is one image this ends exactly at the target, and is the ordinary stratified
draw; with patients it ends within half of the smallest patient that could still be moved.

A class with a single unit cannot stand on both sides. Validation does without it (it stays in train, and the split's
`method` says so), since rare classes are common in medicine; a test set without a class would be no test, so that a
draw of test refuses.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.data.splits.units import Ints, Units, lottery, units_of
from heldout.errors import InputError, Problem
from heldout.records.labelling import SINGLE, Labelling

Purpose = Literal["validation", "test"]

PASSES = 10
"""Upper bound on rounds of improvement; two or three are usual, since every move must shorten the distance."""


def draw_part(
    table: pd.DataFrame,
    classes: tuple[str, ...],
    fraction: float,
    seed: int,
    by_patient: bool,
    purpose: Purpose,
    labelling: Labelling = SINGLE,
) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Which images are drawn.

    Args:
        table: Rows of `Cohort.table`, n of them.
        classes: Class names in the order of their indices.
        fraction: Share to draw, between 0 and 1.
        seed: Seed of the draw.
        by_patient: Whether patients stay whole.
        purpose: What is drawn, for the lottery and for messages.
        labelling: How the images are labelled; of several labels each is a class here, and so is having none.

    Returns:
        (n,) True for images that are drawn; and the classes of which none is, because they have a single unit. Every
        other class stands on both sides.

    Raises:
        InputError: For test, a class has fewer than two units; for validation, fewer than two classes have two.
    """
    units = units_of(table, classes, by_patient, labelling)
    names = labelling.strata_names(classes)[: units.counts.shape[1]]
    single: npt.NDArray[np.bool_] = np.count_nonzero(units.counts, axis=0) < 2  # (k,)
    if purpose == "test" or (~single).sum() < 2:
        _refuse_small(units, names, labelling, by_patient, purpose)
    totals = units.counts.sum(axis=0)  # (k,)
    target = np.where(single, 0, np.maximum(1, np.floor(fraction * totals + 0.5))).astype(np.int64)
    order = lottery(table["id"].to_numpy(dtype=str), units, seed, purpose)
    locked = np.asarray(units.counts[:, single].any(axis=1), dtype=np.bool_)  # (u,)
    taken = choose_units(units.counts[order], target, np.maximum(totals, np.int64(1)), locked[order])
    drawn = np.zeros(len(units.counts), dtype=np.bool_)
    drawn[order] = taken
    _refuse_one_sided(units, drawn, names, labelling, single, by_patient, purpose)
    kept = tuple(name for k, name in enumerate(names) if single[k] and totals[k])
    return np.asarray(drawn[units.of_image]), kept


def choose_units(
    counts: Ints, target: Ints, totals: Ints, locked: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Which units to take, in the order given.

    Args:
        counts: (u, k) images of each class in each unit, units in random order.
        target: (k,) images of each class that are wanted.
        totals: (k,) images of each class that there are, each at least 1.
        locked: (u,) True for units that must not be taken.

    Returns:
        (u,) True for units that are taken. Every class with two or more units is on both sides, unless units of several
        classes make that impossible.
    """
    weight = 1.0 / totals
    free = np.ones(len(counts), dtype=bool) if locked is None else ~locked
    taken = np.zeros(len(counts), dtype=bool)
    missing = target.astype(np.int64).copy()
    for _ in range(PASSES):
        moved = False
        for unit in np.flatnonzero(free):
            change = counts[unit] if taken[unit] else -counts[unit]
            if (np.abs(missing + change) * weight).sum() < (np.abs(missing) * weight).sum() - 1e-12:
                taken[unit] = not taken[unit]
                missing += change
                moved = True
        if not moved:
            break
    _fill_both_sides(counts, taken, free)
    return taken


def _fill_both_sides(counts: Ints, taken: npt.NDArray[np.bool_], free: npt.NDArray[np.bool_]) -> None:
    """Move the smallest unit across, in place, for a class that stands on one side only (few, large patients)."""
    for k in range(counts.shape[1]):
        holders = np.flatnonzero(counts[:, k])
        sides = taken[holders]
        movable = holders[free[holders]]
        if len(holders) < 2 or (sides.any() and not sides.all()) or not len(movable):
            continue
        unit = movable[np.argmin(counts[movable].sum(axis=1))]
        taken[unit] = not taken[unit]


def _refuse_small(units: Units, classes: tuple[str, ...], labelling: Labelling, by_patient: bool, purpose: str) -> None:
    word = labelling.noun
    noun = "patients" if by_patient else "different images"
    problems = []
    for k, name in enumerate(classes):
        holders = int((units.counts[:, k] > 0).sum())
        if holders < 2:
            images = int(units.counts[:, k].sum())
            problems.append(
                Problem(
                    f"{word} '{name}'",
                    f"{images} images of {holders} {noun if holders != 1 else noun.removesuffix('s')}",
                    f"at least 2 {noun}, so that the {word} stands on both sides when {purpose} is drawn",
                    f"Add images of '{name}', leave the {word} out, or give the {purpose} set yourself.",
                )
            )
    if problems:
        raise InputError(problems, title=f"No {purpose} set can be drawn")


def _refuse_one_sided(
    units: Units,
    drawn: npt.NDArray[np.bool_],
    classes: tuple[str, ...],
    labelling: Labelling,
    single: npt.NDArray[np.bool_],
    by_patient: bool,
    purpose: str,
) -> None:
    word = labelling.noun
    inside = units.counts[drawn].sum(axis=0)
    outside = units.counts[~drawn].sum(axis=0)
    problems = [
        Problem(
            f"{word} '{name}'",
            f"{inside[k]} images in {purpose} and {outside[k]} outside, since "
            + ("patients" if by_patient else "copies")
            + f" of several {labelling.nouns} cannot be torn apart",
            f"images of every {word} on both sides",
            f"Add {'patients' if by_patient else 'images'} of '{name}', or give the {purpose} set yourself.",
        )
        for k, name in enumerate(classes)
        if not single[k] and (not inside[k] or not outside[k])
    ]
    if problems:
        raise InputError(problems, title=f"No {purpose} set can be drawn")
