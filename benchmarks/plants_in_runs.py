"""Studies with one planted cause each, drawn from a pool, with the truth in points beside them.

Plants act on which images are drawn, on labels, on validation, on logits. Plants that change pixels need the network
again and are run by `benchmarks/planted_pixels.py`.

Truth: each study's own probe is scored on all patients of the pool that the study did not use, with the plant and
without it, from the same images; the difference is what the plant costs. The prior term reads validation's answers and
the class shares of test, so its truth may use the answers on test as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.pools import Pool
from benchmarks.studies import N_VAL, DrawnStudy, Planted, Rows, draw_study, run_data
from heldout.records.run import Learning


def none(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Nothing: all three parts are drawn alike."""
    b = draw_study(pool, seed, n_test)
    return Planted(run_data(b), {}, "", {}, b.fresh())


PRIORS = (0.45, 0.30, 0.15)


def prior(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Class 1 is 80 % of train and validation, and less of test."""
    b = draw_study(pool, seed, n_test, (0.8, PRIORS[severity]))
    recall = b.recall(test_too=True)  # the term reads the class shares of test, not its answers
    cost = 100 * float((b.counted(b.drawn.val) - b.shares()) @ recall)
    return Planted(run_data(b), {"prior": cost}, "prior", {}, b.fresh(like_test=True))


EFFECTS = (4.0, 8.0, 14.0)


def offset(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The margins of the test images are moved by a constant, so that accuracy falls by 4, 8 or 14 points."""
    b = draw_study(pool, seed, n_test)
    rest = b.drawn.rest
    before = b.right(rest).mean()
    steps = np.linspace(0, 4 * spread(b, rest), 200)
    drops = np.array([100 * (before - b.right(rest, step).mean()) for step in steps])
    chosen = int(np.argmax(drops >= EFFECTS[severity])) if (drops >= EFFECTS[severity]).any() else int(drops.argmax())
    logits = b.moved(b.logits[b.drawn.test], float(steps[chosen]))
    # The term speaks of the class shares that this test has, and so does its truth.
    cost = b.shares() @ (b.recall() - b.recall(float(steps[chosen])))
    fresh = b.fresh(step=float(steps[chosen]))
    return Planted(run_data(b, test_logits=logits), {"threshold": 100 * float(cost)}, "threshold", {}, fresh)


def spread(b: DrawnStudy, rows: Rows) -> float:
    """Standard deviation of how much likelier class 1 is than the likeliest other."""
    others = np.delete(b.logits[rows], 1, axis=1).max(axis=1)
    return float(np.std(b.logits[rows, 1] - others))


def turned(labels: Rows, flip: NDArray[np.bool_], k: int, seed: int) -> Rows:
    """Labels with some of them turned into another class, each of the others alike."""
    shift = np.random.default_rng((seed, 28)).integers(1, k, len(labels)) if k > 2 else 1
    return np.where(flip, (labels + shift) % k, labels)


def cost_of_turning(accuracy: float, k: int) -> float:
    """What turning every label takes from an accuracy: right answers become wrong, and some of the others right."""
    return accuracy - (1 - accuracy) / (k - 1)


def _flipped(b: DrawnStudy, labels: Rows, rest_drop: float) -> Planted:
    run = run_data(b)
    test = run.test
    assert test is not None
    review = {id_: b.pool.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
    planted = replace(run, test=replace(test, labels=labels))
    return Planted(planted, {"labels": rest_drop}, "labels", review, b.fresh())


FLIPS = (0.06, 0.12, 0.20)


def flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the test labels is turned round, whatever the class."""
    b = draw_study(pool, seed, n_test)
    rate = FLIPS[severity]
    flip = np.random.default_rng((seed, 21)).random(n_test) < rate
    labels = turned(pool.labels[b.drawn.test], flip, b.k, seed)
    return _flipped(b, labels, 100 * rate * cost_of_turning(float(b.shares() @ b.recall()), b.k))


ONE_CLASS = (0.12, 0.25, 0.40)


def one_class_flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the test images of class 0 is labelled class 1; of several classes, of 1, the commonest, 0."""
    b = draw_study(pool, seed, n_test)
    rate = ONE_CLASS[severity]
    true, told = (0, 1) if b.k == 2 else (1, 0)
    here = pool.labels[b.drawn.test] == true
    flip = here & (np.random.default_rng((seed, 22)).random(n_test) < rate)
    labels = np.where(flip, told, pool.labels[b.drawn.test])
    mine = b.drawn.rest[pool.labels[b.drawn.rest] == true]
    lost = float(b.recall()[true] - (b.answers(mine) == told).mean())
    return _flipped(b, labels, 100 * rate * float(here.mean()) * lost)


COPIES = (0.3, 0.55, 0.8)


def copies(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """A share of the validation images are copies of training images; the probe has learned train by heart."""
    b = draw_study(pool, seed, n_test, strength=1.0)
    rng = np.random.default_rng((seed, 23))
    number = round(COPIES[severity] * N_VAL)
    places = rng.permutation(N_VAL)[:number]
    val = b.drawn.val.copy()
    places = places[np.isin(pool.labels[val[places]], pool.labels[b.drawn.train])]
    for k in np.unique(pool.labels[val[places]]):  # class by class, so that the shares of validation stay as they are
        mine = places[pool.labels[val[places]] == k]
        val[mine] = rng.choice(b.drawn.train[pool.labels[b.drawn.train] == k], size=len(mine))
    planted = replace(b, drawn=replace(b.drawn, val=val))
    run = run_data(planted)
    assert run.val is not None
    leaked = {run.val.ids[i]: "the same picture is in train" for i in places}
    copied = np.bincount(pool.labels[val[places]], minlength=b.k) / N_VAL
    own = [b.right(b.drawn.train[pool.labels[b.drawn.train] == k]) for k in range(b.k)]
    known = np.array([right.mean() if len(right) else 0.0 for right in own])
    truth = 100 * float((copied * (known - b.recall())).sum())
    run = replace(run, leaked=leaked, grouped=False)
    return Planted(run, {"leakage": truth}, "leakage", {}, b.fresh())


CANDIDATES = (20, 60, 200)


def best_of_many(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The best of many heads, perturbed at random, is chosen on 150 validation images and reported on them."""
    if len(pool.classes) > 2:
        raise ValueError("heads are perturbed between two classes only")
    b = draw_study(pool, seed, n_test)
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
    run = replace(run_data(tuned), val_epochs=answers, learning=Learning(False, True, keeps="best", chosen=("epoch",)))
    # These 150 images are easier or harder than the rest by luck, for all heads alike: that luck is no optimism.
    rest = b.drawn.rest
    everywhere = ((margins > 0) == (pool.labels == 1)[:, None]).astype(np.float64)  # (n, m)
    excess = everywhere[val].mean(axis=0) - everywhere[rest].mean(axis=0)  # (m,)
    truth = {"selection": 100 * float(excess[chosen] - excess.mean())}
    return Planted(run, truth, "selection", {}, tuned.fresh())


HARD = (1.5, 3.0, 6.0)


def hard_subset(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The hardest third of each class is drawn more often for test, so that class shares stay as they are."""
    b = draw_study(pool, seed, min(1500, 2 * n_test))
    rng = np.random.default_rng((seed, 25))
    hard = np.zeros(len(pool.hardness), dtype=np.bool_)
    for k in np.unique(pool.labels):
        own = pool.labels == k
        hard[own] = pool.hardness[own] >= np.quantile(pool.hardness[own], 2 / 3)

    def oversampled(rows: Rows, size: int) -> Rows:
        weight = np.where(hard[rows], HARD[severity], 1.0)
        return rng.choice(rows, size=size, replace=False, p=weight / weight.sum())

    drawn = oversampled(b.drawn.rest, len(b.drawn.rest) // 2)  # half of what there is, as for test
    truth = 100 * float(b.right(b.drawn.rest).mean() - b.right(drawn).mean())
    run = run_data(b, test=oversampled(b.drawn.test, len(b.drawn.test) // 2))
    return Planted(run, {"difficulty": truth}, "difficulty", {}, b.fresh(np.where(hard, HARD[severity], 1.0)))


WITHHELD = (0.3, 0.6, 0.9)


def withheld(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """The quarter of images with the largest subgroup number stands in test only, as a given share of it."""
    group = pool.subgroup >= np.quantile(pool.subgroup, 0.75)
    b = draw_study(pool, seed, min(1500, 4 * n_test), skip=np.flatnonzero(group))
    rng = np.random.default_rng((seed, 26))
    share = WITHHELD[severity]
    mine, others = b.drawn.test[group[b.drawn.test]], b.drawn.test[~group[b.drawn.test]]
    size = min(n_test, int(len(mine) / share), int(len(others) / (1 - share)))
    test = np.concatenate(
        [rng.permutation(mine)[: round(share * size)], rng.permutation(others)[: size - round(share * size)]]
    )
    rest = b.drawn.rest
    inside, outside = b.right(rest[group[rest]]).mean(), b.right(rest[~group[rest]]).mean()
    cost = {"covariate-shift": 100 * share * float(outside - inside)}
    weights = np.where(group, share / group[rest].mean(), (1 - share) / (~group[rest]).mean())
    return Planted(run_data(b, test=test), cost, "covariate-shift", {}, b.fresh(weights))


def prior_offset_flips(pool: Pool, seed: int, n_test: int, severity: int) -> Planted:
    """Three at once: class shares, a moved margin, and turned labels."""
    b = draw_study(pool, seed, n_test, (0.8, PRIORS[severity]))
    share = b.shares()
    step = (0.15, 0.3, 0.45)[severity] * spread(b, b.drawn.rest)
    after = b.recall(step)
    drop = float((share * (b.recall() - after)).sum())
    logits = b.moved(b.logits[b.drawn.test], step)
    run = run_data(b, test_logits=logits)
    test = run.test
    assert test is not None
    rate = FLIPS[severity]
    flip = np.random.default_rng((seed, 27)).random(n_test) < rate
    accuracy = float((share * after).sum())
    truth = {
        "prior": 100 * float((b.counted(b.drawn.val) - share) @ b.recall(test_too=True)),
        "threshold": 100 * drop,
        "labels": 100 * rate * cost_of_turning(accuracy, b.k),
    }
    review = {id_: pool.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
    planted = replace(test, labels=turned(test.labels, flip, b.k, seed))
    fresh = b.fresh(step=step, like_test=True)
    return Planted(replace(run, test=planted), truth, "several", review, fresh)


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
