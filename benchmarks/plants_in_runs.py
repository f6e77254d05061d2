"""Studies with one planted cause each, drawn from a pool, with the truth in points beside them.

The network is a linear probe on fixed features, trained anew in every study, so that thousands of studies fit into an
hour; plants act on which images are drawn, on labels, on validation, on logits. Plants that change pixels need the
network again and are run by `benchmarks/planted_pixels.py`.

Truth: each study's own probe is scored on all patients of the pool that the study did not use, with the plant and
without it, from the same images; the difference is what the plant costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.pools import Pool
from heldout.evidence import Evidence, Scored, Side

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
class Planted:
    """A study with what is true of it.

    Attributes:
        evidence: As a diagnosis gets it.
        truth: Term or cause -> accuracy points it takes from test.
        cause: Code of the cause that was planted, empty for none.
        review: Test id -> true class name, for the oracle that plays the two blind readers.
    """

    evidence: Evidence
    truth: dict[str, float]
    cause: str
    review: dict[str, str]


@dataclass(frozen=True)
class Bench:
    """A drawn study before anything is planted: the probe's logits for the whole pool."""

    pool: Pool
    drawn: Drawn
    logits: Reals  # (n, 2)
    seed: int

    def right(self, rows: Rows, offset: float = 0.0) -> Reals:
        """Whether the probe is right on rows of the pool, its margin moved by `offset`."""
        margin = self.logits[rows, 1] - self.logits[rows, 0] + offset
        return ((margin > 0) == (self.pool.labels[rows] == 1)).astype(np.float64)

    def recall(self, offset: float = 0.0) -> Reals:
        """(2,) recalls on the rest of the pool."""
        rest = self.drawn.rest
        return np.array([self.right(rest[self.pool.labels[rest] == k], offset).mean() for k in (0, 1)])

    def shares(self) -> Reals:
        """(2,) true class shares of this study's test images."""
        return np.bincount(self.pool.labels[self.drawn.test], minlength=2) / len(self.drawn.test)


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
    wanted = [size, size] if share is None else [size - round(share * size), round(share * size)]
    taken: list[int] = []
    counts = [0, 0]
    place = start
    while place < len(order) and len(taken) < size:
        row = int(order[place])
        k = int(pool.labels[row])
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
    """Logits (n, 2) of a logistic regression on standardised features, for every image of the pool."""
    x = pool.features[train]
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    model = LogisticRegression(C=strength, max_iter=300).fit((x - mean) / scale, pool.labels[train])
    margin = ((pool.features - mean) / scale) @ model.coef_[0] + model.intercept_[0]
    return np.stack([-margin / 2, margin / 2], axis=1).astype(np.float64)


def bench(
    pool: Pool,
    seed: int,
    n_test: int,
    shares: tuple[float | None, float | None] = (None, None),
    skip: Rows | None = None,
    strength: float = 1e-3,
) -> Bench:
    """A study with nothing planted."""
    drawn = draw_rows(pool, seed, n_test, shares, skip)
    return Bench(pool, drawn, fit_probe(pool, drawn.train, strength), seed)


def evidence_of(b: Bench, test: Rows | None = None, test_logits: Reals | None = None) -> Evidence:
    """The evidence of a study as it stands."""
    pool = b.pool
    rows = {"train": b.drawn.train, "val": b.drawn.val, "test": b.drawn.test if test is None else test}
    sides = {}
    for part, index in rows.items():
        logits = test_logits if part == "test" and test_logits is not None else b.logits[index]
        ids = tuple(f"{part}{place}" for place in range(len(index)))
        sides[part] = Side(part, ids, pool.labels[index], logits, tuple(pool.patients[index]))
    quality = pd.concat([pool.quality.iloc[index].set_axis(sides[part].ids) for part, index in rows.items()])
    return Evidence(
        run=f"{pool.name}-{b.seed}",
        model="offline:efficientnet_lite0",
        strategy="frozen",
        seed=b.seed,
        classes=pool.classes,
        train=sides["train"],
        val=sides["val"],
        test=sides["test"],
        quality=quality,
        features={part: pool.features[index] for part, index in rows.items()},
        grouped=True,
        bootstrap_seed=b.seed,
    )


def none(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Nothing: all three parts are drawn alike."""
    return Planted(evidence_of(bench(pool, seed, n_test)), {}, "", {})


PRIORS = (0.45, 0.30, 0.15)


def prior(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Class 1 is 80 % of train and validation, and less of test."""
    b = bench(pool, seed, n_test, (0.8, PRIORS[severity]))
    val, test = pool.labels[b.drawn.val].mean(), pool.labels[b.drawn.test].mean()
    recall = b.recall()
    return Planted(evidence_of(b), {"prior": 100 * float((val - test) * (recall[1] - recall[0]))}, "prior", {})


EFFECTS = (4.0, 8.0, 14.0)


def offset(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The margins of the test images are moved by a constant, so that accuracy falls by 4, 8 or 14 points."""
    b = bench(pool, seed, n_test)
    rest = b.drawn.rest
    before = b.right(rest).mean()
    steps = np.linspace(0, 4 * np.std(b.logits[rest, 1] - b.logits[rest, 0]), 200)
    drops = np.array([100 * (before - b.right(rest, step).mean()) for step in steps])
    chosen = int(np.argmax(drops >= EFFECTS[severity])) if (drops >= EFFECTS[severity]).any() else int(drops.argmax())
    logits = b.logits[b.drawn.test] + np.array([-0.5, 0.5]) * steps[chosen]
    # The term speaks of the class shares that this test has, and so does its truth.
    cost = b.shares() @ (b.recall() - b.recall(float(steps[chosen])))
    return Planted(evidence_of(b, test_logits=logits), {"threshold": 100 * float(cost)}, "threshold", {})


def _flipped(b: Bench, flip: NDArray[np.bool_], rest_drop: float) -> Planted:
    evidence = evidence_of(b)
    test = evidence.test
    assert test is not None
    labels = np.where(flip, 1 - test.labels, test.labels)
    review = {id_: b.pool.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
    return Planted(replace(evidence, test=replace(test, labels=labels)), {"labels": rest_drop}, "labels", review)


FLIPS = (0.06, 0.12, 0.20)


def flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the test labels is turned round, whatever the class."""
    b = bench(pool, seed, n_test)
    rate = FLIPS[severity]
    flip = np.random.default_rng((seed, 21)).random(n_test) < rate
    return _flipped(b, flip, 100 * rate * (2 * float(b.shares() @ b.recall()) - 1))


ONE_CLASS = (0.12, 0.25, 0.40)


def one_class_flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the test images of class 0 is labelled class 1."""
    b = bench(pool, seed, n_test)
    rate = ONE_CLASS[severity]
    here = pool.labels[b.drawn.test] == 0
    flip = here & (np.random.default_rng((seed, 22)).random(n_test) < rate)
    share = float(here.mean())
    return _flipped(b, flip, 100 * rate * share * (2 * b.recall()[0] - 1))


COPIES = (0.3, 0.55, 0.8)


def copies(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the validation images are copies of training images; the probe has learned train by heart."""
    b = bench(pool, seed, n_test, strength=1.0)
    rng = np.random.default_rng((seed, 23))
    number = round(COPIES[severity] * N_VAL)
    places = rng.permutation(N_VAL)[:number]
    val = b.drawn.val.copy()
    for k in (0, 1):  # class by class, so that the shares of validation stay as they are
        mine = places[pool.labels[val[places]] == k]
        val[mine] = rng.choice(b.drawn.train[pool.labels[b.drawn.train] == k], size=len(mine))
    planted = replace(b, drawn=replace(b.drawn, val=val))
    evidence = evidence_of(planted)
    assert evidence.val is not None
    leaked = {evidence.val.ids[i]: "the same picture is in train" for i in places}
    share = np.bincount(pool.labels[val], minlength=2) / N_VAL
    copied = np.bincount(pool.labels[val[places]], minlength=2) / N_VAL
    clean = b.recall()
    own = np.array([b.right(b.drawn.train[pool.labels[b.drawn.train] == k]).mean() for k in (0, 1)])
    truth = 100 * float((copied * (own - clean)).sum()) if share.all() else 0.0
    return Planted(replace(evidence, leaked=leaked, grouped=False), {"leakage": truth}, "leakage", {})


CANDIDATES = (20, 60, 200)


def best_of_many(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The best of many heads, perturbed at random, is chosen on 150 validation images and reported on them."""
    b = bench(pool, seed, n_test)
    rng = np.random.default_rng((seed, 24))
    val = b.drawn.val[:150]
    noise = 1.5 * np.std(b.logits[:, 1])
    directions = rng.standard_normal((CANDIDATES[severity], pool.features.shape[1])).astype(np.float32)
    scaled = (pool.features - pool.features.mean(axis=0)) / (pool.features.std(axis=0) + 1e-6)
    wobble = scaled @ directions.T / np.sqrt(pool.features.shape[1]) * noise  # (n, m)
    margins = (b.logits[:, 1] - b.logits[:, 0])[:, None] + wobble
    answers = (margins[val] > 0).astype(np.int64).T  # (m, 150)
    chosen = int((answers == pool.labels[val]).mean(axis=1).argmax())
    margin = margins[:, chosen]
    tuned = replace(b, logits=np.stack([-margin / 2, margin / 2], axis=1), drawn=replace(b.drawn, val=val))
    evidence = replace(evidence_of(tuned), val_epochs=answers, keeps="best")
    # These 150 images are easier or harder than the rest by luck, for all heads alike: that luck is no optimism.
    rest = b.drawn.rest
    everywhere = ((margins > 0) == (pool.labels == 1)[:, None]).astype(np.float64)  # (n, m)
    excess = everywhere[val].mean(axis=0) - everywhere[rest].mean(axis=0)  # (m,)
    return Planted(evidence, {"selection": 100 * float(excess[chosen] - excess.mean())}, "selection", {})


HARD = (1.5, 3.0, 6.0)


def hard_subset(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The hardest third of the images is drawn more often for test."""
    b = bench(pool, seed, min(1500, 2 * n_test))
    rng = np.random.default_rng((seed, 25))
    hard = pool.hardness >= np.quantile(pool.hardness, 2 / 3)

    def oversampled(rows: Rows, size: int) -> Rows:
        weight = np.where(hard[rows], HARD[severity], 1.0)
        return rng.choice(rows, size=size, replace=False, p=weight / weight.sum())

    drawn = oversampled(b.drawn.rest, len(b.drawn.rest) // 2)  # half of what there is, as for test
    truth = 100 * float(b.right(b.drawn.rest).mean() - b.right(drawn).mean())
    return Planted(
        evidence_of(b, test=oversampled(b.drawn.test, len(b.drawn.test) // 2)), {"difficulty": truth}, "difficulty", {}
    )


WITHHELD = (0.3, 0.6, 0.9)


def withheld(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The quarter of images with the largest subgroup number stands in test only, as a given share of it."""
    group = pool.subgroup >= np.quantile(pool.subgroup, 0.75)
    b = bench(pool, seed, min(1500, 4 * n_test), skip=np.flatnonzero(group))
    rng = np.random.default_rng((seed, 26))
    share = WITHHELD[severity]
    mine, others = b.drawn.test[group[b.drawn.test]], b.drawn.test[~group[b.drawn.test]]
    size = min(n_test, int(len(mine) / share), int(len(others) / (1 - share)))
    test = np.concatenate(
        [rng.permutation(mine)[: round(share * size)], rng.permutation(others)[: size - round(share * size)]]
    )
    rest = b.drawn.rest
    inside, outside = b.right(rest[group[rest]]).mean(), b.right(rest[~group[rest]]).mean()
    return Planted(
        evidence_of(b, test=test), {"covariate-shift": 100 * share * float(outside - inside)}, "covariate-shift", {}
    )


def prior_offset_flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Three at once: class shares, a moved margin, and turned labels."""
    b = bench(pool, seed, n_test, (0.8, PRIORS[severity]))
    val, test_share = pool.labels[b.drawn.val].mean(), pool.labels[b.drawn.test].mean()
    recall = b.recall()
    rest = b.drawn.rest
    step = (0.15, 0.3, 0.45)[severity] * float(np.std(b.logits[rest, 1] - b.logits[rest, 0]))
    after = np.array([b.right(rest[pool.labels[rest] == k], step).mean() for k in (0, 1)])
    share = np.array([1 - test_share, test_share])
    drop = float((share * (recall - after)).sum())
    logits = b.logits[b.drawn.test] + np.array([-0.5, 0.5]) * step
    evidence = evidence_of(b, test_logits=logits)
    test = evidence.test
    assert test is not None
    rate = FLIPS[severity]
    flip = np.random.default_rng((seed, 27)).random(n_test) < rate
    accuracy = float((share * after).sum())
    truth = {
        "prior": 100 * float((val - test_share) * (recall[1] - recall[0])),
        "threshold": 100 * drop,
        "labels": 100 * rate * (2 * accuracy - 1),
    }
    review = {id_: pool.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
    planted = replace(test, labels=np.where(flip, 1 - test.labels, test.labels))
    return Planted(replace(evidence, test=planted), truth, "several", review)


Plant = Callable[[Pool, int, int, int], Planted]

PLANTS: dict[str, Plant] = {
    "none": none,
    "prior": prior,
    "offset": offset,
    "flips": flips,
    "one-class-flips": one_class_flips,
    "copies": copies,
    "best-of-many": best_of_many,
    "hard-subset": hard_subset,
    "withheld": withheld,
    "prior+offset+flips": prior_offset_flips,
}


def with_pooled(evidence: Evidence) -> Evidence:
    """The evidence with what the experiment `pooled` would have left, from the features alone."""
    from heldout.experiments.pooled import pooled_logits

    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    x = np.concatenate([evidence.features["val"], evidence.features["test"]])
    labels = np.concatenate([val.labels, test.labels])
    source = np.arange(len(x)) < len(val)
    units = np.concatenate([val.units, test.units + val.units.max() + 1])
    tables = []
    for variant, logits in pooled_logits(x, labels, source, units, 2, 1e-3, evidence.bootstrap_seed).items():
        for side, rows in ((val, logits[source]), (test, logits[~source])):
            table = pd.DataFrame({"id": side.ids, "split": side.name, "variant": variant})
            tables.append(table.assign(logit_0=rows[:, 0], logit_1=rows[:, 1]))
    return replace(evidence, scored={**evidence.scored, "pooled": Scored(pd.concat(tables, ignore_index=True))})
