"""What a plant is: one cause of a drop in accuracy, put into a set of images on purpose, so that the truth is known.

A set of images is its pixels and a table with a row an image. Most of what a plant does it does to the table: which
images are in which part, what their labels say, and with what dose it acts on each image. Pixels come last, image by
image, so that they are a function of the row and two sets can be paired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.world import SPLITS

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ID, LABEL, TRUE_LABEL, PATIENT, SPLIT = "id", "label", "true_label", "patient", "split"
COPY_OF, SPARE, DOSE = "copy_of", "spare", "plant_"


@dataclass(frozen=True)
class Lots:
    """Random numbers that belong to an image, not to its place in a table.

    A plant that takes 20 % of the images takes those with the smallest lots. So it takes nearly the same ones whatever
    other plants have added or removed, and sets with and without them stay paired.

    Attributes:
        seed: Of the planting.
        key: Of the plant: its name, with a number behind it if it is there twice.
    """

    seed: int
    key: str

    def of(self, ids: Iterable[str]) -> Floats:
        """One number in [0, 1) an id, (n,)."""
        return np.array([self._digits(name) / 2**64 for name in ids], dtype=np.float64)

    def stream(self, name: str) -> np.random.Generator:
        """The random stream of one image."""
        return np.random.Generator(np.random.PCG64(self._digits(name)))

    def _digits(self, name: str) -> int:
        text = f"{self.seed}/{self.key}/{name}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


@dataclass(frozen=True, kw_only=True)
class Plant:
    """Base of all plants: a frozen dataclass in a file of its own, whose fields are its settings.

    No method changes what it is given. A column `spare` marks images that stand ready but are not in the set: a plant
    may take them in, and puts there what it takes out without need. `true_label` is the class an image really has.

    Attributes:
        planted: False makes the twin: the same training images, but validation and test as they would be without the
            cause. One trained model can be scored on both, and the difference is what the plant costs.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    cause: ClassVar[str]
    """Code of the cause that a diagnosis should name."""
    severity: ClassVar[str]
    """Name of the setting that says how strong it is."""
    levels: ClassVar[tuple[float, float, float]]
    """Three severities, mild to strong."""
    spare: ClassVar[Mapping[str, float]] = {}
    """Images that should stand ready, part of the split -> multiple of its images; a phantom draws so many more."""

    planted: bool = True

    def wants(self, table: pd.DataFrame) -> tuple[str, ...]:
        """Columns that it looks at, beyond id, label, patient and split."""
        return ()

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Choose, copy, move or relabel images, or dose their pixels.

        Args:
            table: One row an image: `id`, `label`, `true_label`, `patient`, `split`, `copy_of`, `spare`, more.
            lots: Its randomness.
            dose: Name of the column in which it says how strongly it touches each image, 0 for not at all.

        Returns:
            Another table.

        Raises:
            UsageError: The plant cannot be put into this set of images.
        """
        return table

    def on_latents(self, table: pd.DataFrame, doses: Floats) -> pd.DataFrame | None:
        """The same in a simulated microscope: change latent numbers before the image is made.

        Returns:
            Another table, or None if no law of the simulator stands for it; then `on_image` is used.
        """
        return None

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """Touch one image.

        Args:
            image: (h, w) or (h, w, channels) uint8.
            dose: Above 0.
            chance: Stream of this image; equal for its copies.

        Returns:
            Another image of the same shape.
        """
        return image


@dataclass(frozen=True, kw_only=True)
class PixelPlant(Plant):
    """Base of plants that lower the quality of the images of some parts and classes.

    Attributes:
        classes: Classes to touch, by their true label; none for all (a marginal change).
        parts: Parts of the split to touch.
    """

    classes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("test",)

    def __post_init__(self) -> None:
        check_parts(self.parts)

    @property
    def dose(self) -> float:
        """What stands in the column of doses: the severity, unless overridden; 0 leaves the images as they are."""
        return float(getattr(self, self.severity))

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Give the dose to the images of the chosen classes and parts."""
        touched = in_parts(table, self.parts, self.planted) & of_classes(table, self.classes, self.name)
        return table.assign(**{dose: np.where(touched, self.dose, 0.0)})


def check_parts(parts: tuple[str, ...]) -> None:
    """Refuse what is no part of a split.

    Raises:
        ValueError: Something else than train, val, test, or nothing.
    """
    if not parts or not set(parts) <= set(SPLITS):
        raise ValueError(f"expected parts among {', '.join(SPLITS)}; found {', '.join(parts) or 'none'}")


def in_parts(table: pd.DataFrame, parts: tuple[str, ...], planted: bool) -> Flags:
    """Rows of some parts, (n,) bool; of these only train if it is for the twin, which is trained on the same images."""
    return table[SPLIT].isin([part for part in parts if planted or part == "train"]).to_numpy(dtype=bool)


def of_classes(table: pd.DataFrame, classes: tuple[str, ...], owner: str) -> Flags:
    """Rows whose true label is one of these, (n,) bool; all rows if none is named.

    Raises:
        UsageError: A class that no image has.
    """
    known = classes_of(table)
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise UsageError(
            f"Plant {owner}: found the class {', '.join(unknown)}; expected one of {', '.join(known)}. Correct it."
        )
    return table[TRUE_LABEL].isin(classes or known).to_numpy(dtype=bool)


def the_class(table: pd.DataFrame, name: str, owner: str) -> str:
    """That class, or the last in alphabetical order if none is named.

    Raises:
        UsageError: No image has it.
    """
    of_classes(table, (name,) if name else (), owner)
    return name or classes_of(table)[-1]


def classes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """All true labels, in alphabetical order."""
    return tuple(sorted(set(table[TRUE_LABEL])))
