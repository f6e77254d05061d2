"""The demo, small enough for a test: the path is the whole one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heldout.cli import ExitStatus, demo
from tests.cli.call import call


@pytest.mark.slow
def test_the_demo_ends_with_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "MODELS", ("efficientnet_lite0",))
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "PER_CLASS", 20)
    monkeypatch.setattr(demo, "IMAGE_SIZE", 32)
    answer = call("demo", "--out", tmp_path / "demo", "--json")
    assert answer.status == ExitStatus.OK, answer.err
    found = json.loads(answer.out)
    assert len(found["runs"]) == 2
    assert Path(found["report"]).read_text().startswith("<!doctype html>")
