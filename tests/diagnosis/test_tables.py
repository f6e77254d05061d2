"""Tables of a study's pixels: measured some images at a time, and the same as all at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from heldout.diagnosis import tables
from heldout.images.perceptual import perceptual_hashes, thumbnails
from heldout.progress import Silent


def test_fingerprints_stand_part_after_part_whatever_is_measured_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (n, 24, 24, 1), dtype=np.uint8) for name, n in (("train", 11), ("test", 4))}
    parts = {"train": tuple("abcdefghijk"), "val": (), "test": tuple("wxyz")}
    study: Any = SimpleNamespace(split=SimpleNamespace(part=parts.__getitem__))
    monkeypatch.setattr(tables, "part_pixels", lambda study, part, recipe, reporter: pixels[part])
    monkeypatch.setattr(tables, "CHUNK", 3)
    hashes, vectors = tables._fingerprints(study, cast(Any, None), Silent())
    images = np.concatenate([pixels["train"], pixels["test"]])
    np.testing.assert_array_equal(hashes, perceptual_hashes(images))
    np.testing.assert_array_equal(vectors, thumbnails(images))
