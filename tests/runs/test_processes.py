"""Several real processes on one study: they share its runs, train nothing twice and lose nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries
from heldout.study import Study
from tests.worlds.bright_cells import bright_cells

pytestmark = pytest.mark.slow

COMMAND = """
import sys
import heldout.cli, heldout.runs.execute
print("ready", flush=True)
sys.stdin.readline()
sys.exit(int(heldout.cli.main(sys.argv[1:])))
"""
"""`heldout …`, begun when told so: what takes longest, importing, is over by then."""

LONGEST = 240
"""Seconds after which a process that should have ended has not."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


@contextmanager
def heldout(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A process that begins when it is told to."""
    command = [sys.executable, "-c", COMMAND, *map(str, words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def begin(*processes: subprocess.Popen[str]) -> None:
    """Once all are ready."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def words(data: Path, out: Path, strategies: str, epochs: int, seeds: int) -> list[object]:
    given = ["--models", "efficientnet_lite0", "--strategies", strategies, "--epochs", epochs, "--seeds", seeds]
    return ["run", data, *given, "--image-size", 32, "--out", out, "--json"]


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hidden(folder: Path) -> list[Path]:
    """Claims, and what is half done."""
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_two_at_once_share_the_runs(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    command = words(data, out, "frozen,finetune", epochs=3, seeds=2)
    with heldout(*command) as one, heldout(*command) as two:
        begin(one, two)
        answers = [process.communicate(timeout=LONGEST) for process in (one, two)]
        assert (one.returncode, two.returncode) == (0, 0), answers
    evaluated = Counter(entry["run"] for entry in entries(out, TEST_EVALUATIONS))
    files = read_study(out)
    assert evaluated == Counter(files.plan.runs) and len(evaluated) == 4
    comparisons = [json.loads(told) for told, _ in answers]
    assert comparisons[0] == comparisons[1] and len(comparisons[0]["runs"]) == 4
    trained = [said.count(", training.") for _, said in answers]
    assert sum(trained) == 4 and min(trained) > 0, trained
    assert not hidden(out)
    assert len(list((out / "plans").iterdir())) == 1
    assert len(list((out / "images").iterdir())) == 3  # each part once


def test_what_a_killed_process_was_at_another_goes_on_with(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    command = words(data, out, "finetune", epochs=8, seeds=1)
    with heldout(*command) as one, heldout(*command) as two:
        begin(one)
        until(lambda: any(out.glob("runs/.*.partial/checkpoint.safetensors")))
        begin(two)
        one.send_signal(signal.SIGKILL)
        one.communicate(timeout=LONGEST)
        _, said = two.communicate(timeout=LONGEST)
        assert (one.returncode, two.returncode) == (-signal.SIGKILL, 0), said
    assert "Going on from epoch" in said
    (run,) = read_study(out).runs
    assert len(entries(out, TEST_EVALUATIONS)) == 1 == run.record.test_evaluations
    assert not hidden(out)
    alone = Study(data, ["efficientnet_lite0"], ["finetune"], tmp_path / "alone", epochs=8, image_size=32).run()
    for name in ("predictions.parquet", "val_epochs.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(run.folder / name), pd.read_parquet(alone.folder / "runs" / run.record.id / name)
        )


def test_a_search_is_made_once_and_plans_of_both_are_kept(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    out = tmp_path / "study"
    with (
        heldout(*words(data, out, "frozen", epochs=2, seeds=1), "--tune", 3) as one,
        heldout(*words(data, out, "frozen,probe", epochs=2, seeds=1), "--tune", 3) as two,
    ):
        begin(one, two)
        answers = [process.communicate(timeout=LONGEST) for process in (one, two)]
        assert (one.returncode, two.returncode) == (0, 0), answers
    assert sum(said.count("Search 2: ") for _, said in answers) == 1
    (file,) = (out / "tuning").glob("*frozen*.json")
    assert len(json.loads(file.read_text())["trials"]) == 3
    assert len(pd.read_parquet(file.with_suffix(".parquet"))["variant"].unique()) == 3
    files = read_study(out)
    assert sorted(files.plan.strategies) == ["frozen", "probe"] and len(list((out / "plans").iterdir())) == 2
    assert not files.missing and len(files.runs) == len(entries(out, TEST_EVALUATIONS)) == 2
