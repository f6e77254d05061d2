"""Relatives across parts: patients, the same pixels, and copies that were changed, over one pair or several."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from heldout.diagnosis.relatives import CopyPair, changes_of, crossing_ids, leaked_ids, pictures_of
from heldout.records.cohort import typed


def study(rows: dict[str, tuple[str, str, str]]) -> Any:
    """id -> (part, patient, content)."""
    frame = pd.DataFrame({"id": list(rows), "patient": [row[1] for row in rows.values()]})
    table = typed(frame.assign(content=[row[2] or id_ for id_, row in rows.items()]))
    parts = {part: tuple(id_ for id_, row in rows.items() if row[0] == part) for part in ("train", "val", "test")}
    return SimpleNamespace(cohort=SimpleNamespace(table=table), split=SimpleNamespace(**parts))


MADE = study(
    {
        "t1": ("train", "", ""),
        "t2": ("train", "p", "same"),
        "v1": ("val", "", ""),
        "v2": ("val", "", ""),
        "v3": ("val", "", "same"),
        "v4": ("val", "", ""),
        "v5": ("val", "p", ""),
        "s1": ("test", "", ""),
    }
)
PAIRS = (
    CopyPair("t1", "v1", "mirrored left to right"),
    CopyPair("v1", "v2", "brighter"),
    CopyPair("s1", "v2", "darker"),
)


def test_a_copy_of_a_copy_is_a_relative_too() -> None:
    leaked = leaked_ids(MADE, PAIRS)
    assert set(leaked) == {"v1", "v2", "v3", "v5"}
    assert leaked["v1"] == "a copy of t1 in train (mirrored left to right)"
    assert leaked["v2"] == "a changed copy of t1 in train"
    assert leaked["v3"] == "the same picture as t2 in train" and leaked["v5"] == "patient p is also in train"
    assert leaked_ids(MADE).keys() == {"v3", "v5"}
    assert changes_of(MADE, PAIRS) == {"v1": "mirrored left to right"}
    assert crossing_ids(MADE, PAIRS) == {"s1": "a changed copy of t1 in train"}


def test_pictures_join_pairs_and_equal_pixels_and_pass_over_strangers() -> None:
    pictures = pictures_of(MADE.cohort.table, (*PAIRS, CopyPair("t1", "elsewhere", "")))
    assert pictures["t1"] == pictures["v1"] == pictures["v2"] == pictures["s1"]
    assert pictures["t2"] == pictures["v3"] and len(set(pictures.values())) == 4
