"""The kept attacks (`benchmarks/fuzz.py`, `attack_*.py`), reduced to what a test run has time for."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
from benchmarks import attack_kills, attack_processes, fuzz
from benchmarks.fuzz import every_kind
from benchmarks.fuzz_doors import DOORS, record_kinds
from benchmarks.fuzz_images import data_kinds, image_kinds
from benchmarks.fuzz_kinds import Kind
from benchmarks.fuzz_studies import STUDY_FILES, made_study
from benchmarks.fuzz_tables import person_kinds

from heldout.errors import InputError
from heldout.runs.ledger import TEST_EVALUATIONS, write_down
from tests.images.decoders.making import MAKERS

ROOT = Path(__file__).parent.parent

CORPUS = Path(__file__).parent / "corpus"


def wrong(base: Path, seed: int, kinds: Sequence[Kind], rounds: int = 1) -> list[tuple[object, ...]]:
    trials = islice(fuzz.trials(seed, base, kinds), len(kinds) * rounds)
    return [(kind.name, way, outcome, words) for _, kind, way, outcome, words in trials if not outcome.islower()]


@pytest.fixture
def without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for copies takes most of the time, and reads no file."""
    monkeypatch.setattr("heldout.data.load.near_copies_of", lambda table, small, verify: None)


@pytest.mark.usefixtures("without_copies")
def test_damaged_files_give_no_traceback_and_no_other_numbers(tmp_path: Path) -> None:
    """One file of each kind, a small study not being judged, which takes most of the time."""
    kinds = (*image_kinds(), *data_kinds(), *person_kinds(), *record_kinds())
    assert [kind.name for kind in kinds] == [kind.name for kind in every_kind()]
    assert wrong(tmp_path, 3, kinds) == []


def test_other_numbers_would_be_noticed(tmp_path: Path) -> None:
    kind = Kind("made", "made", tmp_path.joinpath, "*", lambda folder: ([], {"a": 2.0, "b": math.nan}), sure=True)
    assert fuzz.judge(kind, tmp_path, ([], {"a": 1.0, "b": math.nan}))[0] == "SILENT"
    assert fuzz.judge(kind, tmp_path, ([], {"a": 2.0}))[0] == "SILENT"
    assert fuzz.judge(kind, tmp_path, ([], {"b": math.nan, "a": 2.0}))[0] == "same"
    assert fuzz.judge(replace(kind, sure=False), tmp_path, ([], {"a": 1.0}))[0] == "other data"
    broken = replace(kind, read=lambda folder: {}["x"])
    assert fuzz.judge(broken, tmp_path, ([], {}))[0] == "TRACEBACK"


def test_every_decoder_and_every_file_of_a_study_is_fuzzed(tmp_path: Path) -> None:
    fuzzed = {kind.name for kind in every_kind()}
    assert {f"image: {name}" for name in MAKERS} <= fuzzed
    study = made_study(tmp_path, runs=1, images=8)
    files = {path.relative_to(study) for path in study.rglob("*") if path.is_file()}
    damaged = {path.relative_to(study) for pattern in STUDY_FILES for path in study.glob(pattern)}
    assert {path.as_posix() for path in files - damaged} <= NOT_READ | {"features/0123/checksums.json"}


NOT_READ = {"images/0123456789abcdef/store.json", "features/0123/store.json"}
"""Files that only what makes them reads, which makes them anew unless they are as it would write them."""


@pytest.mark.usefixtures("without_copies")
@pytest.mark.parametrize("door", DOORS)
def test_files_that_a_fuzzer_kept_go_through_their_door(door: str) -> None:
    kept = sorted((CORPUS / door).iterdir())
    assert len(kept) > 20
    for file in kept:
        DOORS[door](file.read_bytes())


def test_a_door_lets_out_what_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, out in (
        (KeyError("x"), True),
        (MemoryError(), True),
        (InputError([]), False),
        (OSError(28, "x"), False),
    ):

        def refuse(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("benchmarks.fuzz_doors.decode", refuse)
        monkeypatch.setattr("benchmarks.fuzz_doors.count_images", lambda path: 1)
        with pytest.raises(type(error)) if out else nullcontext():
            DOORS["images"](b"x")


def test_what_an_attack_could_do_would_be_counted(tmp_path: Path) -> None:
    whole = made_study(tmp_path / "whole", images=8)
    runs = sorted(path.name for path in (whole / "runs").iterdir())

    def counted(damage: Callable[[Path], object]) -> attack_processes.Trial:
        folder = tmp_path / "attacked"
        shutil.copytree(whole, folder)
        damage(folder)
        trial = attack_processes.Trial(0)
        attack_processes.count_wrong(trial, folder, whole, set())
        shutil.rmtree(folder)
        return trial

    def change(folder: Path) -> None:
        file = folder / "runs" / runs[0] / "val_epochs.parquet"
        frame = pd.read_parquet(file)
        frame.assign(epoch=frame["epoch"][::-1].to_numpy()).to_parquet(file, index=False)

    assert counted(lambda folder: None).fine
    assert counted(lambda folder: shutil.rmtree(folder / "runs" / runs[0])).lost == 1
    assert counted(lambda folder: (folder / "runs" / runs[0] / "predictions.parquet").write_bytes(b"")).lost == 2
    entry = {"run": runs[0], "scoring": "another"}
    assert counted(lambda folder: write_down(folder, TEST_EVALUATIONS, entry)).doubled == 1
    assert counted(lambda folder: (folder / TEST_EVALUATIONS).unlink()).doubled == 2
    assert counted(lambda folder: (folder / "runs" / ".x.claim").touch()).litter == 1
    assert counted(change).fine is False


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_more_damaged_files(tmp_path: Path, seed: int) -> None:
    assert wrong(tmp_path, seed, every_kind(), 4) == []


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
