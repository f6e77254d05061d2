"""A test set of hard images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from heldout.phantoms.plant import Floats
from heldout.phantoms.plants._subgroup import MixtureOfTest


@dataclass(frozen=True, kw_only=True)
class Hard(MixtureOfTest):
    """Makes hard images common in test; class shares stay as they are.

    In a phantom hard cells are those whose class even the best reader of the latent stage would doubt:
    P(echinocyte | stage) near one half. Other images need a column `difficulty`, for example one minus the
    cross-validated probability of the right class. Such images are in train and validation too, only rarer.

    Attributes:
        share: Severity: share of hard images in each of the classes, in test, 0 to 1.
        by: Column of difficulty. By default `difficulty`, or in a phantom the posterior.
        value: The value that hard images have; empty if the column is a number.
        tail: Which numbers make an image hard: the `high`est or the `low`est of the training images of its class.
        fraction: Share of the training images of a class that count as hard.
        classes: Classes that have hard images, by their true label; none for all.
        planted: False leaves test as it is.
    """

    name: ClassVar[str] = "hard"
    title: ClassVar[str] = "a test set of hard images"
    cause: ClassVar[str] = "difficulty"
    severity: ClassVar[str] = "share"
    levels: ClassVar[tuple[float, float, float]] = (0.5, 0.7, 0.9)
    spare: ClassVar[dict[str, float]] = {"test": 9.0}

    tail: Literal["low", "high"] = "high"

    def column(self, table: pd.DataFrame) -> str:
        """The given column, `difficulty`, or what a phantom knows."""
        return self.by or ("posterior" if "difficulty" not in table and "posterior" in table else "difficulty")

    def numbers(self, table: pd.DataFrame) -> Floats:
        """Difficulty; of a posterior p it is 1 − |2p − 1|, whatever the label: 1 where both classes are as likely."""
        numbers = super().numbers(table)
        return 1 - np.abs(2 * numbers - 1) if self.column(table) == "posterior" else numbers


PLANT = Hard
