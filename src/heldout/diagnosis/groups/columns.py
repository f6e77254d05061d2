"""Groups of images by the texts of one column: numbers in bins, texts by value, what is missing as a group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from heldout.diagnosis.rules import Rules
from heldout.records.predictions import Predictions
from heldout.stats.scores import Indices, Reals

NOT_GIVEN = "not given"
MISSING = {"", "nan", "na", "n/a", "none", "null", "unknown", "not given", "not known", "missing", "?", "-"}
"""Texts, in lower case, that say that nothing is known."""

DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")


@dataclass(frozen=True)
class Grouping:
    """The groups of one column.

    Attributes:
        column: Its name.
        names: Name of each group, `age 40-59`, `sex male`, `sex not given`.
        known: Whether each group is one of a value, not of what is missing.
        val: Group of each validation image, (n_V,).
        test: Group of each test image, (n_T,).
    """

    column: str
    names: tuple[str, ...]
    known: tuple[bool, ...]
    val: Indices
    test: Indices


def columns_in(val: Predictions, test: Predictions) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Name -> the texts of validation and test images, of every column that both have, the site among them."""
    found = {name: (val.columns[name], test.columns[name]) for name in val.columns if name in test.columns}
    if any(val.sites) or any(test.sites):
        found = {"site": (val.sites, test.sites), **found}
    return found


def grouping(
    column: str, val: Sequence[str], test: Sequence[str], labels: Sequence[Indices], rules: Rules
) -> Grouping | str:
    """The groups of a column.

    Args:
        column: Its name.
        val: Text of each validation image.
        test: Text of each test image.
        labels: Classes of the validation and of the test images.
        rules: `group_bins`, `max_group_values`.

    Returns:
        The groups; in words, what follows "left out:", where none can be made.
    """
    texts = [" ".join(text.split()) for text in (*val, *test)]
    keys = [text.casefold() for text in texts]
    given = [key not in MISSING for key in keys]
    values = set(key for key, there in zip(keys, given, strict=True) if there)
    if not values:
        return "no image has a value"
    numbers = _numbers(keys, given)
    if numbers is not None and len(values) > rules.group_bins:
        if _are_ids(numbers, len(values), rules):
            return f"{len(values):,} different whole numbers, which are ids"
        at, names = _bins(column, numbers, rules.group_bins)
    elif len(values) > rules.max_group_values:
        dates = sum(bool(DATE.fullmatch(value)) for value in values) > len(values) / 2
        what = "dates; give the year as a column of its own" if dates else "ids or free text"
        return f"{len(values):,} different values: {what}"
    else:
        at, names = _values(column, keys, texts, given)
    if not all(given):
        at = np.where(given, at, len(names))
        names = (*names, f"{column} {NOT_GIVEN}")
    if len(names) < 2:
        return "every image has the same value"
    if _are_classes(at, np.concatenate(list(labels))):
        return "its values are those of the classes"
    known = tuple(place < len(names) - (not all(given)) for place in range(len(names)))
    return Grouping(column, names, known, at[: len(val)], at[len(val) :])


def _numbers(keys: Sequence[str], given: Sequence[bool]) -> Reals | None:
    """The number in each text, NaN where nothing is given; None where a text is no number."""
    found = np.full(len(keys), np.nan)
    for place, (key, there) in enumerate(zip(keys, given, strict=True)):
        if there:
            try:
                found[place] = float(key)
            except ValueError:
                return None
    return found if np.isfinite(found[np.array(given)]).all() else None


def _are_ids(numbers: Reals, different: int, rules: Rules) -> bool:
    """Whether whole numbers are names: hardly any stands twice, and there are more of them than values of a measure."""
    there = numbers[np.isfinite(numbers)]
    whole = bool(np.all(there == np.rint(there)))
    return whole and different > rules.max_group_values and different > len(there) / 2


def _bins(column: str, numbers: Reals, bins: int) -> tuple[Indices, tuple[str, ...]]:
    """Bins of about as many images each, between round numbers."""
    there = numbers[np.isfinite(numbers)]
    edges = np.quantile(there, np.arange(1, bins) / bins)
    step = _round_step(float(edges[-1] - edges[0]) / (bins - 1) / 2)
    edges = np.unique(np.round(np.rint(edges / step) * step, 9)) if step else np.unique(edges)
    edges = edges[(edges > there.min()) & (edges <= there.max())]
    if not len(edges):  # nearly all have the smallest value
        edges = np.unique(there)[1:2]
    at = np.searchsorted(edges, np.nan_to_num(numbers), side="right").astype(np.int64)
    whole = bool(np.all(there == np.rint(there)) and np.all(edges == np.rint(edges)))
    middle = [
        f"{_shown(low)}-{_shown(high - 1)}" if whole else f"{_shown(low)} to below {_shown(high)}"
        for low, high in pairwise(edges)
    ]
    names = [f"below {_shown(edges[0])}", *middle, f"{_shown(edges[-1])} and above"]
    return at, tuple(f"{column} {name}" for name in names)


def _round_step(width: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no wider; 0 where there is no width."""
    if width <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(max(factor for factor in (1.0, 2.0, 5.0) if factor * power <= width * 1.000001) * power)


def _shown(number: float) -> str:
    return f"{number + 0.0:.6g}"  # + 0.0: never -0


def _values(
    column: str, keys: Sequence[str], texts: Sequence[str], given: Sequence[bool]
) -> tuple[Indices, tuple[str, ...]]:
    """A group a value, in the order of their names, as they are written most often."""
    written: dict[str, Counter[str]] = {}
    for key, text, there in zip(keys, texts, given, strict=True):
        if there:
            written.setdefault(key, Counter())[text] += 1
    order = sorted(written)
    spelt = {key: max(sorted(counts), key=counts.__getitem__) for key, counts in written.items()}
    place: Mapping[str, int] = {key: at for at, key in enumerate(order)}
    return (
        np.array([place.get(key, 0) for key in keys], dtype=np.int64),
        tuple(f"{column} {spelt[key]}" for key in order),
    )


def _are_classes(at: Indices, labels: Indices) -> bool:
    """Whether each group has images of one class only, so that the column says what the label says."""
    return len(np.unique(np.stack([at, labels]), axis=1).T) == len(np.unique(at)) and len(np.unique(labels)) > 1
