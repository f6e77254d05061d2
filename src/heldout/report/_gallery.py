"""Galleries: the images that findings cite, small, with label, prediction and probability."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from heldout.records import Finding
from heldout.report._blocks import Gallery, Raw, Thumb, sheet
from heldout.report._diagnosed import Diagnosed
from heldout.report._diagnosis_files import Pixels, Squares, read_squares
from heldout.report._material import Material
from heldout.report._words import count, percent
from heldout.stats.scores import softmax

MOST = 24
"""Images of one finding that are shown."""

SIDE = 96
"""Longest side of a thumbnail in pixels."""

BYTES = 1_200_000
"""Pictures of all galleries together; beyond, images are shown by their id. The page stays small enough for a mail."""

PARTS = {"train": "Training image", "val": "Validation image", "test": "Test image"}


def galleries(known: Diagnosed, material: Material) -> tuple[Gallery, ...]:
    """One gallery a finding that cites images, in the order of the findings; pictures as long as there is room."""
    squares = read_squares(material.folder, known.run.recipe)
    facts = image_facts(known, material)
    room = BYTES
    made = []
    for finding in known.diagnosis.findings:
        ids = [id_ for id_ in finding.images if id_ in facts][:MOST]
        if not ids:
            continue
        thumbs = []
        for id_ in ids:
            picture = picture_of(squares, id_)
            picture = picture if len(picture) <= room else ""
            room -= len(picture)
            thumbs.append(Thumb(id_, *facts[id_], picture))
        made.append(gallery(known, finding, tuple(thumbs)))
    return tuple(made)


def gallery(known: Diagnosed, finding: Finding, thumbs: tuple[Thumb, ...]) -> Gallery:
    """The images of one finding."""
    more = len(finding.images) - len(thumbs)
    parts = list(dict.fromkeys(thumb.part for thumb in thumbs))
    whole = f"{parts[0]}s" if len(parts) == 1 else "Images of several parts"
    gone = "" if any(thumb.picture for thumb in thumbs) else " The pixels are no longer in the study's folder."
    rows: list[list[Raw]] = [
        [finding.code, t.id, t.file, t.part, t.truth, t.predicted, t.probability, t.right] for t in thumbs
    ]
    return Gallery(
        known.anchor(f"images-{finding.code}"),
        f"{finding.cause}: {count(len(thumbs), 'image')} to look at",
        f"{whole}, most telling first{f'; {more} more are in the record' if more > 0 else ''}. Each with the class it "
        f"was called, how sure the run was, and the class its label names. Click one for its id and file.{gone}",
        thumbs,
        sheet(["cause", "id", "file", "part", "label", "predicted", "probability", "right"], rows),
    )


def image_facts(known: Diagnosed, material: Material) -> dict[str, tuple[str, str, str, str, bool, str]]:
    """Id -> file, label, predicted class, its probability in words, whether right, part."""
    table = known.run.predictions
    logits = table[[f"logit_{k}" for k in range(len(material.classes))]].to_numpy(dtype=np.float64)
    sure = softmax(logits).max(axis=1)
    places = dict(zip(material.cohort.table["id"], material.cohort.table["source"], strict=True))
    names = material.classes
    return {
        id_: (
            str(places.get(id_, "")),
            names[label],
            names[predicted],
            percent(float(p), 0),
            bool(label == predicted),
            PARTS.get(part, part),
        )
        for id_, label, predicted, p, part in zip(
            table["id"], table["label"], table["predicted"], sure, table["split"], strict=True
        )
    }


def picture_of(squares: Squares, id_: str) -> str:
    """A thumbnail as a `data:` address; empty where the pixels are gone."""
    pixels = squares.of(id_)
    return "" if pixels is None else data_address(pixels)


def data_address(pixels: Pixels) -> str:
    """(s, s, c) pixels as a small JPEG in a `data:` address; equal pixels give equal text."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
