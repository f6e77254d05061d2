"""One of several labels as a study of two classes, absent and present, so that the whole diagnosis is asked of it.

A view in memory: the images, the split and everything that is kept of the images themselves (squares, features,
measured properties) are those of the study; what is asked of the label alone is kept in the run's folder in `labels/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from heldout.errors import UsageError
from heldout.records import Cohort
from heldout.records.label_predictions import LabelQuestion
from heldout.records.labelling import SINGLE
from heldout.records.labelling.several import question_classes
from heldout.records.metric import MetricName
from heldout.records.run import Learning
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.stats.label_thresholds import cuts_of

CANDIDATES = 60
"""Cuts that stand for all that a threshold was chosen among, evenly spread over the validation images: what choosing
flatters no longer grows by more of them."""

LOSSES = ("epoch", "phase", "seconds", "lr", "train_loss", "val_loss")
"""Columns of the history that speak of the run as a whole; its accuracies are means over all labels."""


def label_named(study: StudyFiles, name: str) -> int:
    """Number of a label.

    Raises:
        UsageError: The images have one class each, or there is no such label.
    """
    classes = study.cohort.classes
    if study.cohort.labelling is SINGLE:
        raise UsageError(f"Found --label {name}; expected none: images of {study.folder} have one class each.")
    if name not in classes:
        raise UsageError(f"Found --label '{name}'; expected one of: {', '.join(classes)}.")
    return classes.index(name)


def of_label(study: StudyFiles, name: str) -> StudyFiles:
    """The study as a question of two classes: is the label there or not?

    Args:
        study: With several labels an image.
        name: One of them.

    Raises:
        UsageError: No such label.
    """
    label = label_named(study, name)
    classes = question_classes(name)
    has = study.cohort.labelling.members(study.cohort.table["label"].tolist(), study.cohort.classes)[:, label]
    table = study.cohort.table.assign(label=[classes[one] for one in has])
    cohort: Cohort = replace(study.cohort, classes=classes, table=table, labels=SINGLE.name)
    slug = slug_of(label, name)
    runs = tuple(_asked(run, label, name, classes, slug) for run in study.runs)
    return replace(study, cohort=cohort, runs=runs, label=name, label_folder=slug)


def questions(study: StudyFiles, name: str = "") -> tuple[StudyFiles, ...]:
    """What is diagnosed: the study itself where images have one class, else every label, or the one that is named.

    Raises:
        UsageError: No such label.
    """
    if name:
        return (of_label(study, name),)
    if study.cohort.labelling is SINGLE:
        return (study,)
    return tuple(of_label(study, label) for label in study.cohort.classes)


def metric_of_question(study: StudyFiles) -> MetricName:
    """By what a diagnosis is made unless asked otherwise: of one of several labels not by accuracy.

    Most images lack a label, so that never answering it would be the most accurate; and a threshold by Youden's index
    is that of the best balanced accuracy.
    """
    return "balanced-accuracy" if study.label else "accuracy"


def slug_of(label: int, name: str) -> str:
    """Name of a folder for a label, whatever signs its own name has: `3-mass`."""
    return f"{label}-" + "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:40]


def _asked(run: RunFiles, label: int, name: str, classes: Sequence[str], slug: str) -> RunFiles:
    """A run with its answers to one label."""
    predictions = {part: side.question(label) for part, side in run.labelled.items()}
    threshold = run.record.thresholds[label]
    cuts = cuts_of(run.labelled["val"].logits[:, label])
    some = np.unique(np.linspace(0, max(len(cuts) - 1, 0), min(CANDIDATES, len(cuts))).astype(int))
    candidates = np.unique(np.append(cuts[some], threshold))
    learned = run.record.learning
    learning: Learning = replace(learned, chosen=("threshold",), tried=())
    return replace(
        run,
        folder=run.folder / "labels" / slug,
        record=replace(run.record, classes=tuple(classes), learning=learning),
        predictions=predictions,
        history=run.history[[column for column in LOSSES if column in run.history]],
        val_epochs=pd.DataFrame(columns=["id", "epoch", "predicted"]),
        labelled={},
        question=LabelQuestion(name, label, threshold, tuple(map(float, candidates))),
    )
