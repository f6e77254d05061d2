"""Interventions reach what they aim at, do nothing that is impossible, and leave the rest as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import ks_2samp

from heldout.images.mapping import map_property, quantile_targets
from heldout.images.quality import PROPERTIES, quality_of, rim_of
from heldout.ties import SAME
from tests.images.test_quality import scene, value

ONE_WAY = {"sharpness": -1, "blockiness": 1}
"""Properties that can be changed in one direction only."""

CASES = [
    ("sharpness", -0.8, 0.02),
    ("noise", 6.0, 0.1),
    ("contrast", -12.0, 0.3),
    ("contrast", 6.0, 0.3),
    ("brightness", 25.0, 0.5),
    ("brightness", -30.0, 0.5),
    ("blockiness", 0.3, 0.05),
    ("border", 40.0, 0.5),
    ("border", -40.0, 0.5),
]


def coloured(n: int, size: int) -> np.ndarray:
    images = scene(n, size, channels=3).astype(float)
    images[..., 0] *= 0.8
    images[..., 2] *= 1.1
    return np.clip(images, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("name", "change", "within"), CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_target_is_reached_and_what_is_said_is_what_is_measured(
    name: str, change: float, within: float, channels: int
) -> None:
    images = scene(6, 64, channels=channels)
    targets = value(images, name) + change
    mapped, reached = map_property(images, name, targets)
    assert mapped.shape == images.shape and mapped.dtype == np.uint8
    np.testing.assert_allclose(reached, targets, atol=within)
    np.testing.assert_array_equal(reached, value(mapped, name))


def test_grain_is_taken_away_by_a_light_blur() -> None:
    images = map_property(scene(5, 64), "noise", np.full(5, 8.0))[0]
    mapped, reached = map_property(images, "noise", np.full(5, 3.0))
    np.testing.assert_allclose(reached, 3.0, atol=0.3)
    assert value(mapped, "brightness") == pytest.approx(value(images, "brightness"), abs=0.5)


@pytest.mark.parametrize("factor", [0.5, 1.2])
def test_colour_is_scaled_and_grey_levels_stay(factor: float) -> None:
    images = coloured(4, 48)
    mapped, reached = map_property(images, "colour", value(images, "colour") * factor)
    np.testing.assert_allclose(reached, value(images, "colour") * factor, rtol=0.03)
    assert value(mapped, "brightness") == pytest.approx(value(images, "brightness"), abs=0.5)
    grey = scene(2, 32, channels=3)
    assert (map_property(grey, "colour", np.full(2, 30.0))[0] == grey).all()


def test_each_image_has_its_own_target() -> None:
    images = np.repeat(scene(1, 64), 5, axis=0)
    targets = value(images, "sharpness") - np.array([0.1, 0.5, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(map_property(images, "sharpness", targets)[1], targets, atol=0.03)


@pytest.mark.parametrize(("name", "way"), ONE_WAY.items())
def test_the_impossible_is_not_attempted(name: str, way: int) -> None:
    images = scene(5, 64)
    targets = value(images, name) - way * 0.5
    assert (map_property(images, name, targets)[0] == images).all()


@pytest.mark.parametrize("name", [property_.name for property_ in PROPERTIES])
def test_a_set_mapped_onto_itself_hardly_changes_and_nan_changes_nothing(name: str) -> None:
    images = coloured(6, 48)
    own = value(images, name)
    mapped, _ = map_property(images, name, quantile_targets(own, own))
    assert np.abs(mapped.astype(int) - images).max() <= 1
    assert (map_property(images, name, np.full(6, np.nan))[0] == images).all()


def test_the_blur_is_the_gaussian_blur() -> None:
    """Against scipy's spatial filter of the width that the target was measured with."""
    images = scene(2, 64)
    blurred = np.rint(gaussian_filter(images.astype(float), (0, 1.7, 1.7, 0), mode="reflect", truncate=6))
    targets = value(blurred.astype(np.uint8), "sharpness")
    mapped, _ = map_property(images, "sharpness", targets)
    assert np.abs(mapped - blurred).mean() < 0.3 and np.abs(mapped - blurred).max() <= 2


def test_the_inside_stays_when_the_rim_moves() -> None:
    images = scene(3, 64)
    mapped, _ = map_property(images, "border", np.full(3, 10.0))
    inside = ~rim_of(64, 64)
    assert (mapped[:, inside] == images[:, inside]).all()


def test_grey_images_stay_grey_and_noise_follows_its_seed() -> None:
    images = scene(3, 48, channels=3)
    first, again, other = (map_property(images, "noise", np.full(3, 9.0), seed)[0] for seed in (1, 1, 2))
    assert (first[..., 0] == first[..., 2]).all()
    assert (first == again).all() and (first != other).any()


def test_one_set_takes_the_distribution_of_another() -> None:
    """The use it is made for: sharp images get the blur of blurred ones."""
    sharp = scene(60, 32, seed=3)
    width = np.random.default_rng(0).uniform(0.8, 2.0, 60)
    blurred = np.stack(
        [gaussian_filter(i.astype(float), (s, s, 0)) for i, s in zip(scene(60, 32, seed=4), width, strict=True)]
    ).astype(np.uint8)
    goal = value(blurred, "sharpness")
    assert ks_2samp(value(sharp, "sharpness"), goal, method="asymp").pvalue < 1e-6
    _, reached = map_property(sharp, "sharpness", quantile_targets(value(sharp, "sharpness"), goal))
    assert ks_2samp(reached, goal, method="asymp").pvalue > 0.9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_quantile_targets_keep_order_and_range(source: list[float], target: list[float]) -> None:
    values, goal = np.array(source), np.array(target)
    mapped = quantile_targets(values, goal)
    order = np.argsort(values, kind="stable")
    assert (np.diff(mapped[order]) >= -1e-9).all()
    assert goal.min() - 1e-9 <= mapped.min() and mapped.max() <= goal.max() + 1e-9
    if len(set(source)) == len(source):  # values that are tied (heldout.ties) share their target
        np.testing.assert_allclose(quantile_targets(values, values), values, atol=SAME * np.abs(values).max() + 1e-9)


def test_what_is_wrong_with_the_call_is_said() -> None:
    images = scene(2, 24)
    with pytest.raises(ValueError, match=r"'haze'; expected one of sharpness"):
        map_property(images, "haze", np.zeros(2))
    with pytest.raises(ValueError, match="expected 2 targets"):
        map_property(images, "noise", np.zeros(3))
    with pytest.raises(ValueError, match="both sets"):
        quantile_targets(np.zeros(0), np.zeros(2))


def test_the_right_shape_comes_back_without_a_channel_axis() -> None:
    images = scene(2, 24)[..., 0]
    assert map_property(images, "brightness", np.full(2, 100.0))[0].shape == (2, 24, 24)


def test_quality_of_nothing_is_not_changed_by_mapping_everything_else() -> None:
    """Contrast and brightness leave sharpness where it is, so that causes can be told apart."""
    images = scene(8, 64)
    for name, change in (("contrast", -10.0), ("brightness", 12.0)):
        mapped, _ = map_property(images, name, value(images, name) + change)
        assert value(mapped, "sharpness") == pytest.approx(quality_of(images)["sharpness"].to_numpy(), abs=0.05)
