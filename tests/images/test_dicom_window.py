"""DICOM files by their windows are the pictures that the same pixels give as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.deep_images import write_dicom

from heldout.images import decode
from heldout.images.prepare import as_input
from heldout.records import InputMap

WINDOW, FULL = InputMap("dicom-window"), InputMap("full-range")


@pytest.mark.parametrize("number", range(6))
def test_scale_window_and_inversion_of_a_file_change_nothing(tmp_path: Path, number: int) -> None:
    """Even numbers are MONOCHROME1; each file has 12 bits, an offset and a scale of its own."""
    pixels = np.random.default_rng(number).integers(0, 256, (20, 15), dtype=np.uint8)
    write_dicom(tmp_path / "x.dcm", pixels, number, "somebody")
    image = decode(tmp_path / "x.dcm")
    assert image.bits == 12 and image.window is not None and image.pixels.max() > 255
    found = as_input(image, WINDOW, "x.dcm")
    assert np.abs(found - pixels / np.float32(255)).max() <= 0.51 / 2600  # half of one of the 12 bits' values
    full = as_input(image, FULL, "x.dcm")
    assert np.array_equal(full, (image.pixels.astype(np.float32) - image.span[0]) / np.float32(4095))  # type: ignore[index]
