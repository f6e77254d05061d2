from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from heldout.images import ImageError, decode, read_pixels

GREY = np.random.default_rng(0).integers(0, 256, (9, 12), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)


def save(path: Path, array: Any, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "gif"])
def test_lossless_grey_comes_back_as_it_was(tmp_path: Path, ending: str) -> None:
    assert np.array_equal(read_pixels(save(tmp_path / f"x.{ending}", GREY)), GREY)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_lossless_colour_comes_back_as_it_was(tmp_path: Path, ending: str) -> None:
    assert np.array_equal(read_pixels(save(tmp_path / f"x.{ending}", COLOUR)), COLOUR)


def test_a_tiff_written_by_another_library_reads_the_same(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", COLOUR, photometric="rgb")
    assert np.array_equal(read_pixels(tmp_path / "x.tif"), COLOUR)


def test_jpeg_reads_as_another_decoding_of_it(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", COLOUR, quality=95)
    with Image.open(path) as image:
        assert np.array_equal(read_pixels(path), np.asarray(image.convert("RGB")))


def test_equal_channels_are_grey(tmp_path: Path) -> None:
    pixels = read_pixels(save(tmp_path / "x.png", np.stack([GREY] * 3, axis=-1)))
    assert pixels.shape == GREY.shape and np.array_equal(pixels, GREY)


def test_one_differing_value_is_colour(tmp_path: Path) -> None:
    almost = np.stack([GREY] * 3, axis=-1)
    almost[4, 4, 2] ^= 1
    assert np.array_equal(read_pixels(save(tmp_path / "x.png", almost)), almost)


def test_one_bit_becomes_0_and_255(tmp_path: Path) -> None:
    bits = GREY > 127
    decoded = decode(save(tmp_path / "x.png", bits))
    assert np.array_equal(decoded.pixels, np.where(bits, 255, 0)) and decoded.bits == 1


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).quantize(16)
    image.save(tmp_path / "x.png")
    assert np.array_equal(read_pixels(tmp_path / "x.png"), np.asarray(image.convert("RGB")))


def test_four_bit_grey_widens_to_the_whole_range(tmp_path: Path) -> None:
    levels = (np.arange(16, dtype=np.uint8) * 17).reshape(4, 4)
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    image.putpalette([v for v in range(0, 256, 17) for _ in range(3)])
    image.save(tmp_path / "x.png", bits=4)
    assert np.array_equal(read_pixels(tmp_path / "x.png"), levels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"x.{ending}", GREY, exif=exif)
    upright = {  # Exif 2.32: where row 0 and column 0 of the stored image lie
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: GREY.T[:, ::-1],
        7: GREY[::-1, ::-1].T,
        8: GREY.T[::-1],
    }[orientation]
    assert np.array_equal(read_pixels(path), upright)


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    opaque = np.dstack([COLOUR, np.full(GREY.shape, 255, np.uint8)])
    assert np.array_equal(read_pixels(save(tmp_path / "x.png", opaque)), COLOUR)


def refused(path: Path) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_pixels(path)
    assert caught.value.expected and caught.value.remedy
    return caught.value


def test_transparency_is_refused(tmp_path: Path) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[0, 0] = 254
    assert "transparency" in refused(save(tmp_path / "x.png", np.dstack([COLOUR, alpha]))).found


def test_a_transparent_colour_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", COLOUR, transparency=tuple(int(v) for v in COLOUR[0, 0]))
    assert "transparency" in refused(path).found


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bit_grey_is_refused(tmp_path: Path, ending: str) -> None:
    assert "more than 8 bits" in refused(save(tmp_path / f"x.{ending}", GREY.astype(np.uint16) * 257)).found


def sixteen_bit_rgb_png() -> bytes:
    """Pillow cannot write one, and reads it as 8 bits without a word."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(4))
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_is_not_cut_to_eight(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(sixteen_bit_rgb_png())
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == "RGB"  # what makes it dangerous
    assert "more than 8 bits" in refused(tmp_path / "x.png").found


def test_sixteen_bit_colour_tiff_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", COLOUR.astype(np.uint16) * 257, photometric="rgb")
    assert "more than 8 bits a channel" in refused(tmp_path / "x.tif").found


def test_float_is_refused(tmp_path: Path) -> None:
    assert "floating" in refused(save(tmp_path / "x.tif", GREY.astype(np.float32))).found


def test_cmyk_is_refused(tmp_path: Path) -> None:
    assert "CMYK" in refused(save(tmp_path / "x.jpg", COLOUR, "CMYK")).found


def test_several_pages_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY), Image.fromarray(GREY[::-1])]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert "2 pages" in refused(tmp_path / "x.tif").found


def test_five_channels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((8, 8, 5), np.uint8), photometric="rgb", planarconfig="contig")
    assert "5 channels" in refused(tmp_path / "x.tif").found


def test_a_fourth_channel_of_unknown_meaning_is_refused(tmp_path: Path) -> None:
    four = np.dstack([COLOUR, GREY])
    tifffile.imwrite(tmp_path / "x.tif", four, photometric="rgb", extrasamples=["unspecified"])
    assert "channels" in refused(tmp_path / "x.tif").found


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    assert "0 bytes" in refused(tmp_path / "x.png").found


def test_a_png_of_zero_size_is_called_so(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 0, 7, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b""))
    (tmp_path / "zero.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(ImageError, match="zero size"):
        read_pixels(tmp_path / "zero.png")


def test_a_header_that_is_cut_off_is_damage_and_no_other_format(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    with pytest.raises(ImageError, match="damaged or truncated"):
        read_pixels(tmp_path / "cut.png")


def test_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no image")
    assert "no image" in refused(tmp_path / "x.png").found


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "x.png").found == "no such file"
    assert refused(tmp_path).found == "a folder"


FORMATS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow warns of the cut before it raises
@pytest.mark.parametrize(("kind", "options"), FORMATS, ids=lambda value: str(value))
def test_a_file_cut_anywhere_never_gives_other_pixels(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(2).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind, **options)
    data = buffer.getvalue()
    path = tmp_path / "x"
    path.write_bytes(data)
    whole = read_pixels(path)
    refusals = 0
    for length in {*range(1, len(data), 37), *range(len(data) - 12, len(data))}:
        path.write_bytes(data[:length])
        try:
            assert np.array_equal(read_pixels(path), whole), f"cut to {length} of {len(data)} bytes"
        except ImageError:
            refusals += 1
    assert refusals > 10
