"""The picture of changed copies: pairs side by side, with their files and how one was changed to give the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from heldout.data.examine.near import NearPair
from heldout.data.load import Examined
from heldout.errors import UsageError
from heldout.files import whole
from heldout.images import decode
from heldout.images.levels import preview
from heldout.replacing import PICTURE

SHOWN = 60
"""Pairs on one picture."""

COLUMNS = 3
TILE = 160
GAP = 8
LINES = 3
LINE = 13
WIDTH = 2 * TILE + 3 * GAP
HEIGHT = TILE + LINES * LINE + 2 * GAP
LETTERS = WIDTH // 6
"""Letters of the small font that fit on a line."""


def write_pairs(examined: Examined, file: Path) -> None:
    """Write the picture; the pairs across parts come first, and one pair of each picture before further ones.

    Args:
        examined: The images, with their copies.
        file: PNG to write.

    Raises:
        UsageError: The file's name does not end in `.png`.
    """
    if file.suffix.lower() != ".png":
        raise UsageError(f"Found --pairs {file}; expected the name of a PNG, such as pairs.png.")
    pairs = _chosen(examined)
    rows = -(-len(pairs) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * WIDTH + GAP, max(rows, 1) * HEIGHT + GAP), "white")
    write = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    if not pairs:
        write.text((GAP, GAP), "No changed copies were found.", fill="black", font=font)
    for number, pair in enumerate(pairs):
        left, top = GAP + number % COLUMNS * WIDTH, GAP + number // COLUMNS * HEIGHT
        for side, row in enumerate(pair.rows):
            sheet.paste(_tile(examined.cohort.table.iloc[row], Path(examined.cohort.root)), (left + side * TILE, top))
        for line, text in enumerate((*pair.places, pair.change)):
            short = text if len(text) <= LETTERS else f"…{text[1 - LETTERS :]}"
            write.text(
                (left, top + TILE + line * LINE), short, fill="black" if line < LINES - 1 else "#b00020", font=font
            )
    with whole(file) as temporary:
        sheet.save(temporary, format="PNG", pnginfo=signed())


def _chosen(examined: Examined) -> Sequence[NearPair]:
    """Pairs to show."""
    near = examined.near
    if near is None:
        return []
    seen: dict[int, int] = {}
    ranked = []
    for place, pair in enumerate(near.pairs):
        picture = near.pictures[pair.rows[0]]
        seen[picture] = seen.get(picture, 0) + 1
        ranked.append((seen[picture], not pair.across_splits, place))
    return [near.pairs[place] for _, _, place in sorted(ranked)[:SHOWN]]


def _tile(row: pd.Series, root: Path) -> Image.Image:
    """The image as large as fits on a tile."""
    pixels = preview(decode(root / row["source"], row["member"], int(row["row"])))
    picture = Image.fromarray(np.ascontiguousarray(pixels.squeeze())).convert("RGB")
    scale = (TILE - 4) / max(picture.size)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def signed() -> PngInfo:
    """What tells a later call that a picture is ours and may be replaced."""
    about = PngInfo()
    about.add_text("Software", PICTURE.decode())
    return about
