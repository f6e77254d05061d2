"""Names of classes that are no classes: one in several spellings."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from heldout.errors import Problem

BETWEEN = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
"""Blanks, hyphens and underscores between letters or digits; at the ends they tell classes apart: ER and ER-."""


def spelled_alike(labels: Sequence[str]) -> list[Problem]:
    """Classes whose names differ in case, blanks, hyphens and underscores only: one problem a class.

    Args:
        labels: Class of every image; empty where it is missing.
    """
    counts = Counter(label for label in labels if label)
    alike: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        alike[BETWEEN.sub(" ", label).casefold()].append(label)
    problems = []
    for names in alike.values():
        if len(names) > 1:
            found = ", ".join(f"'{name}' ({counts[name]:,} images)" for name in names)
            remedy = f"Write all of them as '{max(names, key=lambda name: counts[name])}'."
            problems.append(
                Problem("the labels", f"one class in {len(names)} spellings: {found}", "one spelling a class", remedy)
            )
    return problems
