"""Pictures of the images, as the network saw them: from the study's store of squares, small as they are asked for."""

from __future__ import annotations

import io

from PIL import Image

from heldout.report.diagnosis_files import Pixels, Squares, read_squares
from heldout.web.site import Site

SIDES = (96, 512)
"""Longest sides that are served: a gallery's and an image's own page."""


def squares_of(site: Site, run: str = "") -> Squares:
    """The squares of the study's images, mapped from disk once: those that a run was made on; of the best, if none."""
    material = site.material()
    id_ = run or (material.ranked or material.runs)[0].id
    return site.kept(("squares", id_), lambda: read_squares(site.folder, material.run(id_).recipe))


def encoded(pixels: Pixels, side: int) -> bytes:
    """(s, s, 1 or 3) pixels as a JPEG whose longest side is `side` at most; small ones are enlarged without blur."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    elif 2 * max(image.size) <= side:
        times = side // max(image.size)
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90 if side > SIDES[0] else 80)
    return stream.getvalue()


def picture(site: Site, id_: str, side: int) -> bytes | None:
    """An image's picture, or None where its pixels are not in the study's folder."""
    pixels = squares_of(site).of(id_)
    return None if pixels is None else encoded(pixels, side)
