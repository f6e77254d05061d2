"""Galleries: the images that findings cite, small, with label, prediction and probability."""

from __future__ import annotations

import base64
import io
from collections.abc import Set
from dataclasses import replace

from PIL import Image

from heldout.answer.texts import count, percent
from heldout.records import Diagnosis, Finding
from heldout.report.blocks import Gallery, Thumb
from heldout.report.diagnosis_files import Pixels, Squares, read_squares
from heldout.report.material import Material

MOST = 24
"""Images of one finding that are shown."""

MOST_OF_OTHERS = 12
"""The same of another run than the best."""

SIDE = 96
"""Longest side of a thumbnail in pixels."""

BYTES = 900_000
"""Pictures of all galleries together; beyond, images are shown by their id. With the library that draws the figures
(1.5 MB) and the numbers, a page stays below 3 MB, small enough for a mail."""

BYTES_OF_RUN = 80_000
"""What the figures and tables of one more run with a gap take, and so leave less for pictures."""

FEWEST_BYTES = 200_000
"""What pictures have however many runs there are."""

PARTS = {"train": "Training image", "val": "Validation image", "test": "Test image"}


def galleries(material: Material, diagnosis: Diagnosis) -> tuple[Gallery, ...]:
    """One gallery a finding that cites images, in the order of the findings; pictures as long as there is room."""
    squares = read_squares(material.folder, material.run(diagnosis.run).recipe)
    room = share(material, diagnosis)
    made = []
    for finding, some in cited(material, diagnosis):
        thumbs = list(some)
        for place, thumb in enumerate(thumbs):
            picture = picture_of(squares, thumb.id)
            if len(picture) <= room:
                room -= len(picture)
                thumbs[place] = replace(thumb, picture=picture)
        made.append(gallery(anchor_of(material, diagnosis, finding), finding, tuple(thumbs), material.cohort.pictured))
    return tuple(made)


def share(material: Material, diagnosis: Diagnosis) -> int:
    """Bytes of pictures that a run may have: all if it is alone, else half for the best run, the others alike."""
    others = [one for one in material.explained if one is not material.main]
    best_has_none = len(others) == len(material.explained)
    room = max(BYTES - BYTES_OF_RUN * (len(material.explained) - 1), min(FEWEST_BYTES, BYTES))
    if diagnosis is material.main:
        return room // 2 if others else room
    return (room if best_has_none else room // 2) // max(len(others), 1)


def cited(material: Material, diagnosis: Diagnosis) -> list[tuple[Finding, tuple[Thumb, ...]]]:
    """The findings that cite images which the run has answered, each with those that are shown."""
    most = MOST if diagnosis is material.main else MOST_OF_OTHERS
    facts = image_facts(material, diagnosis.run, {id_ for one in diagnosis.findings for id_ in one.images})
    shown = ((one, tuple(facts[id_] for id_ in one.images if id_ in facts)[:most]) for one in diagnosis.findings)
    return [(finding, thumbs) for finding, thumbs in shown if thumbs]


def anchor_of(material: Material, diagnosis: Diagnosis, finding: Finding) -> str:
    """Id of a finding's gallery."""
    return material.anchor(diagnosis, f"images-{finding.code}")


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


def image_facts(material: Material, run: str, ids: Set[str]) -> dict[str, Thumb]:
    """Id -> what is known of some images and what the run made of them, their pictures aside."""
    places = dict(zip(material.cohort.table["id"], material.cohort.table["source"], strict=True))
    names = material.classes
    found = {}
    for part, word in PARTS.items():
        if part not in material.run(run).predictions:
            continue
        side = material.predictions(run, part)
        sure = side.probabilities.max(axis=1)
        for id_, label, predicted, p in zip(side.ids, side.labels, side.predicted, sure, strict=True):
            if id_ not in ids:
                continue
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
