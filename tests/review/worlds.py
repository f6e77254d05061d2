"""A study with a planted diagnosis question, and readers who know what the images truly show."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from heldout.diagnosis.diagnose import diagnose
from heldout.review.of_study import asked_for, review_of
from heldout.review.snapshot import Reader
from heldout.review.store import Store
from heldout.review.turns import progress_of
from heldout.runs.folder import StudyFiles, read_study
from tests.worlds.made_study import Planted, make_study

RUN = Planted("efficientnet_lite0", "finetune", 0, 0.995, 0.96, 0.80)


@cache
def _place() -> TemporaryDirectory[str]:
    """A folder of this process, gone when it ends."""
    return TemporaryDirectory()


@cache
def _made(n_test: int) -> Path:
    folder = make_study(Path(_place().name) / str(n_test), runs=[RUN], n_train=60, n_val=200, n_test=n_test)
    diagnose(read_study(folder), bootstrap=200)
    return folder


def diagnosed(folder: Path, n_test: int = 200) -> StudyFiles:
    """One run of which test is lower, really diagnosed; nobody has read a label. Made once in a process and copied."""
    return read_study(Path(shutil.copytree(_made(n_test), folder)))


def truth_of(study: StudyFiles) -> dict[str, str]:
    """What every third of the images that the run gets wrong truly shows is what it answers; the rest as given."""
    test, classes = study.runs[0].predictions["test"], study.cohort.classes
    shown = {id_: classes[k] for id_, k in zip(test.ids, test.labels.tolist(), strict=True)}
    wrong = [i for i in range(len(test)) if not test.right[i]]
    return shown | {test.ids[i]: classes[int(test.predicted[i])] for i in wrong[::3]}


def begun(study: StudyFiles, names: tuple[str, ...] = ("Ada", "Ben")) -> tuple[Store, tuple[Reader, ...]]:
    store = review_of(study)
    store.begin(asked_for(study))
    return store, tuple(store.join(name) for name in names)


def read_all(store: Store, reader: Reader, answers: Mapping[str, str | None], most: int = 10_000) -> int:
    """Read image after image as the page does; returns how many were read."""
    for count in range(most):
        image = progress_of(reader, store.snapshot()).next
        if image is None:
            return count
        store.read(reader.number, image.token, answers[image.id])
    return most
