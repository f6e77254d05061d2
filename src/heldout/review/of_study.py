"""The review of a study: where it lies, and which images the diagnoses ask for."""

from __future__ import annotations

from pathlib import Path

from heldout.errors import UsageError
from heldout.records import Diagnosis
from heldout.report.diagnosis_files import read_diagnoses
from heldout.review.store import Store
from heldout.review.verdicts import verdicts
from heldout.runs.folder import StudyFiles
from heldout.runs.judging import asking_of

FILE = "review.sqlite"


def review_of(study: StudyFiles) -> Store:
    """The review of a study, begun or not.

    Args:
        study: The study; of several labels an image one label of it (`runs.one_label`), which has a review of its own.
    """
    return Store(place_of(study), study.cohort.hash, study.split.hash, study.cohort.classes)


def place_of(study: StudyFiles) -> Path:
    """Where its review lies."""
    return (study.diagnoses if study.label else study.folder) / FILE


def asked_for(study: StudyFiles, run: str | None = None) -> tuple[str, ...]:
    """Ids of the test images that diagnoses ask to have read, each once.

    Args:
        study: The study.
        run: Id of one run, or how it begins; None for all.

    Raises:
        UsageError: No diagnosis asks for any.
    """
    found = {id_: one for id_, one in read_diagnoses(study.diagnoses).items() if id_.startswith(run or "")}
    test = set(study.split.test)
    ids: dict[str, None] = {}
    for diagnosis in found.values():
        if isinstance(diagnosis, Diagnosis):
            ids |= dict.fromkeys(id_ for id_ in diagnosis.review if id_ in test)
    if not ids and not place_of(study).exists():
        broken = " ".join(one for one in found.values() if isinstance(one, str))
        raise UsageError(
            f"Found no diagnosis that asks to have test labels read{f': {broken}' if broken else ''}; expected one in "
            f"{study.diagnoses}. Call `heldout diagnose {study.folder}` first."
        )
    return tuple(ids)


def reviewed_labels(study: StudyFiles) -> int:
    """How many test images have a label that readers agreed or decided on.

    Raises:
        HeldoutError: The review cannot be read.
    """
    store = review_of(study)
    return sum(one.label is not None for one in verdicts(store.snapshot())) if store.begun else 0


def grades_of(study: StudyFiles) -> tuple[str, ...]:
    """The classes from low to high where it was said that they are grades; empty else."""
    said = None if study.label else study.record.reading.get("order")
    asking = asking_of(study.cohort.classes, recorded=said)
    return (asking.order or study.cohort.classes) if asking.ordered else ()
