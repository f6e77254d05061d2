"""TIFF: depths, pages, planes, channels by OME and ImageJ, levels of a pyramid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from heldout.images import ImageError, count_images, decode
from tests.images.decoders.making import COLOUR, DEEP, DEEP_COLOUR, GREY, Array, tiff

STACK = np.random.default_rng(4).integers(0, 4096, (2, 4, 3, 20, 26), dtype=np.uint16)  # time, plane, channel


def written(folder: Path, array: Array, **options: Any) -> Path:
    path = folder / "x.ome.tif"  # tifffile writes OME by this ending
    if options.pop("ome", False):
        tifffile.imwrite(path, array, **options)
    else:
        path.write_bytes(tiff(array, **options))
    return path


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("int8", "int16"), ("int16", "int16"), ("uint32", "int32"), ("int32", "int32"), ("float64", "float32")],
)
def test_types_keep_their_values(dtype: str, kept: str, tmp_path: Path) -> None:
    values = (DEEP // 40).astype(dtype)
    decoded = decode(written(tmp_path, values))
    assert decoded.pixels.dtype == kept and np.array_equal(decoded.pixels, values)


@pytest.mark.parametrize("values", [np.full((4, 4), np.nan, np.float32), np.full((4, 4), 2**32 - 1, np.uint32)])
def test_values_that_no_type_holds_are_refused(values: Array, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        decode(written(tmp_path, values))


@pytest.mark.parametrize("array", [GREY, DEEP])
def test_white_as_zero_is_turned(array: Array, tmp_path: Path) -> None:
    largest = np.iinfo(array.dtype).max
    assert np.array_equal(decode(written(tmp_path, array, photometric="miniswhite")).pixels, largest - array)


def test_planes_and_channels_by_the_words_of_ome(tmp_path: Path) -> None:
    metadata = {"axes": "TZCYX", "SignificantBits": 12, "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    metadata |= {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"}
    path = written(tmp_path, STACK, ome=True, photometric="minisblack", metadata=metadata)
    assert count_images(path) == 8
    decoded = decode(path, row=6)
    assert np.array_equal(decoded.pixels, np.moveaxis(STACK[1, 2], 0, -1))
    assert decoded.photometric == "channels" and decoded.channel_names == ("DAPI", "GFP", "RFP")
    assert decoded.bits == 12 and decoded.spacing == pytest.approx((0.00025, 0.0005))


def test_the_order_of_axes_is_that_of_the_file(tmp_path: Path) -> None:
    turned = np.ascontiguousarray(np.moveaxis(STACK, 2, 0))  # channels first of all
    path = written(tmp_path, turned, ome=True, photometric="minisblack", metadata={"axes": "CTZYX"})
    assert np.array_equal(decode(path, row=6).pixels, np.moveaxis(STACK[1, 2], 0, -1))


def test_a_hyperstack_of_imagej(tmp_path: Path) -> None:
    path = written(tmp_path, STACK, imagej=True, resolution=(2, 4), metadata={"axes": "TZCYX", "unit": "um"})
    decoded = decode(path, row=6)
    assert np.array_equal(decoded.pixels, np.moveaxis(STACK[1, 2], 0, -1))
    assert count_images(path) == 8 and decoded.spacing == pytest.approx((0.00025, 0.0005))


def test_pages_want_a_row(tmp_path: Path) -> None:
    path = written(tmp_path, STACK[0, :, 0], photometric="minisblack")
    with pytest.raises(ImageError, match="4 pages") as caught:
        decode(path)
    assert "`row`" in caught.value.remedy
    assert np.array_equal(decode(path, row=2).pixels, STACK[0, 2, 0])


def test_alpha_is_dropped_only_where_it_is_opaque(tmp_path: Path) -> None:
    four = np.dstack([DEEP_COLOUR, np.full((20, 26), 65535, np.uint16)])
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    assert np.array_equal(decode(written(tmp_path, four, **options)).pixels, DEEP_COLOUR)
    four[0, 0, 3] = 1
    with pytest.raises(ImageError, match="transparency"):
        decode(written(tmp_path, four, **options))


def test_channels_of_no_known_meaning_stay_channels(tmp_path: Path) -> None:
    five = np.dstack([COLOUR, COLOUR[..., :2]])
    decoded = decode(written(tmp_path, five, photometric="minisblack", planarconfig="contig"))
    assert np.array_equal(decoded.pixels, five) and decoded.photometric == "channels"


@pytest.mark.parametrize(("photometric", "samples"), [("minisblack", 2), ("miniswhite", 2), ("rgb", 4), ("rgb", 5)])
def test_no_sample_beyond_grey_or_rgb_is_left_out(photometric: str, samples: int, tmp_path: Path) -> None:
    """Pillow reads the first, or the first three, and says nothing of the rest."""
    pixels = np.random.default_rng(6).integers(0, 256, (20, 26, samples), dtype=np.uint8)
    extra = [0] * (samples - (3 if photometric == "rgb" else 1))
    options = {"photometric": photometric, "planarconfig": "contig", "extrasamples": extra}
    decoded = decode(written(tmp_path, pixels, **options))
    expected = 255 - pixels if photometric == "miniswhite" else pixels
    assert np.array_equal(decoded.pixels, expected) and decoded.photometric == "channels"


def test_tiles_of_a_level_are_rows(tmp_path: Path) -> None:
    slide = np.random.default_rng(5).integers(0, 256, (300, 350, 3), dtype=np.uint8)
    path = tmp_path / "slide.svs"
    with tifffile.TiffWriter(path) as writer:
        writer.write(slide, tile=(128, 128), photometric="rgb", subifds=1)
        writer.write(slide[::2, ::2], tile=(128, 128), photometric="rgb", subfiletype=1)
    assert count_images(path, "level 0") == 9 and count_images(path, "level 1") == 4
    assert np.array_equal(decode(path, "level 0", 5).pixels, slide[128:256, 256:])
    assert np.array_equal(decode(path, "level 1", 2).pixels, slide[::2, ::2][128:, :128])
    with pytest.raises(ImageError, match="9 tiles"):
        decode(path, "level 0")
    with pytest.raises(ImageError, match="level 0 to 1"):
        decode(path, "level 2", 0)


def test_inks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="SEPARATED"):
        decode(written(tmp_path, np.dstack([DEEP_COLOUR, DEEP]), photometric="separated"))


def test_few_bits_widen_to_eight_on_every_page(tmp_path: Path) -> None:
    levels = np.arange(16, dtype=np.uint8).reshape(2, 8)
    one = written(tmp_path, levels, bitspersample=4)
    expected = decode(one)
    assert np.array_equal(expected.pixels, levels * 17) and expected.bits == 8
    pages = written(tmp_path, np.stack([levels, levels]), bitspersample=4, photometric="minisblack")
    assert np.array_equal(decode(pages, row=1).pixels, levels * 17) and decode(pages, row=1).bits == 8
