"""What a classifier makes of validation and test images if it may learn from both: how hard each part is in itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Features, Indices, InterventionContext, Logits
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.linear import FOLDS, fitted_logits, out_of_fold, scaled
from heldout.diagnosis.interventions.needs import Need
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.stats.thresholds import folds_of
from heldout.ties import SAME_LOSS, first_of_largest

NEIGHBOURS = 15
"""Nearest images that vote: enough to be sure of one class, few enough to be near."""

DOUBT = 0.5
"""Added to the votes of every class, so that no class is impossible (Jeffreys' prior)."""

MOST_ASKED = 8000
"""Images among which neighbours are looked for at most; of more, that many by lot."""

CHUNK = 1024
"""Images whose neighbours are looked for at a time."""

COMPONENTS = 256
"""Principal components kept within a fold: a ridge penalty hardly sees the rest, and the fit costs a fifth."""


class PooledClassifiers(Intervention):
    """Logistic regression on pretrained features of validation and test images, out of fold.

    Five folds, patients and exact copies whole across both parts; C is that of the linear probe, or, where no training
    images are known, the one with the least cross-validated log loss on validation. Every image is scored by a
    regression that saw no image of its patient.

    Variant `balanced`: learned from both parts, weighted so that within each class both count the same. If test images
    are still harder than validation images then, they are harder in themselves, and not merely different; the rest
    could be learned from images of the target. Variant `neighbours`: the votes of the 15 nearest images of other
    patients, weighted likewise: what has learned nothing and knows images only by their likeness, to be held against
    it. Variant `unbalanced`: without weights, where the larger part decides.
    Variant `source`: learned from validation images only, with the same folds: what a shift costs a classifier of that
    size. All on validation and test.
    """

    name: ClassVar[str] = "pooled"
    title: ClassVar[str] = "pooled classifiers"
    version: ClassVar[int] = 2
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES})

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """The seed of the folds."""
        return {"seed": context.seed}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs some images of two classes in both parts."""
        for part, words in (("val", "validation"), ("test", "test")):
            if not context.ids(part):
                return Absence(ReasonKind.PARTS_MISSING, f"there are no {words} images")
            counts = np.bincount(context.labels(part), minlength=context.k)
            if (counts >= RULES.min_pooled_class).sum() < 2:
                text = f"{words} has too few images: fewer than {RULES.min_pooled_class} of all classes but one"
                return Absence(ReasonKind.MORE_IMAGES, text)
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Fit in every fold, score what was left out."""
        parts = ("val", "test")
        # before the features are held: the probe holds those of train
        strength = context.probe.strength if context.ids("train") else validated_strength(context)
        x = np.concatenate([np.asarray(context.features(part), dtype=np.float32) for part in parts])
        context.let_go()
        labels = np.concatenate([context.labels(part) for part in parts])
        first = len(context.ids("val"))
        source = np.arange(len(x)) < first
        units = context.units(["val", "test"])
        context.reporter.begin("pooled classifiers", 1)
        found = pooled_logits(x, labels, source, units, context.k, strength, context.seed)
        context.reporter.step()
        context.reporter.end()
        tables = [
            rows_of(context, part, variant, logits[source if part == "val" else ~source])
            for variant, logits in found.items()
            for part in parts
        ]
        return joined(tables, context.k)


VARIANTS = ("balanced", "unbalanced", "source", "neighbours")


def validated_strength(context: InterventionContext) -> float:
    """C with the least log loss on validation, out of fold, units whole."""
    labels, units = context.labels("val"), context.units(["val"])
    x = np.asarray(context.features("val"), dtype=np.float32)
    x, _ = reduced(x, x[:0], context.seed)
    losses = []
    for strength in context.strengths:
        logits = out_of_fold(x, labels, units, context.k, strength, context.seed).astype(np.float64)
        top = logits - logits.max(axis=1, keepdims=True)
        losses.append(-(top[np.arange(len(labels)), labels] - np.log(np.exp(top).sum(axis=1))).mean())
    return context.strengths[int(first_of_largest(-np.array(losses), tolerance=SAME_LOSS))]


def pooled_logits(
    x: Features,
    labels: Indices,
    source: NDArray[np.bool_],
    units: Indices,
    k: int,
    strength: float,
    seed: int,
    variants: Sequence[str] = VARIANTS,
) -> dict[str, Logits]:
    """Logits out of fold, (n, k) a variant.

    Args:
        x: (n, d) features of validation and test images.
        labels: (n,) class indices.
        source: (n,) True for validation.
        units: (n,) patient of each image.
        k: Number of classes.
        strength: C.
        seed: Seed of the folds.
        variants: Those that are wanted.
    """
    folds = min(FOLDS, len(np.unique(units)))
    fold = folds_of(units, labels + k * ~source, folds, seed)
    found = {name: np.zeros((len(x), k), dtype=np.float32) for name in variants}
    for number in range(folds):
        outside = fold == number
        inside = ~outside
        known, asked = reduced(x[inside], x[outside], seed)
        weights = {"balanced": balancing(labels[inside], source[inside]), "unbalanced": None}
        for name, weight in weights.items():
            if name in found:
                found[name][outside] = fitted_logits(known, labels[inside], asked, k, strength, weight)
        if "source" in found:
            own = inside & source
            known, asked = reduced(x[own], x[outside], seed)
            found["source"][outside] = fitted_logits(known, labels[own], asked, k, strength)
    if "neighbours" in found:
        found["neighbours"] = neighbour_logits(x, labels, source, units, k, seed)
    return found


def neighbour_logits(
    x: Features, labels: Indices, source: NDArray[np.bool_], units: Indices, k: int, seed: int
) -> Logits:
    """Logarithms of the votes (n, k) of each image's nearest images of other patients, by cosine similarity.

    Args:
        x: (n, d) features of validation and test images.
        labels: (n,) class indices.
        source: (n,) True for validation.
        units: (n,) patient of each image.
        k: Number of classes.
        seed: Seed of the axes, and of the images that are asked where there are many.
    """
    z, _ = reduced(x, x[:1], seed)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    asked = np.sort(np.random.default_rng((seed, 41)).permutation(len(x))[:MOST_ASKED])
    weights, near = balancing(labels, source)[asked], min(NEIGHBOURS, len(asked))
    votes = np.full((len(x), k), DOUBT)
    for start in range(0, len(x), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(x)))
        likeness = z[rows] @ z[asked].T
        own = units[rows][:, None] == units[asked]
        likeness[own] = -np.inf
        nearest = np.argpartition(-likeness, near - 1, axis=1)[:, :near]
        counted = np.where(np.take_along_axis(own, nearest, axis=1), 0.0, weights[nearest])
        for place in range(near):
            np.add.at(votes, (rows, labels[asked][nearest[:, place]]), counted[:, place])
    result: Logits = np.log(votes).astype(np.float32)
    return result


def reduced(x: Features, y: Features, seed: int) -> tuple[Features, Features]:
    """Both standardised by the first, and turned to its principal components where it is wider than `COMPONENTS`.

    The second may be empty.
    """
    known, asked = scaled(x, y)
    if min(known.shape) <= COMPONENTS:
        return known, asked
    axes = PCA(COMPONENTS, svd_solver="randomized", random_state=seed).fit(known)
    turned = axes.transform(asked).astype(np.float32) if len(asked) else np.empty((0, COMPONENTS), dtype=np.float32)
    return axes.transform(known).astype(np.float32), turned


def balancing(labels: Indices, source: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights (n,) that let both domains count the same within a class, and leave each class its number of images.

    A class that stands in one domain only keeps weights of 1.

    >>> balancing(np.array([0, 0, 0, 0, 1]), np.array([True, True, True, False, True])).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0, 1.0]
    """
    weights = np.ones(len(labels))
    for k in np.unique(labels):
        for mine in (source, ~source):
            here = (labels == k) & mine
            both = (labels == k).sum()
            if 0 < here.sum() < both:
                weights[here] = both / 2 / here.sum()
    return weights


INTERVENTION = PooledClassifiers()
