from __future__ import annotations

import io
import json
import webbrowser
from pathlib import Path

import pytest

from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from tests.worlds.made_study import RUNS, make_study


def call(*args: str) -> tuple[ExitStatus, str, str]:
    env = Environment(io.StringIO(), io.StringIO())
    status = main(["report", *args], env)
    assert isinstance(env.stdout, io.StringIO) and isinstance(env.stderr, io.StringIO)
    return status, env.stdout.getvalue(), env.stderr.getvalue()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("cli") / "study", runs=RUNS[:2])


def test_it_says_where_the_report_is(study: Path) -> None:
    status, out, _ = call(str(study))
    assert status == ExitStatus.OK
    assert str(study / "report.html") in out
    assert (study / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_json_and_out(study: Path, tmp_path: Path) -> None:
    status, out, _ = call(str(study), "--out", str(tmp_path / "r.html"), "--json")
    answer = json.loads(out)
    assert status == ExitStatus.OK
    assert answer == {"report": str(tmp_path / "r.html"), "bytes": (tmp_path / "r.html").stat().st_size}


def test_open_asks_the_browser(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(asked.append(url)))
    status, _, err = call(str(study), "--open")
    assert status == ExitStatus.OK
    assert asked == [(study / "report.html").as_uri()]
    assert "by hand" in err  # the made browser did not answer


def test_what_is_no_study_ends_with_an_error(tmp_path: Path) -> None:
    status, out, err = call(str(tmp_path / "nowhere"))
    assert status == ExitStatus.ERROR
    assert out == "" and "study" in err
