"""Arrays that were written are those that are read, or they are made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import heldout
from heldout.array_files import CHECKSUMS, create_array, is_sound, open_array_file, seal
from heldout.data.store import build_store
from tests.data.readers.making import folder as image_folder


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


def made(folder: Path) -> Path:
    file = folder / "a.npy"
    create_array(file, np.float32, (10, 3))[:] = np.arange(30).reshape(10, 3)
    seal(folder)
    return file


@pytest.mark.parametrize("at", [0, 40, 90, 127, 128, 200, -1])
def test_one_flipped_bit_is_noticed(tmp_path: Path, at: int) -> None:
    file = made(tmp_path)
    found = open_array_file(file)
    assert found is not None and found.shape == (10, 3) and found[9, 2] == 29
    flip(file, at)
    assert not is_sound(file) and open_array_file(file) is None


def test_what_is_missing_cut_off_or_not_sealed(tmp_path: Path) -> None:
    file = made(tmp_path)
    data = file.read_bytes()
    for content in (b"", data[:100], data[:-4]):
        file.write_bytes(content)
        assert open_array_file(file) is None
    file.write_bytes(data)
    (tmp_path / CHECKSUMS).write_text("{")
    assert open_array_file(file) is None
    (tmp_path / CHECKSUMS).unlink()  # as 0.1.0 left it
    assert open_array_file(file) is not None
    file.write_bytes(b"")
    assert open_array_file(file) is None
    file.unlink()
    assert open_array_file(file) is None


@pytest.mark.parametrize("damage", ["flip", "empty", "gone"])
def test_a_damaged_store_is_made_anew_with_the_same_bytes(tmp_path: Path, damage: str) -> None:
    cohort = heldout.load(image_folder(tmp_path / "data"))

    def pixels() -> bytes:
        return np.asarray(
            build_store(cohort, list(cohort.table["id"]), 8, "stretch", "bilinear", stores).pixels
        ).tobytes()

    stores = tmp_path / "stores"
    before = pixels()
    (file,) = stores.glob("*/pixels.npy")
    {"flip": lambda: flip(file, -1), "empty": lambda: file.write_bytes(b""), "gone": file.unlink}[damage]()
    assert pixels() == before and is_sound(file)
    assert len(list(stores.iterdir())) == 1
