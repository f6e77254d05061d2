"""Reading what a run with several labels an image answered, checked against the study's images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.errors import InputError, Problem
from heldout.records import PARTS, Cohort, Split
from heldout.records.label_predictions import LABEL, LabelPredictions, columns_of, from_table
from heldout.records.logit_table import logits_in
from heldout.records.run import REDO


def label_predictions(
    path: Path, frame: pd.DataFrame, cohort: Cohort, split: Split, thresholds: tuple[float, ...]
) -> dict[str, LabelPredictions]:
    """Part -> its answers, rows in the order of the split.

    Args:
        path: The file, for messages.
        frame: Its rows, with `columns_of(k)`; the ids of each part are those of the split.
        cohort: The study's images, with their labels.
        split: Their parts.
        thresholds: As the run's record has them.

    Raises:
        InputError: Labels that are not those of the cohort, logits that are no numbers, thresholds that are not one a
            label; all at once.
    """
    order = [id_ for part in PARTS for id_ in split.part(part)]
    frame = frame.set_index("id").loc[order].reset_index()
    k = len(cohort.classes)
    problems = []
    if len(thresholds) != k:
        found = f"{len(thresholds)} thresholds in run.json"
        problems.append(Problem(str(path.with_name("run.json")), found, f"{k}, one a label", REDO))
    texts = cohort.table.set_index("id")["label"].loc[order].tolist()
    truth = cohort.labelling.truth(texts, cohort.classes)
    off = (frame[[f"{LABEL}{c}" for c in range(k)]].to_numpy() != truth).any(axis=1)
    if off.any():
        found = f"{int(off.sum())} images whose labels are not those of the cohort, such as {order[int(off.argmax())]}"
        problems.append(Problem(str(path), found, "the labels of cohort.parquet", REDO))
    finite = np.isfinite(logits_in(frame, k)).all(axis=1)
    if not finite.all():
        found = f"{int((~finite).sum())} images whose logits are not finite"
        problems.append(Problem(str(path), found, "numbers: the training diverged", "Lower the learning rate."))
    if problems:
        raise InputError(problems)
    names = ("patient", "site", *cohort.further)
    by_id: Mapping[str, Mapping[str, str]] = {
        name: dict(zip(cohort.table["id"], cohort.table[name], strict=True)) for name in names
    }
    return from_table(frame, thresholds, by_id, cohort.further)


__all__ = ["columns_of", "label_predictions"]
