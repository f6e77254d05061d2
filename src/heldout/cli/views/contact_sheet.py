"""The contact sheet of `heldout inspect`: images of every class as a network would get them, histograms beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from heldout.cli.views.pairs import signed
from heldout.data.examine.depth import proposed
from heldout.data.examine.histogram import Histogram, histograms, sampled_rows
from heldout.data.input_map import input_map_of
from heldout.data.load import Examined
from heldout.errors import UsageError
from heldout.files import whole
from heldout.images import decode, fit_square
from heldout.images.levels import eight_bit, preview
from heldout.images.prepare import as_input
from heldout.progress import Reporter
from heldout.records import PARTS, InputMap

TILE = 128
GAP = 6
LINE = 16
SHOWN = 4
"""Images of a class in one part."""

CLASSES = 20
"""Classes on one sheet."""

WIDE = 300
"""Width of a histogram in pixels."""

COLOURS = {"train": "#1f77b4", "val": "#2ca02c", "test": "#d62728", "": "#555555"}
WORDS = {"train": "train", "val": "validation", "test": "test", "": "no split"}


def write_contact_sheet(examined: Examined, file: Path, reporter: Reporter) -> None:
    """Write the sheet: a row a class, some images of each part, and the histograms of their values.

    Where images need a policy and none is given, they are shown as the proposed one would, which the sheet says.

    Args:
        examined: The images.
        file: PNG to write.
        reporter: Told of images that are read.

    Raises:
        UsageError: The file's name does not end in `.png`.
    """
    if file.suffix.lower() != ".png":
        raise UsageError(f"Found --contact-sheet {file}; expected the name of a PNG, such as sheet.png.")
    cohort = examined.cohort
    parts = [part for part in (*PARTS, "") if (cohort.table["split"] == part).any()]
    rule, title = _rule(examined, reporter)
    classes = cohort.classes[:CLASSES]
    width = GAP + len(parts) * (SHOWN * (TILE + GAP) + GAP) + WIDE + GAP
    height = 2 * LINE + len(classes) * (TILE + LINE + GAP) + GAP
    sheet = Image.new("RGB", (width, height), "white")
    write, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    write.text((GAP, 2), title, fill="black", font=font)
    for number, part in enumerate(parts):
        left = GAP + number * (SHOWN * (TILE + GAP) + GAP)
        write.text((left, LINE + 2), WORDS[part], fill=COLOURS[part], font=font)
    for line, name in enumerate(classes):
        top = 2 * LINE + line * (TILE + LINE + GAP)
        write.text((GAP, top), f"{name}", fill="black", font=font)
        rows = {part: _rows(examined, part, name) for part in parts}
        for number, part in enumerate(parts):
            left = GAP + number * (SHOWN * (TILE + GAP) + GAP)
            for place, row in enumerate(sampled_rows(rows[part], SHOWN)):
                sheet.paste(_tile(examined, row, rule), (left + place * (TILE + GAP), top + LINE))
        found = histograms(cohort, dict(rows), ends_of(examined), reporter)
        _draw(write, found, (width - WIDE - GAP, top + LINE), rule, font)
    with whole(file) as temporary:
        sheet.save(temporary, format="PNG", pnginfo=signed())


def ends_of(examined: Examined) -> tuple[float, float]:
    """Smallest and largest value of all images."""
    return min(i.values.low for i in examined.images), max(i.values.high for i in examined.images)


def _rows(examined: Examined, part: str, name: str) -> Sequence[int]:
    table = examined.cohort.table
    found: list[int] = np.flatnonzero((table["split"] == part) & (table["label"] == name)).tolist()
    return found


def _rule(examined: Examined, reporter: Reporter) -> tuple[InputMap | None, str]:
    """The rule that is shown, and a sentence that names it."""
    cohort, images = examined.cohort, examined.images
    simple = all(image.values.eight_bit for image in images)
    if simple and not cohort.intensity and not cohort.channels:
        return None, f"{cohort.name}: 8 bits, as the files have them"
    deep = any(image.values.deep for image in images)
    intensity = cohort.intensity or (proposed(images) if deep else "")
    strange = any(image.channels not in (1, 3) for image in images)
    channels = cohort.channels or ("project" if strange else "")
    table = cohort.table
    train = table["id"][table["split"].isin(["train", ""])].tolist() or table["id"].tolist()
    rule = input_map_of(cohort, train, intensity, channels, reporter=reporter)
    said = [f"--intensity {intensity}"] * bool(intensity) + [f"--channels {channels}"] * bool(channels)
    given = (cohort.intensity, cohort.channels) == (intensity, channels)
    return rule, f"{cohort.name}: with {' '.join(said)}{'' if given else ' (proposed, not chosen yet)'}"


def _tile(examined: Examined, row: int, rule: InputMap | None) -> Image.Image:
    place = examined.cohort.table.iloc[row]
    decoded = decode(Path(examined.cohort.root) / place["source"], place["member"], int(place["row"]))
    shown = preview(decoded) if rule is None else as_input(decoded, rule, str(place["source"]))
    square = fit_square(shown, TILE, "pad")
    pixels = eight_bit(square if square.ndim == 3 else square[..., None])
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")


def _draw(
    write: ImageDraw.ImageDraw,
    found: Mapping[str, Histogram],
    corner: tuple[int, int],
    rule: InputMap | None,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    """One line a part, heights by the square root so that rare values show, and the ends of the policy."""
    left, top = corner
    bottom, high = top + TILE - LINE, TILE - 2 * LINE
    write.rectangle((left, top, left + WIDE, bottom), outline="#cccccc")
    if not found:
        return
    most = max(max(item.shares) for item in found.values()) or 1.0
    first = next(iter(found.values()))
    for part, item in found.items():
        step = WIDE / len(item.shares)
        points = [
            (left + step * (place + 0.5), bottom - high * (share / most) ** 0.5)
            for place, share in enumerate(item.shares)
        ]
        write.line(points, fill=COLOURS[part], width=2)
    for value in (*rule.low, *rule.high) if rule is not None else ():
        at = left + WIDE * (value - first.low) / (first.high - first.low)
        write.line((at, top, at, bottom), fill="black")
    write.text((left, bottom + 1), f"{first.low:g}", fill="black", font=font)
    text = f"{first.high:g}"
    write.text((left + WIDE - write.textlength(text, font=font), bottom + 1), text, fill="black", font=font)
