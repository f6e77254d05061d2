"""Patients in file names, systematically: every beginning of the names that could be one, from coarse to fine.

Names fall into families that begin alike up to their first number that varies (`person#…`, `IM-#…`). Within a family a
key may end after any number or word but the last one: `person12`, `person12_virus` of `person12_virus_5.jpeg`. A
folder between the class's and the file is another candidate.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from heldout.data.entries import split_named
from heldout.data.examine.marks import marks_in, stem_of

MIN_IMAGES = 12
"""Fewer names say nothing of what they begin with. Ours; so are the four below."""

MAX_SHARE = 0.10
"""A key that more than this share of the images have is no patient but a class, a hospital or a date."""

MAX_FORMS = 24
"""Beyond so many forms of names, words are taken to vary as numbers do: `smith_left_1`, `jones_left_2`."""

MIN_COMMON = 0.5
"""An end of a key must be there in so many of a family's names: a patient is in every name, not in a few."""

Tokens = tuple[str, ...]

TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]+")


@dataclass(frozen=True)
class MarkPatterns:
    """Expressions of the marks of augmentation that names carry.

    Attributes:
        before: In front of a name.
        after: Behind it.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyCandidate:
    """A part of file names that could be the patient.

    Attributes:
        family: What the names it is about begin with: `person#`; digits are `#`. `folder/` for the folder.
        level: 0 for the coarsest of its family.
        pattern: Regular expression for `--patient`, whose group is the key.
        beginnings: The alternatives in it; none for the folder.
        keys: (n,) key of each image; empty for images of other families.
        marks: Marks of augmentation around the names, which belong to no key.
    """

    family: str
    level: int
    pattern: str
    beginnings: tuple[str, ...]
    keys: tuple[str, ...]
    marks: MarkPatterns = MarkPatterns()

    @property
    def images(self) -> int:
        """Images that have the key."""
        return sum(key != "" for key in self.keys)

    @property
    def patients(self) -> int:
        """Different keys."""
        return len(set(self.keys) - {""})


def propose_keys(names: Sequence[str], labels: Sequence[str]) -> tuple[KeyCandidate, ...]:
    """All candidates, families with the most images first, within a family from coarse to fine.

    A candidate joins some images, has more keys than twice the classes, and none that more than a tenth of all images
    share. Whether it is a patient, only the images can tell (`check_keys`).

    Args:
        names: (n,) paths or names of the files.
        labels: (n,) their classes.
    """
    if len(names) < MIN_IMAGES:
        return ()
    stems, plain = [stem_of(name) for name in names], marks_in(names, labels).plain
    tokens = [tuple(TOKEN.findall(stem)) for stem in plain]
    marks = _marks(stems, plain)
    forms = _forms(tokens)
    classes = len(set(labels))
    found = list(_folders(names, labels))
    for family, rows in _families(tokens, forms).items():
        found += [(family, pattern_of(begin, marks=marks), begin, keys) for keys, begin in _levels(rows, tokens, forms)]
    usable: list[KeyCandidate] = []
    for family, pattern, beginnings, keys in found:
        level = sum(other.family == family for other in usable)
        candidate = KeyCandidate(family, level, pattern, beginnings, keys, marks)
        same = any(_partition(other.keys) == _partition(keys) for other in usable)
        if not same and _could_be(Counter(key for key in keys if key), classes, len(names)):
            usable.append(candidate)
    sizes = Counter({candidate.family: candidate.images for candidate in usable})
    return tuple(sorted(usable, key=lambda candidate: (-sizes[candidate.family], candidate.family, candidate.level)))


def _partition(keys: Sequence[str]) -> list[int]:
    """Row of the first image with the same key, whatever the key is called; −1 without one."""
    first: dict[str, int] = {}
    return [first.setdefault(key, row) if key else -1 for row, key in enumerate(keys)]


def _could_be(counts: Counter[str], classes: int, images: int) -> bool:
    return bool(counts) and (
        max(counts.values()) > 1 and len(counts) > 2 * classes and max(counts.values()) <= max(3, MAX_SHARE * images)
    )


def _forms(tokens: Sequence[Tokens]) -> list[Tokens]:
    """Names with `#` for numbers, and `@` for words where there are too many forms otherwise."""
    forms = [tuple("#" if token.isdigit() else token for token in name) for name in tokens]
    if len(set(forms)) > MAX_FORMS:
        forms = [tuple("@" if token.isalpha() else token for token in form) for form in forms]
    return forms


def _families(tokens: Sequence[Tokens], forms: Sequence[Tokens]) -> dict[str, list[int]]:
    """Rows of each family: names with the same form up to the first end of a key whose beginning varies."""
    values = _values(tokens, forms)
    families: dict[str, list[int]] = defaultdict(list)
    for row, form in enumerate(forms):
        ends = _ends(form, values)
        if ends:
            families["".join(_shown(form[: ends[0]], values))].append(row)
    return families


def _values(tokens: Sequence[Tokens], forms: Sequence[Tokens]) -> dict[Tokens, set[str]]:
    """What stands at the last place of every beginning that ends in a number or a free word."""
    values: dict[Tokens, set[str]] = defaultdict(set)
    for name, form in zip(tokens, forms, strict=True):
        for end, token in enumerate(form, start=1):
            if token in ("#", "@"):
                values[form[:end]].add(name[end - 1])
    return values


def _ends(form: Tokens, values: dict[Tokens, set[str]]) -> list[int]:
    """Where a key of this form may end: after a number or word that is not the last, once something has varied."""
    places = [i for i, token in enumerate(form) if token in ("#", "@") or token.isalnum()]
    ends, varied = [], False
    for place in places[:-1]:
        varied |= len(values.get(form[: place + 1], ())) > 1
        word_before_number = form[place] != "#" and form[place + 1] == "#"
        if varied and not word_before_number:
            ends.append(place + 1)
    return ends


def _levels(
    rows: Sequence[int], tokens: Sequence[Tokens], forms: Sequence[Tokens]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Keys and beginnings of one family, from coarse to fine; a name without a further end keeps its last."""
    values = _values(tokens, forms)
    ends = {form: _ends(form, values) for form in {forms[row] for row in rows}}
    depth = max(map(len, ends.values()))
    levels = []
    for level in range(depth):
        if sum(len(ends[forms[row]]) > level for row in rows) < MIN_COMMON * len(rows):
            break
        keys = [""] * len(tokens)
        beginnings = set()
        for row in rows:
            form = forms[row]
            end = ends[form][min(level, len(ends[form]) - 1)]
            keys[row] = "".join(tokens[row][:end])
            beginnings.add(form[:end])
        levels.append((tuple(keys), tuple(sorted(_regex(beginning, values) for beginning in beginnings))))
    return levels


def _marks(stems: Sequence[str], plain: Sequence[str]) -> MarkPatterns:
    """Expressions of what stands around the plain names."""
    around = [stem.partition(name)[::2] for stem, name in zip(stems, plain, strict=True)]

    def expressions(marks: set[str]) -> tuple[str, ...]:
        escaped = (re.escape(mark).replace(r"\-", "-").replace(r"\ ", " ") for mark in marks - {""})
        return tuple(sorted({re.sub(r"\d+", r"\\d+", mark) for mark in escaped}))

    return MarkPatterns(expressions({before for before, _ in around}), expressions({after for _, after in around}))


def pattern_of(alternatives: Sequence[str], others: bool = False, marks: MarkPatterns = MarkPatterns()) -> str:
    """One expression of several beginnings; the longest first, so that none is cut short by another.

    Args:
        alternatives: An expression for each beginning.
        others: Whether any other name is to be a patient of its own.
        marks: Marks of augmentation, which stay outside the group: a copy has the patient of its original.
    """
    ordered = sorted(set(alternatives), key=lambda text: (-len(text), text))
    rest = rf".+?(?=(?:{'|'.join(marks.after)})?\.[^.]*$)" if marks.after else ".+"
    before = f"(?:{'|'.join(marks.before)})?" if marks.before else ""
    return f"^{before}({'|'.join([*ordered, *([rest] if others else [])])})"


def _shown(form: Tokens, values: dict[Tokens, set[str]]) -> list[str]:
    """A beginning, with numbers that never vary as they are."""
    return [
        next(iter(values[form[:end]])) if token in ("#", "@") and len(values[form[:end]]) == 1 else token
        for end, token in enumerate(form, start=1)
    ]


def _regex(form: Tokens, values: dict[Tokens, set[str]]) -> str:
    wild = {"#": r"\d+", "@": r"[^\W\d_]+"}
    return "".join(wild.get(token) or re.escape(token).replace(r"\-", "-") for token in _shown(form, values))


def _folders(names: Sequence[str], labels: Sequence[str]) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """The folder of the file, where it is neither the class's nor the part's."""
    parents = [name.rpartition("/")[0].rpartition("/")[2] for name in names]
    for parent, label in zip(parents, labels, strict=True):
        if not parent or parent == label or split_named(parent):
            return []
    return [("folder/", r"([^/]+)/[^/]+$", (), tuple(parents))]
