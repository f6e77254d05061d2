"""Galleries: the images that findings cite, small, with label, prediction and probability."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

from PIL import Image

from heldout.answer.texts import count, percent
from heldout.records import Diagnosis, Finding
from heldout.report.blocks import Gallery, Thumb
from heldout.report.diagnosis_files import Pixels, Squares, read_squares
from heldout.report.material import Material

MOST = 24
"""Images of one finding that are shown."""

SIDE = 96
"""Longest side of a thumbnail in pixels."""

BYTES = 1_200_000
"""Pictures of all galleries together; beyond, images are shown by their id. The page stays small enough for a mail."""

PARTS = {"train": "Training image", "val": "Validation image", "test": "Test image"}


def galleries(material: Material, diagnosis: Diagnosis) -> tuple[Gallery, ...]:
    """One gallery a finding that cites images, in the order of the findings; pictures as long as there is room."""
    squares = read_squares(material.folder, material.run(diagnosis.run).recipe)
    facts = image_facts(material, diagnosis.run)
    room = BYTES
    made = []
    for finding in diagnosis.findings:
        thumbs = [facts[id_] for id_ in finding.images if id_ in facts][:MOST]
        if not thumbs:
            continue
        for place, thumb in enumerate(thumbs):
            picture = picture_of(squares, thumb.id)
            if len(picture) <= room:
                room -= len(picture)
                thumbs[place] = replace(thumb, picture=picture)
        anchor = material.anchor(diagnosis, f"images-{finding.code}")
        made.append(gallery(anchor, finding, tuple(thumbs), material.cohort.pictured))
    return tuple(made)


def gallery(anchor: str, finding: Finding, thumbs: tuple[Thumb, ...], pictured: bool = True) -> Gallery:
    """The images of one finding; `pictured` says whether the study has images at all."""
    more = len(finding.images) - len(thumbs)
    parts = list(dict.fromkeys(thumb.part for thumb in thumbs))
    whole = f"{parts[0]}s" if len(parts) == 1 else "Images of several parts"
    why = " The pixels are no longer in the study's folder." if pictured else " No images were given."
    gone = "" if any(thumb.picture for thumb in thumbs) else why
    return Gallery(
        anchor,
        f"{finding.cause}: {count(len(thumbs), 'image')} to inspect",
        f"{whole}, most telling first{f'; {more} more are in the record' if more > 0 else ''}. Each with the class it "
        f"was called, how sure the run was, and the class its label names. Click one for its id and file.{gone}",
        finding.code,
        thumbs,
    )


def image_facts(material: Material, run: str) -> dict[str, Thumb]:
    """Id -> what is known of an image and what the run made of it, its picture aside."""
    places = dict(zip(material.cohort.table["id"], material.cohort.table["source"], strict=True))
    names = material.classes
    found = {}
    for part, word in PARTS.items():
        if part not in material.run(run).predictions:
            continue
        side = material.predictions(run, part)
        sure = side.probabilities.max(axis=1)
        for id_, label, predicted, p in zip(side.ids, side.labels, side.predicted, sure, strict=True):
            found[id_] = Thumb(
                id_,
                str(places.get(id_, "")),
                names[label],
                names[predicted],
                percent(float(p), 0),
                bool(label == predicted),
                word,
            )
    return found


def picture_of(squares: Squares, id_: str) -> str:
    """A thumbnail as a `data:` address; empty where the pixels are gone."""
    pixels = squares.of(id_)
    return "" if pixels is None else data_address(pixels)


def data_address(pixels: Pixels) -> str:
    """(s, s, c) pixels as a small JPEG in a `data:` address; equal pixels give equal text."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg_of(pixels)).decode('ascii')}"


def jpeg_of(pixels: Pixels, side: int = SIDE) -> bytes:
    """(s, s, c) pixels as a JPEG whose longest side is at most `side` pixels."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()
