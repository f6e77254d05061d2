"""Which part of the file names is the patient: candidates from the names, judged by the images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.examine.names import KeyCandidate, pattern_of, propose_keys
from heldout.data.examine.patients import patient_in
from heldout.images.perceptual import thumbnails
from heldout.stats.keys import KeyVerdict, verify_key
from heldout.stats.run_lengths import BlockTest, split_is_blocked

SIDE = 16
"""Side of the thumbnails: whitened at 16 pixels, X-rays of one patient stand out no less than at 32."""

MAX_FAMILY_IMAGES = 400
MAX_IMAGES = 1200
"""Images that are looked at, a family of names and in all: enough to tell in the Kermany names."""

MAX_KEY_IMAGES = 8
"""Images of one key that are looked at."""


@dataclass(frozen=True)
class CheckedKey:
    """A candidate with its verdict.

    Attributes:
        candidate: The part of the names.
        verdict: What the images say of it.
    """

    candidate: KeyCandidate
    verdict: KeyVerdict


@dataclass(frozen=True)
class PatientKeys:
    """What the file names tell of the patients.

    Attributes:
        checked: Every candidate, as `propose_keys` orders them.
        pattern: Expression for `--patient` that takes the coarsest accepted key of every family; an image of a family
            without one is a patient of its own. None where no key is accepted.
        patients: Different patients by this expression; 0 without one.
        crossing: Those of them that stand in more than one part of the given split.
        guess: The same of the coarsest keys that the images cannot tell of, where none is accepted; None without any.
        given: Verdict on the patients that the cohort names already; None where it names none.
        blocked: Whether the given split goes by blocks of ids; None where no split is given.
    """

    checked: tuple[CheckedKey, ...]
    pattern: str | None
    patients: int
    crossing: int
    guess: str | None
    given: KeyVerdict | None
    blocked: BlockTest | None

    def note(self, copies: bool) -> str | None:
        """What a person should know where no patient is named; None where the images refuse every key.

        Args:
            copies: Whether changed copies were found: then `auto` takes the key and keeps them together as well.
        """
        if self.pattern is not None:
            told = f"No patient is known, but the file names carry one, as the images tell ({self.patients} patients)"
            if self.crossing:
                return (
                    f"{told}, and {self.crossing} of {self.patients} stand in more than one part of the given split: "
                    f"scores on them are too good. Drop the split (the folders, or the column), so that one is drawn, "
                    f"and add --patient {self._option(copies)}."
                )
            told += f": add --patient {self._option(copies)}."
        elif self.guess is not None:
            told = "No patient is known. The file names could carry one, which these images are too few to tell: "
            told += f"if they begin with it, add --patient '{self.guess}' (or a sharper expression)."
        else:
            return None
        return f"{told} Without it, validation can share patients with train and look too good."

    def _option(self, copies: bool) -> str:
        return (
            f"auto, which takes the key '{self.pattern}' and keeps changed copies together"
            if copies
            else f"'{self.pattern}'"
        )


def check_keys(
    candidates: Sequence[KeyCandidate], labels: Sequence[str], vectors: NDArray[np.float32], seed: int = 0
) -> tuple[CheckedKey, ...]:
    """Judge every candidate: in each family from fine to coarse, each against the finest that was believed before.

    Args:
        candidates: Of `propose_keys`, about the images below.
        labels: (n,) classes.
        vectors: (n, d) thumbnails.
        seed: Seed of the permutation tests.

    Returns:
        In the order of the candidates.
    """
    believed: dict[str, tuple[str, ...]] = {}
    verdicts: dict[tuple[str, int], KeyVerdict] = {}
    for candidate in sorted(candidates, key=lambda candidate: -candidate.level):
        finer = believed.get(candidate.family)
        verdict = verify_key(candidate.keys, labels, vectors, finer, seed)
        verdicts[candidate.family, candidate.level] = verdict
        if verdict.accepted:
            believed[candidate.family] = candidate.keys
    return tuple(CheckedKey(candidate, verdicts[candidate.family, candidate.level]) for candidate in candidates)


def patient_keys(
    table: pd.DataFrame, small: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], seed: int = 0
) -> PatientKeys | None:
    """Propose keys from the file names of a cohort, look at some of its images, and judge; no file is read.

    Args:
        table: `Cohort.table`, n rows.
        small: n grey thumbnails of (64, 64) in its order, as `measure` makes them.
        seed: Seed of the choice of images and of the tests.

    Returns:
        None where the images have no file names of their own, or no name looks like it carries a patient and none is
        given.
    """
    if not len(table) or (table["row"] >= 0).any():
        return None
    names, labels, split = list(table["source"]), list(table["label"]), list(table["split"])
    candidates = propose_keys(names, labels)
    given = KeyCandidate("given", 0, "", (), tuple(table["patient"]))
    asked = (*candidates, *([given] if given.images else []))
    if not asked:
        return None
    rows = _chosen(asked, seed)
    labels = [labels[row] for row in rows]
    vectors = thumbnails([small[row] for row in rows], SIDE)
    judged = check_keys([_of_rows(candidate, rows) for candidate in candidates], labels, vectors, seed)
    checked = tuple(CheckedKey(whole, part.verdict) for whole, part in zip(candidates, judged, strict=True))
    pattern, keys = _joined(checked, names)
    about_given = _given(_of_rows(given, rows), [keys[row] for row in rows] if pattern else None, labels, vectors, seed)
    ids = [patient or key for patient, key in zip(given.keys, keys, strict=True)]
    blocked = split_is_blocked(ids, split) if len(set(split) - {""}) > 1 else None
    guess = None if pattern else _pattern([key.candidate for key in checked if not key.verdict.told], len(names))
    known = len(set(keys)) if pattern else 0
    crossing = len(crossing_split(keys, split)) if pattern else 0
    return PatientKeys(checked, pattern, known, crossing, guess, about_given, blocked)


def crossing_split(patients: Sequence[str], split: Sequence[str]) -> list[str]:
    """Patients that stand in more than one part of a split, by name.

    Args:
        patients: (n,) patient of each image; empty where it is not known.
        split: (n,) part of each; empty where none is given.
    """
    parts: dict[str, set[str]] = {}
    for patient, part in zip(patients, split, strict=True):
        if patient and part:
            parts.setdefault(patient, set()).add(part)
    return sorted(patient for patient, found in parts.items() if len(found) > 1)


def _given(
    given: KeyCandidate, finer: list[str] | None, labels: list[str], vectors: NDArray[np.float32], seed: int
) -> KeyVerdict | None:
    """Judge the patients that are named already, against the finer key that the names offer, if it is finer."""
    if not given.images:
        return None
    joins = finer is not None and len({(a, b) for a, b in zip(given.keys, finer, strict=True)}) > given.patients
    return verify_key(given.keys, labels, vectors, finer if joins else None, seed)


def _chosen(candidates: Sequence[KeyCandidate], seed: int) -> list[int]:
    """Rows to look at: whole keys with several images, at random, by the coarsest candidate of each family."""
    rng = np.random.default_rng(seed)
    coarse = [candidate for candidate in candidates if candidate.level == 0]
    share = min(MAX_FAMILY_IMAGES, MAX_IMAGES // len(coarse))
    chosen: set[int] = set()
    for candidate in coarse:
        counts = Counter(candidate.keys)
        shared = sorted(key for key, count in counts.items() if key and count > 1)
        rank = {shared[place]: number for number, place in enumerate(rng.permutation(len(shared)))}
        taken: Counter[str] = Counter()
        rows = sorted(
            (row for row, key in enumerate(candidate.keys) if key in rank), key=lambda r: rank[candidate.keys[r]]
        )
        few = []
        for row in rows:
            taken[candidate.keys[row]] += 1
            few += [row] if taken[candidate.keys[row]] <= MAX_KEY_IMAGES else []
        chosen.update(few[:share])
    return sorted(chosen)


def _of_rows(candidate: KeyCandidate, rows: Sequence[int]) -> KeyCandidate:
    keys = tuple(candidate.keys[row] for row in rows)
    return replace(candidate, keys=keys)


def _joined(checked: Sequence[CheckedKey], names: Sequence[str]) -> tuple[str | None, list[str]]:
    """The expression of the accepted keys, and each image's key by it (else its name)."""
    accepted = [key.candidate for key in checked if key.verdict.accepted]
    pattern = _pattern(accepted, len(names))
    if pattern is None:
        return None, list(names)
    return pattern, [patient_in(re.compile(pattern), name) for name in names]


def _pattern(candidates: Sequence[KeyCandidate], images: int) -> str | None:
    """One expression of the coarsest candidate of every family; None without any.

    Args:
        candidates: From coarse to fine within a family.
        images: Their number in all; those of other families become patients of their own.
    """
    best: dict[str, KeyCandidate] = {}
    for candidate in candidates:
        best.setdefault(candidate.family, candidate)
    if not best:
        return None
    if "folder/" in best:
        return best["folder/"].pattern
    covered = sum(candidate.images for candidate in best.values())
    beginnings = [beginning for candidate in best.values() for beginning in candidate.beginnings]
    marks = next(iter(best.values())).marks
    return pattern_of(beginnings, covered < images, marks)
