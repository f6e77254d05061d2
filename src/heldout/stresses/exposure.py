"""Lamp and exposure time."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Exposure(PropertyStress):
    """A constant added to all grey levels; what leaves 0 … 255 is cut off."""

    name: ClassVar[str] = "exposure"
    title: ClassVar[str] = "exposure"
    property: ClassVar[str] = "brightness"
    less: ClassVar[str] = "darker"
    more: ClassVar[str] = "brighter"
    place: ClassVar[int] = 3
    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = 255.0


STRESS = Exposure()
