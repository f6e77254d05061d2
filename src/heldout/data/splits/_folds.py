"""Cross-validation: every image of the pool stands in one fold, and is scored by a network that never saw its patient.

Units (patients, exact copies) go one by one, the largest first, into the fold that they leave most even: the one with
the smallest Σ_k (v_k / n_k)², v being the fold's images of class k after the unit is added and n those of the pool. It
is the greedy draw of scikit-learn's `StratifiedGroupKFold` with a distance of our own; equal units come in the order of
a lottery, so that the draw depends on the seed and the images alone, not on their order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heldout.data.splits._draw import draw_part
from heldout.data.splits._make import make_split
from heldout.data.splits._parts import given_parts
from heldout.data.splits.units import Ints, lottery, units_of
from heldout.errors import InputError, Problem, UsageError
from heldout.records import Cohort, Split

FEWEST = 2
"""Folds that a cross-validation has at least."""

INNER = 0.2
"""Share of what is not in a fold that becomes its validation where the cross-validation is nested: as large as what
`make_split` draws."""


def cross_validation(cohort: Cohort, folds: int, seed: int = 0) -> Split:
    """The split of a cross-validated study: what is scored out of fold stands as validation, nothing as train.

    Test images are those that the data names. Where it names none, all images are in the pool, and nothing is held
    back: the cross-validation is then nested (`fold_splits`).

    Args:
        cohort: The images; given training and validation images are the pool together.
        folds: Number of folds.
        seed: Seed of the draw of the folds.

    Raises:
        UsageError: Fewer than `FEWEST` folds.
        InputError: A class has too few units to be learned from while one of its images is scored.
    """
    if folds < FEWEST:
        raise UsageError(f"Found --folds {folds}; expected a whole number from {FEWEST} on.")
    table = cohort.table
    given = given_parts(cohort)
    test = table["split"].to_numpy(dtype=object) == "test"
    pool = np.flatnonzero(~test)
    if not len(pool):
        found = "test images only"
        raise InputError([Problem("the split", found, "images to learn from", "Name training images too.")])
    _refuse_small(cohort, pool, folds)
    by_patient = bool((table["patient"] != "").any())
    how = "by patient" if cohort.patients_known else "by patient where one is named" if by_patient else "by image"
    from_val = ", given validation images among them" if "val" in given else ""
    nested = "" if test.any() else "nested "
    ids = table["id"].to_numpy(dtype=object)
    return Split(
        train=(),
        val=tuple(ids[pool]),
        test=tuple(ids[test]),
        method=f"{nested}cross-validation of {folds} folds, stratified by {cohort.labelling.noun}, {how}{from_val}",
        seed=seed,
        grouped=cohort.patients_known,
        folds=folds,
    )


def fold_splits(cohort: Cohort, split: Split, repeat: int = 0) -> tuple[Split, ...]:
    """The split of each fold: one part is scored, the others are learned from.

    With test images the fold's images are its validation, and it has no test images: those are scored once, by all
    folds' networks together. Without, the cross-validation is nested: the fold's images are its test images, and its
    validation, by which epochs and strengths are chosen, is drawn out of the others.

    Args:
        cohort: The images.
        split: What `cross_validation` gave.
        repeat: Number of the repeat; each draws other folds.

    Raises:
        InputError: A class is too small for a validation set within the others.
    """
    assert split.folds and split.seed is not None
    rows = cohort.table.set_index("id").loc[list(split.val)].reset_index()
    fold = assign(cohort, split.val, split.folds, split.seed + repeat)
    ids = rows["id"].to_numpy(dtype=object)
    by_patient = bool((rows["patient"] != "").any())
    found = []
    for number in range(split.folds):
        out = fold == number
        method = f"fold {number + 1} of {split.folds}"
        own = replace(split, folds=0, seed=split.seed + repeat, method=method, test=(), train=(), val=())
        if split.test:
            found.append(replace(own, train=tuple(ids[~out]), val=tuple(ids[out])))
            continue
        others = rows[~out].reset_index(drop=True)
        inner, _ = draw_part(
            others, cohort.classes, INNER, split.seed + repeat, by_patient, "validation", cohort.labelling
        )
        left = ids[~out]
        found.append(replace(own, train=tuple(left[~inner]), val=tuple(left[inner]), test=tuple(ids[out])))
    return tuple(found)


def assign(cohort: Cohort, ids: tuple[str, ...], folds: int, seed: int) -> Ints:
    """(n,) the fold of each image, 0 … folds − 1."""
    table = cohort.table.set_index("id").loc[list(ids)].reset_index()
    units = units_of(table, cohort.classes, bool((table["patient"] != "").any()), cohort.labelling)
    totals = np.maximum(units.counts.sum(axis=0), 1)  # (k,)
    order = lottery(table["id"].to_numpy(dtype=str), units, seed, "folds")
    order = order[np.argsort(-units.counts[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, len(totals)))
    of_unit = np.empty(len(units.counts), dtype=np.int64)
    for unit in order:
        share = units.counts[unit] / totals
        cost = 2 * (filled * share).sum(axis=1)  # what Σ_k (v_k / n_k)² grows by, less what is the same in each fold
        chosen = int(np.lexsort((filled.sum(axis=1), np.round(cost, 12)))[0])
        of_unit[unit] = chosen
        filled[chosen] += share
    return of_unit[units.of_image]


def _refuse_small(cohort: Cohort, pool: npt.NDArray[np.int64], folds: int) -> None:
    """Stop where a class would have nothing to learn from while its only unit is scored.

    Raises:
        InputError: Every such class, and more folds than there are units.
    """
    table = cohort.table.iloc[pool].reset_index(drop=True)
    by_patient = bool((table["patient"] != "").any())
    units = units_of(table, cohort.classes, by_patient, cohort.labelling)
    nouns = "patients" if by_patient else "different images"
    word = cohort.labelling.noun
    names = cohort.labelling.strata_names(cohort.classes)[: units.counts.shape[1]]
    holders = (units.counts > 0).sum(axis=0)
    problems = [
        Problem(
            f"{word} '{name}'",
            f"images of one {nouns.removesuffix('s')}",
            f"images of at least 2 {nouns}, so that it is learned while it is scored",
            f"Add images of '{name}', or leave the {word} out.",
        )
        for name, number in zip(names, holders, strict=True)
        if number == 1
    ]
    if len(units.counts) < folds:
        found = f"{len(units.counts)} {nouns} to learn from"
        problems.append(Problem(f"--folds {folds}", found, f"at least {folds}", "Ask for fewer folds."))
    if problems:
        raise InputError(problems, title="No folds can be drawn")


def whole_split(cohort: Cohort, folds: int | None, val_fraction: float = INNER, seed: int = 0) -> Split:
    """The split of a study: drawn once, or for a cross-validation."""
    return make_split(cohort, val_fraction, seed) if folds is None else cross_validation(cohort, folds, seed)
