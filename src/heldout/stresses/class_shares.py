"""Other shares of the classes: a screening clinic, a referral centre."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.stresses.stress import Reals, SharesStress


class ClassShares(SharesStress):
    """Images of one class count more, and the others less; no image changes.

    An amount is added to the logarithm of a class's share against the others'.
    """

    name: ClassVar[str] = "class-shares"
    title: ClassVar[str] = "shares of the classes"
    unit: ClassVar[str] = "ln share"

    def factors(self, amounts: Reals) -> Reals:
        """eᵃ."""
        result: Reals = np.exp(amounts)
        return result


STRESS = ClassShares()
