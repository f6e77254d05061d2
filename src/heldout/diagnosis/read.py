"""A run's evidence from the study's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.relatives import Pair, crossing_ids, leaked_ids
from heldout.diagnosis.run_data import SEARCHED, RunData
from heldout.diagnosis.variants import KEYS, VariantLogits
from heldout.errors import InputError, Problem
from heldout.records.codec import read_record
from heldout.records.predictions import Predictions
from heldout.records.tuning import Tuning
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.stats.bootstrap import REPLICATES

CHOSEN = {"wise": "the blend of weights", "knn": "the number of neighbours"}
"""Strategy -> what it chooses on validation."""


def read_run_data(
    study: StudyFiles,
    run: RunFiles,
    *,
    quality: pd.DataFrame | None = None,
    near_copies: Iterable[Pair] = (),
    review: pd.DataFrame | None = None,
    experiments: bool = True,
    bootstrap: int = REPLICATES,
    seed: int = 0,
) -> RunData:
    """Everything the causes may judge a run from.

    Args:
        study: The study.
        run: One of its runs.
        quality: Properties of the images (`tables.quality_table`).
        near_copies: Pairs of ids that show nearly the same picture.
        review: As `read_review` gives it.
        experiments: Whether to use what experiments left behind.
        bootstrap: Replicates B.
        seed: Their seed.
    """
    pairs = tuple(near_copies)
    own = _of_run(study, run, bootstrap, seed)
    scored, absent = _experiments(run) if experiments else ({}, {})
    table = study.cohort.table.set_index("id")
    siblings = tuple(_of_run(study, other, bootstrap, seed) for other in study.runs if other.record.id != run.record.id)
    choices, chosen = _choices(study, run)
    return replace(
        own,
        choices=choices,
        chosen=chosen,
        quality=quality,
        features=_features(study, run) if experiments else {},
        scored=scored,
        absent=absent,
        leaked=leaked_ids(study, pairs),
        crossing=crossing_ids(study, pairs),
        grouped=study.split.grouped,
        review=review,
        places={str(id_): str(source) for id_, source in zip(table.index, table["source"], strict=True)},
        sites={str(id_): str(site) for id_, site in zip(table.index, table["site"], strict=True)},
        siblings=siblings,
        notes=(*study.cohort.notes, *run.record.notes),
    )


def _of_run(study: StudyFiles, run: RunFiles, bootstrap: int, seed: int) -> RunData:
    """What the run's own files say."""
    keep = run.recipe.settings.get("keep", "last")
    keeps: Literal["last", "best"] = "best" if keep == "best" else "last"
    return RunData(
        run=run.record.id,
        model=run.record.backbone,
        strategy=run.record.strategy,
        seed=run.record.seed,
        classes=run.record.classes,
        train=_side(study, run, "train"),
        val=_side(study, run, "val"),
        test=_side(study, run, "test"),
        keeps=keeps,
        history=run.history,
        val_epochs=_val_epochs(run, len(study.split.val)),
        bootstrap=bootstrap,
        bootstrap_seed=seed,
    )


def _side(study: StudyFiles, run: RunFiles, part: str) -> Predictions | None:
    ids = study.split.part(part)
    if not ids:
        return None
    labels = run.part(part)["label"].to_numpy(dtype=np.int64)
    return Predictions(part, ids, labels, run.logits(part), tuple(study.patients(part)))


def _val_epochs(run: RunFiles, n: int) -> NDArray[np.int64] | None:
    """(e, n) predicted classes; rows of the table are ordered by epoch, then as the split's validation ids."""
    values = run.val_epochs["predicted"].to_numpy(dtype=np.int64)
    return values.reshape(-1, n) if n and len(values) else None


def _choices(study: StudyFiles, run: RunFiles) -> tuple[VariantLogits | None, str]:
    """What a strategy chose among on validation, or else what the search for its settings did, and in words what."""
    own = run.folder / "choices.parquet"
    if own.is_file():
        return VariantLogits(pd.read_parquet(own)), CHOSEN.get(run.record.strategy, "what did best on validation")
    for file in sorted((study.folder / "tuning").glob("*.json")):
        search = read_record(Tuning, file)
        same = (search.backbone, search.strategy) == (run.record.backbone, run.record.strategy)
        answers = file.with_suffix(".parquet")
        if same and len(search.trials) > 1 and answers.is_file():
            best = search.best.settings
            if all(run.recipe.settings.get(name) == value for name, value in best.items()):
                kept = pd.read_parquet(answers)
                if kept["variant"].nunique() == len(search.trials):
                    return VariantLogits(kept), SEARCHED
    return None, ""


def _experiments(run: RunFiles) -> tuple[Mapping[str, VariantLogits], Mapping[str, str]]:
    """Name -> logits, and name -> why there are none."""
    scored: dict[str, VariantLogits] = {}
    absent: dict[str, str] = {}
    for file in sorted((run.folder / "experiments").glob("*.json")):
        about = json.loads(file.read_text(encoding="utf-8"))
        table = file.with_suffix(".parquet")
        if about.get("absent"):
            absent[file.stem] = str(about["absent"]).removeprefix("because ")
        elif table.is_file():
            frame = pd.read_parquet(table)
            if len(frame) and set(KEYS) <= set(frame.columns):
                scored[file.stem] = VariantLogits(frame)
    return scored, absent


def _features(study: StudyFiles, run: RunFiles) -> dict[str, NDArray[np.float32]]:
    """Features of the pretrained network, memory-mapped, where the experiment `features` made them."""
    pointer = run.folder / "experiments" / "features.json"
    if not pointer.is_file():
        return {}
    about = json.loads(pointer.read_text(encoding="utf-8"))
    found: dict[str, NDArray[np.float32]] = {}
    for part in ("train", "val", "test"):
        place = about.get(part)
        if place and (study.folder / place).is_file():
            array = np.load(study.folder / place, mmap_mode="r")
            if len(array) == len(study.split.part(part)):
                found[part] = array
    return found


def read_review(path: Path, study: StudyFiles, sample: Mapping[str, float]) -> pd.DataFrame:
    """A file of reviewed labels: columns `id` and `label`, one or more readers.

    Args:
        path: CSV with the columns `id`, `label` (the class that the image truly shows) and, with several readers,
            `reader`. An image on which readers differ keeps its given label.
        study: Cohort and split.
        sample: Id -> probability with which it was to be reviewed; an image that is not in it counts for itself only.

    Raises:
        InputError: Columns missing, ids that are not in test, labels that are no class; all problems at once.
    """
    try:
        frame = pd.read_csv(path, dtype=str).fillna("")
    except (OSError, ValueError) as error:
        raise InputError([Problem(str(path), str(error)[:120], "a CSV with id, label", "Check the path.")]) from error
    problems = [
        Problem(str(path), f"no column '{name}'", "columns id, label", "Name the columns in the first line.")
        for name in ("id", "label")
        if name not in frame.columns
    ]
    if problems:
        raise InputError(problems, title="The review cannot be used")
    frame = frame[frame["label"] != ""]
    known, classes = set(study.split.test), set(study.cohort.classes)
    for row, (id_, label) in enumerate(zip(frame["id"], frame["label"], strict=True), start=2):
        if id_ not in known:
            problems.append(Problem(f"{path} line {row}", f"id {id_}", "an id of the test part", "Copy it anew."))
        if label not in classes:
            expected = f"one of {', '.join(sorted(classes))}"
            problems.append(Problem(f"{path} line {row}", f"label '{label}'", expected, "Correct it."))
    if problems:
        raise InputError(problems, title="The review cannot be used")
    given = study.cohort.table.set_index("id")["label"]
    rows = []
    for id_, group in frame.groupby("id", sort=False):
        agreed = group["label"].nunique() == 1
        label = group["label"].iloc[0] if agreed else given[id_]
        rows.append({"id": id_, "label": label, "probability": float(sample.get(str(id_), 1.0))})
    return pd.DataFrame(rows, columns=["id", "label", "probability"])
