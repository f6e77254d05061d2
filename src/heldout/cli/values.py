"""Checks of option values that typer does not do in our words."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.errors import UsageError


def choice(option: str, value: str, allowed: Sequence[str]) -> str:
    """The value, if it is one of those allowed.

    Raises:
        UsageError: It is not.
    """
    if value not in allowed:
        raise UsageError(f"{option}: found '{value}'; expected one of {', '.join(allowed)}.")
    return value
