"""Reading what a run with one class an image answered, checked against the study's images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.errors import InputError, Problem
from heldout.records import Cohort
from heldout.records.logit_table import logits_in
from heldout.records.predictions import Predictions, from_table
from heldout.records.run import REDO
from heldout.ties import SAME_SCORE


def class_predictions(path: Path, frame: pd.DataFrame, cohort: Cohort, order: list[str]) -> dict[str, Predictions]:
    """Part -> its answers, rows in the order of the split.

    Args:
        path: The file, for messages.
        frame: Its rows, with `records.predictions.columns_of(k)`; the ids of each part are those of the split.
        cohort: The study's images, with their classes.
        order: Ids in the order of the split, part after part.

    Raises:
        InputError: Labels that are not those of the cohort, logits that are no numbers, answers that are not those of
            the logits; all at once.
    """
    problems = []
    frame = frame.set_index("id").loc[order].reset_index()
    index = {name: k for k, name in enumerate(cohort.classes)}
    images = cohort.table.set_index("id")
    truth = images["label"].map(index).loc[order].to_numpy()
    off = frame["label"].to_numpy() != truth
    if off.any():
        found = f"{int(off.sum())} labels that are not those of the cohort, such as that of {frame['id'][off.argmax()]}"
        problems.append(Problem(str(path), found, "the labels of cohort.parquet", REDO))
    values = logits_in(frame)
    if not np.isfinite(values).all():
        found = f"{int((~np.isfinite(values)).any(axis=1).sum())} images whose logits are not finite"
        problems.append(Problem(str(path), found, "numbers: the training diverged", "Lower the learning rate."))
    elif not frame["predicted"].isin(range(len(index))).all():
        problems.append(Problem(str(path), "predicted classes out of range", f"0 … {len(index) - 1}", REDO))
    elif (wrong := _not_largest(values, frame["predicted"].to_numpy(dtype=np.int64))).any():
        found = f"{int(wrong.sum())} predicted classes that are not those of the logits"
        problems.append(Problem(str(path), found, "the class with the largest logit", REDO))
    if problems:
        raise InputError(problems)
    names = ("patient", "site", *cohort.further)
    texts = {name: dict(zip(cohort.table["id"], cohort.table[name], strict=True)) for name in names}
    further = {name: texts[name] for name in cohort.further}
    return from_table(frame, texts["patient"], texts["site"], further)


def _not_largest(logits: NDArray[np.float64], predicted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) rows whose predicted class has not the largest logit, up to rounding."""
    chosen = np.take_along_axis(logits, predicted[:, None], axis=1)[:, 0]
    wrong: NDArray[np.bool_] = logits.max(axis=1) - chosen > SAME_SCORE * np.abs(logits).max(axis=1)
    return wrong
