"""Slides through OpenSlide: tiles of a level are those that tifffile reads, and what was not scanned is background."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

import heldout
from heldout.images import ImageError, count_images, decode
from heldout.images.decoders.slide import _on_background

pytest.importorskip("openslide", reason="needs OpenSlide: pip install 'heldout[openslide]'")

SLIDE = np.random.default_rng(5).integers(0, 256, (700, 900, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A pyramid under a name that OpenSlide is asked for, and the same as TIFF."""
    path = tmp_path / "x.bif"
    with tifffile.TiffWriter(path) as file:
        file.write(SLIDE, tile=(128, 256), photometric="rgb", compression="zlib")
        file.write(SLIDE[::2, ::2], tile=(128, 256), photometric="rgb", compression="zlib", subfiletype=1)
    return path, path.with_suffix(".tif").absolute()


def test_tiles_of_a_level_are_rows_as_tifffile_reads_them(files: tuple[Path, Path]) -> None:
    slide, tiff = files
    tiff.write_bytes(slide.read_bytes())
    for member, number in (("level 0", 24), ("level 1", 6)):
        assert count_images(slide, member) == number
    for row in range(24):
        assert np.array_equal(decode(slide, "level 0", row).pixels, _tile(SLIDE, row, across=4))
    for row in range(6):
        assert np.array_equal(decode(slide, "level 1", row).pixels, _tile(SLIDE[::2, ::2], row, across=2))
        assert np.array_equal(decode(slide, "level 0", row).pixels, decode(tiff, "level 0", row).pixels)
    assert np.array_equal(decode(slide).pixels, SLIDE)  # small enough for a picture


def _tile(level: np.ndarray, row: int, across: int) -> np.ndarray:
    top, left = row // across * 128, row % across * 256
    return level[top : top + 128, left : left + 256]


def test_levels_and_tiles_that_are_not_there(files: tuple[Path, Path]) -> None:
    slide, _ = files
    with pytest.raises(ImageError, match="level 0 to 1"):
        decode(slide, "level 2", 0)
    with pytest.raises(ImageError, match="row 24 of 24 tiles"):
        decode(slide, "level 0", 24)
    with pytest.raises(ImageError, match="24 tiles"):
        decode(slide, "level 0")


def test_a_manifest_names_tiles_of_a_level(files: tuple[Path, Path]) -> None:
    slide, _ = files
    rows = [f"{slide.name},level 1,{row},{'ab'[row % 2]}" for row in range(6)]
    table = slide.with_name("tiles.csv")
    table.write_text("\n".join(["path,array,row,label", *rows]))
    assert heldout.load(table).classes == ("a", "b")


def test_a_file_that_changed_is_opened_anew_and_a_damaged_one_refused(files: tuple[Path, Path]) -> None:
    slide, _ = files
    assert decode(slide, "level 1", 0).pixels.shape == (128, 256, 3)
    slide.write_bytes(slide.read_bytes()[:1000])
    with pytest.raises(ImageError, match="damaged"):
        decode(slide, "level 1", 0)


def test_what_was_not_scanned_is_background() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0] = (10, 20, 30, 255)
    shown, notes = _on_background(pixels, SimpleNamespace(properties={"openslide.background-color": "F0E0D0"}))
    assert (
        shown[0, 0].tolist() == [10, 20, 30] and shown[1, 0].tolist() == [240, 224, 208] and "not scanned" in notes[0]
    )
    assert _on_background(pixels, SimpleNamespace(properties={}))[0][1, 1].tolist() == [255] * 3
    assert _on_background(pixels[:1], SimpleNamespace(properties={}))[1] == ()
