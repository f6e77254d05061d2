"""Scores beside the metric: scikit-learn's numbers to 1e-12, on the sample and on every weighting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    roc_curve,
)

from heldout.stats.bootstrap import draw
from heldout.stats.further import BINS, FURTHER, Answers, Asked, FurtherScore, further_estimates
from tests.worlds.made_runs import noisy

pytestmark = pytest.mark.numeric


def made(k: int, n: int = 90, sure: float = 1.2, **asked: object) -> Answers:
    labels = np.random.default_rng(k).integers(0, k, n)
    side = noisy("test", labels, k, sure=sure)
    logits = np.round(side.logits, 1)  # with ties
    return Answers(side.labels, logits, Asked(**asked))  # type: ignore[arg-type]


def weightings(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), size=4)]).astype(np.float32)


def binary(answers: Answers) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """The yes-or-no questions as scikit-learn is asked them."""
    z = answers.logits
    k, c = z.shape[1], answers.asked.positive
    odds = z - np.log(np.exp(z).sum(axis=1, keepdims=True) - np.exp(z))
    classes = [c] if c is not None else [1] if k == 2 else list(range(k))
    return [(one, answers.labels == one, np.round(odds[:, one], 9)) for one in classes]


def expected(name: str, answers: Answers, w: np.ndarray) -> float:
    labels, predicted, k = answers.labels, answers.predicted, answers.k
    p, at = answers.probabilities, answers.asked.at
    if name == "average_precision":
        return float(np.mean([average_precision_score(yes, s, sample_weight=w) for _, yes, s in binary(answers)]))
    if name == "f1":
        each = f1_score(labels, predicted, labels=range(k), average=None, sample_weight=w, zero_division=0.0)
        return float(np.mean([each[c] for c, _, _ in binary(answers)]))
    if name in ("sensitivity_at_specificity", "specificity_at_sensitivity"):
        found = []
        for _, yes, s in binary(answers):
            fpr, tpr, _ = roc_curve(yes, s, sample_weight=w, drop_intermediate=False)
            if name.startswith("sensitivity"):
                found.append(tpr[1 - fpr >= at - 1e-12].max())
            else:
                found.append((1 - fpr)[tpr >= at - 1e-12].max())
        return float(np.mean(found))
    if name == "mcc":
        return float(matthews_corrcoef(labels, predicted, sample_weight=w))
    if name == "quadratic_kappa":
        return float(cohen_kappa_score(labels, predicted, labels=range(k), weights="quadratic", sample_weight=w))
    if name == "brier":
        return float(brier_score_loss(labels, p[:, 1] if k == 2 else p, sample_weight=w, labels=range(k)))
    assert name == "calibration_error"
    sure = p.max(axis=1)
    rows = np.repeat(np.arange(len(labels)), w.astype(int))  # calibration_curve takes no weights
    right, sure = (labels == predicted)[rows], sure[rows]
    true, said = calibration_curve(right, sure, n_bins=BINS)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure), minlength=BINS)
    return float(np.abs(true - said) @ counts[counts > 0] / len(rows))


@pytest.mark.parametrize("score", FURTHER, ids=lambda score: score.name)
@pytest.mark.parametrize(
    "answers",
    [made(2), made(2, positive=0, at=0.8), made(4, ordered=True, at=0.75), made(3, positive=2)],
    ids=["two", "two, first positive", "four", "three, third positive"],
)
def test_it_is_the_number_of_scikit_learn(score: object, answers: Answers) -> None:
    assert score in FURTHER
    weights = weightings(len(answers.labels))
    values = score.of(answers, weights)  # type: ignore[attr-defined]
    for value, w in zip(values, weights, strict=True):
        assert value == pytest.approx(expected(score.name, answers, w.astype(float)), abs=1e-12)  # type: ignore[attr-defined]


def estimates(answers: Answers, patients: int = 0) -> dict[str, object]:
    n = len(answers.labels)
    names = [f"p{i // patients}" if patients else "" for i in range(n)]
    return dict(further_estimates(answers, draw(answers.labels, [f"i{i}" for i in range(n)], names, replicates=200)))


def test_every_score_has_an_interval_that_holds_it_and_kappa_is_for_ordered_classes_only() -> None:
    found = estimates(made(4, ordered=True))
    assert list(found) == [score.name for score in FURTHER]
    for score in FURTHER:
        one = found[score.name]
        assert score.ends[0] <= one.low < one.high <= score.ends[1]  # type: ignore[attr-defined]
    assert "quadratic_kappa" not in estimates(made(4))


def test_more_images_of_the_same_patients_do_not_narrow() -> None:
    few, many = made(2, 80), made(2, 80)
    many = Answers(np.repeat(many.labels, 3), np.repeat(many.logits, 3, axis=0), many.asked)
    one, other = estimates(few, 1), estimates(many, 3)
    for name in one:
        a, b = one[name], other[name]
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.35)  # type: ignore[attr-defined]


def test_a_faultless_run_is_not_certain_and_one_class_alone_has_no_curve() -> None:
    labels = np.arange(40) % 2
    found = estimates(Answers(labels, 50.0 * np.eye(2)[labels], Asked()))
    for name in ("f1", "mcc", "average_precision"):
        assert found[name].value == 1 and found[name].low < 0.95  # type: ignore[attr-defined]
    alone = estimates(Answers(np.zeros(20, dtype=int), np.random.default_rng(0).normal(size=(20, 2)), Asked()))
    assert alone["sensitivity_at_specificity"] is None and alone["brier"] is not None


@pytest.mark.parametrize("score", FURTHER, ids=lambda score: score.name)
def test_the_direction_of_a_score_is_the_one_in_which_better_answers_move_it(score: FurtherScore) -> None:
    labels = np.arange(90) % 3
    whole = np.ones((1, 90), dtype=np.float32)
    right, wrong = (4.0 * np.eye(3)[labels if k else (labels + 1) % 3] for k in (1, 0))
    better, worse = (float(score.of(Answers(labels, z, Asked(ordered=True)), whole)[0]) for z in (right, wrong))
    assert (better > worse) == score.higher_is_better and better != worse
