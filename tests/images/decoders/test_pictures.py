"""PNG, JPEG and JPEG 2000: headers that lie, inks, second pictures, pictures that are too large."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from heldout.images import ImageError, decode
from heldout.images.decoders import jpeg
from tests.images.decoders.making import COLOUR, DEEP_COLOUR, GREY, pillow

LARGE = np.kron(COLOUR, np.ones((4, 4, 1), np.uint8))


def read(tmp_path: Path, content: bytes) -> np.ndarray:
    (tmp_path / "x").write_bytes(content)
    return decode(tmp_path / "x").pixels


def with_height(png: bytes, height: int) -> bytes:
    """A PNG with another height in its header, and the checksum repaired."""
    header = png[12:20] + struct.pack(">I", height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("rows", [-8, -1, 1, 8])
def test_a_png_of_another_height_is_refused(rows: int, interlaced: bool, tmp_path: Path) -> None:
    png = (
        imagecodecs.png_encode(DEEP_COLOUR) if rows % 2 else pillow(COLOUR, "PNG")
    )  # 16 bits and 8 bits take different ways
    if interlaced:
        png = adam7(GREY)
    assert len(read(tmp_path, png)) == 20
    with pytest.raises(ImageError, match=f"header of 26 × {20 + rows} pixels"):
        read(tmp_path, with_height(png, 20 + rows))


def adam7(grey: np.ndarray) -> bytes:
    """An interlaced PNG, which Pillow cannot write."""
    parts = []
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        parts += [b"\0" + row.tobytes() for row in grey[top::down, left::across] if row.size]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 1)),
        (b"IDAT", zlib.compress(b"".join(parts))),
        (b"IEND", b""),
    ]
    body = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_an_interlaced_png_is_read(tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, adam7(GREY)), GREY)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("rows", [-20, 1, 16])
def test_a_jpeg_of_another_height_is_refused(rows: int, options: dict[str, bool], tmp_path: Path) -> None:
    content = bytearray(pillow(LARGE, "JPEG", quality=90, **options))
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    height = struct.unpack(">H", content[at + 5 : at + 7])[0]
    assert read(tmp_path, bytes(content)).shape[0] == height == 80
    content[at + 5 : at + 7] = struct.pack(">H", height + rows)
    with pytest.raises(ImageError, match="do not fit its header"):
        read(tmp_path, bytes(content))


def test_the_primary_picture_of_a_phone_is_read(tmp_path: Path) -> None:
    first, second = Image.fromarray(LARGE), Image.fromarray(LARGE[:20])
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert np.array_equal(read(tmp_path, buffer.getvalue()), np.asarray(image))


def ink_profile() -> bytes:
    """A small profile of CMYK: every ink takes its share of the lightness away (ICC.1, a lut8 of two points an ink)."""
    corners = np.array(list(np.ndindex(2, 2, 2, 2)))
    light = 255 * np.prod(1 - corners * np.array([0.2, 0.3, 0.1, 1.0]), axis=1)
    table = np.stack([light, np.full(16, 128), np.full(16, 128)], axis=1).round().astype(np.uint8)
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    daylight = struct.pack(">3i", 63190, 65536, 54061)  # D50
    parts = (
        (b"A2B0", b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + table.tobytes() + ramp * 3),
        (b"wtpt", b"XYZ " + bytes(4) + daylight),
        (b"cprt", b"text" + bytes(4) + b"ours\0"),
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", 1) + bytes(80)),
    )
    tags, body, start = b"", b"", 128 + 4 + 12 * len(parts)
    for name, data in parts:
        data += bytes(-len(data) % 4)
        tags += name + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + daylight
    return head + bytes(128 - len(head)) + struct.pack(">I", len(parts)) + tags + body


def test_inks_are_converted_by_their_profile_and_refused_without(tmp_path: Path) -> None:
    plain = np.zeros((16, 16, 4), np.uint8)
    plain[8:, :, 3] = 255  # black ink below
    inks = Image.fromarray(plain, "CMYK")
    with pytest.raises(ImageError, match="CMYK without a colour profile"):
        read(tmp_path, saved(inks))
    pixels = read(tmp_path, saved(inks, icc_profile=ink_profile()))
    assert pixels.shape[:2] == (16, 16) and pixels[:6].min() > 250 and pixels[10:].max() < 5
    assert "Converted from CMYK" in decode(tmp_path / "x").notes[0]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with pytest.raises(ImageError):  # a profile of another colour space
        read(tmp_path, saved(inks, icc_profile=srgb))


def saved(image: Image.Image, **options: bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def test_a_jpeg_of_too_many_pixels_is_read_smaller_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "MOST_PIXELS", 3000)  # as if 80 × 104 were too many
    (tmp_path / "x").write_bytes(pillow(LARGE, "JPEG", quality=95))
    decoded = decode(tmp_path / "x")
    assert decoded.pixels.shape == (40, 52, 3) and "1/2 of its size of 104 × 80" in decoded.notes[0]
    with Image.open(tmp_path / "x") as image:
        image.draft("RGB", (52, 40))
        assert np.array_equal(decoded.pixels, np.asarray(image))


def test_sixteen_bits_with_alpha(tmp_path: Path) -> None:
    alpha = np.full((20, 26), 65535, np.uint16)
    assert np.array_equal(read(tmp_path, imagecodecs.png_encode(np.dstack([DEEP_COLOUR, alpha]))), DEEP_COLOUR)
    alpha[3, 3] = 65534
    with pytest.raises(ImageError, match="transparency"):
        read(tmp_path, imagecodecs.png_encode(np.dstack([DEEP_COLOUR, alpha])))


def test_channels_of_jpeg_2000_and_its_signs(tmp_path: Path) -> None:
    signed = DEEP_COLOUR[..., 0].astype(np.int16)
    assert np.array_equal(read(tmp_path, imagecodecs.jpeg2k_encode(signed, level=0, reversible=True)), signed)
    stream = imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True, codecformat="j2k")
    assert np.array_equal(read(tmp_path, stream), COLOUR)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_too_many_pixels_is_refused_with_the_limit(tmp_path: Path) -> None:
    png = pillow(np.zeros((8, 8), np.uint8), "PNG")
    for side, colour in ((13_000, b"\x02"), (13_500, b"\0")):  # too many bytes, too many pixels
        header = png[12:16] + struct.pack(">II", side, side) + png[24:25] + colour + png[26:29]
        lying = png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]
        with pytest.raises(ImageError, match=f"{side} × {side} pixels") as caught:
            read(tmp_path, lying)
        assert "384 MiB" in caught.value.expected
