"""Measured properties of the images that validation and test are compared on, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heldout.diagnosis.gap import Samples
from heldout.diagnosis.run_data import RunData
from heldout.images.quality import PROPERTIES, Property
from heldout.stats.property_shift import PropertyShift, property_shifts
from heldout.stats.scores import Reals
from heldout.ties import in_order

_KNOWN = {property_.name: property_ for property_ in PROPERTIES}


def is_known(name: str) -> bool:
    """Whether it is one of our own properties; another package may have measured others."""
    return name in _KNOWN


def property_of(name: str) -> Property:
    """Its words; a property that another package measured is called by its name."""
    return _KNOWN.get(name, Property(name, "", name, f"higher in {name}", f"lower in {name}"))


def quality_values(run: RunData, images: Sequence[str]) -> tuple[list[str], Reals]:
    """Names of the measured properties and their values, (n, p); NaN for an image that was not measured."""
    if run.quality is None:
        return [], np.empty((len(images), 0))
    numeric = run.quality.select_dtypes("number")
    values: Reals = numeric.reindex(list(images)).to_numpy(dtype=np.float64)
    return [str(name) for name in numeric.columns], values


def shifts_of(run: RunData, samples: Samples, k: int) -> tuple[PropertyShift, ...]:
    """How the properties of test differ from those of validation within a class, the clearest first; may be empty."""
    names, P = quality_values(run, samples.val_images)
    _, Q = quality_values(run, samples.test.ids)
    sides = []
    for images, values in ((samples.val, P), (samples.test, Q)):
        here = (images.labels == k) & np.isfinite(values).all(axis=1)
        sides.append((values[here], [images.patients[i] for i in np.flatnonzero(here)]))
    (P, groups_P), (Q, groups_Q) = sides
    if not names or min(_patients(groups_P), _patients(groups_Q)) < 2:
        return ()
    return property_shifts(P, Q, names, groups_P, groups_Q)


def shift_of(run: RunData, samples: Samples, name: str, k: int) -> PropertyShift | None:
    """The shift of one property within a class; None where it was not measured or does not vary."""
    found = shifts_of(run, samples, k)
    return next((shift for shift in found if shift.name == name and np.isfinite(shift.smd)), None)


def _patients(groups: list[str]) -> int:
    return len({group for group in groups if group}) + groups.count("")


def extreme_and_wrong(run: RunData, samples: Samples, name: str, k: int, direction: float) -> tuple[str, ...]:
    """Ids of the test images of a class that are wrong, the most extreme in a property first."""
    test = samples.test
    names, table = quality_values(run, test.ids)
    if name not in names:
        return ()
    values = table[:, names.index(name)]
    rows = np.flatnonzero((test.labels == k) & ~test.right & np.isfinite(values))
    order = rows[in_order(values[rows], descending=(direction or 1.0) > 0)]
    return tuple(test.ids[i] for i in order)
