"""Whether two studies came out alike, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from safetensors.numpy import load_file

from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries


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
        assert {path.name for path in run.folder.iterdir()} == {path.name for path in twin.iterdir()}
        assert run.record.test_evaluations == 1
    counted = [entry["run"] for entry in entries(study, TEST_EVALUATIONS)]
    assert sorted(counted) == sorted(run.record.id for run in ours.runs)
    assert not [path for path in (study / "runs").iterdir() if path.name.startswith(".")]
