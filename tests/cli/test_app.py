"""The funnel: help, version, exit codes, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

import heldout
from heldout.cli import ExitStatus, _app
from heldout.cli._app import commands
from heldout.errors import HeldoutError
from tests.cli.call import call

NAMES = [name for name in commands.names() if not isinstance(commands.get(name), typer.Typer)]


def test_the_promised_commands_are_there() -> None:
    promised = {"models", "inspect", "run", "compare", "report", "predict", "demo", "phantom", "strategies", "weights"}
    assert promised <= set(commands.names())


@pytest.mark.parametrize("name", NAMES)
def test_every_command_helps_and_speaks_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(name, "--help").status == ExitStatus.OK
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert commands.get(name).__doc__


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version").status == ExitStatus.OK
    assert capsys.readouterr().out.strip() == f"heldout {heldout.__version__}"


@pytest.mark.parametrize("words", [["nonsense"], ["compare"], ["compare", "a", "--nonsense"], ["run", "x"]])
def test_a_call_that_is_off_is_a_usage_error(words: list[str]) -> None:
    answer = call(*words)
    assert answer.status == ExitStatus.USAGE
    assert "--help" in answer.err
    assert "Traceback" not in answer.err


def test_a_foreseen_error_is_its_text_and_nothing_else() -> None:
    answer = call("compare", "no/such/study")
    assert answer.status == ExitStatus.ERROR
    assert "no/such/study" in answer.err
    assert "Traceback" not in answer.err
    assert not answer.out
    assert "Traceback" in call("--traceback", "compare", "no/such/study").err


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (HeldoutError("known"), ExitStatus.ERROR),
        (RuntimeError("unknown"), ExitStatus.ERROR),
        (KeyboardInterrupt(), ExitStatus.INTERRUPTED),
    ],
)
def test_exit_codes(raised: BaseException, status: ExitStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> typer.Typer:
        raise raised

    monkeypatch.setattr(_app, "build", build)
    answer = call("compare", "x")
    assert answer.status == status
    assert answer.err
    assert "Traceback" not in answer.err


def test_a_pipe_that_closes_early_is_no_error() -> None:
    words = f"{sys.executable} -c 'from heldout.cli import entry; entry()' strategies --json | head -1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
