"""Changed copies: images that show one picture though their pixels differ, which a split must not tear apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.examine.copies import place
from heldout.data.examine.known_copies import find_copies_once
from heldout.images.copies import MOST_IMAGES, SIDE, FoundCopies, numbered


@dataclass(frozen=True)
class NearPair:
    """Two images that show one picture.

    Attributes:
        rows: Their rows in the cohort's table.
        places: Where they lie.
        change: How the first was changed to give the second, in words.
        agreement: Median correlation of their details, up to 1.
        across_splits: Whether they stand in different parts of the given split.
        labels_differ: Whether one of the labels must be wrong.
        patients_differ: Whether two patients are named.
    """

    rows: tuple[int, int]
    places: tuple[str, str]
    change: str
    agreement: float
    across_splits: bool
    labels_differ: bool
    patients_differ: bool


@dataclass(frozen=True)
class NearCopies:
    """What was found among the images of a cohort.

    Attributes:
        pairs: Pairs whose pixels differ, those that agree most first.
        pictures: (n,) number of the picture that each image shows; exact copies count too.
        across: Pictures of which changed copies stand in more than one part of the given split.
    """

    pairs: tuple[NearPair, ...]
    pictures: tuple[int, ...]
    across: int

    @property
    def changed(self) -> int:
        """Images that belong to a pair."""
        return len({row for pair in self.pairs for row in pair.rows})

    @property
    def groups(self) -> int:
        """Pictures that pairs belong to."""
        return len({self.pictures[pair.rows[0]] for pair in self.pairs})

    def named(self, ids: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
        """`Cohort.copies`: the pairs by the ids of the rows."""
        return tuple((str(ids[pair.rows[0]]), str(ids[pair.rows[1]]), pair.change) for pair in self.pairs)


def near_copies_of(
    table: pd.DataFrame, small: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], verify: bool = False
) -> NearCopies | None:
    """Look for changed copies.

    Args:
        table: `Cohort.table`, n rows.
        small: n thumbnails of (64, 64) in its order.
        verify: Whether to search again though an earlier command did.

    Returns:
        None where there are more than `MOST_IMAGES`: nothing was looked for.
    """
    if len(table) > MOST_IMAGES:
        return None
    found = find_copies_once(np.stack(list(small)) if len(small) else np.empty((0, SIDE, SIDE), np.uint8), verify)
    content = table["content"].to_numpy(dtype=str)
    _, first = np.unique(content, return_index=True)
    same = dict(zip(content[first].tolist(), first.tolist(), strict=True))
    links = [*zip(found.first.tolist(), found.second.tolist(), strict=True)]
    links += [(same[value], row) for row, value in enumerate(content.tolist()) if same[value] != row]
    pictures = tuple(numbered(links, len(table)).tolist())
    pairs = _pairs(table, found)
    parts: dict[int, set[str]] = {}
    for pair in pairs:
        parts.setdefault(pictures[pair.rows[0]], set())
    for picture, split in zip(pictures, table["split"], strict=True):
        if picture in parts:
            parts[picture].add(split)
    return NearCopies(pairs, pictures, sum(len(here) > 1 for here in parts.values()))


def _pairs(table: pd.DataFrame, found: FoundCopies) -> tuple[NearPair, ...]:
    places = [place(*row) for row in zip(table["source"], table["member"], table["row"], strict=True)]
    columns = {name: list(table[name]) for name in ("content", "split", "label", "patient")}
    pairs = []
    for number, (a, b) in enumerate(zip(found.first.tolist(), found.second.tolist(), strict=True)):
        differ = {name: values[a] != values[b] for name, values in columns.items()}
        if differ["content"] and places[a] != places[b]:
            named = bool(columns["patient"][a]) and bool(columns["patient"][b])
            agreement = round(float(found.agreement[number]), 4)
            known = (differ["split"], differ["label"], differ["patient"] and named)
            pairs.append(NearPair((a, b), (places[a], places[b]), found.change[number], agreement, *known))
    return tuple(pairs)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe_near(near: NearCopies | None, joined: bool) -> list[str]:
    """Sentences for `Cohort.notes`.

    Args:
        near: What was found; None where nothing was looked for.
        joined: Whether the patients of the cohort keep copies together already.
    """
    if near is None:
        told = "Changed copies (mirrored, turned, cropped, brighter) were not looked for"
        return [f"{told}: there are more than {MOST_IMAGES:,} images."]
    if not near.pairs:
        return []
    one = near.pairs[0]
    kinds = Counter(pair.change for pair in near.pairs).most_common(3)
    notes = [
        f"{near.changed} images are changed copies of one another ({_count(near.groups, 'picture')}; most often "
        f"{'; '.join(kind for kind, _ in kinds)}; for example {one.places[0]} and {one.places[1]})."
    ]
    if near.across:
        notes.append(
            f"{near.across} pictures have changed copies in more than one part of the given split: scores on them are "
            "too good. Split by picture: drop the split, and add --patient auto."
        )
    if any(pair.labels_differ for pair in near.pairs):
        number = sum(pair.labels_differ for pair in near.pairs)
        has = "has" if number == 1 else "have"
        notes.append(f"{_count(number, 'pair')} of changed copies {has} two labels: one of them is wrong.")
    if not joined:
        notes.append("A drawn split can tear changed copies apart: add --patient auto, which keeps them together.")
    return notes
