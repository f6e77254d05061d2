"""A logistic regression with one strength of regularisation."""

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies import Phase, Strategy


@dataclass(frozen=True)
class Fixed(Strategy):
    """A linear head on fixed features, nothing chosen on validation.

    What it does: logistic regression at a strength that is given beforehand.

    When to try it: where validation is too small to choose by.

    Source: none, an example.

    Attributes:
        strength: Inverse regularisation C.
    """

    name: ClassVar[str] = "fixed"
    title: ClassVar[str] = "logistic regression of a given strength"

    strength: float = 0.1

    def phases(self):
        """One phase that solves the head."""
        return (Phase("fixed", "head", 1, solver="logistic", tried=(self.strength,)),)


STRATEGY = Fixed
