"""A feature pass in shards: the same file as in one go, gone on with after an interruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.array_files import create_array, release_pages
from heldout.images import open_array, release_arrays
from heldout.training import ActivationCache, machine, shards
from heldout.training.task import Part, rows_of
from tests.training.test_phases import three_blocks
from tests.training.tiny import tiny_part

CPU = machine("cpu")
PART = tiny_part("p", 300, 3)
WHOLE, MAPS = 7, 4  # stages: pooled features, and maps within the trunk


class StoppedError(Exception):
    """A key was pressed."""


class Counting(torch.nn.Module):
    """A stage that counts the images it sees, and may stop after some."""

    def __init__(self, inner: torch.nn.Module, most: int | None = None) -> None:
        super().__init__()
        self.inner, self.most, self.seen = inner, most, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        if self.most is not None and self.seen > self.most:
            raise StoppedError
        return self.inner(x)


def bytes_in(folder: Path) -> bytes:
    (file,) = folder.glob("*/activations.npy")
    return file.read_bytes()


@pytest.mark.parametrize("length", [WHOLE, MAPS])
def test_shards_give_the_same_bytes_as_one_pass(length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = ActivationCache(tmp_path / "once").activations(three_blocks(), length, PART, CPU)
    monkeypatch.setattr(shards, "SHARD", 128)
    divided = ActivationCache(tmp_path / "divided").activations(three_blocks(), length, PART, CPU)
    assert divided.dtype == once.dtype
    assert bytes_in(tmp_path / "divided") == bytes_in(tmp_path / "once")
    assert not list((tmp_path / "divided").glob("*.shards"))


def test_an_interrupted_pass_goes_on_from_its_last_whole_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.array(ActivationCache(None).activations(three_blocks(), WHOLE, PART, CPU))
    monkeypatch.setattr(shards, "SHARD", 64)
    network = three_blocks()
    counting = Counting(network.stages["stem"], most=200)  # in the fourth of five shards
    network.stages["stem"] = counting
    cache = ActivationCache(tmp_path)
    with pytest.raises(StoppedError):
        cache.activations(network, WHOLE, PART, CPU)
    assert len(list(tmp_path.glob("*.shards/*.npy"))) == 3
    damaged = sorted(tmp_path.glob("*.shards/*.npy"))[1]
    damaged.write_bytes(damaged.read_bytes()[:100])
    counting.most, counting.seen = None, 0
    np.testing.assert_array_equal(cache.activations(network, WHOLE, PART, CPU), expected)
    assert counting.seen == 300 - 2 * 64
    assert not list(tmp_path.glob("*.shards"))


def test_a_late_value_that_half_precision_cannot_hold_has_all_shards_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = three_blocks()
    network.stages["stem"] = torch.nn.Conv2d(3, 4, 4, stride=4, bias=False)
    with torch.no_grad():
        network.stages["stem"].weight.fill_(750.0)  # grey gives about 0, white 2 · 48 · 750 = 72,000
    pixels = np.full((300, 16, 16, 1), 128, dtype=np.uint8)
    pixels[290:] = 255
    part = Part(PART.ids, pixels, PART.labels)
    expected = ActivationCache(None).activations(network, 2, part, CPU)
    monkeypatch.setattr(shards, "SHARD", 64)
    kept = ActivationCache(tmp_path).activations(network, 2, part, CPU)
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, expected)


def test_pages_of_a_mapped_file_are_given_back_and_nothing_is_lost(tmp_path: Path) -> None:
    written = create_array(tmp_path / "a.npy", np.float32, (1000, 1000))
    written[:] = np.arange(1000)
    release_pages(written)
    assert resident(tmp_path / "a.npy") == 0
    written[5] += 1  # what was written is still there, and can be changed
    read = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert read[4, 9] == 9 and read[5, 9] == 10 and float(read.sum(dtype=np.float64)) == 1000 * 999 * 500 + 1000
    assert resident(tmp_path / "a.npy") > 0
    release_pages(rows_of(read, np.arange(3)))
    release_pages(written[3:])
    assert resident(tmp_path / "a.npy") == 0
    own = np.load(tmp_path / "a.npy", mmap_mode="c")
    own[0] = 7
    release_pages(own)
    assert own[0, 0] == 7


def resident(file: Path) -> int:
    """Kilobytes of a file that this process has in memory by maps."""
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        pytest.skip("only Linux tells what is resident")
    total, inside = 0, False
    for line in maps.read_text().splitlines():
        if not line.partition(" ")[0].endswith(":"):
            inside = line.endswith(str(file))
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


def test_arrays_that_images_were_read_from_give_their_pages_back(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (500, 64, 64), dtype=np.uint8))
    array = open_array(tmp_path / "images.npy")
    total = int(array.sum(dtype=np.int64))
    assert resident(tmp_path / "images.npy") > 0
    release_arrays()
    assert resident(tmp_path / "images.npy") == 0
    assert int(array.sum(dtype=np.int64)) == total
