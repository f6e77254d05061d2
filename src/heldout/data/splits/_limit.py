"""Fewer training images a class: for a quick try, or to ask how much the number of images matters."""

from __future__ import annotations

import dataclasses

import numpy as np

from heldout.data.splits.units import lottery, units_of
from heldout.errors import UsageError
from heldout.records import Cohort
from heldout.records.labelling.labelling import Indices


def limit_per_class(cohort: Cohort, per_class: int, seed: int) -> Cohort:
    """Keep at most so many images a class among those to train on.

    Images given as validation or test are kept whole. Where a patient is named, patients come in a random order and
    with all their images, until the class is full; so few patients are kept whole, rather than many in part.

    Args:
        cohort: The images.
        per_class: Images a class to keep at most, at least 1; of several labels an image is kept while one that it has
            is not full. A validation set that is drawn comes out of these.
        seed: Seed of the draw. A smaller number keeps a subset of what a larger one keeps.

    Returns:
        A cohort with fewer rows, in their order, and a note of what was left out; the same one if nothing was.

    Raises:
        UsageError: `per_class` is below 1.
    """
    if per_class < 1:
        raise UsageError(f"Found --per-class {per_class}; expected a whole number from 1 on.")
    table = cohort.table
    rows = np.flatnonzero(~table["split"].isin(["val", "test"]).to_numpy())
    pool = table.iloc[rows].reset_index(drop=True)
    if pool.empty:
        return cohort
    units = units_of(pool, cohort.classes, by_patient=True, labelling=cohort.labelling)
    ids = pool["id"].to_numpy(dtype=str)
    rank = np.empty(len(units.counts), dtype=np.int64)
    rank[lottery(ids, units, seed, "per class")] = np.arange(len(units.counts))
    order = np.lexsort((ids, rank[units.of_image]))  # by unit, and by id within a unit
    strata = cohort.labelling.strata(pool["label"].tolist(), cohort.classes)
    dropped = np.sort(rows[_over(strata, order, per_class)])
    if not len(dropped):
        return cohort
    kept = table.drop(index=table.index[dropped]).reset_index(drop=True)
    note = (
        f"{len(dropped)} training images were left out to keep at most {per_class} a class (--per-class, seed {seed}, "
        f"{'whole patients first' if (pool['patient'] != '').any() else 'drawn by image'})."
    )
    return dataclasses.replace(cohort, table=kept, notes=(*cohort.notes, note))


def _over(strata: Indices, order: Indices, per_class: int) -> Indices:
    """Rows, taken in order, of which every class is full already; of several labels, every one that the image has.

    An image that is in no stratum, as a single one without any label, is none of them.

    Args:
        strata: (n, s) of 0 and 1.
        order: (n,) rows.
        per_class: Images that fill a class.
    """
    counts = np.zeros(strata.shape[1], dtype=np.int64)
    over = []
    for row in order:
        own = strata[row] == 1
        if own.any() and (counts[own] >= per_class).all():
            over.append(row)
        else:
            counts += strata[row]
    return np.array(over, dtype=np.int64)
