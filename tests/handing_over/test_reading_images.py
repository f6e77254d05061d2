"""How `predict.py` reads files: as heldout reads them, told by a network that sees where values are, or not at all."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from heldout.images.prepare import MORE
from heldout.records import InputMap
from tests.cli.call import call
from tests.handing_over.made_folder import made_folder
from tests.handing_over.test_script import bare

Write = Callable[[Path], object]

RAMP = np.add.outer(np.arange(24) * 6, np.arange(40) * 2).astype(np.uint8)
"""(24, 40), no two corners alike, longer than high."""

COLOUR = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=-1)
DEEP = RAMP.astype(np.uint16) * 200
DEEP_COLOUR = COLOUR.astype(np.uint16) * 257
ORIENTATION = 274
"""Tag of TIFF, and of Exif."""


def tiff(
    pixels: NDArray[np.generic], photometric: str = "minisblack", orientation: int = 0, **options: object
) -> Write:
    """Writes a TIFF; planes first where it is asked for planes."""
    if options.get("planarconfig") == "separate":
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    tags = [(ORIENTATION, "H", 1, orientation, True)] if orientation else []
    return lambda file: tifffile.imwrite(file, pixels, photometric=photometric, extratags=tags, **options)


def turned(pixels: NDArray[np.generic], orientation: int, **options: object) -> Write:
    """Writes a picture with an orientation in its Exif."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return lambda file: Image.fromarray(pixels).save(file, exif=exif, **options)


def png_of(rows: int, **options: object) -> Write:
    """Writes a PNG of 24 rows whose header says another number, with a right checksum."""
    buffer = io.BytesIO()
    Image.fromarray(RAMP).save(buffer, "PNG", **options)
    content = bytearray(buffer.getvalue())
    content[20:24] = struct.pack(">I", rows)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return lambda file: file.write_bytes(content)


def interlaced() -> Write:
    """Writes an Adam7 PNG of 8-bit grey: seven passes, one behind another."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = [row for left, top, across, down in passes for row in RAMP[top::down, left::across]]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", RAMP.shape[1], RAMP.shape[0], 8, 0, 0, 0, 1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data[:99]), chunk(b"IDAT", data[99:]), chunk(b"IEND", b""))
    return lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


ORIENTATIONS = range(1, 9)

ANSWERED: dict[str, Write] = {
    **{f"grey-{k}.tif": tiff(RAMP, orientation=k) for k in ORIENTATIONS},
    **{f"colour-{k}.tif": tiff(COLOUR, "rgb", orientation=k) for k in ORIENTATIONS},
    **{f"packed-{k}.tif": tiff(RAMP, orientation=k, compression="zlib") for k in ORIENTATIONS},
    **{f"planes-{k}.tif": tiff(COLOUR, "rgb", orientation=k, planarconfig="separate") for k in (1, 6)},
    **{f"exif-{k}.jpg": turned(COLOUR, k, quality=95) for k in ORIENTATIONS},
    **{f"exif-{k}.png": turned(RAMP, k) for k in ORIENTATIONS},
    "white.tif": tiff(RAMP, "miniswhite"),
    "bit.tif": tiff(RAMP > 100),
    "white-bit.tif": tiff(RAMP > 100, "miniswhite"),
    "big-endian.tif": tiff(COLOUR, "rgb", byteorder=">"),
    "predictor.tif": tiff(COLOUR, "rgb", compression="lzw", predictor=True),
    "tiles.tif": tiff(RAMP, tile=(16, 16)),
    "imagej.tif": tiff(RAMP, imagej=True),
    "ome.ome.tif": tiff(RAMP),
    "palette.png": lambda file: Image.fromarray(COLOUR).quantize(16).save(file),
    "palette.tif": lambda file: Image.fromarray(COLOUR).quantize(16).save(file),
    "grey.bmp": lambda file: Image.fromarray(RAMP).save(file),
    "interlaced.png": interlaced(),
    "24-rows.png": png_of(24),
}

ANSWERED_DEEP: dict[str, Write] = {
    **{f"little-{k}.tif": tiff(DEEP, orientation=k) for k in ORIENTATIONS},
    **{f"big-{k}.tif": tiff(DEEP, orientation=k, byteorder=">") for k in ORIENTATIONS},
    **{f"packed-{k}.tif": tiff(DEEP, orientation=k, byteorder=">", compression="zlib") for k in (1, 6)},
    **{f"exif-{k}.png": turned(DEEP, k) for k in ORIENTATIONS},
    "imagej.tif": tiff(DEEP, imagej=True),
    "12-bit.tif": tiff(DEEP >> 4, bitspersample=12),
}

REFUSED: dict[str, Write] = {
    "deep-colour.tif": tiff(DEEP_COLOUR, "rgb"),
    "deep-planes.tif": tiff(DEEP_COLOUR, "rgb", planarconfig="separate"),
    "packed-deep-planes.tif": tiff(DEEP_COLOUR, "rgb", planarconfig="separate", compression="zlib"),
    "deep-colour.png": lambda file: file.write_bytes(imagecodecs.png_encode(DEEP_COLOUR)),
    "deep-white.tif": tiff(DEEP, "miniswhite"),
    "deep-signed.tif": tiff((DEEP.astype(np.int32) - 20000).astype(np.int16)),
    "signed.tif": tiff((RAMP.astype(np.int16) - 128).astype(np.int8)),
    "float.tif": tiff(RAMP.astype(np.float32)),
    "four.tif": tiff(np.dstack([COLOUR, RAMP]), "rgb", extrasamples=[0]),
    "two.tif": tiff(np.dstack([RAMP, 255 - RAMP]), planarconfig="contig"),
    "stack.tif": tiff(np.stack([RAMP, 255 - RAMP]), imagej=True),
    "stack-of-one-page.tif": tiff(np.stack([DEEP, DEEP]), imagej=True, truncate=True),
    "fewer-rows.png": png_of(16),
    "more-rows.png": png_of(32),
}


def both(folder: Path, images: Path) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Answers of `heldout predict` and of the script by the name of the file, and what the script complains of."""
    call("predict", folder, images, "--csv", folder / "a.csv")
    done = bare(folder, images)
    (folder / "b.csv").write_text(done.stdout, encoding="utf-8")
    tables = [pd.read_csv(folder / name, keep_default_na=False) for name in ("a.csv", "b.csv")]
    first, second = (table.set_index(table.pop("image").map(lambda name: Path(name).name)) for table in tables)
    return first, second, done.stderr


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(tmp_path_factory.mktemp("shallow") / "out")


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rule = InputMap("percentile:1,99", (100.0,), (40000.0,), 9, depths=(MORE,))
    return made_folder(tmp_path_factory.mktemp("deep") / "out", rule=rule)


@pytest.mark.parametrize(("depth", "kinds"), [("shallow", ANSWERED), ("deep", ANSWERED_DEEP)])
def test_pixels_are_where_heldout_has_them(
    depth: str, kinds: dict[str, Write], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for name, write in kinds.items():
        write(tmp_path / name)
    expected, found, said = both(request.getfixturevalue(depth), tmp_path)
    assert not said and set(found.index) == set(expected.index) == set(kinds)
    numbers = [name for name in found if name.startswith("p(")]
    np.testing.assert_allclose(found[numbers], expected.loc[found.index, numbers], atol=1e-6, rtol=0)
    ways = [
        found.loc[name, "p(grey)"].round(4) for name in found.index if name[-5:-3] in {f"{k}." for k in range(1, 9)}
    ]
    assert len(set(ways)) > 4, "the network does not see how an image is turned"


@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_what_pillow_misreads_is_refused_each_with_its_name(
    depth: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for name, write in REFUSED.items():
        write(tmp_path / name)
    _, found, said = both(request.getfixturevalue(depth), tmp_path)
    assert not len(found)
    assert {Path(line.split(": ")[0]).name for line in said.splitlines()} == set(REFUSED)
    assert "object at 0x" not in said
