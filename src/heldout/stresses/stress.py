"""What a stress is: one way in which images of another site may differ, made in images that are at hand.

An amount is signed, in the unit of the stress. For a measured property that is one standard deviation of the study's
own images of a class, so that what was measured between two laboratories means something for X-rays as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from heldout.images import quality
from heldout.images.levels import Bytes, carried, eight_bit
from heldout.images.mapping import change_property

Pixels = NDArray[Any]
"""(n, s, s, c) uint8; or float16 in 0 … 1, where the files hold more than 8 bits."""
Reals = NDArray[np.float64]

SD = "SD of a class"
"""Unit of measured properties."""


@dataclass(frozen=True)
class Ground:
    """What a change goes by beside the images.

    Attributes:
        values: (n,) what `Stress.measure` says of each image before any change; empty where it measures nothing.
        spread: Standard deviation of that within a class, over the study's own validation images.
        seed: Seed of everything that is drawn.
    """

    values: Reals
    spread: float
    seed: int = 0


class AnyStress:
    """What stresses of images and of shares have in common.

    Attributes:
        name: Name on the shelf.
        title: What differs, for a table.
        unit: What an amount of 1 is.
        sizes: Amounts that stand for near, middling and far sites where no pair of sites was measured (`sites`); such a
            stress is told, and has no part in the forecast.
        source: Where they come from.
        version: Raised whenever the same images would come out otherwise.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = SD
    sizes: ClassVar[tuple[float, float, float]] = (0.5, 1.0, 2.0)
    source: ClassVar[str] = ""
    version: ClassVar[int] = 1


class Stress(AnyStress, ABC):
    """One change of optics, acquisition or sampling. A subclass, in a file of its own, is bound to `STRESS`.

    The class docstring says what is done and why so.

    Attributes:
        less: What images of a negative amount are; empty where none can be made without inventing detail.
        more: What images of a positive amount are, likewise.
        place: Several changes are made in this order: lens (1), sensor (2 to 4), file (5), what stands in the picture.
        colour: Whether it needs images in colour.
    """

    less: ClassVar[str] = ""
    more: ClassVar[str] = ""
    place: ClassVar[int] = 9
    colour: ClassVar[bool] = False

    def measure(self, images: Pixels) -> Reals | None:
        """(n,) the property that differs between sites, of each image; None where the stress measures none."""
        return None

    @abstractmethod
    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Images of another site.

        Args:
            images: (n, s, s, c); not changed.
            amounts: (n,) how much each is changed, and to which side; 0 leaves an image as other changes left it.
            ground: What it goes by.

        Returns:
            The same shape and type.
        """


class SharesStress(AnyStress, ABC):
    """The same for what is no change of images: other shares of the classes. Bound to `STRESS` as well."""

    @abstractmethod
    def factors(self, amounts: Reals) -> Reals:
        """What an image of each class counts, from amounts of (…, k) classes; the same shape."""


class PropertyStress(Stress):
    """Base of changes of one measured property, which are those of `images.mapping`.

    Attributes:
        property: Name of the property.
    """

    property: ClassVar[str]
    lowest: ClassVar[float] = -np.inf
    highest: ClassVar[float] = np.inf

    def measure(self, images: Pixels) -> Reals:
        """The property of each image."""
        return quality.measured(images, self.property)

    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Each image at its own value, and so many standard deviations more."""
        targets = np.clip(ground.values + amounts * ground.spread, self.lowest, self.highest)
        return change_property(images, self.property, targets, ground.seed)


def in_bytes_of(images: Pixels, change: Callable[[Bytes], Bytes]) -> Pixels:
    """A change that is made in 8 bits, of images of any depth.

    Args:
        images: (n, s, s, c).
        change: (n, s, s, 1 or 3) uint8 -> the same.
    """
    before = eight_bit(images)
    after = change(before)
    if images.dtype == np.uint8 and images.shape == before.shape:
        return after
    return carried(images, before, after)
