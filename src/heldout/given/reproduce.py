"""Answers to a study's images by a given model: in place of a table's, or held against them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.data.store import build_store
from heldout.errors import InputError, Problem
from heldout.given.answers import Logits
from heldout.given.model import GivenModel, batches
from heldout.given.study import About
from heldout.progress import Reporter
from heldout.records import PARTS, Cohort
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.stats.scores import softmax

TOLERANCE = 0.02
"""By how much a probability of the model may differ from that of the table: two decimals are off by 0.005, another
JPEG decoder or resampling by about 0.01; another normalisation or order of channels by far more."""

HELD_AGAINST = 64
"""Images a part that are compared, spread over all."""

Pixels = NDArray[np.uint8]


def pixels_of(folder: Path, cohort: Cohort, ids: tuple[str, ...], about: About, reporter: Reporter) -> Pixels:
    """(n, s, s, c) squares of some images, from the store of the study in a folder."""
    place = folder / "images"
    return build_store(
        cohort, ids, about.image_size, about.fit, about.interpolation, place, reporter, about.input_map
    ).pixels


def check_reproduces(study: StudyFiles, run: RunFiles, model: GivenModel, about: About, reporter: Reporter) -> None:
    """See that a model answers a study's images as the table says.

    Raises:
        InputError: It does not; says by how much, on which image.
    """
    off: list[tuple[float, str, Logits, Logits]] = []
    number = 0
    for part in ("val", "test"):
        known = run.predictions[part]
        rows = np.unique(np.linspace(0, len(known) - 1, HELD_AGAINST).astype(np.int64))
        pixels = np.asarray(pixels_of(study.folder, study.cohort, study.split.part(part), about, reporter)[rows])
        reporter.begin(f"the model on {part} images", batches(len(rows)))
        own, given = softmax(model.logits(pixels, reporter)), softmax(known.logits[rows])
        reporter.end()
        number += len(rows)
        for row, mine, theirs in zip(rows, own, given, strict=True):
            off.append((float(np.abs(mine - theirs).max()), known.ids[row], mine, theirs))
    wrong = [item for item in off if item[0] > TOLERANCE]
    if not wrong:
        return
    size, id_, mine, theirs = max(wrong, key=lambda item: item[0])
    shown, said = (", ".join(f"{value:.3f}" for value in values[:6]) for values in (mine, theirs))
    raise InputError(
        [
            Problem(
                f"{len(wrong)} of {number} images",
                f"probabilities that differ from the table's, most by {size:.3f} on {id_}: the model says {shown}, the "
                f"table {said} (classes {', '.join(study.cohort.classes[:6])})",
                f"the same within {TOLERANCE}",
                "The preprocessing differs (size, fit, crop, interpolation, channels, layout, scale, mean, std), the "
                "classes stand in another order, the output is of another kind, or it is another model.",
            )
        ],
        title="The model does not reproduce the predictions of the table",
    )


def answers_of(model: GivenModel, pixels: Mapping[str, Pixels], reporter: Reporter) -> dict[str, Logits]:
    """Part -> logits (n, k) of all its images."""
    found = {}
    for part in PARTS:
        if part in pixels:
            reporter.begin(f"the model on {part} images", batches(len(pixels[part])))
            found[part] = model.logits(pixels[part], reporter)
            reporter.end()
    return found
