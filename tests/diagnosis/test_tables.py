"""Tables of a study's pixels: part after part, and the same as all at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from heldout.diagnosis import tables
from heldout.diagnosis.relatives import CopyPair
from heldout.images.copies import small_grey
from heldout.progress import Silent


def test_thumbnails_stand_part_after_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (n, 24, 24, 1), dtype=np.uint8) for name, n in (("train", 11), ("test", 4))}
    parts = {"train": tuple("abcdefghijk"), "val": (), "test": tuple("wxyz")}
    study: Any = SimpleNamespace(split=SimpleNamespace(part=parts.__getitem__))
    monkeypatch.setattr(tables, "part_pixels", lambda study, part, recipe, reporter: pixels[part])
    small = tables._small(study, cast(Any, None), Silent())
    images = np.concatenate([pixels["train"], pixels["test"]])
    np.testing.assert_array_equal(small, np.stack([small_grey(image) for image in images]))


def test_copies_that_reading_found_are_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tables, "find_copies")
    parts = {"train": ("a", "b"), "val": ("c",), "test": ()}
    found = (("a", "c", "mirrored"), ("b", "left out of the split", "turned by 90°"))
    cohort = SimpleNamespace(pictured=True, copies=found)
    study: Any = SimpleNamespace(cohort=cohort, split=SimpleNamespace(part=parts.__getitem__))
    assert tables.near_copies(study, cast(Any, None), Silent()) == (CopyPair("a", "c", "mirrored"),)


def test_among_more_images_than_reading_looks_through_a_diagnosis_looks_for_no_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("find_copies", "_small", "part_pixels"):
        monkeypatch.delattr(tables, name)
    monkeypatch.setattr(tables, "MOST_IMAGES", 3)
    monkeypatch.setattr(tables, "_known_pairs", lambda file, key: None)
    monkeypatch.setattr(tables, "_copies_file", lambda study, recipe: None)
    parts = {"train": ("a", "b"), "val": ("c",), "test": ("d",)}
    cohort = SimpleNamespace(pictured=True, copies=None)
    study: Any = SimpleNamespace(cohort=cohort, split=SimpleNamespace(part=parts.__getitem__))
    assert tables.near_copies(study, cast(Any, None), Silent()) is None
