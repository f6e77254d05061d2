"""Measured properties and features of the images that validation and test are compared on, class by class."""

from __future__ import annotations

import numpy as np

from heldout.causes._case import Case
from heldout.evidence import Side
from heldout.images.quality import PROPERTIES, Property
from heldout.stats.property_shift import PropertyShift, property_shifts
from heldout.stats.scores import Reals
from heldout.ties import in_order

KNOWN = {property_.name: property_ for property_ in PROPERTIES}

SHOWN = 24
"""Images that a finding cites."""


def property_of(name: str) -> Property:
    """Its words; a property that another package measured is called by its name."""
    return KNOWN.get(name, Property(name, "", name, f"higher in {name}", f"lower in {name}"))


def images_of(case: Case, side: Side) -> list[str]:
    """Ids of the images behind a side: in a grouped retraining an image stands once a seed, as `id variant`."""
    grouped = case.evidence.scored.get("grouped")
    own = case.evidence.val
    if grouped is None or own is None or side.name != "val" or set(side.ids) <= set(own.ids):
        return list(side.ids)
    ends = [f" {variant}" for variant in grouped.variants]
    return [next((id_.removesuffix(end) for end in ends if id_.endswith(end)), id_) for id_ in side.ids]


def quality_values(case: Case, side: Side) -> tuple[list[str], Reals]:
    """Names of the measured properties and their values, (n, p); NaN for an image that was not measured."""
    quality = case.evidence.quality
    if quality is None:
        return [], np.empty((len(side), 0))
    numeric = quality.select_dtypes("number")
    values: Reals = numeric.reindex(images_of(case, side)).to_numpy(dtype=np.float64)
    return [str(name) for name in numeric.columns], values


def shifts(case: Case, k: int) -> tuple[PropertyShift, ...]:
    """How the properties of test differ from those of validation within a class, the clearest first; may be empty."""
    base = case.budget.base
    names, P = quality_values(case, base.val)
    _, Q = quality_values(case, base.test)
    sides = []
    for side, values in ((base.val, P), (base.test, Q)):
        here = (side.labels == k) & np.isfinite(values).all(axis=1)
        sides.append((values[here], [side.patients[i] for i in np.flatnonzero(here)]))
    (P, groups_P), (Q, groups_Q) = sides
    if not names or min(_patients(groups_P), _patients(groups_Q)) < 2:
        return ()
    return property_shifts(P, Q, names, groups_P, groups_Q)


def shift(case: Case, name: str, k: int) -> PropertyShift | None:
    """The shift of one property within a class; None where it was not measured or does not vary."""
    return next((found for found in shifts(case, k) if found.name == name and np.isfinite(found.smd)), None)


def _patients(groups: list[str]) -> int:
    return len({group for group in groups if group}) + groups.count("")


def extreme_and_wrong(case: Case, name: str, k: int, direction: float) -> tuple[str, ...]:
    """Ids of the test images of a class that are wrong, the most extreme in a property first."""
    test = case.budget.base.test
    names, table = quality_values(case, test)
    if name not in names:
        return ()
    values = table[:, names.index(name)]
    rows = np.flatnonzero((test.labels == k) & ~test.right & np.isfinite(values))
    order = rows[in_order(values[rows], descending=(direction or 1.0) > 0)]
    return tuple(test.ids[i] for i in order[:SHOWN])
