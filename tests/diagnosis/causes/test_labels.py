from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.labels import CAUSE
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from heldout.stats.scores import Indices
from tests.worlds.made_runs import counted, judged, listed, made_run, moved, of_parts, parts, read, with_scored


def flipped(seed: int = 0, share: float = 0.12) -> tuple[RunData, Indices, float]:
    """A run whose test labels are wrong by chance, the true ones, and the points that costs."""
    made = made_run(seed=seed)
    test = parts(made)["test"]
    wrong = np.random.default_rng(seed).random(len(test)) < share
    given = replace(test, labels=np.where(wrong, 1 - test.labels, test.labels))
    return replace(made, test=given), test.labels, 100 * float(test.right.mean() - given.right.mean())


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_a_review_of_the_listed_images_finds_what_wrong_labels_cost(share: float) -> None:
    """The ranking's first tenth holds nearly all of the one, and less than half of the other."""
    errors, covered = [], 0
    for seed in range(6):
        made, true, cost = flipped(seed, share)
        finding = judged(CAUSE, read(made, true, listed(made)))
        assert finding.verdict == "established" and finding.points is not None and cost > 5
        errors.append((finding.points.value - cost) / cost)
        covered += finding.points.low <= cost <= finding.points.high
    assert np.mean(errors) == pytest.approx(0, abs=0.15)
    assert covered >= 5


def test_it_shows_the_wrong_ones_and_says_what_no_threshold_can_mend() -> None:
    made, true, _ = flipped()
    sample = listed(made)
    finding = judged(CAUSE, read(made, true, sample))
    test = parts(made)["test"]
    wrong = {id_ for id_, label, given in zip(test.ids, true, test.labels, strict=True) if label != given}
    assert len(finding.images) == 24 and set(finding.images) <= wrong & set(sample)
    assert finding.numbers["reviewed"] == len(sample) and finding.numbers["wrong"] == len(wrong & set(sample))
    assert finding.numbers["wrong_share"] == pytest.approx(len(wrong) / len(test), abs=0.04)
    assert finding.points is not None and finding.priority == finding.points.value
    assert (finding.explains["threshold"], finding.explains["ranking"]) == (0.0, finding.points.value)


def test_an_image_counts_for_one_over_its_probability() -> None:
    """Of 200 test images 10 are read and 4 are wrong: two for certain, two for five each. (2 + 2 · 5) / 200 = 6 %."""
    made = of_parts(counted("val", [(100, 95), (100, 95)]), counted("test", [(100, 80), (100, 80)]))
    ids = [f"test-{i}" for i in (80, 81, 82, 83, 0, 1, 180, 181, 182, 100)]
    labels = ["ILL"] * 4 + ["NORMAL"] * 2 + ["ILL"] * 4
    review = pd.DataFrame({"id": ids, "label": labels, "probability": [1, 1, 0.2, 0.2] + [0.5] * 6})
    finding = judged(CAUSE, replace(made, review=review))
    assert finding.verdict == "established" and finding.points is not None
    assert finding.points.value == pytest.approx(6.0, abs=1e-3)
    assert finding.numbers["wrong_share"] == pytest.approx(0.06)
    assert finding.images == ("test-80", "test-81", "test-82", "test-83")


def test_without_a_review_it_says_which_images_to_read_and_only_bounds() -> None:
    for seed in range(3):
        made, true, cost = flipped(seed)
        finding, sample = judged(CAUSE, made), listed(made)
        assert finding.verdict == "not identifiable" and finding.points is None and finding.priority == 0
        assert finding.kind is ReasonKind.REVIEW and finding.alternatives == ("difficulty",)
        assert finding.numbers["to_review"] == len(sample) and finding.images == tuple(sample)[:24]
        # About a fifth of the images: the most doubtful tenth, and a tenth of the rest.
        assert len(sample) == pytest.approx(0.19 * 600, abs=2)
        test = parts(made)["test"]
        wrong = {id_ for id_, label, given in zip(test.ids, true, test.labels, strict=True) if label != given}
        assert len(wrong & set(finding.images)) >= 20  # the most doubtful first
        bound = finding.numbers["bound_points"]
        assert cost <= bound <= 100 * finding.numbers["flagged"] / 600 + 1e-9


def test_labels_that_are_right_are_not_flagged() -> None:
    finding = judged(CAUSE, made_run())
    assert finding.verdict == "not identifiable" and finding.numbers["bound_points"] < 1


def test_a_proper_review_that_finds_nothing_excludes_it() -> None:
    made, true, _ = flipped(share=0.0)
    finding = judged(CAUSE, read(made, true, listed(made)))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.WITHIN_MARGIN) and not finding.images
    assert finding.points is not None and finding.points.value == 0


def test_a_look_at_a_few_images_excludes_nothing() -> None:
    """Four labels were read and stand: nobody looked at the 40 mistakes, any of which may be the label's."""
    made = of_parts(counted("val", [(100, 95), (100, 95)]), counted("test", [(100, 80), (100, 80)]))
    labels = parts(made)["test"].labels
    finding = judged(CAUSE, read(made, labels, {f"test-{i}": 1.0 for i in range(4)}))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES) and finding.numbers[
        "reviewed"
    ] == 4
    assert finding.points is not None and finding.points.low == 0 and 15 < finding.points.high <= 20
    whole = judged(CAUSE, read(made, labels, dict.fromkeys(parts(made)["test"].ids, 1.0)))
    assert whole.verdict == "excluded" and whole.points is not None and whole.points.high == 0


def test_one_wrong_label_of_a_few_leaves_it_open() -> None:
    made = of_parts(counted("val", [(100, 95), (100, 95)]), counted("test", [(100, 80), (100, 80)]))
    labels = parts(made)["test"].labels.copy()
    labels[80] = 1  # a mistake that is none
    finding = judged(CAUSE, read(made, labels, {f"test-{i}": 0.1 for i in range(75, 95)}))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES) and finding.numbers[
        "reviewed"
    ] == 20
    assert finding.points is not None and finding.points.value == pytest.approx(5.0, abs=1e-3)


def test_labels_that_flatter_do_not_lower_test() -> None:
    """The answers were taken for labels: with the true ones accuracy is lower."""
    made = made_run(shift=1.6)
    test = parts(made)["test"]
    copied = replace(made, test=replace(test, labels=test.predicted))
    finding = judged(CAUSE, read(copied, test.labels, dict.fromkeys(test.ids, 1.0)))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.RAISES_TEST) and finding.priority == 0
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (test.right.mean() - 1), abs=1e-3)


def test_a_shift_of_looks_is_not_taken_for_wrong_labels_where_a_pool_knows_better() -> None:
    made = made_run(shift=3.0)
    own = judged(CAUSE, made)
    pooled = judged(CAUSE, with_scored(made, "pooled", {("balanced", "test"): moved(made, "test", 0, -3.0)}))
    assert own.numbers["flagged"] > 100 and pooled.numbers["flagged"] < 20
    holes = {("balanced", "test"): np.full(600, np.nan)}  # then by the run's own
    assert judged(CAUSE, with_scored(made, "pooled", holes)).numbers == own.numbers


def test_a_class_of_three_images_is_left_out_by_name_and_the_others_are_judged() -> None:
    """Three of seven classes' images are too few to rank them: 2 of the 243 count as mistakes, 0.8 points at most."""
    counts = [(120, 108), (120, 108), (3, 1)]
    made = of_parts(counted("val", counts), counted("test", counts))
    finding = judged(CAUSE, made)
    assert finding.verdict == "not identifiable" and finding.kind is ReasonKind.REVIEW and finding.images
    assert finding.numbers["undecided_points"] == pytest.approx(100 * 2 / 243)
    assert "OTHER (3)" in finding.sentence and "at most 0.8 points undecided" in finding.sentence
    assert finding.numbers["bound_points"] >= finding.numbers["undecided_points"]
    whole = judged(CAUSE, of_parts(counted("val", counts[:2]), counted("test", counts[:2])))
    assert "undecided_points" not in whole.numbers and finding.numbers["flagged"] > 0


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(of_parts(counted("val", [(40, 38)]), counted("test", [(40, 20)])), id="one class"),
        pytest.param(
            of_parts(counted("val", [(40, 38), (40, 38)]), counted("test", [(26, 20), (4, 4)])), id="four of a class"
        ),
    ],
)
def test_too_few_of_a_class_cannot_be_ranked(made: RunData) -> None:
    finding = judged(CAUSE, made)
    assert finding.verdict == "not identifiable" and not finding.images and finding.numbers == {}
    assert finding.kind is ReasonKind.REVIEW and finding.alternatives == ("difficulty",)


def test_thirty_images_without_patients_are_answered() -> None:
    """Six are to be read, and every mistake is among them: where they stand, no label can be to blame."""
    made = made_run(200, 30, patients=0)
    finding, test = judged(CAUSE, made), parts(made)["test"]
    assert finding.verdict == "not identifiable" and finding.numbers["to_review"] == 6
    mistakes = {id_ for id_, right in zip(test.ids, test.right, strict=True) if not right}
    assert mistakes and mistakes <= set(listed(made))
    assert judged(CAUSE, read(made, test.labels, listed(made))).verdict == "excluded"
    unread = {id_: 1.0 for id_ in test.ids if id_ not in mistakes}
    assert judged(CAUSE, read(made, test.labels, unread)).verdict == "not identifiable"
