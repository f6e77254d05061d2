"""Which images make up a part: exact shares, as many images as before, and as few changes as that allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.plant import ID, SPARE, SPLIT, TRUE_LABEL, Flags, Lots
from heldout.ties import settled


def used(table: pd.DataFrame, part: str) -> Flags:
    """Rows of a part that are in the set, spare ones not counted, (n,) bool."""
    return ((table[SPLIT] == part) & ~table[SPARE]).to_numpy(dtype=bool)


def shares_of(table: pd.DataFrame, part: str) -> dict[str, float]:
    """Class -> its share of a part, by true label; an empty dictionary for an empty part."""
    labels = table.loc[used(table, part), TRUE_LABEL]
    counts = Counter(labels)
    return {label: counts[label] / len(labels) for label in sorted(counts)}


def fill(
    table: pd.DataFrame,
    part: str,
    groups: Sequence[str],
    shares: Mapping[str, float],
    lots: Lots,
) -> pd.DataFrame:
    """Let each group have its share of a part, exactly up to rounding to whole images.

    The part keeps its number of images if there are enough, spare ones included, and shrinks otherwise. Images that are
    in the part stay before spare ones are taken in; within each kind the lots decide.

    Args:
        table: The set.
        part: `train`, `val` or `test`.
        groups: Group of every row, (n,).
        shares: Group -> share of the part; their sum is 1, groups not named get none.
        lots: The plant's randomness.

    Returns:
        The table with another column `spare`.

    Raises:
        UsageError: A group with a share has no image.
    """
    inside = (table[SPLIT] == part).to_numpy(dtype=bool)
    names = np.asarray(groups, dtype=object)
    available = Counter(names[inside])
    counts = _largest(int(used(table, part).sum()), shares, available)
    if not sum(counts.values()):
        missing = [group for group, share in shares.items() if share > 0 and not available[group]]
        raise UsageError(
            f"Plant {lots.key}: found no image of {', '.join(missing) or 'any group'} in {part}; expected some of "
            f"every group it mixes. Ask for more images, or for a milder plant."
        )
    order = np.lexsort((lots.of(table[ID]), table[SPARE].to_numpy(dtype=bool)))
    spare = table[SPARE].to_numpy(dtype=bool).copy()
    spare[inside] = True
    for group, count in counts.items():
        members = order[(inside & (names == group))[order]]
        spare[members[:count]] = False
    return table.assign(**{SPARE: spare})


def replaced_of_val(table: pd.DataFrame, share: float) -> dict[str, int]:
    """Class -> how many images of validation make up a share of it, in the shares of the classes."""
    return apportion(round(share * int(used(table, "val").sum())), shares_of(table, "val"))


def apportion(n: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Split n into whole numbers in these shares (largest remainders; the first one where two are equal)."""
    exact = {group: n * share for group, share in shares.items()}
    counts = {group: int(np.floor(value + 1e-9)) for group, value in exact.items()}
    by_remainder = sorted(exact, key=lambda group: settled(counts[group] - exact[group]))
    for group in by_remainder[: n - sum(counts.values())]:
        counts[group] += 1
    return counts


def _largest(n: int, shares: Mapping[str, float], available: Mapping[str, int]) -> dict[str, int]:
    """The most images, n at most, in these shares, with no group asked for more than it has."""
    limits = [available.get(group, 0) / share for group, share in shares.items() if share > 0]
    n = min([n, *(int(limit + 1e-9) for limit in limits)])
    counts = apportion(n, shares)
    while n and any(count > available.get(group, 0) for group, count in counts.items()):
        n -= 1
        counts = apportion(n, shares)
    return counts


def smallest(table: pd.DataFrame, among: Flags, count: int, lots: Lots) -> Flags:
    """The rows with the smallest lots: `count` of those in the set, and of the spare ones as many in proportion.

    Args:
        table: The set.
        among: Rows that may be chosen, spare ones included, (n,) bool.
        count: How many of those that are in the set.
        lots: The plant's randomness.

    Returns:
        (n,) bool.
    """
    numbers = lots.of(table[ID])
    inside = np.sort(numbers[among & ~table[SPARE].to_numpy(dtype=bool)])
    if count <= 0 or not inside.size:
        return np.zeros(len(table), dtype=bool)
    chosen: Flags = among & (numbers <= inside[min(count, inside.size) - 1])
    return chosen
