"""What a search for settings left beside a study, whole and damaged: its answers, or a word that they are not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.read import read_run_data
from heldout.progress import Silent
from heldout.records.codec import write_sealed
from heldout.records.table_file import save_table
from heldout.records.tuning import Trial, Tuning
from heldout.runs.folder import read_study
from tests.worlds.made_study import RUNS, make_study


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """A study of two runs, for the first of which two settings were tried."""
    make_study(tmp_path, runs=RUNS[:2], n_train=20, n_val=20, n_test=20, epochs=2)
    run = next(run for run in read_study(tmp_path).runs if run.record.strategy == "finetune")
    trials = tuple(Trial({"lr": lr}, accuracy, 0.3, 1.0) for lr, accuracy in ((1e-3, 0.95), (0.5, 0.6)))
    write_sealed(tmp_path / "tuning" / "a.json", Tuning(run.record.backbone, "finetune", 0, trials))
    val = run.predictions["val"]
    table = pd.DataFrame({"id": list(val.ids), "split": "val"})
    table = table.assign(**{f"logit_{k}": val.logits[:, k].astype(np.float32) for k in range(2)})
    answers = pd.concat([table.assign(variant=str(number)) for number in range(2)], ignore_index=True)
    save_table(answers, tmp_path / "tuning" / "a.parquet")
    return tmp_path


def judged(study: Path) -> tuple[dict[str, set[str]], list[str]]:
    """Strategy -> what was chosen by search, and what was told but for images that are not there."""
    told = Told()
    found = read_run_data(read_study(study), bootstrap=100, reporter=told)
    return {run.strategy: set(run.choices) for run in found}, [text for text in told.notes if "quality" not in text]


def test_the_answers_of_a_search_go_to_the_run_that_has_its_settings(searched: Path) -> None:
    assert judged(searched) == ({"finetune": {"settings"}, "frozen": set()}, [])


@pytest.mark.parametrize("name", ["a.json", "a.parquet"])
@pytest.mark.parametrize("damage", ["changed", "cut", "folder"])
def test_a_damaged_search_is_said_once_and_the_runs_are_judged_without_it(
    searched: Path, name: str, damage: str
) -> None:
    file = searched / "tuning" / name
    content = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        at = content.index(b"0.95") if name == "a.json" else len(content) // 3
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    choices, notes = judged(searched)
    assert choices == {"finetune": set(), "frozen": set()}
    (note,) = notes
    assert name in note and "damaged" in note
