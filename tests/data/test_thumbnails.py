"""Thumbnails of many images: what is read, remembered and read again is the same as of few."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from heldout.data.examine import remembered, thumbnails
from heldout.data.examine.thumbnails import Thumbnails
from heldout.data.load import examine


def test_many_are_kept_in_files_with_their_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "IN_MEMORY", 10)
    monkeypatch.setattr(thumbnails, "BLOCK", 64)
    given = np.random.default_rng(0).integers(0, 256, (200, 64, 64), dtype=np.uint8)
    tracemalloc.start()
    place = Thumbnails(200)
    kept = [place.keep(one) for one in given]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(np.stack(kept), given)
    assert peak < given.nbytes / 2
    one = given[0]
    assert Thumbnails(10).keep(one) is one


def test_a_full_disk_leaves_them_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(thumbnails, "IN_MEMORY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    one = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    np.testing.assert_array_equal(Thumbnails(5).keep(one), one)


def test_a_cohort_is_the_same_whether_its_thumbnails_are_in_memory_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (90, 20, 20), dtype=np.uint8)
    images[89] = images[3][:, ::-1]
    for part, rows in (("train", slice(0, 60)), ("val", slice(60, 75)), ("test", slice(75, 90))):
        (tmp_path / part).mkdir()
        for place, name in enumerate(("a", "b")):
            np.save(tmp_path / part / f"{name}.npy", images[rows][place::2])
            os.utime(tmp_path / part / f"{name}.npy", (1, 1))
    first = examine(str(tmp_path), verify=True)
    monkeypatch.setattr(thumbnails, "IN_MEMORY", 10)
    monkeypatch.setattr(thumbnails, "BLOCK", 32)
    monkeypatch.setattr(remembered, "PIECE", 7)
    for verify in (True, False):
        again = examine(str(tmp_path), verify=verify)
        assert again.cohort.table.equals(first.cohort.table)
        assert again.near == first.near and again.near is not None and again.near.pairs
        for one, other in zip(first.images, again.images, strict=True):
            np.testing.assert_array_equal(one.small, other.small)
            assert (one.entry, one.values, one.content) == (other.entry, other.values, other.content)
