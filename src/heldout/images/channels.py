"""Channels: which of an image's go to a network that was trained on three, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from heldout.errors import UsageError

FORMS = ("select:NAMES_OR_NUMBERS (1 or 3 of them, from 0)", "project", "adapt")

RGB = ("red", "green", "blue")
"""Names of the channels of a colour image."""


@dataclass(frozen=True)
class Choice:
    """How channels are chosen.

    Attributes:
        kind: `select` keeps 1 or 3 of them; `project` mixes all into 3 by `projection`; `adapt` leaves all, and the
            first layer of the network is adapted to them.
        wanted: Names or numbers, for `select`.
    """

    kind: Literal["select", "project", "adapt"]
    wanted: tuple[str, ...] = ()

    def numbers(self, k: int, names: Sequence[str]) -> tuple[int, ...]:
        """Numbers of the channels that are selected, from 0; empty where none are.

        Args:
            k: How many there are.
            names: What they are called, where that is known.

        Raises:
            UsageError: A name or number that is not there.
        """
        known = {name.casefold(): number for number, name in enumerate(names)}
        found = [known.get(word.casefold(), int(word) if word.isdecimal() else k) for word in self.wanted]
        if any(number >= k for number in found):
            called = f" ({', '.join(names)})" if names else ""
            raise UsageError(
                f"Found --channels select:{','.join(self.wanted)}; expected numbers from 0 to {k - 1}{called}."
            )
        return tuple(found)


def parse_channels(text: str) -> Choice:
    """`select:2,0,1` -> `Choice('select', ('2', '0', '1'))`.

    Raises:
        UsageError: It is no choice.
    """
    kind, colon, rest = text.strip().partition(":")
    wanted = tuple(word.strip() for word in rest.split(",") if word.strip())
    if kind == "select" and len(wanted) in (1, 3):
        return Choice("select", wanted)
    if kind in ("project", "adapt") and not colon:
        return Choice("project" if kind == "project" else "adapt")
    raise UsageError(f"Found the channels '{text}'; expected {', '.join(FORMS)}.")


def projection(k: int) -> npt.NDArray[np.float32]:
    """Weights (k, 3) of k channels in red, green and blue: their axis is cut into three equal pieces.

    Every colour is a mean, so that values stay in 0 … 1, and every channel has the same weight over all. It is fixed: a
    principal component would depend on the training images, have a sign by chance and values below 0, which no
    photograph has. Three channels stay as they are.

    >>> projection(2).round(2).tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]
    """
    edges = np.arange(4) * k / 3
    place = np.arange(k)[:, None]
    overlap = np.minimum(place + 1, edges[1:]) - np.maximum(place, edges[:-1])
    result: npt.NDArray[np.float32] = (np.maximum(overlap, 0) * 3 / k).astype(np.float32)
    return result


def projected(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(…, k) -> (…, 3) float32 by `projection`."""
    result: npt.NDArray[np.float32] = pixels.astype(np.float32) @ projection(pixels.shape[-1])
    return result
