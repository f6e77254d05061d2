"""The whole diagnosis by another metric than accuracy: laws, planted truths, words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.run_data import FINE_TUNED, RunData
from heldout.diagnosis.suspects import label_bound
from heldout.records import TermStatus
from heldout.records.codec import to_data
from heldout.records.metric import Metric
from heldout.stats.suspects import Suspects
from tests.worlds.made_runs import (
    CLASSES,
    clustered,
    counted,
    made_run,
    moved,
    noisy,
    of_parts,
    parts,
    quality,
    read,
    with_scored,
)

pytestmark = pytest.mark.numeric

BALANCED = Metric("balanced-accuracy")


def metrics(classes: tuple[str, ...]) -> st.SearchStrategy[Metric]:
    """Any metric of these classes."""
    positive = st.floats(0.1, 10)
    costs = st.fixed_dictionaries(dict.fromkeys(classes, positive))
    whole = costs.map(lambda raw: {name: value / sum(raw.values()) for name, value in raw.items()})
    return st.one_of(
        st.just(BALANCED),
        st.builds(lambda c: Metric("cost", c), costs),
        st.builds(lambda c, s: Metric("cost", c, s), costs, whole),
    )


def leaky_run(seed: int, prior: float, offset: float, leaked: int) -> RunData:
    val = clustered("val", 160, seed=seed)
    test = clustered("test", 120, seed=seed, prior=prior, offset=offset)
    return replace(
        of_parts(val, test),
        learning=replace(FINE_TUNED, keeps="best"),
        val_epochs=np.random.default_rng(seed).integers(0, 2, (6, 160)),
        leaked=dict.fromkeys(val.ids[:leaked], "patient"),
    )


@settings(max_examples=20, deadline=None)
@given(
    metric=metrics(CLASSES),
    seed=st.integers(0, 1000),
    prior=st.floats(0.15, 0.8),
    offset=st.floats(-2, 2),
    leaked=st.sampled_from([0, 40, 100, 150]),
    reviewed=st.booleans(),
)
def test_the_terms_sum_to_the_gap_whatever_the_metric(
    metric: Metric, seed: int, prior: float, offset: float, leaked: int, reviewed: bool
) -> None:
    made = replace(leaky_run(seed, prior, offset, leaked), metric=metric)
    if reviewed:
        test = parts(made)["test"]
        turned = np.where(np.random.default_rng(seed).random(120) < 0.15, 1 - test.labels, test.labels)
        made = read(made, turned, dict.fromkeys(test.ids[::2], 0.5))
    budget = measure_budget(made)
    assert sum(term.value for term in budget.terms.values()) == pytest.approx(budget.gap.value, abs=1e-9)
    total = np.sum([term.replicates for term in budget.terms.values()], axis=0)
    assert total == pytest.approx(budget.gap.replicates, abs=1e-9)
    rows = sum(row.points.value for row in budget.classes if row.points)
    three = sum(budget.terms[term].value for term in ("prior", "labels") if term in budget.terms)
    if not leaked:
        assert rows + three + budget.terms["selection"].value == pytest.approx(
            budget.gap.value + budget.terms["selection"].value, abs=1e-9
        )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), prior=st.floats(0.1, 0.9), offset=st.floats(-2, 2), leaked=st.sampled_from([0, 60]))
def test_the_prior_term_is_exactly_0_by_balanced_accuracy(seed: int, prior: float, offset: float, leaked: int) -> None:
    given_shares = Metric("cost", {CLASSES[0]: 1.0, CLASSES[1]: 3.0}, {CLASSES[0]: 0.9, CLASSES[1]: 0.1})
    for metric in (BALANCED, given_shares):
        made = replace(leaky_run(seed, prior, offset, leaked), metric=metric)
        data = cause_data(made)
        term = data.gap.parts["prior"]
        assert term.points is not None and term.status is TermStatus.NOTHING
        assert term.points.value == 0 and (term.points.replicates == 0).all()
        assert data.gap.prior_last.value == pytest.approx(0, abs=1e-11)
    found = {one.code: one for one in diagnose_run(made).findings}
    assert found["prior"].verdict == "not applicable"


def test_costs_that_are_equal_are_accuracy_to_the_bit() -> None:
    made = leaky_run(3, 0.3, -0.8, 40)
    same = replace(made, metric=Metric("cost", dict.fromkeys(CLASSES, 2.0)))
    there, here = to_data(diagnose_run(same)), to_data(diagnose_run(made))
    for name in (
        "val_accuracy",
        "test_accuracy",
        "gap_points",
        "budget",
        "classes",
        "remedies",
        "over_baseline_points",
    ):
        assert there[name] == here[name], name
    for a, b in zip(there["findings"], here["findings"], strict=True):
        assert (a["verdict"], a["points"], a["numbers"]) == (b["verdict"], b["points"], b["numbers"])


def test_gap_and_class_rows_are_those_of_the_metric() -> None:
    val, test = counted("val", [(80, 76), (20, 12)]), counted("test", [(30, 27), (70, 35)])
    budget = measure_budget(replace(of_parts(val, test), metric=BALANCED))
    assert budget.gap.value == pytest.approx(100 * ((0.95 + 0.6) / 2 - (0.9 + 0.5) / 2))
    assert [row.points.value for row in budget.classes if row.points] == pytest.approx([2.5, 5.0])
    assert [row.counts for row in budget.classes] == pytest.approx([0.5, 0.5])
    assert [(row.val_share, row.test_share) for row in budget.classes] == [(0.8, 0.3), (0.2, 0.7)]


def test_reviewed_labels_are_worth_what_the_metric_gains_with_them() -> None:
    test = clustered("test", 300, seed=1, prior=0.2)
    rng = np.random.default_rng(0)
    given_ = replace(test, labels=np.where(rng.random(300) < 0.12, 1 - test.labels, test.labels))
    made = replace(of_parts(clustered("val", 300, seed=1), given_), metric=BALANCED)
    points = measure_budget(read(made, test.labels, dict.fromkeys(test.ids, 1.0))).terms["labels"].value
    scores = [balanced_accuracy_score(labels, test.predicted) for labels in (test.labels, given_.labels)]
    assert points == pytest.approx(100 * (scores[0] - scores[1]), abs=1e-9)


def test_the_bound_on_wrong_labels_is_reached_where_all_flags_are_wrong() -> None:
    made = replace(of_parts(clustered("val", 100), clustered("test", 100, prior=0.2, offset=-1)), metric=BALANCED)
    test = parts(made)["test"]
    flagged = np.arange(100) % 2 == 0
    turned = np.where(flagged & ~test.right, test.predicted, test.labels)
    bound = label_bound(made, Suspects(np.ones(100), flagged))
    scores = [balanced_accuracy_score(labels, test.predicted) for labels in (turned, test.labels)]
    assert bound == pytest.approx(100 * (scores[0] - scores[1]))
    accuracy = label_bound(replace(made, metric=Metric()), Suspects(np.ones(100), flagged))
    assert accuracy == 100 * (flagged & ~test.right).mean()


def test_a_threshold_that_moved_is_found_by_balanced_accuracy_too() -> None:
    """One class in five; the cut moves so that most of the rare class is missed: accuracy hardly sees it."""
    val, test = (clustered(name, 1200, prior=0.15, offset=by, per=1) for name, by in (("val", 0.0), ("test", -1.6)))
    found = {}
    for metric in (Metric(), BALANCED):
        budget = measure_budget(replace(of_parts(val, test), metric=metric))
        found[metric.name] = budget.gap.value, budget.terms["threshold"].value
    assert found["balanced-accuracy"][1] > 3 * max(found["accuracy"][1], 1)
    assert found["balanced-accuracy"][1] == pytest.approx(found["balanced-accuracy"][0], abs=6)


def test_what_an_intervention_costs_is_told_in_points_of_the_metric() -> None:
    made = quality(made_run(400, 400, shift=1.5, n_train=100), {("sharpness", 0): -1.0})
    made = with_scored(made, "quality", {("sharpness", "val"): moved(made, "val", 0, 1.5)})
    found = {one.code: one for one in diagnose_run(replace(made, metric=BALANCED)).findings}["image-quality"]
    val = parts(made)["val"]
    after = made.scored["quality"].logits("sharpness", "val", val.ids).argmax(axis=1)
    lost = [balanced_accuracy_score(val.labels, answers) for answers in (val.predicted, after)]
    assert found.points is not None and found.points.value == pytest.approx(100 * (lost[0] - lost[1]), abs=1e-6)
    assert "of balanced accuracy" in found.sentence


@pytest.mark.parametrize("k", [2, 3, 7])
def test_no_sentence_says_accuracy_of_another_metric_or_shows_a_placeholder(k: int) -> None:
    rng = np.random.default_rng(k)
    sides = [
        noisy(name, rng.integers(0, k, 210), k, sure=sure, patients=70) for name, sure in (("val", 2), ("test", 1))
    ]
    made = replace(of_parts(sides[0], sides[1]), metric=BALANCED)
    diagnosis = diagnose_run(made)
    for text in [diagnosis.summary, *(one.sentence + one.reason for one in diagnosis.findings)]:
        assert "⟦" not in text
        assert text.replace("balanced accuracy", "").count("accuracy") == 0, text


def test_a_class_that_one_part_lacks_does_not_break_balanced_accuracy() -> None:
    val, test = counted("val", [(30, 25), (30, 20), (10, 9)]), counted("test", [(30, 20), (30, 20), (0, 0)])
    budget = measure_budget(replace(of_parts(val, test), metric=BALANCED))
    assert budget.gap.value == pytest.approx(100 * ((25 / 30 + 2 / 3 + 0.9) / 3 - 2 / 3))
    assert budget.terms["prior"].value == pytest.approx(
        100 * ((25 / 30 + 2 / 3) * (1 / 3 - 1 / 2) + 0.9 / 3)
    )  # another set of classes is another question, and is not called nothing
