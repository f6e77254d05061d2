"""Tests of a rate: as other implementations have them, valid for images alike within a patient, and in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from heldout.stats.risk_control import Patients, betting_p, in_order, needed, p_value


def patients(sizes: list[int], seed: int = 0) -> Patients:
    return Patients.of(np.repeat(np.arange(len(sizes)), sizes), seed)


@pytest.mark.parametrize("wrong", [0, 3, 10])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_of_one_image_each_it_is_clopper_and_pearsons_bound(wrong: int, alpha: float) -> None:
    n, answered = 150, np.arange(150) < 120
    loss = np.isin(np.arange(n), np.arange(wrong)) | (np.arange(n) >= 130)  # those not answered do not count
    p = p_value(patients([1] * n), loss, answered, alpha, 0.05)
    upper = beta.ppf(1 - p, wrong + 1, 120 - wrong)  # the level at which the bound is alpha is p
    assert upper == pytest.approx(alpha, abs=1e-9)


def test_mapie_agrees_on_single_images() -> None:
    methods = pytest.importorskip("mapie.risk_control.methods", reason="another implementation of Learn then Test")
    wrong = np.arange(0, 14)
    rates = np.nextafter(wrong / 200, 0)  # 1.6.0 takes 7/200 of 200 images for 8 of them
    theirs = methods.compute_hoeffding_bentkus_p_value(rates, 200, 0.1, binary=True)[:, 0]
    ours = [p_value(patients([1] * 200), np.arange(200) < w, np.ones(200, bool), 0.1, 0.05) for w in wrong]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_betting_is_what_its_formula_says() -> None:
    values = np.random.default_rng(0).beta(1, 20, 60)
    alpha, level, capital, most = 0.1, 0.05, 1.0, 1.0
    seen: list[float] = []
    for x in values:
        means = [(0.5 + sum(seen[: t + 1])) / (2 + t) for t in range(len(seen))]
        variance = (0.25 + sum((s - m) ** 2 for s, m in zip(seen, means, strict=True))) / (1 + len(seen))
        capital *= 1 - min(1 / (1 - alpha), np.sqrt(2 * np.log(1 / level) / (60 * variance))) * (x - alpha)
        most, seen = max(most, capital), [*seen, x]
    assert betting_p(values, alpha, level) == pytest.approx(1 / most) and most > 2


def clustered(rng: np.random.Generator, rate: float, n: int) -> tuple[Patients, np.ndarray]:
    """Images of a patient are wrong together, and patients with many images more often: what counting images misses."""
    sizes = np.where(np.arange(n) % 5 == 0, 12, 2)
    chance = np.where(sizes > 2, 1.8, 0.8) * rate  # the mean over patients is the rate
    wrong = rng.random(n) < chance
    return patients(sizes.tolist()), np.repeat(wrong, sizes)


def test_a_rate_at_its_limit_is_rejected_as_seldom_as_said() -> None:
    rng, rejected, draws = np.random.default_rng(1), 0, 1000
    for _ in range(draws):
        who, wrong = clustered(rng, 0.1, 100)
        rejected += p_value(who, wrong, np.ones(len(wrong), bool), 0.1, 0.1) <= 0.1
    assert rejected / draws <= 0.1 + 2 * np.sqrt(0.09 / draws)
    found = 0
    for _ in range(100):
        who, wrong = clustered(rng, 0.02, 100)
        found += p_value(who, wrong, np.ones(len(wrong), bool), 0.1, 0.1) <= 0.1
    assert found > 60


@given(st.integers(0, 1000))
def test_more_images_that_say_the_same_say_no_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, 40)
    sizes[0] = 2
    loss, answered = rng.random(sizes.sum()) < 0.1, rng.random(sizes.sum()) < 0.8
    unit = np.repeat(np.arange(40), sizes)
    once = p_value(Patients.of(unit, 0), loss, answered, 0.2, 0.05)
    twice = p_value(Patients.of(np.tile(unit, 2), 0), np.tile(loss, 2), np.tile(answered, 2), 0.2, 0.05)
    assert once == pytest.approx(twice)


def test_thresholds_are_tested_up_to_the_first_that_fails() -> None:
    n = 100
    everything, none, all_ = np.ones(n, bool), np.zeros(n, bool), np.ones(n, bool)
    found = in_order(patients([1] * n), [(none, everything), (all_, everything), (none, everything)], 0.1, 0.05)
    assert len(found) == 2 and found[0] < 0.05 < found[1]
    assert p_value(patients([1] * n), none, none, 0.1, 0.05) == 1 and betting_p(np.empty(0), 0.1, 0.05) == 1


@given(st.floats(0.01, 0.5), st.floats(0.001, 0.2))
def test_as_many_patients_are_needed_as_is_said(alpha: float, level: float) -> None:
    enough = needed(alpha, level)

    def p(n: int) -> float:
        return p_value(patients([1] * n), np.zeros(n, bool), np.ones(n, bool), alpha, level)

    assert p(enough) <= level * (1 + 1e-6) and (enough == 1 or p(enough - 1) > level)
