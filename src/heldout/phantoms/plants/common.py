"""A sub-population that is common in test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.phantoms.plants._subgroup import MixtureOfTest


@dataclass(frozen=True, kw_only=True)
class Common(MixtureOfTest):
    """Makes a sub-population common in test that is rarer in train and validation; class shares stay as they are.

    By default it is, in each class, the third with the lowest spicules in a phantom, and the darkest third of other
    images. A phantom draws further images of the same patients, and test keeps its size; other sets of images take what
    is marked spare, and shrink where that is too little.

    Attributes:
        share: Severity: share of the sub-population in each of the classes, in test, 0 to 1.
        by: Column that tells who belongs: a latent number, `site`, any other of the table, or `brightness`, `contrast`,
            `sharpness`, which are measured on images that do not have them.
        value: The value that members have; empty if the column is a number.
        tail: Which numbers make a member: the `low`est or the `high`est of the training images of its class.
        fraction: Share of the training images of a class whose numbers make them members.
        classes: Classes that have members, by their true label; none for all.
        planted: False leaves test as it is.
    """

    name: ClassVar[str] = "common"
    title: ClassVar[str] = "a sub-population that is common in test"
    cause: ClassVar[str] = "covariate-shift"
    severity: ClassVar[str] = "share"
    levels: ClassVar[tuple[float, float, float]] = (0.5, 0.7, 0.9)
    spare: ClassVar[dict[str, float]] = {"test": 9.0}


PLANT = Common
