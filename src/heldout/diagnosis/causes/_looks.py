"""What is in the images: the difference in accuracy of a class split by how much its test images look like validation.

One `Look` a class and kind of columns (measured properties; features of the pretrained network), computed once a case
and read by the cause `covariate-shift` and by the lens of the diagnosis.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.decomposition import PCA

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import said
from heldout.diagnosis.causes._properties import images_of, property_of, quality_values, shifts
from heldout.records import Lens
from heldout.records.predictions import Predictions
from heldout.stats.disde import Decomposition, disde
from heldout.stats.measured import Measured
from heldout.stats.property_shift import PropertyShift
from heldout.stats.scores import Indices, Reals
from heldout.stats.shift import (
    COMPONENTS,
    DomainShift,
    Features,
    domain_probabilities,
    null_domain_aucs,
    share_of,
    unit_numbers,
)
from heldout.stats.thresholds import tuned_right

FEWEST_IMAGES = 50
FEWEST_PATIENTS = 5
"""Of a class on each side; with fewer a domain classifier, fitted in five folds, says nothing."""

MOST_NAMED = 3
"""Properties named in a sentence, clearest first."""

MOST_CLASSES = 6
"""The classes with the largest shares of test that are looked at."""

NULL_DRAWS = 12
"""Halvings of train behind the null: enough for its standard deviation, three of which decide."""

PARTS = ("known looks, more frequent on test", "same looks, still worse", "looks that validation lacks")
"""Names of DISDE's parts I, II and III."""

WORDS = {"features": "the pretrained network's features", "quality": "measured image properties"}


@dataclass(frozen=True)
class Look:
    """One class, seen through one kind of columns.

    Attributes:
        basis: `features` or `quality`.
        k: The class.
        split: DISDE of its error, with every weight of the bootstrap (row 0 is the sample).
        points: The three parts in accuracy points, times the class's share of test.
        rows: (n_Q,) rows of the test images.
        pi: (n_Q,) how much each looks like test rather than validation, 0 … 1.
        val_rows: (n_P,) rows of the validation images.
        val_pi: (n_P,) likewise of these.
        sizes: Images of validation and test.
        top: The property that differs most in this class, in words, or empty.
    """

    basis: str
    k: int
    split: Decomposition
    points: tuple[Measured, Measured, Measured]
    rows: Indices
    pi: Reals
    val_rows: Indices
    val_pi: Reals
    sizes: tuple[int, int]
    top: str

    @property
    def explained(self) -> Measured:
        """What looks account for: I + III."""
        return self.points[0] + self.points[2]


@dataclass
class _Known:
    case: weakref.ref[Case]
    looks: tuple[Look, ...]
    nulls: dict[tuple[str, int], DomainShift | None] = field(default_factory=dict)


_KNOWN: dict[int, _Known] = {}
"""Id of a living case -> what was computed for it; arrays cannot be hashed, so the case itself is no key."""


def looks(case: Case) -> tuple[Look, ...]:
    """Every class that has enough images, through features and through properties."""
    return _known(case).looks


def null(case: Case, look: Look) -> DomainShift | None:
    """The look's domain AUC held against random halves of train, by patient; None where train has too few."""
    known, key = _known(case), (look.basis, look.k)
    if key not in known.nulls:
        known.nulls[key] = _null(case, look)
    return known.nulls[key]


def _known(case: Case) -> _Known:
    number = id(case)
    known = _KNOWN.get(number)
    if known is None or known.case() is not case:
        found = tuple(look for basis in WORDS for look in _looks(case, basis))
        known = _Known(weakref.ref(case, lambda _: _KNOWN.pop(number, None)), found)
        _KNOWN[number] = known
    return known


def columns(case: Case, side: Predictions, basis: str, k: int) -> tuple[Indices, Features] | None:
    """Rows of a side's images of class k whose looks are known, (m,), and what they look like, (m, d) finite.

    One class at a time, since the features of all images may be gigabytes. None where no image's
    looks are known.
    """
    rows = np.flatnonzero(side.labels == k)
    values: Features
    if basis == "quality":
        names, every = quality_values(case, side)
        if not names:
            return None
        values = every[rows]
    else:
        place = _places(case)
        if not place:
            return None
        ids = images_of(case, side)
        rows = np.array([row for row in rows if ids[row] in place], dtype=np.int64)
        values = _features(case, [place[ids[row]] for row in rows])
    finite = np.isfinite(values).all(axis=1)
    return rows[finite], values[finite]


def _places(case: Case) -> dict[str, tuple[str, int]]:
    """Id -> part and row in which its features stand."""
    place: dict[str, tuple[str, int]] = {}
    for part, features in case.evidence.features.items():
        own = case.evidence.side(part)
        if own is not None and len(own) == len(features):
            place.update((id_, (part, row)) for row, id_ in enumerate(own.ids))
    return place


def _features(case: Case, places: Sequence[tuple[str, int]]) -> Features:
    """Features that stand at some places, (m, d)."""
    parts = np.array([part for part, _ in places], dtype=str)
    rows = np.array([row for _, row in places], dtype=np.int64)
    width = max(features.shape[1] for features in case.evidence.features.values())
    values = np.empty((len(places), width), dtype=np.float32)
    for part in np.unique(parts):
        values[parts == part] = case.evidence.features[str(part)][rows[parts == part]]
    return values


def _looks(case: Case, basis: str) -> list[Look]:
    base = case.budget.base
    found = []
    for k in np.argsort(-base.test_prior[0], kind="stable")[:MOST_CLASSES]:
        known_P, known_Q = columns(case, base.val, basis, k), columns(case, base.test, basis, k)
        if known_P is None or known_Q is None:
            return []
        (rows_P, P), (rows_Q, Q) = known_P, known_Q
        if _enough(base.val, rows_P) and _enough(base.test, rows_Q):
            found.append(_look(case, basis, int(k), P, Q, rows_P, rows_Q))
    return found


def _enough(side: Predictions, rows: Indices) -> bool:
    return len(rows) >= FEWEST_IMAGES and len(np.unique(side.units[rows])) >= FEWEST_PATIENTS


def _look(case: Case, basis: str, k: int, P: Features, Q: Features, rows_P: Indices, rows_Q: Indices) -> Look:
    base, draws = case.budget.base, case.budget.draws
    groups_P, groups_Q = [base.val.patients[i] for i in rows_P], [base.test.patients[i] for i in rows_Q]
    pi_P, pi_Q = domain_probabilities(P, Q, groups_P, groups_Q, seed=case.evidence.bootstrap_seed)
    loss_P, loss_Q = (~base.val.right[rows_P]).astype(np.float64), (~base.test.right[rows_Q]).astype(np.float64)
    split = disde(loss_P, loss_Q, pi_P, pi_Q, base.val_weights[:, rows_P], base.test_weights[:, rows_Q])
    each = 100 * base.test_prior[:, k] * split.replicates  # (3, B + 1)
    first, second, third = (draws.measured(each[i], len(P) + len(Q)) for i in range(3))
    words = _differences(shifts(case, k))
    return Look(basis, k, split, (first, second, third), rows_Q, pi_Q, rows_P, pi_P, (len(P), len(Q)), words)


def _differences(found: tuple[PropertyShift, ...]) -> str:
    """The clearest differences in words: `blurrier by 0.7 and darker by 0.3 standard deviations`."""
    clear = [item for item in found if np.isfinite(item.smd) and item.p_holm < 0.05][:MOST_NAMED]
    named = []
    for item in clear:
        words = property_of(item.name)
        named.append(f"{words.more if item.smd > 0 else words.less} by {abs(item.smd):.1f}")
    return f"{' and '.join(named)} standard deviations" if named else ""


def _null(case: Case, look: Look) -> DomainShift | None:
    train = case.evidence.train
    known = None if train is None else columns(case, train, look.basis, look.k)
    if train is None or known is None:
        return None
    rows, X = known
    patients = [train.patients[i] for i in rows]
    if len(rows) < 2 * FEWEST_IMAGES or len(np.unique(unit_numbers(patients)[0])) < 2 * FEWEST_PATIENTS:
        return None
    seed = case.evidence.bootstrap_seed
    if X.shape[1] > COMPONENTS and len(rows) > COMPONENTS:  # once instead of in every fold of every halving
        X = PCA(COMPONENTS, svd_solver="randomized", random_state=seed, copy=False).fit_transform(X.astype(np.float64))
    aucs = null_domain_aucs(X, patients, *look.sizes, seed=seed, draws=NULL_DRAWS)
    return DomainShift(look.split.auc, aucs, share_of(len(X), *look.sizes))


def of_threshold(case: Case, chosen: Sequence[Look]) -> float:
    """Points of I + III that a shift of the decision would mend: DISDE of what the best threshold gains on each image.

    The term threshold is the mean gain on test less that on validation; the weights that split the loss split it too.
    """
    base = case.budget.base
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.bincount(base.val.labels, minlength=len(base.test_prior[0])) / max(len(base.val), 1)
        ratio = np.where(shares > 0, base.test_prior[0] / shares, 0.0)
    gains = []
    for side, weights in ((base.val, ratio[base.val.labels]), (base.test, np.ones(len(base.test)))):
        tuned = tuned_right(side.labels, side.logits, side.units, weights.astype(np.float32))
        gains.append(tuned - side.right)
    points = 0.0
    for look in chosen:
        split = disde(gains[0][look.val_rows], gains[1][look.rows], look.val_pi, look.pi)
        points += 100 * float(base.test_prior[0, look.k]) * (split.seen + split.unseen)
    return points


def looks_lens(case: Case) -> tuple[Lens, ...]:
    """One lens a class and kind of columns; its parts are missing where they would be guesses."""
    return tuple(_lens(case, look) for look in looks(case))


def _lens(case: Case, look: Look) -> Lens:
    class_, split = case.evidence.classes[look.k], look.split
    known = _known(case).nulls.get((look.basis, look.k))
    numbers = {
        "domain_auc": split.auc,
        "val_images": float(look.sizes[0]),
        "test_images": float(look.sizes[1]),
        "effective_val": split.effective_source,
        "effective_test": split.effective_target,
    }
    if known is not None:
        numbers |= {"null_mean": float(known.null.mean()), "null_max": float(known.null.max()), "p": known.p}
    apart = (
        f"By {WORDS[look.basis]}, validation and test images of {class_} are told apart with an AUC of {split.auc:.2f} "
    )
    apart += "(0.50: they look alike). "
    if split.doubts:
        sentence = f"{apart}What that costs cannot be told, because {' and '.join(split.doubts)}."
        parts = {}
    else:
        seen, same, unseen = look.points
        sentence = (
            f"{apart}Looks that validation knows but that are more frequent on test cost {said(seen)}, looks that it "
            f"lacks {said(unseen)}; images that look the same on both sides still differ by {said(same)}."
        )
        parts = {name: points.estimate() for name, points in zip(PARTS, look.points, strict=True)}
    return Lens("looks", "What is in the images", class_, parts, sentence, numbers, WORDS[look.basis])
