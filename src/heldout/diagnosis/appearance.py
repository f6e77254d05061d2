"""How test images differ from validation images in appearance, class by class: a table, computed once a run.

A row is one class seen through one kind of columns (features of the pretrained network; measured properties): a
classifier that tells validation from test, what chance gives, and the difference in error split by it (DISDE).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.decomposition import PCA

from heldout.diagnosis.gap import GapBudget, Samples, bearing_classes
from heldout.diagnosis.properties import property_of, quality_values, shifts_of
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import IMAGES
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
from heldout.stats.weights import real
from heldout.ties import first_best, in_order

BASES = {"features": "the pretrained network's features", "quality": "measured image properties"}
"""Kinds of columns, in the order in which they are preferred, in words."""


@dataclass(frozen=True, eq=False)
class Row:
    """One class, seen through one kind of columns.

    Attributes:
        basis: `features` or `quality`.
        k: The class.
        split: DISDE of its error, with every weight of the bootstrap (row 0 is the sample).
        points: Its three parts in accuracy points, times the class's share of test.
        test_rows: (n_Q,) rows of the test images.
        test_pi: (n_Q,) how much each resembles test rather than validation, 0 … 1.
        val_rows: (n_P,) rows of the validation images.
        val_pi: (n_P,) likewise of these.
        shifts: Properties that differ in this class, the clearest first.
        chance: The domain AUC held against random halves of train; None where no verdict can rest on it, or train has
            too few images.
        drawn_from: Images of the class in validation and in test, of which these are a random sample; None where they
            are all.
    """

    basis: str
    k: int
    split: Decomposition
    points: tuple[Measured, Measured, Measured]
    test_rows: Indices
    test_pi: Reals
    val_rows: Indices
    val_pi: Reals
    shifts: tuple[PropertyShift, ...]
    chance: DomainShift | None = None
    drawn_from: tuple[int, int] | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Images of validation and test."""
        return len(self.val_rows), len(self.test_rows)

    @property
    def explained(self) -> Measured:
        """What appearance accounts for: I + III."""
        return self.points[0] + self.points[2]

    def overlaps(self, rules: Rules) -> bool:
        """Whether the two sets have enough in common for a shared distribution."""
        return self.split.auc <= rules.max_domain_auc

    def few_images(self, rules: Rules) -> bool:
        """Whether a side has too few images."""
        return min(self.sizes) < rules.min_disde_images

    def few_effective(self, rules: Rules) -> bool:
        """Whether the weights are worth too few images."""
        return min(self.split.effective_source, self.split.effective_target) < rules.min_disde_effective

    def sound(self, rules: Rules) -> bool:
        """Whether DISDE's parts can be trusted."""
        return self.overlaps(rules) and not self.few_images(rules) and not self.few_effective(rules)


@dataclass(frozen=True)
class AppearanceTable:
    """Every class that has enough images, through every kind of columns that is known."""

    rows: tuple[Row, ...] = ()

    def chosen(self, shares: Reals, rules: Rules) -> tuple[Row, ...]:
        """Sound rows, of the kind of columns under which they hold most of test; features before properties.

        Args:
            shares: (k,) class shares of test.
            rules: What counts as sound.
        """
        best: tuple[Row, ...] = ()
        for basis in BASES:
            sound = tuple(row for row in self.rows if row.basis == basis and row.sound(rules))
            if sum(shares[row.k] for row in sound) > sum(shares[row.k] for row in best) + 1e-9:
                best = sound
        return best


def compare_appearance(
    run: RunData, gap: GapBudget, rules: Rules, aside: frozenset[str] = frozenset()
) -> AppearanceTable:
    """Compare the classes with the largest shares of test, through features and through properties.

    Args:
        run: The run.
        gap: Its gap in terms.
        rules: The numbers of images that are needed.
        aside: Ids of images of either part that are left out, since their label is no word on what they show.
    """
    table = AppearanceTable(tuple(row for basis in BASES for row in _rows(run, gap, rules, basis, aside)))
    asked = _asked(table, gap, rules)
    return AppearanceTable(
        tuple(replace(row, chance=_chance(run, row, rules)) if row in asked else row for row in table.rows)
    )


def _asked(table: AppearanceTable, gap: GapBudget, rules: Rules) -> list[Row]:
    """Rows whose AUC is held against chance, which is dear to know: those that a verdict may rest on.

    Of the sound ones, the one that loses most, if anything is surely lost. Of the others the worst: that of a class
    that loses more than the margin, or where no row is sound the one that differs most.
    """
    chosen = table.chosen(gap.samples.test_prior[0], rules)
    if not chosen:
        return [most_different(table.rows)] if table.rows else []
    main, losing = losing_rows(chosen)
    asked = [main] if total([row.explained for row in losing]).low > 0 else []
    unjudged = [row for k in unjudged_classes(gap, chosen, rules)[:1] for row in table.rows if row.k == k]
    return asked + unjudged[:1]


def most_different(rows: Sequence[Row]) -> Row:
    """The row with the largest domain AUC, features before properties."""
    by_features = [row for row in rows if row.basis == "features"]
    return first_best(by_features or rows, lambda row: row.split.auc)


def losing_rows(chosen: Sequence[Row]) -> tuple[Row, list[Row]]:
    """The row that loses most by appearance, and all that lose."""
    main = first_best(chosen, lambda row: row.explained.value)
    return main, [row for row in chosen if row.explained.value > 0] or [main]


def unjudged_classes(gap: GapBudget, chosen: Sequence[Row], rules: Rules) -> list[int]:
    """Classes that lose more than the margin on test and could not be judged, the worst first."""
    lost = {k: row.points.value for k, row in enumerate(gap.classes) if row.points is not None}
    left = set(lost) - {row.k for row in chosen}
    return sorted((k for k in left if lost[k] > rules.margin), key=lambda k: -lost[k])


def total(points: Sequence[Measured]) -> Measured:
    """Sum of one or more numbers from the same bootstrap."""
    result = points[0]
    for other in points[1:]:
        result = result + other
    return result


def _rows(run: RunData, gap: GapBudget, rules: Rules, basis: str, aside: frozenset[str]) -> list[Row]:
    samples, found = gap.samples, []
    for k in in_order(samples.test_shares, descending=True)[: rules.max_appearance_classes].tolist():
        most = rules.max_domain_images
        known_P = _columns(run, samples.val, samples.val_images, basis, k, most, aside)
        known_Q = _columns(run, samples.test, samples.test.ids, basis, k, most, aside)
        if known_P is None or known_Q is None:
            return []
        if _enough(samples.val, known_P.rows, rules) and _enough(samples.test, known_Q.rows, rules):
            found.append(_row(run, gap, basis, int(k), known_P, known_Q, most))
    return found


@dataclass(frozen=True)
class _Columns:
    """What is known of the appearance of a class's images.

    Attributes:
        rows: (m,) their rows, ascending.
        values: (m, d) finite.
        drawn_from: How many there are, of which these are a random sample.
    """

    rows: Indices
    values: Features
    drawn_from: int


def _columns(
    run: RunData,
    images: Predictions,
    ids: Sequence[str],
    basis: str,
    k: int,
    most: int,
    aside: frozenset[str] = frozenset(),
) -> _Columns | None:
    """The images of class k whose appearance is known, at most so many of them.

    One class at a time, since the features of all images may be gigabytes. None where no image's are known. Images
    whose id is set `aside` are left out.
    """
    rows = np.array([row for row in np.flatnonzero(images.labels == k).tolist() if ids[row] not in aside], np.int64)
    values: Features
    if basis == "quality":
        names, every = quality_values(run, ids)
        if not names:
            return None
        chosen = _sample(rows, most, run.bootstrap_seed)
        values = every[chosen]
    else:
        place = _places(run)
        if not place:
            return None
        rows = np.array([row for row in rows.tolist() if ids[row] in place], dtype=np.int64)
        chosen = _sample(rows, most, run.bootstrap_seed)
        values = _features(run, [place[ids[row]] for row in chosen.tolist()])
    finite = np.isfinite(values).all(axis=1)
    return _Columns(chosen[finite], values[finite], len(rows))


def _sample(rows: Indices, most: int, seed: int) -> Indices:
    """All rows, or so many of them by chance, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng((seed, 11)).choice(rows, most, replace=False))


def _places(run: RunData) -> dict[str, tuple[str, int]]:
    """Id -> part and row in which its features stand."""
    place: dict[str, tuple[str, int]] = {}
    for part, features in run.features.items():
        own = run.part(part)
        if own is not None and len(own) == len(features):
            place.update((id_, (part, row)) for row, id_ in enumerate(own.ids))
    return place


def _features(run: RunData, places: Sequence[tuple[str, int]]) -> Features:
    """Features that stand at some places, (m, d)."""
    parts = np.array([part for part, _ in places], dtype=str)
    rows = np.array([row for _, row in places], dtype=np.int64)
    width = max(features.shape[1] for features in run.features.values())
    values = np.empty((len(places), width), dtype=np.float32)
    for part in np.unique(parts):
        values[parts == part] = run.features[str(part)][rows[parts == part]]
    return values


def _enough(images: Predictions, rows: Indices, rules: Rules) -> bool:
    patients = len(np.unique(images.units[rows]))
    return len(rows) >= rules.min_appearance_images and patients >= rules.min_appearance_patients


def _row(run: RunData, gap: GapBudget, basis: str, k: int, val: _Columns, test: _Columns, most: int) -> Row:
    samples, draws = gap.samples, gap.draws
    (rows_P, P), (rows_Q, Q) = (val.rows, val.values), (test.rows, test.values)
    groups_P, groups_Q = [samples.val.patients[i] for i in rows_P], [samples.test.patients[i] for i in rows_Q]
    pi_P, pi_Q = domain_probabilities(P, Q, groups_P, groups_Q, seed=run.bootstrap_seed)
    loss_P, loss_Q = (~samples.val.right[rows_P]).astype(np.float64), (~samples.test.right[rows_Q]).astype(np.float64)
    split = disde(loss_P, loss_Q, pi_P, pi_Q, samples.val_weights[:, rows_P], samples.test_weights[:, rows_Q])
    each = 100 * samples.test_prior[:, k] * split.replicates  # (3, B + 1)
    seen, same, unseen = (draws.measured(each[i], len(P) + len(Q)) for i in range(3))
    points, shifts = (seen, same, unseen), shifts_of(run, samples, k)
    drawn_from = (val.drawn_from, test.drawn_from) if max(val.drawn_from, test.drawn_from) > most else None
    return Row(basis, k, split, points, rows_Q, pi_Q, rows_P, pi_P, shifts, drawn_from=drawn_from)


def _chance(run: RunData, row: Row, rules: Rules) -> DomainShift | None:
    """Domain AUCs of random halves of train, by patient; None where train has too few."""
    train = run.train
    most = 2 * rules.max_domain_images  # as many as both sides have at most
    known = None if train is None else _columns(run, train, train.ids, row.basis, row.k, most)
    if train is None or known is None:
        return None
    rows, X = known.rows, known.values
    patients = [train.patients[i] for i in rows]
    few_patients = len(np.unique(unit_numbers(patients)[0])) < 2 * rules.min_appearance_patients
    if len(rows) < 2 * rules.min_appearance_images or few_patients:
        return None
    seed = run.bootstrap_seed
    if X.shape[1] > COMPONENTS and len(rows) > COMPONENTS:  # once instead of in every fold of every halving
        X = PCA(COMPONENTS, svd_solver="randomized", random_state=seed, copy=False).fit_transform(X.astype(np.float64))
    aucs = null_domain_aucs(X, patients, *row.sizes, seed=seed, draws=rules.null_draws)
    return DomainShift(row.split.auc, aucs, share_of(len(X), *row.sizes))


def unlike(test: Predictions, row: Row) -> tuple[str, ...]:
    """Wrong test images of the class, those that least resemble validation first."""
    order = in_order(row.test_pi, descending=True)
    return tuple(test.ids[i] for i in row.test_rows[order] if not test.right[i])


def differences(row: Row, rules: Rules) -> str:
    """The clearest differences in words: `blurrier by 0.7 and darker by 0.3 standard deviations`; may be empty."""
    clear = [shift for shift in row.shifts if np.isfinite(shift.smd) and shift.p_holm < rules.level]
    named = []
    for shift in clear[: rules.max_properties_named]:
        words = property_of(shift.name)
        named.append(f"{words.more if shift.smd > 0 else words.less} by {abs(shift.smd):.1f}")
    return f"{' and '.join(named)} standard deviations" if named else ""


def of_threshold(samples: Samples, rows: Sequence[Row], rules: Rules) -> float:
    """Points of I + III that a shift of the decision would mend: DISDE of what the best threshold gains on each image.

    The term threshold is the mean gain on test less that on validation; the weights that split the loss split it too.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.bincount(samples.val.labels, minlength=len(samples.test_prior[0])) / max(len(samples.val), 1)
        ratio = np.where(own > 0, samples.test_prior[0] / own, 0.0)
    classes, gains = bearing_classes(samples, rules), []
    sides = ((samples.val, ratio[samples.val.labels]), (samples.test, samples.test_weights[0]))
    for (images, weights), share in zip(sides, samples.search_shares(), strict=True):
        exact = weights.astype(real(samples.test_weights))
        tuned = tuned_right(images.labels, images.logits, images.units, exact, classes=classes, share=share)
        gains.append(tuned - images.right)
    points = 0.0
    for row in rows:
        split = disde(gains[0][row.val_rows], gains[1][row.test_rows], row.val_pi, row.test_pi)
        points += 100 * float(samples.test_prior[0, row.k]) * (split.seen + split.unseen)
    return points


def doubts(row: Row, rules: Rules) -> tuple[str, ...]:
    """Why DISDE's parts cannot be trusted, each in words that follow "because"; empty if they can."""
    found = []
    if not row.overlaps(rules):
        found.append(f"there is no overlap: validation and test are told apart with an AUC of {row.split.auc:.2f}")
    if row.few_images(rules):
        few = min(row.sizes)
        found.append(
            f"there are only {few} {IMAGES} of the class on one side (about {rules.min_disde_images} are needed)"
        )
    if row.few_effective(rules):
        worth = min(row.split.effective_source, row.split.effective_target)
        found.append(
            f"what both sides share is worth only {worth:.0f} {IMAGES} (about {rules.min_disde_effective:g} are needed)"
        )
    return tuple(found)
