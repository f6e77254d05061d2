"""Tables of predictions as anybody writes them, and a study's own predictions written so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from heldout.records.predictions import Predictions
from heldout.runs.folder import RunFiles, StudyFiles

CLASSES = ("cyst", "naevus", "wart")


def made_table(part: str, n: int = 60, *, strength: float = 2.0, seed: int = 0, model: str = "") -> pd.DataFrame:
    """Probabilities of three classes, three images a patient; the larger the strength the more are right."""
    rng = np.random.default_rng((seed, len(part)))
    labels = np.arange(n) % 3
    z = rng.normal(size=(n, 3))
    z[np.arange(n), labels] += strength
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "id": [f"{part}{i:03d}" for i in range(n)],
            "label": np.array(CLASSES)[labels],
            "patient": [f"{part}-p{i // 3}" for i in range(n)],
            "split": part,
            "device": np.where(np.arange(n) % 2, "old", "new"),
        }
    )
    for k, name in enumerate(CLASSES):
        table[f"prob_{name}"] = p[:, k].round(6)
    return table.assign(model=model) if model else table


def table_of(study: StudyFiles, side: Predictions) -> pd.DataFrame:
    """A part of a run as a table of logits, with the ids and patients of its cohort."""
    table = pd.DataFrame(
        {
            "id": side.ids,
            "label": [study.cohort.classes[k] for k in side.labels],
            "patient": side.patients,
            "split": side.part,
        }
    )
    for k, name in enumerate(study.cohort.classes):
        table[f"logit_{name}"] = side.logits[:, k].astype(np.float32)
    return table


def export(study: StudyFiles, run: RunFiles, file: Path, shuffle: int | None = 0) -> Path:
    """All parts of a run in one CSV, its rows shuffled."""
    table = pd.concat([table_of(study, side) for side in run.predictions.values()], ignore_index=True)
    table = table if shuffle is None else table.sample(frac=1, random_state=shuffle)
    table.to_csv(file, index=False)
    return file
