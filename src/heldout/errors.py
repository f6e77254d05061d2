"""What can go wrong, said so that a newcomer knows what to do.

Every error of this package is a `HeldoutError`; the command line shows its text and nothing else, and keeps the
traceback for `--traceback`. Bad input is collected first and raised once, as one `InputError` that lists every
problem: a person with forty broken files should learn so in one go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_PROBLEMS = 50
"""How many problems an error prints in full; the rest are counted (`InputError.problems` holds all of them)."""


class HeldoutError(Exception):
    """An error whose text is meant for the person at the keyboard."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input.

    Attributes:
        where: The file, and the row or field in it where that is known: `train/normal.npy row 17`.
        found: What is there.
        expected: What should be there.
        remedy: What the person can do about it.
        source: The file, or the array and row, that `--skip-unreadable` would leave out; empty if leaving a single
            image out does not mend it.
    """

    where: str
    found: str
    expected: str
    remedy: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}; expected {self.expected}. {self.remedy}"


class InputError(HeldoutError):
    """All problems of one input at once.

    Args:
        problems: What is wrong, at least one.
        title: One sentence that says of what the problems are.
    """

    def __init__(self, problems: Iterable[Problem], title: str = "The input cannot be used") -> None:
        self.problems = tuple(problems)
        self.title = title
        shown = [f"  {number}. {problem}" for number, problem in enumerate(self.problems[:SHOWN_PROBLEMS], start=1)]
        more = len(self.problems) - len(shown)
        if more > 0:
            shown.append(f"  … and {more} more")
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{title} ({count}):", *shown]))


class ArrayError(InputError, ValueError):
    """All problems of arrays that were handed over in Python: a ValueError too, as callers of such functions expect."""


class UsageError(HeldoutError):
    """The call itself is off: an unknown name, a setting that does not exist (exit code 2)."""
