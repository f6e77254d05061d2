"""When to answer: thresholds that keep a rate as often as said, and sets that hold the true class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from heldout.records.calibration import RuleKind
from heldout.runs.rule_judging import judged
from heldout.stats.abstention import Answered, Wanted, answer_mask, candidates, choose, set_mask
from heldout.stats.risk_control import Patients
from heldout.stats.scores import softmax

SIZES = {"single": 1, "several": 5}


def drawn(rng: np.random.Generator, n: int, most: int, k: int = 2, noise: float = 1.0) -> Answered:
    """Patients with a difficulty of their own, and probabilities that mean what they say."""
    sizes = rng.integers(1, most + 1, n)
    unit = np.repeat(np.arange(n), sizes)
    label = rng.integers(0, k, n)
    evidence = 2.0 * np.eye(k)[label] + rng.normal(0, noise, (n, k))
    logits = 2.0 * (evidence[unit] + rng.normal(0, 0.4, (len(unit), k)))
    return Answered(label[unit], softmax(logits), Patients.of(unit, 0))


def rate(kind: RuleKind, values: tuple[float, ...], pool: Answered) -> float:
    everything = np.ones(len(pool.labels), bool)
    if kind == "sets":
        loss = ~set_mask(pool.probabilities, values)[np.arange(len(pool.labels)), pool.labels]
        answered = everything
    else:
        loss, answered = pool.predicted != pool.labels, answer_mask(kind, pool.probabilities, values[0], 1)
    return float(pool.patients.means(loss & answered).sum() / pool.patients.means(answered).sum())


@pytest.mark.parametrize("most", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("kind", ["error", "ppv", "npv", "sets"])
def test_the_rate_is_kept_as_often_as_said_and_not_under_a_shift(kind: RuleKind, most: int) -> None:
    rng, draws, level = np.random.default_rng(0), 80, 0.1
    pool, elsewhere = drawn(rng, 4000, most), drawn(rng, 4000, most, noise=2.5)
    wanted = Wanted(kind, 0.08 if kind == "error" else 0.92)
    kept, answered, kept_there = [], 0, []
    for _ in range(draws):
        found = choose(wanted, drawn(rng, 150, most), drawn(rng, 150, most), level)
        if found.values is None:
            kept.append(True)
            continue
        answered += 1
        kept.append(rate(kind, found.values, pool) <= wanted.alpha)
        kept_there.append(rate(kind, found.values, elsewhere) <= wanted.alpha)
    assert np.mean(kept) >= 1 - level - 2 * np.sqrt(level * (1 - level) / draws)
    assert answered > draws / 3, "a rule that never answers keeps anything"
    assert np.mean(kept_there) < 0.2


def test_candidates_go_from_strict_to_lax_and_end_with_everything() -> None:
    rng = np.random.default_rng(1)
    fitting = drawn(rng, 300, 1, noise=1.5)
    found = candidates(Wanted("error", 0.05), fitting, 0.05)
    assert (np.diff(found) < 0).all() and found[-1] == 0 and 1 < len(found) <= 40
    answered = [answer_mask("error", fitting.probabilities, t, 1).mean() for t in found]
    assert answered[0] > 0.1, "a threshold that answers next to nothing can show nothing"
    never = Answered(fitting.labels, np.tile([0.9, 0.1], (len(fitting.labels), 1)), fitting.patients)
    assert candidates(Wanted("ppv", 0.9), never, 0.05).tolist() == [0.0]


def test_sets_are_those_of_the_binomial_tolerance_limit() -> None:
    """With the true class the likeliest only where it surely is, the threshold is Vovk's (2012) order statistic."""
    rng, n, alpha, level = np.random.default_rng(2), 500, 0.1, 0.05
    own = rng.uniform(0.01, 0.3, n)  # of four classes one other is always likelier
    labels = np.zeros(n, dtype=np.int64)
    probabilities = np.column_stack([own, np.full(n, 0.6), (0.4 - own) / 2, (0.4 - own) / 2])
    side = Answered(labels, probabilities, Patients.of(np.arange(n), 0))
    found = choose(Wanted("sets", 1 - alpha), side, side, level)
    assert found.values is not None
    most = int(binom.ppf(level, n, alpha)) - (binom.cdf(binom.ppf(level, n, alpha), n, alpha) > level)
    missed = int((own < found.values[0]).sum())
    assert most - 3 <= missed <= most, "candidates lie two images apart"


def test_a_class_with_few_patients_stays_in_every_set() -> None:
    rng = np.random.default_rng(3)
    fitting, control = (drawn(rng, 400, 1, k=3, noise=0.7) for _ in range(2))
    rows = (control.labels != 2) | (np.cumsum(control.labels == 2) <= 5)
    few = Answered(control.labels[rows], control.probabilities[rows], Patients.of(np.arange(rows.sum()), 0))
    found = choose(Wanted("class-sets", 0.85), fitting, few, 0.05)
    assert found.values is not None and found.values[2] == 0 and min(found.values[:2]) > 0
    inside = set_mask(few.probabilities, found.values)
    assert inside[:, 2].all() and inside[np.arange(len(inside)), few.predicted].all() and not inside[:, 0].all()


def many_or_one(n: int, rng: np.random.Generator) -> Answered:
    """Of ten patients nine have one image of class 1 among ten, which is found; all ten of the other are missed."""
    hard = np.repeat(rng.random(n) < 0.1, 10)
    label = np.where(hard | (np.arange(10 * n) % 10 == 0), 1, 0)
    ill = np.where(
        hard, rng.uniform(0.05, 0.06, 10 * n), np.where(label == 1, 0.97, 0.03) + rng.uniform(0, 0.02, 10 * n)
    )
    return Answered(label, np.column_stack([1 - ill, ill]), Patients.of(np.repeat(np.arange(n), 10), 0))


def test_of_a_class_the_promised_rate_is_tested_and_not_that_of_its_patients() -> None:
    """Of a random patient's images of class 1 53 % would be missed, though 90 % of its patients miss none."""
    rng, draws, level = np.random.default_rng(6), 30, 0.05
    pool, kept = many_or_one(3000, rng), []
    for _ in range(draws):
        found = choose(Wanted("class-sets", 0.8), many_or_one(300, rng), many_or_one(300, rng), level)
        assert found.values is not None
        kept.append(judged(found, pool, np.empty(0), ("well", "ill"), 1).by_class["ill"].value <= 0.2)
    assert np.mean(kept) >= 1 - level
    assert found.values[0] > 0.9, "the rate of the other class is shown to be kept"


def test_too_few_patients_promise_nothing() -> None:
    rng = np.random.default_rng(4)
    fitting, control = (drawn(rng, 40, 1, noise=0.1) for _ in range(2))
    assert choose(Wanted("error", 0.05), fitting, control, 0.05).values is None
    sets = choose(Wanted("sets", 0.99), fitting, control, 0.05)
    assert sets.values == (0.0, 0.0) and sets.p is None
