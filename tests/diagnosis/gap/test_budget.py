"""The gap budget: exact sums, known truths, honest zeros, and clear words where it cannot be made."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.gap import measure_budget, why_no_budget
from heldout.diagnosis.run_data import FINE_TUNED
from heldout.diagnosis.variants import VariantLogits
from heldout.records import USUAL_TERMS, TermStatus
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from heldout.records.run import Choice, Keep
from tests.worlds.made_runs import CLASSES, clustered, noisy, of_parts, read

pytestmark = pytest.mark.numeric


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    prior=st.floats(0.2, 0.8),
    offset=st.floats(-2, 2),
    noise=st.floats(0.8, 2),
    keeps=st.sampled_from(["last", "best"]),
    leaked=st.integers(0, 120),
)
def test_the_terms_sum_to_the_gap_exactly(
    seed: int, prior: float, offset: float, noise: float, keeps: Keep, leaked: int
) -> None:
    """Additivity error 0, in the value and in every replicate, whatever was planted."""
    val, test = (
        clustered("val", 160, seed=seed),
        clustered("test", 120, seed=seed, prior=prior, offset=offset, noise=noise),
    )
    epochs = np.random.default_rng(seed).integers(0, 2, (6, 160))
    made = replace(
        of_parts(val, test),
        learning=replace(FINE_TUNED, keeps=keeps),
        val_epochs=epochs,
        leaked=dict.fromkeys(val.ids[:leaked], "patient"),
    )
    budget = measure_budget(made)
    assert sum(term.value for term in budget.terms.values()) == pytest.approx(budget.gap.value, abs=1e-9)
    total = np.sum([term.replicates for term in budget.terms.values()], axis=0)
    assert total == pytest.approx(budget.gap.replicates, abs=1e-9)
    assert budget.gap.value == pytest.approx(100 * (val.right.mean() - test.right.mean()), abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), offset=st.floats(-1, 1))
def test_class_rows_leakage_and_prior_sum_to_the_gap(seed: int, offset: float) -> None:
    budget = measure_budget(
        of_parts(clustered("val", 200, seed=seed, prior=0.6), clustered("test", 150, seed=seed, offset=offset))
    )
    rows = sum(row.points.value for row in budget.classes if row.points)
    assert rows + budget.terms["leakage"].value + budget.terms["prior"].value == pytest.approx(
        budget.gap.value, abs=1e-3
    )


def test_the_prior_term_is_the_exact_formula() -> None:
    val, test = clustered("val", 300, prior=0.7, offset=0.6), clustered("test", 300, prior=0.3, offset=0.6)
    budget = measure_budget(of_parts(val, test))
    recall = [val.right[val.labels == k].mean() for k in (0, 1)]
    shares = [np.bincount(s.labels, minlength=2) / len(s) for s in (val, test)]
    assert budget.terms["prior"].value == pytest.approx(100 * float(((shares[0] - shares[1]) * recall).sum()), abs=1e-4)


@pytest.mark.parametrize(("offset", "noise", "term"), [(1.3, 1.0, "threshold"), (0.0, 1.8, "ranking")])
def test_a_planted_mechanism_lands_in_its_term(offset: float, noise: float, term: str) -> None:
    """A moved margin is threshold, blurred margins are ranking; the other term stays near 0. Mean of eight studies."""
    found: dict[str, list[float]] = {"threshold": [], "ranking": []}
    gaps = []
    for seed in range(8):
        budget = measure_budget(
            of_parts(
                clustered("val", 600, seed=seed), clustered("test", 600, seed=seed + 50, offset=offset, noise=noise)
            )
        )
        gaps.append(budget.gap.value)
        for name in found:
            found[name].append(budget.terms[name].value)  # type: ignore[index]
    other = "ranking" if term == "threshold" else "threshold"
    assert np.mean(gaps) > 8
    assert np.mean(found[term]) == pytest.approx(np.mean(gaps), abs=1.5)
    assert abs(np.mean(found[other])) < 1.5


def test_leakage_is_what_related_images_are_worth() -> None:
    """Half of validation is copies of train and always right; leaving them out shows what independent images get."""
    val, test = clustered("val", 400, noise=1.5), clustered("test", 400, noise=1.5, seed=1)
    copied = np.arange(400) < 200
    sure = np.where(copied[:, None], 9.0 * (np.eye(2)[val.labels] - 0.5), val.logits)
    leaky = val.with_logits(sure)
    budget = measure_budget(replace(of_parts(leaky, test), leaked={leaky.ids[i]: "copy" for i in range(200)}))
    clean = np.array([leaky.right[~copied & (leaky.labels == k)].mean() for k in (0, 1)])
    share = np.bincount(leaky.labels, minlength=2) / 400
    assert budget.terms["leakage"].value == pytest.approx(100 * (leaky.right.mean() - float(share @ clean)), abs=1e-3)
    assert budget.terms["leakage"].low > 0
    assert len(budget.samples.val) == 200


def test_images_of_a_grouped_retraining_stay_with_their_patient() -> None:
    """Two seeds score the same four images: two of nobody known, two of one patient."""
    labels = np.repeat([1, 0], 20)
    val = noisy("val", labels, 2)
    val = replace(val, patients=tuple(f"p{i}" if i > 0 else "" for i in np.arange(40) // 2 % 10))
    four = val.take(np.array([0, 1, 22, 23]))
    tables = [variant_rows(four.ids, "val", f"seed={s}", four.logits) for s in range(2)]
    made = replace(
        of_parts(val, noisy("test", labels, 2)),
        leaked=dict.fromkeys(val.ids, "patient"),
        scored={"grouped": VariantLogits(pd.concat(tables, ignore_index=True))},
    )
    samples = measure_budget(made).samples
    assert samples.val_images == 2 * four.ids
    unit = samples.val.units.tolist()
    assert len(set(unit)) == 3 and unit[2] == unit[3] and unit[:4] == unit[4:]


def test_selection_is_optimism_and_the_last_epoch_has_none() -> None:
    """Thirty epochs that are all the same coin: the best looks better than it is. Mean of twelve studies.

    A single study's figure is noisy: how lucky this very choice was, half-samples of the same images cannot see.
    """
    measured, true = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        val = clustered("val", 200, seed=seed, per=1)
        epochs = np.where(rng.random((30, 200)) < 0.85, val.labels, 1 - val.labels)
        best = int((epochs == val.labels).mean(axis=1).argmax())
        chosen = val.with_logits(4.0 * (np.eye(2)[epochs[best]] - 0.5))
        test = clustered("test", 200, seed=seed + 100)
        term = measure_budget(
            replace(of_parts(chosen, test), learning=replace(FINE_TUNED, keeps="best"), val_epochs=epochs)
        ).terms["selection"]
        measured.append(term.value)
        true.append(100 * (chosen.right.mean() - 0.85))
        last = measure_budget(replace(of_parts(chosen, test), learning=FINE_TUNED, val_epochs=epochs)).terms[
            "selection"
        ]
        assert (last.value, last.low, last.high) == (0.0, 0.0, 0.0)
    assert np.mean(true) > 4
    assert np.mean(measured) == pytest.approx(np.mean(true), abs=1.2)


@pytest.mark.parametrize("choice", get_args(Choice))
def test_a_choice_whose_candidates_were_not_kept_is_said_to_be_unmeasured(choice: Choice) -> None:
    made = replace(
        of_parts(clustered("val", 80), clustered("test", 80)), learning=replace(FINE_TUNED, chosen=(choice,))
    )
    budget = measure_budget(made)
    assert budget.status["selection"] is TermStatus.NOT_MEASURED
    (record,) = (item for item in budget.record() if item.term == "selection")
    assert record.status is TermStatus.NOT_MEASURED and record.points.value == 0
    found = next(item for item in diagnose_run(made).findings if item.code == "selection")
    assert found.verdict == "not identifiable"


def test_reviewed_labels_count_by_their_probability() -> None:
    val, test = clustered("val", 300), clustered("test", 300, seed=4)
    wrong = np.arange(0, 300, 10)
    turned = replace(test, labels=np.where(np.isin(np.arange(300), wrong), 1 - test.labels, test.labels))
    whole = read(of_parts(val, turned), test.labels, dict.fromkeys(test.ids, 1.0))
    points = measure_budget(whole).terms["labels"].value
    assert points == pytest.approx(100 * (test.right.mean() - turned.right.mean()), abs=1e-4)
    assert whole.review is not None
    half = whole.review.iloc[::2].assign(probability=0.5)
    assert measure_budget(replace(of_parts(val, turned), review=half)).terms["labels"].value == pytest.approx(
        2 * 100 * float((test.right[::2].astype(float) - turned.right[::2]).sum()) / 300, abs=1e-3
    )


def test_class_rows_show_recalls_by_the_labels_of_reviewers() -> None:
    """A tenth of test bears the wrong label; once all are read, the rows are those of the true labels."""
    val, test = clustered("val", 300), clustered("test", 300, seed=4, prior=0.3)
    turned = replace(test, labels=np.where(np.arange(300) % 10 == 0, 1 - test.labels, test.labels))
    given = of_parts(val, turned)
    for made, labels in ((given, turned.labels), (read(given, test.labels, dict.fromkeys(test.ids, 1.0)), test.labels)):
        right = test.logits.argmax(axis=1) == labels
        for k, row in enumerate(measure_budget(made).classes):
            assert row.test_recall is not None
            assert row.test_recall.value == pytest.approx(right[labels == k].mean(), abs=1e-6)
            assert row.test_recall.n == (turned.labels == k).sum()


def test_labels_nobody_reviewed_are_only_bounded() -> None:
    budget = measure_budget(of_parts(clustered("val", 100), clustered("test", 100)), label_bound=3.5)
    estimate = budget.estimate("labels")
    assert (estimate.value, estimate.low, estimate.high) == (0.0, 0.0, 3.5)


def test_more_patients_narrow_the_gap_and_more_images_of_the_same_do_not() -> None:
    def width(patients: int, per: int) -> float:
        n = patients * per
        budget = measure_budget(
            of_parts(clustered("val", n, per=per, noise=0.2), clustered("test", n, per=per, noise=0.2, seed=1))
        )
        return budget.gap_estimate.high - budget.gap_estimate.low

    assert width(200, 2) < 0.8 * width(50, 2)
    assert width(50, 8) > 0.6 * width(50, 2)


@pytest.mark.parametrize(
    ("val", "test", "words"),
    [
        (None, clustered("test", 20), "validation images"),
        (clustered("val", 20), None, "a test set"),
        (clustered("val", 20, prior=0.0), clustered("test", 20, prior=1.0), f"'{CLASSES[1]}' there are images in test"),
    ],
)
def test_what_is_missing_is_named(val: Predictions | None, test: Predictions | None, words: str) -> None:
    found = why_no_budget(of_parts(val, test))
    assert found is not None and words in found  # a plain function whose words are its answer


def test_small_classes_leave_threshold_in_ranking() -> None:
    budget = measure_budget(of_parts(clustered("val", 60), clustered("test", 12)))
    assert "threshold" not in budget.terms
    assert budget.status["threshold"] is TermStatus.NOT_MEASURED
    assert set(budget.terms) < set(USUAL_TERMS)


@pytest.mark.parametrize("small", ["val", "test"])
def test_the_class_that_is_too_small_for_a_threshold_is_the_one_that_is_named(small: str) -> None:
    def part(name: str, ill: int) -> Predictions:
        return noisy(name, np.repeat([0, 1], [60, ill]), 2)

    made = of_parts(part("val", 5 if small == "val" else 60), part("test", 5 if small == "test" else 60))
    detail = measure_budget(made).details["threshold"]
    where = {"val": "validation", "test": "test"}[small]
    assert f"5 {where} images of '{CLASSES[1]}'" in detail


def test_a_gap_without_variation_has_a_width_all_the_same() -> None:
    sure = clustered("val", 40).with_logits(9.0 * (np.eye(2)[clustered("val", 40).labels] - 0.5))
    test = replace(sure, part="test", ids=tuple(f"t{i}" for i in range(40)), patients=tuple(f"q{i}" for i in range(40)))
    budget = measure_budget(of_parts(sure, test))
    assert budget.gap_estimate.low < -2 < 2 < budget.gap_estimate.high
    assert not budget.explained


def test_a_class_that_readers_leave_no_image_has_no_points() -> None:
    """Three test images were labelled with a class; readers say that none of them is of it."""
    val, test = clustered("val", 200), clustered("test", 200, seed=4)
    few = np.flatnonzero(test.labels == 1)[3:]
    kept = np.setdiff1d(np.arange(200), few)
    given = of_parts(val, test.take(kept))
    side = given.test
    assert side is not None
    made = read(given, np.zeros(len(side), dtype=np.int64), dict.fromkeys(side.ids, 1.0))
    budget = measure_budget(made)
    assert budget.classes[1].points is None and budget.classes[1].test_recall is None
    assert sum(term.value for term in budget.terms.values()) == pytest.approx(budget.gap.value, abs=1e-9)
