"""Looking again until it is told: the level that is left to each look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.diagnosis.effects import Effect
from heldout.diagnosis.looks import looks, more
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.until_told import TOO_FEW
from heldout.diagnosis.verdict import Decision, weigh_effects
from heldout.records.predictions import Predictions
from heldout.stats.joint import JointBootstrap

pytestmark = pytest.mark.numeric

FIRST, IMAGES, STUDIES = 50, 400, 400


@given(st.integers(1, 5000), st.integers(1, 10**6))
def test_there_are_as_many_looks_as_samples_until_all_images_are_in(first: int, images: int) -> None:
    number = looks(first, images)
    assert first * 2 ** (number - 1) >= images or number == 1
    assert number == 1 or first * 2 ** (number - 2) < images


def changed_images(number: int, gain: float, seed: int) -> Effect:
    """An intervention on single images that turns a fifth of them, as many to the better, but for a gain (fraction)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    before, after = np.ones((2, number), dtype=bool)
    turned = rng.random(number)
    before[turned < 0.1 + gain / 2] = False
    after[turned > 0.9 + gain / 2] = False
    names = tuple(f"i{i}" for i in range(number))
    answers = [4.0 * np.eye(2)[np.where(right, labels, 1 - labels)] for right in (before, after)]
    side = Predictions("val", names, labels, answers[0])
    draws = JointBootstrap.of(side, None, 200, seed)
    prior = np.full((201, 2), 0.5)
    units = np.arange(number)
    return Effect(names, labels, before, after, *answers, units, draws.val, prior, draws, sign_draws=199)


def first(effect: Effect, images: int) -> Effect:
    """The first so many images of it."""
    n = slice(images)
    cut = {name: getattr(effect, name)[n] for name in ("ids", "labels", "before", "after", "units")}
    logits = {name: getattr(effect, name)[n] for name in ("logits_before", "logits_after")}
    return replace(effect, **cut, **logits, weights=effect.weights[:, n])


def told(whole: Effect, number_of_looks: int) -> Decision:
    """The verdict of whoever looks again while it wants more images."""
    images = FIRST
    while True:
        seen = replace(first(whole, images), level=RULES.level / number_of_looks, looks=number_of_looks)
        decision = weigh_effects(seen.lost * -1.0, [seen], None, RULES)
        if decision.kind not in TOO_FEW or images >= IMAGES:
            return decision
        images = more(images)


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
