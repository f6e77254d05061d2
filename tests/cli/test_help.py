"""The help of every command at 80 columns: no option's name is cut, and many options stand in groups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup

from heldout.cli import ExitStatus
from heldout.cli.app import build
from tests.cli.call import call

MANY = 6
"""Options up to which one group is enough."""


def leaves(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield words, command


COMMANDS = dict(leaves(typer.main.get_command(build())))


def options_of(words: tuple[str, ...]) -> list[object]:
    return [one for one in COMMANDS[words].params if one.param_type_name == "option"]  # type: ignore[attr-defined]


def shown(words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The help as a terminal of 80 columns has it."""
    monkeypatch.setenv("COLUMNS", "80")
    assert call(*words, "--help").status == ExitStatus.OK
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    return text


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_stands_whole(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(words, capsys, monkeypatch)
    found = set(text.replace("│", " ").replace(",", " ").replace("/", " ").split())
    names = [name for one in options_of(words) for name in (*one.opts, *one.secondary_opts)]  # type: ignore[attr-defined]
    assert [name for name in names if name not in found] == []


@pytest.mark.parametrize("words", [words for words in COMMANDS if len(options_of(words)) > MANY], ids=" ".join)
def test_many_options_stand_in_groups(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    panels = {one.rich_help_panel for one in options_of(words)}  # type: ignore[attr-defined]
    assert None not in panels and {"Data", "Output"} <= panels
    text = shown(words, capsys, monkeypatch)
    assert all(f"─ {panel} ─" in text for panel in panels)


def test_some_commands_have_many_options() -> None:
    assert ("run",) in COMMANDS and len(options_of(("run",))) > 15
