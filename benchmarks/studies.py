"""Studies drawn from a pool by patient: a linear probe trained anew in each, and the run data that a diagnosis reads.

The network is a linear probe on fixed features, so that thousands of studies fit into an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.pools import Pool
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from heldout.records.run import Learning

Rows = NDArray[np.int64]
Reals = NDArray[np.float64]

N_TRAIN, N_VAL = 800, 1000


@dataclass(frozen=True)
class Drawn:
    """Rows of the pool: the parts of a study, and `rest`, the images of patients it does not use."""

    train: Rows
    val: Rows
    test: Rows
    rest: Rows


@dataclass(frozen=True)
class Fresh:
    """Images of patients that the study does not use, drawn and scored as its test images were.

    Attributes:
        features: (m, d).
        labels: (m,) true classes.
        logits: (m, k) of the study's probe, with the plant.
        weights: (m,) how much each counts, so that they stand for test.
    """

    features: NDArray[np.float32]
    labels: Rows
    logits: Reals
    weights: Reals


@dataclass(frozen=True)
class Planted:
    """A study with what is true of it.

    Attributes:
        run: As a diagnosis gets it.
        truth: Term or cause -> accuracy points it takes from test.
        cause: Code of the cause that was planted, empty for none.
        review: Test id -> true class name, for the oracle that plays the two blind readers.
        fresh: Images of other patients with the plant in them, on which remedies are scored; None if there are none.
    """

    run: RunData
    truth: dict[str, float]
    cause: str
    review: dict[str, str]
    fresh: Fresh | None = None


@dataclass(frozen=True)
class DrawnStudy:
    """A drawn study before anything is planted: the probe's logits for the whole pool."""

    pool: Pool
    drawn: Drawn
    logits: Reals  # (n, k)
    seed: int

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.pool.classes)

    def moved(self, logits: Reals, offset: float) -> Reals:
        """Logits with class 1 made likelier than the other class by `offset`; less likely, where there are several.

        Of several classes it is the commonest: to answer it less often costs more.
        """
        sign = 1 if self.k == 2 else -1
        return logits + np.where(np.arange(self.k) == 1, 0.5, -0.5) * (sign * offset)

    def answers(self, rows: Rows, offset: float = 0.0) -> Rows:
        """What the probe answers to rows of the pool, its logits `moved` by `offset`."""
        found: Rows = self.moved(self.logits[rows], offset).argmax(axis=1)
        return found

    def right(self, rows: Rows, offset: float = 0.0) -> Reals:
        """Whether the probe is right on rows of the pool, its logits `moved` by `offset`."""
        return (self.answers(rows, offset) == self.pool.labels[rows]).astype(np.float64)

    def recall(self, offset: float = 0.0, test_too: bool = False) -> Reals:
        """(k,) recalls on the rest of the pool, and on the test images too where what is judged never sees them.

        0 for a class of which the rest has no image.
        """
        rows = np.concatenate([self.drawn.rest, self.drawn.test]) if test_too else self.drawn.rest
        each = [self.right(rows[self.pool.labels[rows] == k], offset) for k in range(self.k)]
        return np.array([right.mean() if len(right) else 0.0 for right in each])

    def counted(self, rows: Rows) -> Reals:
        """(k,) class shares of rows of the pool."""
        return np.bincount(self.pool.labels[rows], minlength=self.k) / len(rows)

    def fresh(self, weights: Reals | None = None, step: float = 0.0, like_test: bool = False) -> Fresh:
        """The rest of the pool as test brings its images.

        Args:
            weights: (n,) weight of every image of the pool; None for equal ones.
            step: What is added to the margins.
            like_test: Whether classes get the shares that they have in test.
        """
        rest = self.drawn.rest
        labels = self.pool.labels[rest]
        each = np.ones(len(rest)) if weights is None else weights[rest].astype(np.float64)
        if like_test:
            each = each * (self.shares() / np.maximum(np.bincount(labels, minlength=self.k), 1))[labels]
        return Fresh(self.pool.features[rest], labels, self.moved(self.logits[rest], step), each)

    def shares(self) -> Reals:
        """(k,) true class shares of this study's test images."""
        return self.counted(self.drawn.test)


def draw_rows(
    pool: Pool,
    seed: int,
    n_test: int,
    shares: tuple[float | None, float | None] = (None, None),
    skip: Rows | None = None,
) -> Drawn:
    """Train, validation and test by patient.

    Args:
        pool: Where from.
        seed: Seed of the draw.
        n_test: Test images.
        shares: Share of class 1 in train and validation, and in test; None takes images as they come.
        skip: Rows that must not stand in train and validation.
    """
    rng = np.random.default_rng((seed, n_test))
    names = rng.permutation(np.unique(pool.patients))
    rank = {name: place for place, name in enumerate(names)}
    order = np.argsort([rank[name] for name in pool.patients], kind="stable")  # whole patients, in random order
    allowed = np.ones(len(order), dtype=bool)
    if skip is not None:
        allowed[skip] = False
    used = 0
    parts = []
    for size, share, free in ((N_TRAIN, shares[0], False), (N_VAL, shares[0], False), (n_test, shares[1], True)):
        chosen, used = _fill(pool, order, used, size, share, allowed | free)
        parts.append(chosen)
    return Drawn(parts[0], parts[1], parts[2], order[used:])


def _fill(
    pool: Pool, order: Rows, start: int, size: int, share: float | None, allowed: NDArray[np.bool_]
) -> tuple[Rows, int]:
    """The next `size` rows, whole patients at the end of which the part stops; returns them and where it ended."""
    wanted = [size] if share is None else [size - round(share * size), round(share * size)]
    taken: list[int] = []
    counts = [0, 0]
    place = start
    while place < len(order) and len(taken) < size:
        row = int(order[place])
        k = int(pool.labels[row] == 1) if share is not None else 0
        if allowed[row] and counts[k] < wanted[k]:
            taken.append(row)
            counts[k] += 1
        place += 1
    patient = pool.patients[order[place - 1]]
    while place < len(order) and pool.patients[order[place]] == patient:
        place += 1  # what is left of the last patient is used by no other part
    if len(taken) < size:
        raise ValueError(f"the pool is too small: {len(taken)} of {size} images")
    return np.array(taken, dtype=np.int64), place


def fit_probe(pool: Pool, train: Rows, strength: float = 1e-3) -> Reals:
    """Logits (n, k) of a logistic regression on standardised features, for every image of the pool.

    A class that `train` lacks is never answered.
    """
    x = pool.features[train]
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    model = LogisticRegression(C=strength, max_iter=300).fit((x - mean) / scale, pool.labels[train])
    scores = ((pool.features - mean) / scale) @ model.coef_.T + model.intercept_
    if len(pool.classes) == 2:
        return np.concatenate([-scores / 2, scores / 2], axis=1).astype(np.float64)
    logits = np.repeat(scores.min(axis=1, keepdims=True) - 10.0, len(pool.classes), axis=1)
    logits[:, model.classes_] = scores
    return logits.astype(np.float64)


def draw_study(
    pool: Pool,
    seed: int,
    n_test: int,
    shares: tuple[float | None, float | None] = (None, None),
    skip: Rows | None = None,
    strength: float = 1e-3,
) -> DrawnStudy:
    """A study with nothing planted."""
    drawn = draw_rows(pool, seed, n_test, shares, skip)
    return DrawnStudy(pool, drawn, fit_probe(pool, drawn.train, strength), seed)


def run_data(b: DrawnStudy, test: Rows | None = None, test_logits: Reals | None = None) -> RunData:
    """The data of a study's run as it stands."""
    pool = b.pool
    rows = {"train": b.drawn.train, "val": b.drawn.val, "test": b.drawn.test if test is None else test}
    images = {}
    for part, index in rows.items():
        logits = test_logits if part == "test" and test_logits is not None else b.logits[index]
        ids = tuple(f"{part}{place}" for place in range(len(index)))
        images[part] = Predictions(part, ids, pool.labels[index], logits, tuple(pool.patients[index]))
    quality = pd.concat([pool.quality.iloc[index].set_axis(images[part].ids) for part, index in rows.items()])
    return RunData(
        run=f"{pool.name}-{b.seed}",
        model="offline:efficientnet_lite0",
        strategy="frozen",
        seed=b.seed,
        learning=Learning(backbone_trained=False, uses_seed=True),
        classes=pool.classes,
        train=images["train"],
        val=images["val"],
        test=images["test"],
        quality=quality,
        features={part: pool.features[index] for part, index in rows.items()},
        grouped=True,
        bootstrap_seed=b.seed,
    )


def with_pooled(run: RunData) -> RunData:
    """The run with what the intervention `pooled` would have left, from the features alone."""
    from heldout.diagnosis.interventions.pooled import pooled_logits

    val, test = run.val, run.test
    assert val is not None and test is not None
    x = np.concatenate([run.features["val"], run.features["test"]])
    labels = np.concatenate([val.labels, test.labels])
    source = np.arange(len(x)) < len(val)
    units = np.concatenate([val.units, test.units + val.units.max() + 1])
    tables = []
    for variant, logits in pooled_logits(x, labels, source, units, run.k, 1e-3, run.bootstrap_seed).items():
        for images, rows in ((val, logits[source]), (test, logits[~source])):
            tables.append(variant_rows(images.ids, images.part, variant, rows))
    return replace(run, scored={**run.scored, "pooled": VariantLogits(pd.concat(tables, ignore_index=True))})
