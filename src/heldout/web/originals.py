"""Pictures for reading: an image as its file has it, as large as a screen, or its square where the file is gone."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from heldout.images import ImageError, content_hash, quietly
from heldout.images.levels import eight_bit
from heldout.images.memory import one_image
from heldout.images.prepare import as_input
from heldout.images.reading import decode, place_of
from heldout.report.diagnosis_files import Pixels
from heldout.report.material import Material
from heldout.web.pictures import SIDES, picture
from heldout.web.site import Site

LARGEST = 2048
"""Longest side that is served: a large screen's; whoever needs more has a viewer for such files."""

QUALITY = 95
"""Of the JPEG: what is read for a diagnosis must not show blocks."""


def reading_picture(site: Site, id_: str) -> bytes | None:
    """An image as large as its file has it, as JPEG; None where neither file nor square is there."""
    whole = _whole(site.material(), id_)
    return picture(site, id_, SIDES[-1]) if whole is None else _encoded(whole)


def _whole(material: Material, id_: str) -> Pixels | None:
    """(h, w, 1 or 3) in 8 bits by the study's own rule; None where the file is gone or holds another image now."""
    cohort = material.files.cohort
    rows = cohort.table[cohort.table["id"] == id_]
    if not len(rows) or not cohort.root:
        return None
    source, member, row, content = rows[["source", "member", "row", "content"]].iloc[0]
    path = Path(cohort.root) / source
    rule = material.files.runs[0].recipe.input_map
    try:
        with quietly(), one_image():
            image = decode(path, member, int(row))
            if content_hash(image.pixels, image.window) != content:
                return None
            values = as_input(image, rule, place_of(path, member, int(row)))
    except (ImageError, OSError):
        return None
    return eight_bit(values[..., None] if values.ndim == 2 else values)


def _encoded(pixels: Pixels) -> bytes:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling=0)  # colour as sharp as brightness: stains are read by it
    return stream.getvalue()
