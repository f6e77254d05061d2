"""What a killed process left goes; what a live one or a person has stays."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from heldout.claims import Claims, Owner
from heldout.files import temporary_of, whole, whole_folder
from heldout.processes import is_left_behind, mark
from heldout.runs.tidy import tidy


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> str:
    """The mark of a process that has ended: its number is another's now, which began later."""
    where, pid, _, drawn = mark().removeprefix("heldout-").split("-")
    return f"heldout-{where}-{pid}-1-{drawn}"


def test_temporary_files_and_claims_of_the_dead_go_and_nothing_else(tmp_path: Path, dead: str) -> None:
    runs = tmp_path / "runs"
    (runs / "a" / "experiments").mkdir(parents=True)
    (runs / ".b.token.partial").mkdir()
    (runs / f".c.{dead}").mkdir()
    (runs / f".c.{dead}" / "half.npy").touch()
    stays = [
        temporary_of(tmp_path / "study.json"),
        tmp_path / ".hidden",
        tmp_path / ".study.0123abcd.json",
        runs / "a" / "experiments" / f"notes.{dead}.txt",
    ]
    goes = [tmp_path / f".study.{dead}.json", runs / "a" / "experiments" / f".blur.{dead}.parquet"]
    for path in (*stays, *goes):
        path.touch()
    gone = dataclasses.replace(Owner.this(), born="1")
    (tmp_path / "runs" / ".d.claim").write_text(json.dumps(dataclasses.asdict(gone)))
    held = Claims().take(runs / ".e.claim")
    assert held is not None
    tidy(tmp_path)
    assert all(path.exists() for path in stays) and not any(path.exists() for path in goes)
    assert sorted(path.name for path in runs.iterdir()) == [".b.token.partial", ".e.claim", "a"]
    assert held.is_held
    tidy(tmp_path / "nowhere")


def test_whoever_writes_there_next_sweeps_too(tmp_path: Path, dead: str) -> None:
    (tmp_path / f".report.{dead}.html").touch()
    (tmp_path / f".cells.{dead}").mkdir()
    with whole(tmp_path / "report.html") as file:
        file.touch()
    with whole_folder(tmp_path / "cells"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells", "report.html"]


def test_files_of_another_machine_are_left_for_a_day(tmp_path: Path) -> None:
    other = tmp_path / ".a.heldout-00000000-1-1-00000000.json"
    other.touch()
    assert not is_left_behind(other)
    os.utime(other, (0, 0))
    assert is_left_behind(other)
    assert not is_left_behind(tmp_path / "a.heldout-00000000-1-1-00000000.json")
