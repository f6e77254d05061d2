"""The outside world of the command line, as one object that a test can replace."""

from __future__ import annotations

import codecs
import io
import json
import sys
from contextlib import suppress
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
        ascii_only = not speaks_unicode(self.stdout)
        print(shown_json(json.dumps(value, indent=2, ensure_ascii=ascii_only, allow_nan=False)), file=self.stdout)

    def say(self, text: str) -> None:
        """Print a line of the answer."""
        print(shown(text), file=self.stdout)

    def error(self, text: str) -> None:
        """Print to standard error; where that is closed or full, the exit status has to do."""
        with suppress(OSError, ValueError):
            print(shown(text), file=self.stderr, flush=True)


PLAIN = {
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "×": "x",
    "·": "*",
    "’": "'",
    "“": '"',
    "”": '"',
    "≥": ">=",
    "≤": "<=",
}
"""What terminals that know ASCII only are given for our signs."""


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream takes any character; a stream in memory, which has no encoding, does."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name.startswith("utf")


def speak_plainly(stream: TextIO | None) -> None:
    """Have a terminal that knows few characters show others as near as it can; no character is an error."""
    if isinstance(stream, io.TextIOWrapper) and not speaks_unicode(stream):
        stream.reconfigure(errors="heldout.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """`−` as `-`; other letters by their number in hexadecimal, so that no two names become alike."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    drawn = ("-" if "\u2500" <= letter <= "\u257f" else "#" for letter in letters)  # rules and bars of tables
    shown = (
        PLAIN.get(letter) or (frame if "\u2500" <= letter <= "\u259f" else ascii(letter)[1:-1])
        for letter, frame in zip(letters, drawn, strict=True)
    )
    return "".join(shown), error.end


codecs.register_error("heldout.plain", _plain)


def environment(context: typer.Context) -> Environment:
    """The environment of the running command."""
    env = context.find_object(Environment)
    assert env is not None
    return env
