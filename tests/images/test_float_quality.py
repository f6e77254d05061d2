"""Quality and interventions on floats in 0 … 1: measured in 8 bits, changed by what the change does to these."""

from __future__ import annotations

import numpy as np
import pytest

from heldout.diagnosis.interventions.regions import REGIONS
from heldout.images.grain import grain_of
from heldout.images.mapping import change_property
from heldout.images.quality import PROPERTIES, measured, quality_of

NAMES = [item.name for item in PROPERTIES]


@pytest.fixture(scope="module")
def bytes_() -> np.ndarray:
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:32, :32]
    blobs = [np.exp(-((yy - a) ** 2 + (xx - b) ** 2) / 60) for a, b in rng.uniform(8, 24, (6, 2))]
    pixels = 60 + 100 * np.stack(blobs)[..., None] * (0.8, 1.0, 0.9) + rng.normal(0, 4, (6, 32, 32, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def floats(pixels: np.ndarray, fine: float = 0.0) -> np.ndarray:
    return ((pixels + fine) / 255).astype(np.float16)


def test_floats_measure_as_their_8_bits(bytes_: np.ndarray) -> None:
    assert quality_of(floats(bytes_)).equals(quality_of(bytes_))
    assert quality_of(floats(bytes_, 0.3)).equals(quality_of(bytes_))
    assert grain_of(floats(bytes_)) == grain_of(bytes_)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_floats_is_that_of_their_8_bits(bytes_: np.ndarray, name: str) -> None:
    now = measured(bytes_, name)
    targets = now + {"sharpness": -1.0, "noise": 2.0, "contrast": -3.0, "brightness": 9.0, "blockiness": 0.3,
                     "border": 6.0, "colour": -2.0}[name]  # fmt: skip
    targets[::2] = np.nan
    given = floats(bytes_, 0.3)
    changed = change_property(given, name, targets, 1)
    assert changed.dtype == np.float16 and changed.shape == given.shape
    assert np.array_equal(changed[::2], given[::2])
    expected = change_property(bytes_, name, targets, 1)
    assert not np.array_equal(expected, bytes_)
    np.testing.assert_allclose(changed.astype(np.float64) * 255, expected + 0.3, atol=0.3)


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_a_region_of_floats_is_that_of_bytes(bytes_: np.ndarray, region) -> None:  # type: ignore[no-untyped-def]
    given = floats(bytes_)
    np.testing.assert_allclose(region.seen(given), region.seen(bytes_), rtol=2e-2, atol=0.1)
    donors = np.roll(np.arange(len(bytes_)), 1)
    swapped = region.swapped(given, given[donors])
    np.testing.assert_allclose(swapped * 255.0, region.swapped(bytes_, bytes_[donors]), atol=0.2)
    mean = bytes_.mean(axis=0, dtype=np.float64)
    neutral = region.neutral(given, mean / 255)
    assert neutral.dtype == np.float16
    np.testing.assert_allclose(neutral * 255.0, region.neutral(bytes_, mean), atol=0.8)
