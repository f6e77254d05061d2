"""The demo: what was planted is found, and what mends it mends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heldout import demonstration
from heldout.cli import ExitStatus
from heldout.demonstration import Scene, demonstrate
from heldout.phantoms import Counts
from heldout.progress import Silent
from tests.cli.call import call

TINY = Scene(Counts(40, 30, 30, 20, 15, 15), size=32, epochs=1)


@pytest.mark.slow
def test_the_demo_ends_with_what_is_true_and_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "Scene", lambda: TINY)
    answer = call("demo", "--out", tmp_path / "demo", "--json")
    assert answer.status == ExitStatus.OK, answer.err
    found = json.loads(answer.out)
    assert len(found["comparison"]["runs"]) == 2 and found["cause"] == "image-quality"
    assert Path(found["report"]).read_text().startswith("<!doctype html>")
    again = call("demo", "--out", tmp_path / "demo")  # goes on, and trains nothing again
    assert again.status == ExitStatus.OK and "training." not in again.err
    shown = " ".join(again.out.split())
    assert "JPEG of quality 12" in shown and "What was found, and what is true" in shown


@pytest.mark.slow
def test_what_was_planted_is_found_first_and_its_remedy_mends_it(tmp_path: Path) -> None:
    """The promise of the demo, at its full size: a cause of 8 to 15 points, named surely, its points right."""
    found = demonstrate(tmp_path, Silent())
    assert 8 < found.cost.value < 15 and found.cost.low > 4
    first = next(finding for finding in found.diagnosis.findings if finding.verdict in ("established", "suggested"))
    assert (first.code, first.verdict) == (found.cause, "established")
    assert first.points is not None and first.points.low < found.cost.value < first.points.high
    assert found.remedied.low > 3 and first.images


def test_another_studys_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text("{}")
    answer = call("demo", "--out", tmp_path)
    assert answer.status == ExitStatus.USAGE and "Found another study" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]
