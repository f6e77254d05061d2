"""Restlessness and overfitting on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.stats.curves import overfit_epoch, reversals, roughness_points, running_median, sampling_error

pytestmark = pytest.mark.numeric

N = 400
fractions = st.integers(0, N).map(lambda right: right / N)


def zigzag(middle: float, amplitude: float, epochs: int) -> np.ndarray:
    return middle + amplitude * (-1.0) ** np.arange(epochs)


def test_a_constant_curve_is_calm() -> None:
    assert reversals(np.full(30, 0.9), N) == 0
    assert roughness_points(np.full(30, 0.9)) == 0


def test_a_straight_line_is_calm() -> None:
    assert reversals(np.linspace(0.5, 0.95, 30), N) == 0
    assert roughness_points(np.linspace(0.5, 0.95, 30)) == pytest.approx(0, abs=1e-9)


@given(st.lists(fractions, min_size=1, max_size=40))
def test_a_monotone_curve_never_turns(values: list[float]) -> None:
    assert reversals(np.sort(values), N) == 0
    assert reversals(np.sort(values)[::-1], N) == 0


def test_a_steep_start_does_not_make_a_calm_run_rough() -> None:
    curve = np.array([0.5, 0.9, 0.92, 0.93, 0.93, 0.93, 0.935, 0.935, 0.94, 0.94])
    assert reversals(curve, N) == 0
    assert roughness_points(curve) < 0.5


@pytest.mark.parametrize("amplitude", [0.02, 0.05])
@pytest.mark.parametrize("epochs", [5, 12, 31])
def test_a_zigzag_has_its_amplitude_as_roughness_and_turns_at_every_inner_epoch(amplitude: float, epochs: int) -> None:
    curve = zigzag(0.8, amplitude, epochs)
    assert roughness_points(curve) == pytest.approx(100 * amplitude)
    assert reversals(curve, N) == epochs - 2


def test_a_plain_median_of_five_would_not_see_the_zigzag() -> None:
    """Why the running median is Tukey's 42."""
    curve = zigzag(0.8, 0.05, 20)
    plain = np.median(np.lib.stride_tricks.sliding_window_view(curve, 5), axis=1)
    assert np.allclose(plain, curve[2:-2])
    assert np.allclose(running_median(curve), 0.8)


def test_a_swing_counts_only_above_the_sampling_error() -> None:
    assert sampling_error(np.full(9, 0.8), N) == pytest.approx(0.02)
    assert reversals(zigzag(0.8, 0.0099, 10), N) == 0
    assert reversals(zigzag(0.8, 0.0100, 10), N) == 0, "equal to it is not above it"
    assert reversals(zigzag(0.8, 0.0101, 10), N) == 8


def test_small_wiggles_do_not_interrupt_a_swing() -> None:
    up = [0.70, 0.75, 0.74, 0.80, 0.79, 0.85]
    assert reversals(np.array([*up, *up[::-1], *up]), N) == 2


def test_one_image_is_no_swing_where_every_image_is_right() -> None:
    n = 50
    curve = np.array([1.0, 1.0, 1 - 1 / n, 1.0, 1.0, 1 - 1 / n, 1.0])
    assert sampling_error(curve, n) == 1 / n
    assert reversals(curve, n) == 0
    curve[2] = 1 - 2 / n
    assert reversals(curve, n) == 1


@given(st.lists(fractions, min_size=1, max_size=40))
def test_turning_the_curve_in_time_changes_neither_measure(values: list[float]) -> None:
    curve = np.array(values)
    assert roughness_points(curve) == pytest.approx(roughness_points(curve[::-1]))
    assert reversals(curve, N) == reversals(curve[::-1], N)
    assert reversals(curve, N) <= max(0, len(curve) - 2)


def test_noise_has_roughness_in_proportion() -> None:
    rng = np.random.default_rng(0)
    squares = [roughness_points(0.9 + 0.01 * rng.normal(size=300)) ** 2 for _ in range(100)]
    assert np.sqrt(np.mean(squares)) == pytest.approx(0.87, abs=0.01)


def test_sampling_noise_alone_turns_rarely_enough_to_be_told_from_real_swings() -> None:
    """A curve of independent validation draws would turn often; the same images every epoch move far less."""
    rng = np.random.default_rng(0)
    right = rng.random(N) < 0.9
    curve = []
    for _ in range(30):
        flip = rng.random(N) < 0.005
        curve.append(float((right ^ flip).mean()))
    assert reversals(np.array(curve), N) <= 2


@pytest.mark.parametrize("values", [[], [0.9], [0.9, 0.8], [0.9, np.nan, 0.8]])
def test_short_curves_have_nothing_to_say(values: list[float]) -> None:
    assert reversals(np.array(values), N) == 0
    assert roughness_points(np.array(values)) == 0


FALLING = 0.7 * np.exp(-np.arange(20) / 5.0)


def test_overfitting_is_dated_at_the_minimum_of_the_validation_loss() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 8), np.linspace(0.33, 0.6, 12)])
    assert overfit_epoch(FALLING, val) == 8


def test_a_falling_validation_loss_is_no_overfitting() -> None:
    assert overfit_epoch(FALLING, FALLING + 0.1) is None


def test_a_small_rise_is_no_overfitting() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 8), np.linspace(0.301, 0.32, 12)])
    assert overfit_epoch(FALLING, val) is None
    tiny = np.concatenate([np.linspace(0.5, 0.001, 8), np.full(12, 0.01)])
    assert overfit_epoch(FALLING, tiny) is None, "nine thousandths of a nat are nothing"


def test_a_spike_is_no_overfitting() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 10), np.full(10, 0.3)])
    val[14] = 5.0
    assert overfit_epoch(FALLING, val) is None


def test_a_lucky_dip_does_not_date_the_overfitting() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 8), np.linspace(0.33, 0.6, 12)])
    val[2] = 0.1
    assert overfit_epoch(FALLING, val) == 8


def test_a_rise_that_comes_down_again_is_no_overfitting() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 8), np.full(6, 0.5), np.full(6, 0.31)])
    assert overfit_epoch(FALLING, val) is None


def test_a_training_loss_that_rises_too_is_divergence_not_overfitting() -> None:
    val = np.concatenate([np.linspace(0.7, 0.3, 8), np.linspace(0.33, 0.6, 12)])
    assert overfit_epoch(val, val) is None


@pytest.mark.parametrize("val", [[], [0.5], [0.5, 0.9], [np.nan] * 6])
def test_too_short_or_without_numbers(val: list[float]) -> None:
    assert overfit_epoch(np.array(val), np.array(val)) is None


def test_a_validation_loss_that_ends_without_a_number_has_risen() -> None:
    val = np.array([0.7, 0.5, 0.4, 0.5, 0.8, np.nan, np.nan])
    assert overfit_epoch(FALLING[:7], val) == 3
