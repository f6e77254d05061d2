"""Tables and records that a person brings: predictions, costs, reviews, how a model takes its images."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
from tests.worlds.given_tables import made_table
from tests.worlds.made_study import RUNS, make_study

from benchmarks.fuzz_kinds import Found, Kind
from heldout.diagnosis.read import read_review
from heldout.files import write_json
from heldout.given.preprocessing import read_preprocessing
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.given.tables import read_given
from heldout.runs.folder import read_study
from heldout.runs.judging import judging_of


def _given(ending: str, folder: Path) -> None:
    table = pd.concat([made_table("val"), made_table("test", seed=1)], ignore_index=True)
    file = folder / f"table{ending}"
    table.to_csv(file, index=False) if ending == ".csv" else table.to_parquet(file, index=False)


def _read_given(folder: Path) -> Found:
    (file,) = folder.iterdir()
    tables = read_given([Source(file, "", file.name)], Reading(answers="probabilities"))
    logits = {(run.name, part): values.tolist() for run in tables.runs for part, values in run.logits.items()}
    return list(tables.notes), (tables.classes, tables.images.to_csv(), logits)


def _costs(folder: Path) -> None:
    pd.DataFrame({"class": ["normal", "sick"], "cost": [1, 5], "share": [0.9, 0.1]}).to_csv(
        folder / "costs.csv", index=False
    )


def _read_costs(folder: Path) -> Found:
    return [], asdict(judging_of(("normal", "sick"), f"cost:{folder / 'costs.csv'}").metric)


def _preprocessing(folder: Path) -> None:
    said = {
        "size": 24,
        "channels": "grey",
        "scale": 255.0,
        "mean": [0.5],
        "std": [0.25],
        "layout": "nchw",
        "output": "logits",
    }
    write_json(folder / "preprocessing.json", said)


def _read_preprocessing(folder: Path) -> Found:
    return [], asdict(read_preprocessing(folder / "preprocessing.json"))


def _review(folder: Path) -> None:
    study = read_study(make_study(folder / "study", runs=RUNS[:1], n_train=24, n_val=24, n_test=24, epochs=2))
    rows = [{"id": id_, "label": study.cohort.classes[0], "reader": "r"} for id_ in study.split.test[:9]]
    pd.DataFrame(rows).to_csv(folder / "review.csv", index=False)


def _read_review(folder: Path) -> Found:
    return [], read_review(folder / "review.csv", read_study(folder / "study"), {}).to_csv()


def person_kinds() -> list[Kind]:
    """Tables of predictions, costs, reviews, and how a given model takes its images."""
    return [
        Kind("predictions.csv", "predictions.csv", partial(_given, ".csv"), "table.csv", _read_given),
        Kind("predictions.parquet", "given.parquet", partial(_given, ".parquet"), "table.parquet", _read_given),
        Kind("costs.csv", "costs.csv", _costs, "costs.csv", _read_costs),
        Kind("preprocessing.json", "preprocessing.json", _preprocessing, "*.json", _read_preprocessing),
        Kind("review.csv", "review.csv", _review, "review.csv", _read_review),
    ]
