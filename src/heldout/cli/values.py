"""Checks of option values that typer does not do in our words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from heldout.errors import UsageError

T = TypeVar("T")


def choice(option: str, value: str, allowed: Sequence[T]) -> T:
    """The one of those allowed that the value names.

    Raises:
        UsageError: It is not.
    """
    for one in allowed:
        if one == value:
            return one
    raise UsageError(f"{option}: found '{value}'; expected one of {', '.join(map(str, allowed))}.")
