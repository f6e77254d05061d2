"""Scores of several labels: scikit-learn's numbers, thresholds that no cut beats, laws of means and differences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, matthews_corrcoef, roc_auc_score

from heldout.records.label_predictions import LabelPredictions
from heldout.stats.label_scores import (
    LabelValues,
    bootstrap_p,
    joint_draws,
    mean_estimate,
    over_labels,
    points_estimate,
)
from heldout.stats.label_thresholds import AS_TRAINED, cuts_of, label_thresholds
from tests.worlds.made_labels import Plant, label_part

pytestmark = pytest.mark.numeric

B = 120


def values_of(side: LabelPredictions, seed: int = 0) -> LabelValues:
    return LabelValues(side, joint_draws(side, None, B, seed).resamples("val"))


@pytest.fixture(scope="module")
def side() -> LabelPredictions:
    made = label_part("val", 150, plant=Plant(1, blur=2.0))
    made = LabelPredictions(made.part, made.ids, made.labels, np.round(made.logits, 1), made.thresholds, made.patients)
    return made.with_thresholds(label_thresholds(made.labels, made.logits))


def test_every_label_and_their_mean_score_as_scikit_learn_says(side: LabelPredictions) -> None:
    found = values_of(side)
    y, z, answers = side.labels, side.logits, side.predicted
    p = 1 / (1 + np.exp(-z))
    weights = np.concatenate([np.ones((1, 150)), found.resamples.weights()])
    for row in (0, 1, B):
        w = weights[row]
        each = {
            "average_precision": lambda c, w=w: average_precision_score(y[:, c], z[:, c], sample_weight=w),
            "f1": lambda c, w=w: f1_score(y[:, c], answers[:, c], sample_weight=w),
            "mcc": lambda c, w=w: matthews_corrcoef(y[:, c], answers[:, c], sample_weight=w),
            "brier": lambda c, w=w: brier_score_loss(y[:, c], p[:, c], sample_weight=w),
        }
        areas = [roc_auc_score(y[:, c], z[:, c], sample_weight=w) for c in range(3)]
        assert found.auc[:, row] == pytest.approx(areas, abs=1e-9)
        assert found.of_metric("mean-auc")[row] == pytest.approx(np.mean(areas), abs=1e-9)
        for name, score in each.items():
            expected = [score(c) for c in range(3)]
            assert found.further[name][:, row] == pytest.approx(expected, abs=1e-6), name
            assert over_labels(found.further[name])[row] == pytest.approx(np.mean(expected), abs=1e-6)
        assert found.right[row] == pytest.approx(np.average((answers == y).mean(axis=1), weights=w), abs=1e-9)
    macro = f1_score(y, answers, average="macro")
    assert found.of_metric("mean-f1")[0] == pytest.approx(macro)
    one = found.of_label(1)
    assert one.sensitivity is not None and one.sensitivity.value == answers[y[:, 1] == 1, 1].mean()
    assert one.specificity is not None and one.specificity.value == 1 - answers[y[:, 1] == 0, 1].mean()
    assert (one.positives, one.images) == (int(y[:, 1].sum()), 150)


def test_no_cut_has_a_larger_sum_of_sensitivity_and_specificity(side: LabelPredictions) -> None:
    def youden(c: int, cut: float) -> float:
        called, truth = side.logits[:, c] > cut, side.labels[:, c] == 1
        return float(called[truth].mean() + 1 - called[~truth].mean())

    for c, cut in enumerate(label_thresholds(side.labels, side.logits)):
        best = max(youden(c, one) for one in cuts_of(side.logits[:, c]))
        assert youden(c, cut) == pytest.approx(best)
        assert all(youden(c, one) < best - 1e-9 for one in cuts_of(side.logits[:, c]) if one < cut - 1e-9)


@pytest.mark.parametrize("truth", [0, 1])
def test_a_label_that_all_have_or_none_keeps_its_line_and_stands_in_no_mean(side: LabelPredictions, truth: int) -> None:
    labels = side.labels.copy()
    labels[:, 2] = truth
    assert label_thresholds(labels, side.logits)[2] == AS_TRAINED
    other = LabelPredictions(side.part, side.ids, labels, side.logits, side.thresholds, side.patients)
    found, full = values_of(other), values_of(side)
    assert np.isnan(found.auc[2]).all() and found.of_label(2).auc is None
    assert over_labels(found.auc)[0] == pytest.approx(full.auc[:2, 0].mean())


def test_swapping_runs_turns_the_sign_and_leaves_p_and_equal_runs_are_not_apart(side: LabelPredictions) -> None:
    drawn = joint_draws(side, None, B, 0).resamples("val")
    other = label_part("val", 150, plant=Plant(1, blur=6.0)).with_thresholds(side.thresholds)
    a, b = (LabelValues(one, drawn).of_metric("mean-auc") for one in (side, other))
    there, back = points_estimate(a - b, drawn), points_estimate(b - a, drawn)
    assert there.value == pytest.approx(-back.value) and there.low == pytest.approx(-back.high)
    assert bootstrap_p(a - b, drawn) == pytest.approx(bootstrap_p(b - a, drawn)) and bootstrap_p(a - b, drawn) < 0.05
    assert bootstrap_p(a - a, drawn) == 1.0
    mean = mean_estimate(a, drawn)
    assert mean is not None and mean.low <= mean.value <= mean.high


def test_draws_are_made_within_the_rarest_label_of_an_image_so_that_none_is_lost() -> None:
    labels = np.array([[1, 1], [1, 0], [0, 0], [1, 0], [0, 1], [0, 0]])
    side = LabelPredictions("val", tuple("abcdef"), labels, labels * 2.0 - 1, np.zeros(2))
    assert side.strata.tolist() == [1, 0, 2, 0, 1, 2]
    weights = joint_draws(side, None, B, 0).resamples("val").weights()
    assert (weights[:, labels[:, 1] == 1].sum(axis=1) == 2).all()
