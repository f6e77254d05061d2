from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.threshold import CAUSE, Cut, halved_gain
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.effects import gain_on_test
from heldout.diagnosis.run_data import RunData
from heldout.records import Finding, ReasonKind
from heldout.records.predictions import Predictions
from tests.worlds.made_runs import CLASSES, counted, judged, logits, made_run, margin, of_parts, parts, with_scored

pytestmark = pytest.mark.numeric

N = 400
NOISE = 1.2
"""Of the margins in `made_runs.part`, whose classes lie 2 either side of the cut."""


def offset(by: float, *, n: int = N, seed: int = 0, patients: int = 2) -> RunData:
    """All test margins moved toward ILL."""
    made = made_run(n, n, seed=seed, patients=patients)
    test = parts(made)["test"]
    return replace(made, test=test.with_logits(logits(margin(test) + by)))


def share_right(low: float, high: float, cut: float) -> float:
    """Of two normal classes of equal size with these centres."""
    cdf = NormalDist().cdf
    return (cdf((cut - low) / NOISE) + cdf((high - cut) / NOISE)) / 2


@pytest.mark.parametrize(
    ("moved", "low", "high"),
    [pytest.param("NORMAL", -2 + 1.6, 2.0, id="one class"), pytest.param("both", -2 + 1.6, 2 + 1.6, id="both classes")],
)
def test_moved_margins_are_worth_what_the_best_cut_gains(moved: str, low: float, high: float) -> None:
    """The best cut lies midway between the classes; on validation it lies where it is, and gains nothing."""
    true = 100 * (share_right(low, high, (low + high) / 2) - share_right(low, high, 0.0))
    found = []
    for seed in range(8):
        made = made_run(N, N, seed=seed, shift=1.6) if moved == "NORMAL" else offset(1.6, seed=seed)
        finding = judged(CAUSE, made)
        assert finding.verdict in ("established", "suggested", "not identifiable") and finding.points is not None
        assert finding.verdict == "established" or moved == "NORMAL"
        found.append((finding.points.value, finding.numbers["gain_halved"]))
    assert np.mean(found, axis=0) == pytest.approx([true, true], abs=1.2)
    assert true > 4.5


def test_it_is_established_with_class_images_and_remedy() -> None:
    made = cause_data(made_run(shift=1.6))
    finding = CAUSE.judge(made)
    assert finding.verdict == "established" and finding.points is not None
    assert finding.priority == finding.points.value and finding.explains == {"threshold": finding.points.value}
    test = parts(made.run)["test"]
    cut = CAUSE.measure(made)
    assert isinstance(cut, Cut) and cut.excess == ("ILL", pytest.approx((test.predicted == 1).mean()), 0.5)
    rows = [test.ids.index(id_) for id_ in finding.images]
    assert len(rows) == 24 and not test.right[rows].any() and set(test.labels[rows]) == {0}
    lead = margin(test)[rows]
    assert (np.diff(lead) >= 0).all() and lead[0] >= 0  # least sure first
    (remedy,) = CAUSE.remedies(made)
    assert remedy.cause == "threshold" and not remedy.exploratory
    assert remedy.gain_points.value == finding.numbers["gain_halved"] == halved_gain(made).value
    assert remedy.gain_points.low == finding.numbers["gain_halved_low"] > 0


def test_the_null_is_never_blamed() -> None:
    findings = [judged(CAUSE, made_run(N, N, seed=seed)) for seed in range(8)]
    assert {finding.verdict for finding in findings} == {"excluded", "not identifiable"}
    assert all(finding.priority == 0 and finding.points and finding.points.low < 0 for finding in findings)
    kinds = {finding.verdict: finding.kind for finding in findings}
    assert kinds == {"excluded": ReasonKind.WITHIN_MARGIN, "not identifiable": ReasonKind.MORE_IMAGES}


def test_a_cut_that_was_wrong_on_validation_as_well_lowers_nothing() -> None:
    """Moved on both sides: the gain on test is that on validation. Moved on validation only: test is better off."""
    made = offset(1.6, n=600)
    val = parts(made)["val"]
    moved = val.with_logits(logits(margin(val) + 1.6))
    both = judged(CAUSE, replace(made, val=moved))
    assert both.points is not None and both.points.value == pytest.approx(0, abs=2.5)
    assert both.points.low < 0 and both.numbers["gain_halved_low"] > 5 and both.priority == 0
    only = judged(CAUSE, replace(made_run(), val=moved))
    assert (only.verdict, only.kind) == ("excluded", ReasonKind.RAISES_TEST) and only.points is not None
    assert only.points.high < -5


def test_blurred_margins_are_not_called_a_threshold() -> None:
    for seed in range(4):
        made = made_run(N, N, seed=seed)
        rng = np.random.default_rng(seed)
        blurred = margin(parts(made)["test"]) + 3.0 * rng.standard_normal(N)
        one = cause_data(replace(made, test=parts(made)["test"].with_logits(logits(blurred))))
        finding = CAUSE.judge(one)
        assert finding.verdict in ("excluded", "not identifiable") and one.gap.gap.value > 12
        assert finding.points is not None and abs(finding.points.value) < 3


def test_what_readers_mended_counts_for_the_term_and_for_the_half_that_shows_it() -> None:
    """The answers were taken for labels, so that by them no cut is better; readers who mend all labels know one."""
    made = made_run(shift=1.6)
    test = parts(made)["test"]
    copied = replace(test, labels=np.where(margin(test) > 0, 1, 0))
    review = pd.DataFrame({"id": test.ids, "label": [CLASSES[k] for k in test.labels], "probability": 1.0})
    before = judged(CAUSE, replace(made, test=copied))
    assert before.verdict in ("excluded", "not identifiable")
    finding, plain = judged(CAUSE, replace(made, test=copied, review=review)), judged(CAUSE, made)
    assert finding.verdict == plain.verdict == "established"
    assert finding.points is not None and plain.points is not None
    assert finding.points.value == pytest.approx(plain.points.value, abs=1.5)
    assert finding.numbers["gain_halved"] == pytest.approx(plain.numbers["gain_halved"], abs=1.5)


def test_a_class_of_three_that_is_called_too_often_is_named() -> None:
    rng = np.random.default_rng(0)
    made = of_parts(counted("val", [(150, 150)] * 3), counted("test", [(150, 150)] * 3))
    val, test = (
        part.with_logits(part.logits + rng.standard_normal((450, 3))) for part in (made.val, made.test) if part
    )
    pushed = test.with_logits(test.logits + np.array([0.0, 0.0, 1.5]))
    one = cause_data(replace(made, val=val, test=pushed))
    cut, plain = CAUSE.measure(one), CAUSE.measure(cause_data(replace(made, val=val, test=test)))
    assert isinstance(cut, Cut) and cut.excess is not None and cut.excess[0] == "OTHER"
    assert CAUSE.judge(one).verdict == "established"
    assert isinstance(plain, Cut) and plain.excess is None


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(of_parts(counted("val", [(40, 38)]), counted("test", [(40, 20)])), "one class", id="one class"),
        pytest.param(
            of_parts(counted("val", [(40, 38), (9, 9)]), counted("test", [(40, 20), (40, 38)])),
            "9 validation images of 'ILL'",
            id="nine images",
        ),
        pytest.param(
            of_parts(counted("val", [(40, 38), (40, 38)]), counted("test", [(21, 11), (9, 9)])),
            "9 test images of 'ILL'",
            id="thirty test images",
        ),
        pytest.param(
            of_parts(counted("val", [(40, 38), (40, 38)]), counted("test", [(40, 20), (40, 38)], patients=20)),
            "2 test patients of 'NORMAL'",
            id="four patients",
        ),
    ],
)
def test_too_little_for_a_cut_says_what_is_lacking(made: RunData, words: str) -> None:
    finding: Finding = judged(CAUSE, made)
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES) and finding.points is None
    # Wording is the promise here: which class or part is too small stands nowhere else.
    assert words in finding.reason
    assert CAUSE.remedies(cause_data(made)) == ()


def test_thirty_images_of_unknown_patients_are_not_enough_to_establish_it() -> None:
    made = made_run(30, 30, patients=0)
    finding = judged(CAUSE, made)
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)
    large = judged(CAUSE, offset(1.6, patients=0))
    assert large.verdict == "established" and large.points is not None
    assert large.points.method.startswith("image bootstrap")


def test_remedies_are_scored_by_the_labels_that_reviewers_gave() -> None:
    """Two of three NORMAL labels turned to ILL: a cut that answers ILL gains on these labels, and nothing in truth."""
    made = made_run(N, N)
    test = parts(made)["test"]
    turned = (test.labels == 0) & (np.arange(len(test)) % 3 != 0)
    labels = np.where(turned, 1, test.labels)
    made = replace(made, test=replace(test, labels=labels))
    made = with_scored(made, "tried", {("x", "test"): margin(test) + 2.5})
    rows = [{"id": id_, "label": CLASSES[k], "probability": 1.0} for id_, k in zip(test.ids, test.labels, strict=True)]
    blind, reviewed = cause_data(made), cause_data(replace(made, review=pd.DataFrame(rows)))
    assert halved_gain(blind).low > 3
    assert halved_gain(reviewed).value < 0.5
    praised, true = gain_on_test(blind, "tried", "x"), gain_on_test(reviewed, "tried", "x")
    assert praised is not None and true is not None
    before, after = (((margin(test) + by > 0) == (test.labels == 1)).mean() for by in (0.0, 2.5))
    assert true.value == pytest.approx(100 * (after - before), abs=1e-4) and true.value < 0 < praised.value
    assert true.n == praised.n == N


@pytest.mark.parametrize("side", ["val", "test"])
def test_a_class_of_one_patient_has_no_threshold_to_look_for(side: str) -> None:
    """Where the fold that holds the patient out is cut without its class, the cut loses all of its images."""
    rng = np.random.default_rng(2)

    def drawn(part: str, apart: float, off: float) -> Predictions:
        labels = np.repeat([0, 1], [150, 100])
        z = np.where(labels == 1, apart, -apart) + rng.standard_normal(250) + off
        ids = tuple(f"{part}-{i}" for i in range(250))
        return Predictions(part, ids, labels, logits(z), ids)

    parts = {"val": drawn("val", 2.0, 0.0), "test": drawn("test", 1.3, 0.8)}
    own = parts[side]
    names = tuple("one" if label else id_ for label, id_ in zip(own.labels, own.ids, strict=True))
    parts[side] = replace(own, patients=names)
    made = of_parts(parts["val"], parts["test"], bootstrap=200)
    finding = judged(CAUSE, made)
    assert finding.verdict == "not identifiable" and finding.points is None
    assert "'ILL'" in cause_data(made).gap.details["threshold"]
