"""Pictures for reading: an image as its file has it, as large as a screen, or its square where the file is gone."""

from __future__ import annotations

from heldout.review.originals import original, reading_jpeg
from heldout.web.pictures import SIDES, picture
from heldout.web.site import Site


def reading_picture(site: Site, id_: str) -> bytes | None:
    """An image as large as its file has it, as JPEG; None where neither file nor square is there."""
    files = site.material().files
    whole = original(files.cohort, files.runs[0].recipe.input_map, id_)
    return picture(site, id_, SIDES[-1]) if whole is None else reading_jpeg(whole)
