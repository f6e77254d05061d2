"""The funnel: help, version, exit codes, and errors that say what to do."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import typer
from rich.console import Console

import heldout
from heldout.cli import ExitStatus
from heldout.cli.app import commands
from heldout.cli.progress import Bars
from heldout.errors import HeldoutError
from heldout.progress import Epoch
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

    monkeypatch.setattr("heldout.cli.app.build", build)
    answer = call("compare", "x")
    assert answer.status == status
    assert answer.err
    assert "Traceback" not in answer.err


def test_ctrl_c_inside_a_command_says_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def train() -> None:
        raise KeyboardInterrupt

    @app.command()
    def other() -> None: ...

    monkeypatch.setattr("heldout.cli.app.build", lambda: app)
    answer = call("train")
    assert answer.status == ExitStatus.INTERRUPTED
    assert "goes on from there" in answer.err


def test_a_run_that_goes_on_counts_its_epochs_from_the_first_sitting() -> None:
    stream = io.StringIO()
    bars = Bars(Console(file=stream, width=120))
    bars.begin("finetune", 2)
    for number in (4, 5):
        bars.step(Epoch(number, "finetune", 1.0, 0.1, 0.5, 0.8, 0.6, 0.7))
    bars.end()
    assert "epoch 4 of 5" in stream.getvalue()
    assert "epoch 5 of 5" in stream.getvalue()


def test_a_pipe_that_closes_early_is_no_error() -> None:
    words = f"{sys.executable} -c 'from heldout.cli import entry; entry()' strategies --json | head -1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
