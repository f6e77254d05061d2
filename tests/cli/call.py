"""The command line called in-process, its output caught."""

from __future__ import annotations

import io
from dataclasses import dataclass

from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment


@dataclass(frozen=True)
class Answer:
    status: ExitStatus
    out: str
    err: str


def call(*words: object) -> Answer:
    """`heldout WORDS…` -> exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    status = main([str(word) for word in words], Environment(out, err))
    return Answer(status, out.getvalue(), err.getvalue())
