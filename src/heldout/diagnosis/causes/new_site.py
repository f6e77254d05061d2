"""A new site: all test images come from a hospital, device or year that validation has no image of."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision
from heldout.diagnosis.words import IMAGES
from heldout.records import ReasonKind, Verdict
from heldout.records.predictions import Predictions

Texts = NDArray[np.str_]

SITES = re.compile(
    r"site|hospital|clinic|cent(er|re)|institut|laborator|\blab\b|device|scanner|camera|manufacturer|station|year|date",
    re.IGNORECASE,
)
"""Names of columns that tell where, with what or when images were made: only these can say that it was nowhere new."""

DAY = re.compile(r"[12]\d{3}-\d\d?-\d\d?(?:[ T].*)?")
"""A day, with or without its hour."""

PART_WORDS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "holdout", "heldout"}
"""Values of a column that names the parts of the split, and no site."""

SHOWN = 3
"""Values named in a sentence."""

ALIKE = ("covariate-shift", "difficulty", "labels")
"""Another site may picture, choose and label its patients otherwise: with such data nobody can tell which it is."""


@dataclass(frozen=True)
class Apart:
    """A column whose values are others on test.

    Attributes:
        column: Its name.
        share: Share of the test images whose value validation lacks.
        images: Test images of which the value is known.
        there: Values of test, the commonest first, in words.
        here: Values of validation, likewise.
        in_train: Whether train has the values of test; None where train's are not known.
        lacking: Ids of the test images concerned.
    """

    column: str
    share: float
    images: int
    there: tuple[str, ...]
    here: tuple[str, ...]
    in_train: bool | None
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """What columns say: those that can be compared, the one that differs most first."""

    compared: tuple[Apart, ...]


class NewSite(Cause[Columns]):
    """All test images come from a site, device or year that validation has no image of.

    How it is detected: The site and every further column are compared. A column counts if it names groups and not
    single patients, images or the parts of the split: a value covers {min_site_units} patients or more on average, and
    train has what validation has. Days count by their years; numbers that fewer patients share, but
    {min_shared_number} at least (ages, say), by their range. Suggested where validation lacks the value of
    {new_value_share:.0%} of the test images or more. That nothing is new is said only of columns whose names tell of a
    place, a device or a time. It has no points of its own: where every test image is from elsewhere, what the site does
    cannot be told from any other reason why test is lower, and other findings say at most through what it acts. Where
    only some test images are from elsewhere it is not applicable, since these can be compared with the others.

    Why it matters: Another hospital has other patients, other devices and other people who label. A network that fails
    there may be too narrow, or the images may be harder, or labelled otherwise. Validation images of the old site say
    nothing of it, and no statistics can mend that.

    What to do: Put labelled images of the new site into training and validation, even a few dozen patients, and hold
    others of that site out; or split by site, so that the loss across sites is measured before the test set is used.
    """

    code: ClassVar[str] = "new-site"
    title: ClassVar[str] = "A site that validation lacks"
    level: ClassVar[int] = 0
    remedy: ClassVar[str] = "Put labelled images of that site into training and validation, and hold others out."
    told_first: ClassVar[tuple[Verdict, ...]] = ("suggested",)

    def measure(self, data: CauseData) -> Columns | Missing:
        """Every column that names groups."""
        run, rules = data.run, data.rules
        assert run.val is not None and run.test is not None
        names = ("site", *(name for name in run.test.columns if name in run.val.columns and name != "site"))
        found = [apart for name in names if (apart := _apart(run.train, run.val, run.test, name, rules)) is not None]
        # Sex is no site, nor is a remark: only where all test images have another one does it matter.
        found = [apart for apart in found if SITES.search(apart.column) or apart.share >= rules.new_value_share]
        if not found:
            return Missing(ReasonKind.SITES_UNKNOWN, "the site, device or year of the images of validation and test")
        return Columns(tuple(sorted(found, key=lambda apart: -apart.share)))  # of equals the site, then as they stand

    def decide(self, measured: Columns, rules: Rules) -> Decision:
        """Suggested where all test images are of another group; never more, since nothing could show it."""
        share = measured.compared[0].share
        if share >= rules.new_value_share:
            return Decision("suggested", ReasonKind.CONFOUNDED, priority=0.0)
        if share <= 1 - rules.new_value_share:
            return Decision("excluded", ReasonKind.NO_DIFFERENCE)
        return Decision("not applicable", ReasonKind.DOES_NOT_APPLY)

    def tell(self, measured: Columns, decision: Decision, rules: Rules) -> Told:
        """Which column, how many images, and what cannot be told with such data."""
        first = measured.compared[0]
        numbers = {"new_share": first.share, "images": float(first.images), "columns": float(len(measured.compared))}
        if decision.verdict == "excluded":
            names = ", ".join(f"'{one.column}'" for one in measured.compared)
            reason = f"validation has the groups of test ({names})"
            return Told(f"This is not why test is lower, because {reason}.", False, reason, numbers=numbers)
        if not decision.positive:
            reason = (
                f"by '{first.column}', only {first.share:.0%} of the test {IMAGES} are of a group that validation "
                "lacks, so that they can be compared with the others"
            )
            return Told(f"Not applicable, because {reason}.", False, reason, numbers=numbers)
        return _tell_new(measured, first, numbers, rules)


def _tell_new(measured: Columns, first: Apart, numbers: dict[str, float], rules: Rules) -> Told:
    others = [f"'{one.column}'" for one in measured.compared[1:] if one.share >= rules.new_value_share]
    also = f" So it is with {' and '.join(others)}." if others else ""
    lack = "train and validation lack" if first.in_train is False else "validation lacks"
    sentence = (
        f"By '{first.column}', {len(first.lacking)} of {first.images} test {IMAGES} are of a group that {lack}: "
        f"{_named(first.there)} on test, {_named(first.here)} in validation.{also} With such data what that does "
        "cannot be told from any other reason; whatever else is found may be how it acts."
    )
    reason = f"images of {_named(first.there)} in training and validation"
    return Told(sentence, False, reason, images=first.lacking[: rules.max_images], numbers=numbers, alternatives=ALIKE)


def _named(values: Sequence[str]) -> str:
    """A few values in words."""
    shown = ", ".join(f"'{value}'" for value in values[:SHOWN])
    return f"{shown} and others" if len(values) > SHOWN else shown


def _apart(train: Predictions | None, val: Predictions, test: Predictions, column: str, rules: Rules) -> Apart | None:
    """How a column differs; None where it is not known of most images, or names no groups."""
    texts = {side.part: _texts(side, column) for side in (val, test)}
    for one in (val, test):
        if not len(one) or (texts[one.part] != "").mean() < rules.new_value_share:
            return None
    learned = np.array([], dtype=str) if train is None else _texts(train, column)
    every = np.concatenate([learned, *texts.values()])
    units = np.concatenate(
        [np.char.add(f"{side.part} ", side.units.astype(str)) for side in (train, val, test) if side]
    )
    values, here = np.unique(every[every != ""]), texts[val.part]
    if _names_parts(column, values, texts[val.part], learned, rules):
        return None
    shared = len(np.unique(units[every != ""])) / max(len(values), 1)
    if shared >= rules.min_site_units:
        return _by_groups(column, test, texts[test.part], here, learned)
    if shared >= rules.min_shared_number and all(_is_number(value) for value in values.tolist()):
        return _by_range(column, test, texts[test.part], here, learned, rules)
    return None


def _names_parts(column: str, values: Texts, here: Texts, learned: Texts, rules: Rules) -> bool:
    """Whether a column names the parts of the split: by its words, or since train and validation differ in it too."""
    if {value.lower() for value in values.tolist()} <= PART_WORDS:
        return True
    known = learned[learned != ""]
    return column != "site" and len(known) > 0 and (~np.isin(here, known)).mean() >= rules.new_value_share


def _texts(side: Predictions, column: str) -> Texts:
    """What each image has in a column, (n,); of a day only the year, since no two sites share their days."""
    given = side.columns.get(column, side.sites if column == "site" else ("",) * len(side))
    return np.array([text[:4] if DAY.fullmatch(text.strip()) else text.strip() for text in given], dtype=str)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _by_groups(column: str, test: Predictions, there: Texts, here: Texts, learned: Texts) -> Apart:
    """Values as groups."""
    lacking = (there != "") & ~np.isin(there, here)
    known = learned[learned != ""]
    in_train = bool(np.isin(there[lacking], known).any()) if len(known) else None
    return _made(column, test, there, lacking, _commonest(there), _commonest(here), in_train)


def _by_range(column: str, test: Predictions, there: Texts, here: Texts, learned: Texts, rules: Rules) -> Apart:
    """Numbers by their range: outside of what all but a few validation images have."""
    tail = (1 - rules.new_value_share) / 2
    sides = [side[side != ""].astype(np.float64) for side in (there, here, learned)]
    low, high = np.quantile(sides[1], [tail, 1 - tail])
    lacking = there != ""
    lacking[lacking] = (sides[0] < low) | (sides[0] > high)
    in_train = None
    if len(sides[2]):
        first, last = np.quantile(sides[2], [tail, 1 - tail])
        outside = there[lacking].astype(np.float64)
        in_train = bool(((outside >= first) & (outside <= last)).any())
    return _made(column, test, there, lacking, _commonest(there), _commonest(here), in_train)


def _made(
    column: str,
    test: Predictions,
    there: Texts,
    lacking: NDArray[np.bool_],
    words: tuple[str, ...],
    here: tuple[str, ...],
    in_train: bool | None,
) -> Apart:
    known = int((there != "").sum())
    ids = tuple(test.ids[i] for i in np.flatnonzero(lacking))
    return Apart(column, len(ids) / known, known, words, here, in_train, ids)


def _range(known: Texts) -> tuple[str, ...]:
    numbers = known.astype(np.float64)
    return (f"{numbers.min():g} to {numbers.max():g}",)


def _commonest(texts: Texts) -> tuple[str, ...]:
    """Values, those of most images first; many numbers by their range."""
    known = texts[texts != ""]
    values = np.unique(known)
    if len(values) > SHOWN and all(map(_is_number, values.tolist())):
        return _range(known)
    return tuple(value for value, _ in Counter(known.tolist()).most_common())


CAUSE = NewSite()
