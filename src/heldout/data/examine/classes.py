"""Names of classes that are no classes: one in several spellings, several joined in one name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from heldout.data.entries import some
from heldout.errors import Problem

JOINT = "|"
"""What joins several findings of one image in published tables (NIH ChestX-ray14)."""

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


def several_labels(labels: Sequence[str]) -> list[Problem]:
    """Images that have several classes at once, joined by `|`: told where a class stands alone or joined with others.

    The rule: at least one of the parts of a joined name is a class of other images too. So a single class that is
    called `A|B` is left as it is.

    Args:
        labels: Class of every image; empty where it is missing.
    """
    joined = Counter(label for label in labels if JOINT in label)
    names = Counter(part for label in set(labels) for part in label.split(JOINT))
    several = {label: count for label, count in joined.items() if any(names[part] > 1 for part in label.split(JOINT))}
    if not several:
        return []
    findings = sorted({part for label in several for part in label.split(JOINT)})
    return [
        Problem(
            "the labels",
            f"several labels an image in {sum(several.values()):,} of {len(labels):,} images "
            f"({some(sorted(several, key=lambda label: -several[label]))}), of the findings {some(findings, 8)}",
            "one class an image",
            "Choose one finding as the question, and write a column that says whether it is there.",
        )
    ]
