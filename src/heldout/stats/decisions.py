"""One decision a patient: the answers on a patient's images made one, where predictions enter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy.special import log_softmax

from heldout.errors import InputError, Problem
from heldout.records.metric import By, Unit
from heldout.records.predictions import Predictions
from heldout.stats.scores import Indices, Reals
from heldout.ties import first_of_largest

H = TypeVar("H", bound=Hashable)

NAMED = 12
"""Patients that an error names one by one: a column that is no patient would name thousands."""


def decided(sides: Mapping[str, Predictions], unit: Unit, classes: Sequence[str]) -> dict[str, Predictions]:
    """Parts with a row a unit; images as they are where the image is the unit.

    Args:
        sides: Part -> its images.
        unit: Who one decision is made on.
        classes: Names of the classes, for messages.

    Returns:
        Part -> a row a patient, in the order in which patients first appear (`merged`).

    Raises:
        InputError: Patients with images of several classes, all of them; or no image that names its patient.
    """
    if unit.name == "image":
        return dict(sides)
    check_patients(sides, classes)
    return {part: merged(side, unit.by) for part, side in sides.items()}


def check_patients(sides: Mapping[str, Predictions], classes: Sequence[str]) -> None:
    """One label a patient in each part, and a patient at all.

    A patient with images of several classes has no one answer. To make a unit of each class a patient has would put
    images together by what is to be found out, which nobody can do in use.

    Raises:
        InputError: All patients of several classes, those of the same classes together; or no image that names its
            patient.
    """
    mixed: dict[tuple[str, str], list[str]] = {}
    for part, side in sides.items():
        labels: dict[str, set[int]] = {}
        for patient, label in zip(side.patients, side.labels.tolist(), strict=True):
            labels.setdefault(patient, set()).add(label)
        for patient, several in labels.items():
            if patient and len(several) > 1:
                names = ", ".join(classes[k] for k in sorted(several))
                mixed.setdefault((part, f"images of {len(several)} classes ({names})"), []).append(patient)
    problems = [
        Problem(
            f"{'patient' if len(patients) == 1 else f'{len(patients):,} patients'} in {part} ({_named(patients)})",
            found,
            "images of one class, to make one decision on",
            "Mend the labels; or name a smaller unit (eye, lesion, slide) as the patient; or judge images.",
        )
        for (part, found), patients in mixed.items()
    ]
    if problems:
        raise InputError(problems, title="Patients cannot be the unit of decision")
    if not any(patient for side in sides.values() for patient in side.patients):
        found = "no image that names its patient"
        advice = (
            "Name patients (of tables in the column `patient`, else with --patient when the study is made), or judge "
            "images."
        )
        raise InputError([Problem("the study", found, "patients", advice)], title="Patients cannot be the unit")


def _named(patients: Sequence[str]) -> str:
    """The first of them by name, and how many more there are."""
    more = len(patients) - NAMED
    return ", ".join(patients[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def unit_ids(side: Predictions) -> tuple[str, ...]:
    """Id of the unit of each image: its part and patient; an image without a patient keeps its own."""
    return tuple(
        f"{side.part} {patient}" if patient else id_ for id_, patient in zip(side.ids, side.patients, strict=True)
    )


def numbered(names: Sequence[H]) -> tuple[tuple[H, ...], Indices]:
    """Different names in the order in which they first appear, and the number of each name, (n,)."""
    known: dict[H, int] = {}
    numbers = np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)
    return tuple(known), numbers


def merged(side: Predictions, by: By) -> Predictions:
    """A part with a row a patient: the label that all its images have, logits by `merged_logits`.

    A text that differs between images of a patient (site, further column) is left empty.
    """
    ids, unit = numbered(unit_ids(side))
    _, first = np.unique(unit, return_index=True)

    def shared(texts: Sequence[str]) -> tuple[str, ...]:
        found: list[set[str]] = [set() for _ in ids]
        for place, text in zip(unit.tolist(), texts, strict=True):
            found[place].add(text)
        return tuple(next(iter(one)) if len(one) == 1 else "" for one in found)

    return Predictions(
        side.part,
        ids,
        side.labels[first],
        merged_logits(side.logits, unit, by),
        tuple(side.patients[i] for i in first),
        shared(side.sites),
        {name: shared(texts) for name, texts in side.columns.items()},
    )


def merged_logits(logits: Reals, unit: Indices, by: By) -> Reals:
    """Logits of units: the logarithm of what their images' probabilities become together, (u, k).

    `mean`: their mean. `max`: of each class the largest, so that the surest image decides. `majority`: the number of
    images that are answered so, the mean probability counting as one more vote, which settles ties and nothing else.
    The logits of a unit of one image are the image's own.

    Args:
        logits: (n, k) of the images.
        unit: (n,) number of the unit of each image, 0 … u − 1, each at least once.
        by: How.
    """
    order = np.argsort(unit, kind="stable")
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    images = np.diff(np.append(starts, len(order)))  # (u,)
    exact = np.asarray(logits, dtype=np.float64)
    logs = log_softmax(exact, axis=1)[order]
    largest = np.maximum.reduceat(logs, starts, axis=0)  # (u, k)
    sums = np.add.reduceat(np.exp(logs - np.repeat(largest, images, axis=0)), starts, axis=0)
    mean = largest + np.log(sums) - np.log(images)[:, None]
    if by == "mean":
        result = mean
    elif by == "max":
        result = largest
    else:
        votes = np.eye(exact.shape[1])[first_of_largest(exact, axis=1)][order]
        result = np.log(np.add.reduceat(votes, starts, axis=0) + np.exp(mean))
    single = images == 1
    result[single] = exact[order[starts[single]]]
    return result


def merged_classes(predicted: Indices, unit: Indices, k: int) -> Indices:
    """Classes that most images of a unit are given, for several answers at once: (e, n) -> (e, u); of equals the first.

    Args:
        predicted: (e, n) class of each image under each of e answers.
        unit: (n,) number of the unit of each image.
        k: Number of classes.
    """
    number = int(unit.max()) + 1
    votes = np.zeros((len(predicted), number, k), dtype=np.int64)
    for row, answers in enumerate(predicted):
        np.add.at(votes[row], (unit, answers), 1)
    result: Indices = votes.argmax(axis=2).astype(np.int64)
    return result
