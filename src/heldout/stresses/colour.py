"""Stain and colour: stronger or weaker."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Colour(PropertyStress):
    """Distances from grey scaled: more or less stain, another camera's saturation."""

    name: ClassVar[str] = "colour"
    title: ClassVar[str] = "strength of colour"
    property: ClassVar[str] = "colour"
    less: ClassVar[str] = "greyer"
    more: ClassVar[str] = "more colourful"
    place: ClassVar[int] = 2
    colour: ClassVar[bool] = True
    lowest: ClassVar[float] = 0.0


STRESS = Colour()
