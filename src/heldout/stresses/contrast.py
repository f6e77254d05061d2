"""Stray light, another tube voltage, another curve of the film."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Contrast(PropertyStress):
    """Grey levels scaled about the mean of the image; what leaves 0 … 255 is cut off."""

    name: ClassVar[str] = "contrast"
    title: ClassVar[str] = "contrast"
    property: ClassVar[str] = "contrast"
    less: ClassVar[str] = "flatter"
    more: ClassVar[str] = "richer in contrast"
    place: ClassVar[int] = 2
    lowest: ClassVar[float] = 0.0


STRESS = Contrast()
