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
import pandas as pd

from heldout.data.splits._draw import draw_part
from heldout.data.splits._make import make_split
from heldout.data.splits._parts import given_parts, kept_whole
from heldout.data.splits.units import Ints, lottery, units_of
from heldout.errors import InputError, Problem, UsageError
from heldout.records import Cohort, Split

FEWEST = 2
"""Folds that a cross-validation has at least."""

TRIES = 50
"""Draws that are begun before units of several classes are called indivisible; where they can be divided a few do."""

NOWHERE, SPREAD = -1, -2
"""A class of which no unit is in a fold yet; one with units in several folds."""

INNER = 0.2
"""Share of what is not in a fold that becomes its validation where the cross-validation is nested: as large as what
`make_split` draws."""


def cross_validation(cohort: Cohort, folds: int, seed: int = 0) -> Split:
    """The split of a cross-validated study: what is scored out of fold stands as validation.

    Test images are those that the data names. Where it names none, all images are in the pool, and nothing is held
    back: the cross-validation is then nested (`fold_splits`). A class with a single unit could not be learned while it
    is scored: that unit stands in train, every fold learns from it, and `method` says so.

    Args:
        cohort: The images; given training and validation images are the pool together.
        folds: Number of folds.
        seed: Seed of the draw of the folds.

    Raises:
        UsageError: Fewer than `FEWEST` folds.
        InputError: Fewer units than folds, or fewer than two classes that have two.
    """
    if folds < FEWEST:
        raise UsageError(f"Found --folds {folds}; expected a whole number from {FEWEST} on.")
    table = cohort.table
    test = table["split"].to_numpy(dtype=object) == "test"
    pool = table[~test].reset_index(drop=True)
    locked, whole = _single_units(cohort, pool, folds)
    nested = "" if test.any() else "nested "
    from_val = ", given validation images among them" if "val" in given_parts(cohort) else ""
    by_patient = bool((pool["patient"] != "").any())
    how = "by patient" if cohort.patients_known else "by patient where one is named" if by_patient else "by image"
    kept = kept_whole(whole, by_patient, "what is scored")
    ids, noun = pool["id"].to_numpy(dtype=object), cohort.labelling.noun
    return Split(
        train=tuple(ids[locked]),
        val=tuple(ids[~locked]),
        test=tuple(table.loc[test, "id"]),
        method=f"{nested}cross-validation of {folds} folds, stratified by {noun}, {how}{from_val}{kept}",
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
        InputError: Classes are too small for a validation set within the others.
    """
    assert split.folds and split.seed is not None
    seed = split.seed + repeat
    rows = cohort.table.set_index("id").loc[list(split.val)].reset_index()
    fold = assign(cohort, split.val, split.folds, seed)
    ids = rows["id"].to_numpy(dtype=object)
    by_patient = bool((rows["patient"] != "").any())
    found = []
    for number in range(split.folds):
        out = fold == number
        method = f"fold {number + 1} of {split.folds}"
        own = Split((), (), (), method=method, seed=seed, grouped=split.grouped)
        left = ids[~out]
        if split.test:
            found.append(replace(own, train=(*split.train, *left), val=tuple(ids[out])))
            continue
        others = rows[~out].reset_index(drop=True)
        inner, _ = draw_part(others, cohort.classes, INNER, seed, by_patient, "validation", cohort.labelling)
        train = (*split.train, *left[~inner])
        found.append(replace(own, train=train, val=tuple(left[inner]), test=tuple(ids[out])))
    return tuple(found)


def assign(cohort: Cohort, ids: tuple[str, ...], folds: int, seed: int) -> Ints:
    """(n,) the fold of each image, 0 … folds − 1; of a class that has two units or more no fold holds all.

    A unit that no fold can take, since it is the last of two classes whose other units fill a fold each, is placed
    first and the draw begun again.

    Raises:
        InputError: Units of several classes that cannot be divided so.
    """
    table = cohort.table.set_index("id").loc[list(ids)].reset_index()
    units = units_of(table, cohort.classes, by_patient=True, labelling=cohort.labelling)
    order = lottery(table["id"].to_numpy(dtype=str), units, seed, "folds")
    order = order[np.argsort(-units.counts[order].sum(axis=1), kind="stable")]
    for _ in range(TRIES):
        of_unit, stuck = _filled(units.counts, order, folds)
        if stuck is None:
            return of_unit[units.of_image]
        order = np.concatenate([[stuck], order[order != stuck]])
    names = cohort.labelling.strata_names(cohort.classes)[: units.counts.shape[1]]
    others = np.arange(len(of_unit)) != stuck
    gathered = [
        name
        for name, held in zip(names, (units.counts > 0).T, strict=True)
        if held[stuck] and len(set(of_unit[held & others])) == 1
    ]
    noun, nouns = cohort.labelling.noun, "patients" if bool((table["patient"] != "").any()) else "different images"
    raise InputError(
        [
            Problem(
                f"--folds {folds}",
                f"{nouns} of several {cohort.labelling.nouns} that would put all of a {noun} into one fold: "
                + ", ".join(gathered),
                f"each {noun} in two folds, so that every fold can be learned for",
                f"Ask for more folds, add {nouns} of a rare {noun}, or leave it out.",
            )
        ],
        title="No folds can be drawn",
    )


def _filled(counts: Ints, order: Ints, folds: int) -> tuple[Ints, int | None]:
    """(u,) the fold of each unit in the order given, and the first unit that no fold could take; it and others have −1.

    Args:
        counts: (u, k) images of each class in each unit.
        order: (u,) units.
        folds: Number of folds.
    """
    totals = np.maximum(counts.sum(axis=0), 1)  # (k,)
    left = (counts > 0).sum(axis=0)  # (k,) units with the class that are not placed yet
    only = np.full(len(totals), NOWHERE)  # (k,) the fold of those that are
    filled = np.zeros((folds, len(totals)))
    of_unit = np.full(len(counts), -1, dtype=np.int64)
    watched = True  # until every class is in two folds
    for unit in order:
        share = counts[unit] / totals
        grown = 2 * (filled * share).sum(axis=1)  # by what Σ_k (v_k / n_k)² grows, less what is the same in each fold
        own = counts[unit] > 0
        full = only[own & (left == 1) & (only >= 0)] if watched else only[:0]  # what would then hold all of a class
        grown[full] = np.inf
        chosen = int(np.lexsort((filled.sum(axis=1), np.round(grown, 12)))[0])
        if chosen in full:
            return of_unit, int(unit)
        of_unit[unit] = chosen
        filled[chosen] += share
        if watched:
            left[own] -= 1
            only[own] = np.where((only[own] == NOWHERE) | (only[own] == chosen), chosen, SPREAD)
            watched = bool((only != SPREAD).any())
    return of_unit, None


def _single_units(cohort: Cohort, pool: pd.DataFrame, folds: int) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Which images of the pool, (n,), are of a unit that alone has a class; and those classes.

    Raises:
        InputError: Fewer units than folds, or fewer than two classes that have two.
    """
    units = units_of(pool, cohort.classes, by_patient=True, labelling=cohort.labelling)
    names = cohort.labelling.strata_names(cohort.classes)[: units.counts.shape[1]]
    holders = (units.counts > 0).sum(axis=0)
    single = holders == 1
    alone = np.asarray((units.counts[:, single] > 0).any(axis=1), dtype=np.bool_)
    nouns = "patients" if (pool["patient"] != "").any() else "different images"
    problems = []
    if (~alone).sum() < folds:
        found = f"{int((~alone).sum())} {nouns} to divide"
        problems.append(Problem(f"--folds {folds}", found, f"at least {folds}", "Ask for fewer folds."))
    if (holders > 1).sum() < 2:
        found = "; ".join(f"'{name}': {number}" for name, number in zip(names, holders, strict=True))
        expected = f"two {cohort.labelling.nouns} with at least 2 {nouns} each"
        problems.append(Problem(f"{nouns} of each {cohort.labelling.noun}", found, expected, f"Add {nouns}."))
    if problems:
        raise InputError(problems, title="No folds can be drawn")
    return alone[units.of_image], tuple(name for name, one in zip(names, single, strict=True) if one)


def whole_split(cohort: Cohort, folds: int | None, val_fraction: float = INNER, seed: int = 0) -> Split:
    """The split of a study: drawn once, or for a cross-validation."""
    return make_split(cohort, val_fraction, seed) if folds is None else cross_validation(cohort, folds, seed)
