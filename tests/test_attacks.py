"""The kept attacks (`benchmarks/fuzz.py`, `attack_*.py`), reduced to what a test run has time for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import attack_kills, attack_processes, fuzz

ROOT = Path(__file__).parent.parent

QUICK = 60
"""Damaged files of the default tests; each kind that is read comes twice."""


def wrong(base: Path, seed: int, files: int) -> list[tuple[object, ...]]:
    found = []
    for number, kind, way, outcome, words in fuzz.trials(seed, base):
        if not outcome.islower():
            found.append((kind.name, way, outcome, words))
        if number + 1 == files:
            return found
    return found


def test_damaged_files_give_no_traceback_and_no_other_numbers(tmp_path: Path) -> None:
    assert len(fuzz.KINDS) * 2 <= QUICK
    assert wrong(tmp_path, 3, QUICK) == []


def test_other_numbers_would_be_noticed(tmp_path: Path) -> None:
    kind = fuzz.Kind("made", lambda folder: folder, lambda folder: ([], {"a": 2.0}))
    assert fuzz.judge(kind, tmp_path, ([], {"a": 1.0}))[0] == "SILENT"
    assert fuzz.judge(kind, tmp_path, ([], {"a": 2.0}))[0] == "same"
    broken = fuzz.Kind("made", lambda folder: folder, lambda folder: {}["x"])
    assert fuzz.judge(broken, tmp_path, ([], {}))[0] == "TRACEBACK"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_more_damaged_files(tmp_path: Path, seed: int) -> None:
    assert wrong(tmp_path, seed, 300) == []


def attacked(script: str | None, *words: object) -> str:
    """The sums of a script, run in a process of its own: forks of this one would carry its threads' locks."""
    command = [sys.executable, str(script), *map(str, words)]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200, env=surroundings)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.slow
def test_processes_that_are_stopped_and_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    assert "4 trials, 4 of them fine" in attacked(attack_processes.__file__, "--trials", 4, "--out", tmp_path)


@pytest.mark.slow
def test_commands_that_are_killed_end_as_if_they_were_not(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    said = attacked(attack_kills.__file__, "--kills", 12, "--out", tmp_path).splitlines()[-1]
    kills, trials, fine = (int(word) for word in said.replace(",", "").split() if word.isdigit())
    assert kills >= 12 and trials == fine, said
