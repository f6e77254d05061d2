"""A noisier or a smoother sensor."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Noise(PropertyStress):
    """Normal noise that is added, the same in all channels, or a light blur that takes grain away."""

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "noise"
    property: ClassVar[str] = "noise"
    less: ClassVar[str] = "smoother"
    more: ClassVar[str] = "noisier"
    place: ClassVar[int] = 4
    lowest: ClassVar[float] = 0.0


STRESS = Noise()
