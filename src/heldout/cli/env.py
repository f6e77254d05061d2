"""The outside world of the command line, as one object that a test can replace."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import typer

from heldout.shown import shown, shown_json

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Environment:
    """Where the command line writes.

    Attributes:
        stdout: Answers: tables, JSON.
        stderr: Everything that is no answer: progress, notes, errors.
    """

    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def console(self, stderr: bool = False) -> Console:
        """A rich console on standard output, or on standard error for progress."""
        from heldout.cli.console import PlainConsole

        stream = self.stderr if stderr else self.stdout
        # Without a terminal there is no width to fit: tables go to files and pipes whole.
        width = None if stream.isatty() else 200
        return PlainConsole(stream, width)

    def json(self, value: Any) -> None:
        """Print one JSON value as the whole answer."""
        print(shown_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)), file=self.stdout)

    def say(self, text: str) -> None:
        """Print a line of the answer."""
        print(shown(text), file=self.stdout)

    def error(self, text: str) -> None:
        """Print to standard error."""
        print(shown(text), file=self.stderr)


def environment(context: typer.Context) -> Environment:
    """The environment of the running command."""
    env = context.find_object(Environment)
    assert env is not None
    return env
