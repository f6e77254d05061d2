"""Patients and their strata."""

from __future__ import annotations

import numpy as np

from heldout.stats.units import Units


def test_some_of_the_images_have_some_of_the_units_with_their_strata() -> None:
    units = Units.of(np.array([0, 1, 1, 1, 0]), list("abcde"), ["q", "p", "p", "", "q"])
    assert units.unit.tolist() == [2, 1, 1, 0, 2]  # by name: image d, patient p, patient q
    assert units.stratum.tolist() == [1, 1, 0]
    assert units.named.tolist() == [False, True, True]
    some = units.take(np.array([3, 0]))
    assert (some.unit.tolist(), some.stratum.tolist(), some.named.tolist()) == ([0, 1], [1, 0], [False, True])
    assert units.members(np.array([3, 0])).tolist() == [0, 2]


def test_degrees_of_freedom_are_units_less_strata() -> None:
    units = Units.of(np.array([0, 0, 1, 2]), list("abcd"), ["", "", "", ""])
    assert (len(units), units.spare, units.patients, units.what) == (4, 1, 0, "4 images")
