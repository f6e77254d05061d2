"""Images out of focus."""

from __future__ import annotations

from typing import ClassVar

from heldout.stresses.stress import PropertyStress


class Defocus(PropertyStress):
    """A Gaussian blur, as wide as it takes to lower an image's measured sharpness; nothing is sharpened.

    Detail of the finished picture is blurred, and its grain with it.
    """

    name: ClassVar[str] = "defocus"
    title: ClassVar[str] = "focus"
    property: ClassVar[str] = "sharpness"
    less: ClassVar[str] = "blurrier"
    more: ClassVar[str] = ""
    place: ClassVar[int] = 1


STRESS = Defocus()
