"""A study that may only be read: commands with nothing to write answer, others say what they would write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from heldout.cli import ExitStatus
from tests.cli.call import call
from tests.person import read_only
from tests.worlds.bright_cells import bright_cells
from tests.worlds.made_study import RUNS, make_study

DIAGNOSE = ("--no-experiments", "--bootstrap", 100)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study", runs=RUNS[:2], n_train=40, n_val=30, n_test=20, epochs=3)


def test_what_is_only_read_is_answered(study: Path, tmp_path: Path) -> None:
    first = call("diagnose", study, *DIAGNOSE)
    assert first.status is ExitStatus.OK, first.err
    before = contents(study)
    with read_only(study):
        for words in (
            ("compare", study),
            ("compare", study, "--csv", tmp_path / "runs.csv"),
            ("report", study, "--out", tmp_path / "page.html"),
            ("diagnose", study, *DIAGNOSE),
        ):
            answer = call(*words)
            assert answer.status is ExitStatus.OK, answer.err
    assert contents(study) == before


@pytest.mark.parametrize(
    ("words", "written"),
    [(("report",), "report.html"), (("diagnose", *DIAGNOSE), "diagnosis")],
    ids=lambda item: item[0],
)
def test_what_has_to_be_written_is_named(study: Path, words: tuple[object, ...], written: str) -> None:
    with read_only(study):
        answer = call(words[0], study, *words[1:])
    assert answer.status is ExitStatus.ERROR
    last = answer.err.strip().splitlines()[-1]
    assert last.startswith(f"{study}{os.sep}{written}") and "no right" in last and ".heldout-" not in answer.err


def test_a_run_with_nothing_to_do_and_predictions_are_answered(tmp_path: Path) -> None:
    data, study = bright_cells(tmp_path / "data"), tmp_path / "study"
    words = ("run", data, "--models", "efficientnet_lite0", "--strategies", "probe", "--image-size", 32, "--out", study)
    assert call(*words).status is ExitStatus.OK
    before = contents(study)
    (run,) = (study / "runs").iterdir()
    image = tmp_path / "image.png"
    Image.new("L", (32, 32), 90).save(image)
    with read_only(study):
        for again in (words, ("predict", run, image)):
            answer = call(*again)
            assert answer.status is ExitStatus.OK, answer.err
        more = call(*words, "--seeds", 2)
    assert contents(study) == before
    assert more.status is ExitStatus.ERROR and f"{study}{os.sep}plans" in more.err and "cannot be written" in more.err
