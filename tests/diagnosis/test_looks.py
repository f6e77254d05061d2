"""Looking again until it is told: the level that is left to each look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.looks import FIRST, IMAGES, changed_images, told
from hypothesis import given
from hypothesis import strategies as st

from heldout.diagnosis.looks import looks
from heldout.diagnosis.rules import RULES

pytestmark = pytest.mark.numeric

STUDIES = 200


@given(st.integers(1, 5000), st.integers(1, 10**6))
def test_there_are_as_many_looks_as_samples_until_all_images_are_in(first: int, images: int) -> None:
    number = looks(first, images)
    assert first * 2 ** (number - 1) >= images or number == 1
    assert number == 1 or first * 2 ** (number - 2) < images


def test_what_does_nothing_is_seldom_called_a_cause_however_often_one_looks() -> None:
    effects = [changed_images(IMAGES, 0.0, seed) for seed in range(STUDIES)]
    number = looks(FIRST, IMAGES)
    false = np.mean([told(effect, number).positive for effect in effects])
    at_full_level = np.mean([told(effect, 1).positive for effect in effects])
    assert number == 4 and false <= RULES.level / 2 < at_full_level, (false, at_full_level)


def test_what_costs_much_is_told_all_the_same() -> None:
    assert (
        np.mean([told(changed_images(IMAGES, 0.12, seed), looks(FIRST, IMAGES)).positive for seed in range(60)]) > 0.9
    )


def test_the_interval_says_how_many_looks_it_is_made_for() -> None:
    one = changed_images(200, 0.05, 0)
    of_four = replace(one, level=RULES.level / 4, looks=4)
    assert of_four.lost.estimate().method.endswith(", Bonferroni for 4 looks")
    assert "looks" not in one.lost.estimate().method
    widths = [found.lost.high - found.lost.low for found in (one, of_four)]
    assert widths[1] == pytest.approx(widths[0] * 2.4977 / 1.96, rel=1e-3)
