"""Properties mapped onto those of the other part: what the sensor does comes after what the lens does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.mapping import Aim, Shifted, mapped
from heldout.images.quality import quality_of
from tests.images.test_quality import scene

GRAIN = 5.0


def grained(scenes: np.ndarray, seed: int) -> np.ndarray:
    noisy = scenes + GRAIN * np.random.default_rng(seed).standard_normal(scenes.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def flatter(images: np.ndarray) -> np.ndarray:
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(mean + 0.5 * (images - mean))


def context(parts: dict[str, np.ndarray]) -> InterventionContext:
    """As much of a context as mapping reads: one class, every image of a patient of its own."""
    ids = {part: tuple(f"{part}{i}" for i in range(len(images))) for part, images in parts.items()}
    tables = [quality_of(images).set_axis(ids[part]) for part, images in parts.items()]
    made = SimpleNamespace(
        quality=pd.concat(tables),
        ids=ids.__getitem__,
        labels=lambda part: np.zeros(len(parts[part]), dtype=np.int64),
        pixels=parts.__getitem__,
        seed=0,
        once=lambda name, make: make(),
    )
    return cast(InterventionContext, made)


@pytest.mark.parametrize("by", ["stray light", "software"])
def test_contrast_that_light_takes_leaves_the_grain_and_that_software_takes_does_not(by: str) -> None:
    scenes = scene(24, 64, channels=1).astype(np.float64)
    val = grained(scenes, 1)
    if by == "stray light":
        test = grained(flatter(scenes), 2)
    else:
        test = np.rint(flatter(grained(scenes, 2).astype(np.float64))).astype(np.uint8)
    one = context({"val": val, "test": test})
    after = mapped(one, (Shifted("contrast", 0, -3.0, 0.0),), Aim.across("val"), np.arange(len(val)), val)
    found, wanted = quality_of(after).mean(), quality_of(test).mean()
    assert found["contrast"] == pytest.approx(wanted["contrast"], rel=0.05)
    assert found["noise"] == pytest.approx(wanted["noise"], rel=0.1)
    assert (wanted["noise"] > 4) == (by == "stray light")
