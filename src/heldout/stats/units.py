"""Who is drawn: the patients of some images, and the stratum that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Indices


@dataclass(frozen=True)
class Units:
    """The units of some images: a patient with all their images, or an image without a patient.

    Attributes:
        unit: Index of the unit that each image belongs to, shape (n,), 0 … u − 1.
        stratum: Stratum of each unit, shape (u,).
        named: Whether each unit is a patient, shape (u,).
    """

    unit: Indices
    stratum: Indices
    named: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: Indices, ids: Sequence[str], patients: Sequence[str]) -> Units:
        """The units in the order of their names, which is not the order of the rows.

        A patient with images of several classes is one unit; it belongs to the stratum of its most frequent class (of
        equals, the first).

        Args:
            labels: Class of each image, shape (n,).
            ids: Name of each image.
            patients: Patient of each image; an image with an empty name is a unit of its own.

        Raises:
            ValueError: No image, or lengths that differ.
        """
        if not len(labels) or not len(labels) == len(ids) == len(patients):
            counts = f"{len(labels)}, {len(ids)}, {len(patients)}"
            raise ValueError(f"expected as many labels, ids and patients, found {counts}")
        names = [
            f"patient {patient}" if patient else f"image {id_}" for id_, patient in zip(ids, patients, strict=True)
        ]
        known, unit = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
        units, k = len(known), int(labels.max()) + 1
        mix = np.bincount(unit * k + labels, minlength=units * k).reshape(units, k)  # images of each class a unit has
        named = np.zeros(units, dtype=bool)
        named[unit] = [bool(patient) for patient in patients]
        return cls(unit.astype(np.int64), mix.argmax(axis=1).astype(np.int64), named)

    def __len__(self) -> int:
        return len(self.stratum)

    @cached_property
    def patients(self) -> int:
        """Number of named patients; 0 when no patient is known and every image is a unit."""
        return int(self.named.sum())

    @cached_property
    def spare(self) -> int:
        """Degrees of freedom of their spread within strata: the number of units minus that of strata."""
        return len(self) - len(np.unique(self.stratum))

    @property
    def what(self) -> str:
        """In words: `57 patients`, `400 images`, `50 patients and 7 images without one`."""
        if not self.patients:
            return f"{len(self)} images"
        rest = len(self) - self.patients
        return f"{self.patients} patients" + (f" and {rest} images without one" if rest else "")

    def members(self, rows: Indices | NDArray[np.bool_]) -> Indices:
        """Indices of the units that have one of these images, ascending."""
        found: Indices = np.unique(self.unit[rows])
        return found

    def take(self, rows: Indices | NDArray[np.bool_]) -> Units:
        """The units of some of the images."""
        kept, unit = np.unique(self.unit[rows], return_inverse=True)
        return Units(unit.astype(np.int64), self.stratum[kept], self.named[kept])
