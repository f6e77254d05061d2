"""A file that was compressed harder."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Jpeg(PropertyStress):
    """JPEG and back, at the quality whose blocks show as much as they should."""

    name: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "compression"
    property: ClassVar[str] = "blockiness"
    less: ClassVar[str] = ""
    more: ClassVar[str] = "blockier"
    place: ClassVar[int] = 5


STRESS = Jpeg()
