"""What a split must not tear apart: the images of one patient, and exact copies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.connected import connected
from heldout.records.labelling import SINGLE, Labelling

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """Images in indivisible units.

    Attributes:
        of_image: (n,) unit of every image, 0 … u−1.
        counts: (u, k) images of each class in each unit; of several labels, of each stratum (`Labelling.strata`).
    """

    of_image: Ints
    counts: Ints


def units_of(table: pd.DataFrame, classes: tuple[str, ...], by_patient: bool, labelling: Labelling = SINGLE) -> Units:
    """Join images that share a patient (if asked) or their content, and whatever these joins connect.

    Args:
        table: Rows of `Cohort.table`, n of them.
        classes: Class names in the order of their indices.
        by_patient: Whether images with the same patient, where one is named, belong together.
        labelling: How the images are labelled; of several labels each is counted, and so is having none.
    """
    n = len(table)
    links = [_links(table["content"].to_numpy(dtype=str))]
    if by_patient:
        links.append(_links(table["patient"].to_numpy(dtype=str), empty=""))
    first, second = np.concatenate(links, axis=1)
    of_image = connected(first, second, n)
    strata = labelling.strata(table["label"].tolist(), classes)
    counts = np.zeros((int(of_image.max(initial=-1)) + 1, strata.shape[1]), dtype=np.int64)
    np.add.at(counts, of_image, strata)
    return Units(of_image, counts)


def _links(keys: npt.NDArray[np.str_], empty: str | None = None) -> Ints:
    """(2, m) pairs of rows with equal keys, a chain through each group; rows with the key `empty` stay alone."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    if empty is not None:
        same &= ordered[1:] != empty
    return np.stack([order[:-1][same], order[1:][same]]).astype(np.int64)


def lottery(ids: npt.NDArray[np.str_], units: Units, seed: int, purpose: str) -> Ints:
    """A random order of the units that does not depend on the order of rows.

    Every unit draws a number: SHA-256 of seed, purpose and its smallest id. An image that is added or removed leaves
    the numbers of all other units as they are.

    Args:
        ids: (n,) ids of the images.
        units: Their units, u of them.
        seed: Seed of the draw.
        purpose: What is drawn, so that two draws with one seed are independent.

    Returns:
        (u,) units in the order of their numbers.
    """
    smallest: dict[int, str] = {}
    for id_, unit in zip(ids.tolist(), units.of_image.tolist(), strict=True):
        if unit not in smallest or id_ < smallest[unit]:
            smallest[unit] = id_
    numbers = [
        hashlib.sha256(f"{seed}:{purpose}:{smallest[unit]}".encode()).hexdigest() for unit in range(len(units.counts))
    ]
    return np.asarray(sorted(range(len(numbers)), key=numbers.__getitem__), dtype=np.int64)
