"""Some of the images of each class, drawn by patient, so that a search sees as many of a large sample as of a small."""

from __future__ import annotations

import numpy as np

from heldout.stats.scores import Indices, Reals


def drawn_down(labels: Indices, units: Indices, share: Reals, seed: tuple[int, ...]) -> tuple[Indices, Reals]:
    """A share of the units of each class, whole, and what their images count in place of all.

    Args:
        labels: (n,) class indices.
        units: (n,) unit (patient) of each image; a unit belongs to the class of its first image.
        share: (k,) of each class, above 0 and up to 1; at least one unit of each is drawn.
        seed: Seed of the draw.

    Returns:
        Rows of the images drawn, ascending, (m,), and how many images of its class each stands for, (m,).

    >>> rows, times = drawn_down(np.zeros(8, dtype=np.int64), np.arange(8), np.array([0.25]), (0,))
    >>> len(rows), times.tolist()
    (2, [4.0, 4.0])
    """
    k = len(share)
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    stratum = labels[first]
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(stratum[order], kind="stable")]
    counts = np.bincount(stratum, minlength=k)
    place = np.empty(len(first), dtype=np.int64)  # of each unit among those of its class
    place[order] = np.arange(len(first)) - (np.cumsum(counts) - counts)[stratum[order]]
    wanted = np.maximum(1, np.rint(share * counts))
    rows = np.flatnonzero((place < wanted[stratum])[unit])
    drawn = np.bincount(labels[rows], minlength=k)
    times = np.bincount(labels, minlength=k) / np.maximum(drawn, 1)
    return rows, times[labels[rows]]
