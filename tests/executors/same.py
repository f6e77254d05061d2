"""Whether two studies came out alike, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from safetensors.numpy import load_file

from heldout.files import read_json
from heldout.runs.folder import read_study
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, TEST_EVALUATIONS, entries


def assert_same(study: Path, other: Path) -> None:
    """Every run of one is in the other, with equal weights, answers and curves, its test images scored once."""
    ours, theirs = read_study(study), read_study(other)
    assert not ours.missing and not ours.remarks
    assert [run.record.id for run in ours.runs] == [run.record.id for run in theirs.runs]
    for run in ours.runs:
        twin = other / "runs" / run.record.id
        for table in run.folder.glob("*.parquet"):
            pd.testing.assert_frame_equal(pd.read_parquet(table), pd.read_parquet(twin / table.name))
        if (run.folder / "model.safetensors").exists():
            weights, others = (load_file(place / "model.safetensors") for place in (run.folder, twin))
            assert weights.keys() == others.keys()
            assert all(weights[name].tobytes() == others[name].tobytes() for name in weights)
        assert names(run.folder) == names(twin)
    scored = [run for run in ours.runs if "test" in run.predictions]  # the network of a fold scores none
    assert all(run.record.test_evaluations == int("test" in run.predictions) for run in ours.runs)
    counted = [entry["run"] for entry in entries(study, TEST_EVALUATIONS)]
    assert sorted(counted) == sorted(run.record.id for run in scored)
    assert not [path for path in (study / "runs").iterdir() if path.name.startswith(".")]


def names(run: Path) -> set[str]:
    """Files of a run; what a diagnosis left beside them is not asked for."""
    return {path.name for path in run.iterdir()} - {"experiments"}


def assert_same_experiments(study: Path, other: Path) -> None:
    """Every intervention left equal tables, and the same test images were counted."""
    found = sorted(path.relative_to(study) for path in study.glob("runs/*/experiments/*"))
    assert found == sorted(path.relative_to(other) for path in other.glob("runs/*/experiments/*"))
    for name in found:
        if name.suffix == ".parquet":
            pd.testing.assert_frame_equal(pd.read_parquet(study / name), pd.read_parquet(other / name))
        else:
            ours, theirs = (read_json(place / name) for place in (study, other))
            passed = {"seconds", "hash", "checksum"}
            kept = [{key: value for key, value in one.items() if key not in passed} for one in (ours, theirs)]
            assert kept[0] == kept[1], name
    counted = [
        sorted((entry["run"], entry["experiment"]) for entry in entries(place, DIAGNOSIS_EVALUATIONS))
        for place in (study, other)
    ]
    assert counted[0] == counted[1]
