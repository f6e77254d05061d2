"""Marks that augmentation and copying leave in file names: `_rot90`, `flip_`, `_aug3`, ` - Copy`, ` (1)`.

A word such as `dark` or `crop` is a mark only where it tells files of one class apart that are called alike without it.
A number in brackets is one only where the name without it is there: many collections simply number their files so.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

WORDS = (
    r"aug(?:ment(?:ed|ation)?)?|[hv]?flip(?:ped)?(?:[_-]?(?:lr|ud|h|v|x|y|left[_-]?right|up[_-]?down|horizontal|vertical))?"
    r"|(?:horizontal|vertical)[_-]?flip|mirror(?:ed)?|rot(?:ate[ds]?|ation)?|transposed?|shift(?:ed)?|translated?|shear(?:ed)?"
    r"|zoom(?:ed)?|scaled?|crop(?:ped)?|bright(?:er|ness|en(?:ed)?)?|dark(?:er|en(?:ed)?)?|contrast|gamma|saturat(?:ion|ed)"
    r"|hue|colou?r[_-]?jitter|noise|noisy|gaussian|blur(?:red|ry)?|sharp(?:en(?:ed)?)?|elastic|cutout|copy|copie|kopie"
)
"""What augmentation is called in names."""

NUMBER = r"[_\-. ]?[+-]?\d*"

PREFIX = re.compile(rf"^(?:{WORDS}){NUMBER}[_\-. ]+(?=.)", re.IGNORECASE)
SUFFIX = re.compile(rf"(?<=.)[_\-. ]+(?:{WORDS}){NUMBER}$", re.IGNORECASE)
COPY = re.compile(r"(?<=.)(?: ?- ?(?:Copy|Kopie|Copie)(?: ?\(\d+\))?|[_ ]copy(?: ?\d+)?)$", re.IGNORECASE)
HASHED = re.compile(r"(?<=.)\.rf\.[0-9a-f]{16,}$")
"""As Roboflow names what it exports."""

BRACKETS = re.compile(r"(?<=.) ?\(\d+\)$")


@dataclass(frozen=True)
class Marks:
    """Marks in the names of files.

    Attributes:
        plain: (n,) each name without folder, ending and marks.
        examples: The commonest marks, as they stand in the names; none where there are none.
        originals: (n,) name of the original (with its class) of each image that shares one; empty for the others.
    """

    plain: tuple[str, ...]
    examples: tuple[str, ...]
    originals: tuple[str, ...]

    @property
    def images(self) -> int:
        """Images that share their original with another."""
        return sum(name != "" for name in self.originals)


def marks_in(names: Sequence[str], labels: Sequence[str]) -> Marks:
    """Find the marks.

    Args:
        names: (n,) paths or names of the files.
        labels: (n,) their classes: a copy has the class of its original.
    """
    stems = [stem_of(name) for name in names]
    there = set(zip(labels, stems, strict=True))
    plain = []
    for label, stem in zip(labels, stems, strict=True):
        short = _without(stem)
        bare = BRACKETS.sub("", short)
        plain.append(bare if bare != short and (label, bare) in there else short)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(labels, plain, strict=True)):
        groups[key].append(row)
    originals, kept, found = [""] * len(names), list(stems), Counter[str]()
    for (label, short), rows in groups.items():
        if len({stems[row] for row in rows}) > 1:
            for row in rows:
                originals[row], kept[row] = f"{label}/{short}", short
                if stems[row] != short:
                    found[re.sub(r"\d+", "#", stems[row].replace(short, "…", 1))] += 1
    return Marks(tuple(kept), tuple(mark for mark, _ in found.most_common(4)), tuple(originals))


def stem_of(name: str) -> str:
    """The name of a file without folder and ending."""
    file = name.rpartition("/")[2]
    return file.rpartition(".")[0] or file


def _without(stem: str) -> str:
    """The stem with all marks taken off, from both ends, as long as something is left."""
    while True:
        short = stem
        for mark in (HASHED, COPY, SUFFIX, PREFIX):
            short = mark.sub("", short)
        if short == stem or not short:
            return stem
        stem = short
