"""Classes hardly seen in training: what a linear probe makes of them with more images, and of others with as few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.gap.small_classes import rarely_seen
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Features, Indices, InterventionContext, Logits
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.linear import Weights, fitted_logits
from heldout.diagnosis.interventions.needs import Need
from heldout.diagnosis.interventions.pooled import reduced
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.stats.thresholds import folds_of

FOLDS = 4
"""Folds of test, patients whole: three quarters of its images of a class are there to learn from."""

DRAWS = 2
"""Thinnings of each well-seen class: one draw of twenty images may be a lucky one."""

MOST = 3
"""Rare classes that are tried, those with the most test images, and well-seen ones that each is compared with."""


class Doses(Intervention):
    """Logistic regression on pretrained features, learned from more or fewer images of a class.

    Rare classes: fewer than `rare_images` training images and fewer than `rare_share` of an equal share. `k` and `j`
    stand for numbers of classes.

    Variant `full`, on validation and test: learned from train as it is. Variants `few:k` and `many:k`, on test, out of
    fold by patient: the training images of the rare class are replaced by as many of its test images, and by all that
    the other folds have. Both come from where the scored images come from, so that what the second does better is due
    to their number: to how many different ones there are, or to how much they weigh beside the other classes. Variant
    `weighted:k` tells these apart: as few images that weigh as much as the many. Only where there are at least twice as
    many. Variant `thin:k:j:draw`, on validation: a class j that
    training knows well is left as many training images as k has.
    """

    name: ClassVar[str] = "doses"
    title: ClassVar[str] = "images of rare classes"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.TRAINING_IMAGES})

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """The seed of folds and draws."""
        return {"seed": context.seed}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """Without a rare class on test there is nothing to ask; without validation no strength can be chosen."""
        if not context.ids("val") or not context.ids("test"):
            return Absence(ReasonKind.PARTS_MISSING, "it needs validation and test images")
        if not len(tried_classes(context)):
            return Absence(ReasonKind.DOES_NOT_APPLY, "no class of test is hardly seen in training")
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Learn with each dose, and score."""
        known = _known(context)
        tables = [
            rows_of(context, part, "full", known.learned(known.train, known.labels, known.asked[part]))
            for part in ("val", "test")
        ]
        for k in tried_classes(context).tolist():
            tables.extend(rows_of(context, "test", name, logits) for name, logits in _more(context, known, k))
            tables.extend(rows_of(context, "val", name, logits) for name, logits in _thinned(context, known, k))
        return joined(tables, context.k)


@dataclass(frozen=True)
class _Known:
    """Features, turned to the principal components of train, and what is learned with.

    Attributes:
        train: (n, c).
        labels: (n,).
        asked: Part -> (m, c).
        k: Number of classes.
        strength: C.
    """

    train: Features
    labels: Indices
    asked: dict[str, Features]
    k: int
    strength: float

    def learned(self, x: Features, labels: Indices, others: Features, weights: Weights | None = None) -> Logits:
        """Logits of other images by a regression on some."""
        return fitted_logits(x, labels, others, self.k, self.strength, weights)


def tried_classes(context: InterventionContext) -> Indices:
    """Rare classes that test has images of, those with the most first."""
    rare = rarely_seen(np.bincount(context.labels("train"), minlength=context.k), RULES)
    counts = np.bincount(context.labels("test"), minlength=context.k)[rare]
    return rare[counts > 0][np.argsort(-counts[counts > 0], kind="stable")][:MOST]


def _known(context: InterventionContext) -> _Known:
    """Features of all parts; of a large train all images of rare classes and some of the others."""
    strength = context.probe.strength
    labels = context.labels("train")
    rare = rarely_seen(np.bincount(labels, minlength=context.k), RULES)
    rows = np.union1d(context.sample("train", RULES.max_probed), np.flatnonzero(np.isin(labels, rare)))
    parts = [np.asarray(context.features(part), dtype=np.float32) for part in ("val", "test")]
    train, both = reduced(
        np.asarray(context.features("train")[rows], dtype=np.float32), np.concatenate(parts), context.seed
    )
    asked = {"val": both[: len(parts[0])], "test": both[len(parts[0]) :]}
    return _Known(train, labels[rows], asked, context.k, strength)


def _more(context: InterventionContext, known: _Known, k: int) -> Iterator[tuple[str, Logits]]:
    """The rare class learned from as many of its test images as training has, and from many; scored on others."""
    n, labels, units = int((known.labels == k).sum()), context.labels("test"), context.units(["test"])
    folds = min(FOLDS, len(np.unique(units)))
    fold = folds_of(units, labels, folds, context.seed)
    there = [np.flatnonzero((labels == k) & (fold != number)) for number in range(folds)]
    if folds < 2 or min(map(len, there)) < max(2 * n, RULES.min_pooled_class):
        return
    rng = np.random.default_rng((context.seed, 37, k))
    others, test = known.labels != k, known.asked["test"]
    drawn = [rng.permutation(rows) for rows in there]
    few = [rows[: max(n, 1)] for rows in drawn]
    for name, chosen in (("few", few), ("weighted", few), ("many", drawn)):
        logits = np.zeros((len(labels), context.k), dtype=np.float32)
        for number, rows in enumerate(chosen):
            x = np.concatenate([known.train[others], test[rows]])
            y = np.concatenate([known.labels[others], np.full(len(rows), k)])
            weights = np.ones(len(y))
            if name == "weighted":
                weights[-len(rows) :] = len(drawn[number]) / len(rows)
            logits[fold == number] = known.learned(x, y, test[fold == number], weights)
        yield f"{name}:{k}", logits


def _thinned(context: InterventionContext, known: _Known, k: int) -> Iterator[tuple[str, Logits]]:
    """Classes that training knows at least four times as well, each left as few images as k has."""
    counts = np.bincount(known.labels, minlength=context.k)
    asked = np.bincount(context.labels("val"), minlength=context.k)
    n = max(int(counts[k]), 1)
    rare = rarely_seen(counts, RULES)
    well = [j for j in np.argsort(-asked, kind="stable").tolist() if counts[j] >= 4 * n and j not in rare]
    for j in [j for j in well if asked[j] >= RULES.min_pooled_class][:MOST]:
        for draw in range(DRAWS):
            rng = np.random.default_rng((context.seed, 41, k, j, draw))
            own = np.flatnonzero(known.labels == j)
            rows = np.concatenate([np.flatnonzero(known.labels != j), rng.permutation(own)[:n]])
            yield f"thin:{k}:{j}:{draw}", known.learned(known.train[rows], known.labels[rows], known.asked["val"])


INTERVENTION = Doses()
