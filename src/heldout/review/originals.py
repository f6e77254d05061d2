"""Pictures for reading: an image as its file has it, as large as a screen. A network's square is too small for that."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from heldout.images import ImageError, content_hash, quietly
from heldout.images.levels import eight_bit
from heldout.images.memory import one_image
from heldout.images.prepare import as_input
from heldout.images.reading import decode, place_of
from heldout.records import Cohort, InputMap
from heldout.report.diagnosis_files import Pixels

LARGEST = 2048
"""Longest side that is served: a large screen's; whoever needs more has a viewer for such files."""

QUALITY = 95
"""Of the JPEG: what is read for a diagnosis must not show blocks."""


def original(cohort: Cohort, rule: InputMap | None, id_: str) -> Pixels | None:
    """(h, w, 1 or 3) in 8 bits by the study's own rule; None where the file is gone or holds another image now.

    Args:
        cohort: The study's images.
        rule: How values of its files become inputs, where images are not 8-bit grey or RGB.
        id_: Of the image.
    """
    rows = cohort.table[cohort.table["id"] == id_]
    if not len(rows) or not cohort.root:
        return None
    source, member, row, content = rows[["source", "member", "row", "content"]].iloc[0]
    path = Path(cohort.root) / source
    try:
        with quietly(), one_image():
            image = decode(path, member, int(row))
            if content_hash(image.pixels, image.window) != content:
                return None
            values = as_input(image, rule, place_of(path, member, int(row)))
    except (ImageError, OSError):
        return None
    return eight_bit(values[..., None] if values.ndim == 2 else values)


def reading_jpeg(pixels: Pixels) -> bytes:
    """(h, w, 1 or 3) in 8 bits as a JPEG for reading; it carries nothing of its file but the pixels."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling=0)  # colour as sharp as brightness: stains are read by it
    return stream.getvalue()
