"""How the values of a cohort's pixels are distributed, part by part and class by class, on a sample of its images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.images import close_arrays, decode, quietly
from heldout.images.intensity import USUAL
from heldout.progress import Reporter
from heldout.records import Cohort

SAMPLED = 48
"""Images of a group that are read again at most, evenly spread."""

BINS = 48
"""Bars of a histogram: as many as a terminal shows on a line beside a name."""


@dataclass(frozen=True)
class Histogram:
    """Values of the pixels of some images.

    Attributes:
        images: How many were read.
        low: Lower end of the first bin.
        high: Upper end of the last one.
        shares: (BINS,) share of the pixels in each bin, all of one width.
        usual: The values at the percentiles that are clipped as a rule.
    """

    images: int
    low: float
    high: float
    shares: tuple[float, ...]
    usual: tuple[float, float]


def sampled_rows(rows: Sequence[int], most: int = SAMPLED) -> list[int]:
    """At most so many of some rows, evenly spread."""
    if len(rows) <= most:
        return list(rows)
    return [rows[place] for place in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def histograms(
    cohort: Cohort, groups: dict[str, Sequence[int]], ends: tuple[float, float], reporter: Reporter
) -> dict[str, Histogram]:
    """A histogram a group, all with the same bins.

    Args:
        cohort: The images.
        groups: Name -> rows of the cohort's table.
        ends: Smallest and largest value of all.
        reporter: Told of every image that is read.
    """
    found = {}
    chosen = {name: sampled_rows(rows) for name, rows in groups.items() if len(rows)}
    reporter.begin("Histogram", sum(map(len, chosen.values())))
    low, high = ends if ends[0] < ends[1] else (ends[0], ends[0] + 1)
    for name, rows in chosen.items():
        found[name] = _histogram(_read(cohort, rows, reporter), low, high)
    reporter.end()
    close_arrays()
    return found


def _read(cohort: Cohort, rows: Sequence[int], reporter: Reporter) -> Iterable[npt.NDArray[Any]]:
    with quietly():
        for row in rows:
            place: pd.Series = cohort.table.iloc[row]
            yield decode(Path(cohort.root) / place["source"], place["member"], int(place["row"])).pixels
            reporter.step()


def _histogram(images: Iterable[npt.NDArray[Any]], low: float, high: float) -> Histogram:
    fine = np.zeros(BINS * 256, dtype=np.int64)  # finer than shown, for the percentiles
    number = 0
    for pixels in images:
        number += 1
        fine += np.histogram(pixels, bins=len(fine), range=(low, high))[0]
    coarse = fine.reshape(BINS, -1).sum(axis=1)
    total = max(int(fine.sum()), 1)
    places = np.searchsorted(np.cumsum(fine), [q / 100 * total for q in USUAL])
    first, last = (float(low + (high - low) * (place + 0.5) / len(fine)) for place in places)
    return Histogram(number, low, high, tuple(map(float, coarse / total)), (first, last))
