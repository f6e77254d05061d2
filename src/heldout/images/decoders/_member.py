"""What the column `array` of a manifest says of a file of several parts: `level 2`, `series 1 level 0`, `scene 3`."""

from __future__ import annotations

from collections.abc import Sequence


def numbers_of(member: str, words: Sequence[str]) -> dict[str, int] | None:
    """Word -> number, for the words that are there; None if anything else is."""
    parts = member.lower().replace(",", " ").split()
    named, numbers = parts[::2], parts[1::2]
    if len(named) != len(numbers) or not all(number.isdecimal() for number in numbers) or set(named) - set(words):
        return None
    return {word: int(number) for word, number in zip(named, numbers, strict=True)}
