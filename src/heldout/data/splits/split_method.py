"""What a way of drawing a split is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from heldout.records import Cohort, Split


@dataclass(frozen=True)
class Draw:
    """What is asked of a draw.

    Attributes:
        val_fraction: Share of the images that are not test which validation is to get, where none is given.
        test_fraction: Share of all images which test is to get, where no split is given at all.
        seed: Seed of the draw.
    """

    val_fraction: float
    test_fraction: float
    seed: int


class SplitMethod(ABC):
    """Base of all ways. A subclass lives in a file of its own, and one instance of it is bound to `SPLIT`.

    The class docstring is its manual entry.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def suits(self, cohort: Cohort) -> bool:
        """Whether this is the way for a cohort when none is asked for; at most one way suits."""

    @abstractmethod
    def draw(self, cohort: Cohort, draw: Draw) -> Split:
        """Draw the split.

        Raises:
            InputError: A class is too small; every such class is listed.
        """
