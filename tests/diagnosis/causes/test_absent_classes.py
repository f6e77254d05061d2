from __future__ import annotations

from dataclasses import replace

import pytest

from heldout.diagnosis.causes.absent_classes import CAUSE
from heldout.records import ReasonKind
from tests.worlds.long_tails import tailed, two_labs
from tests.worlds.made_runs import judged, made_run


def test_test_images_of_a_class_that_validation_lacks_are_established_at_their_exact_worth() -> None:
    """60 of 240 test images, all wrong, beside 180 of which 160 are right: 88.9 − 66.7 = 22.2 points."""
    made = tailed([90, 90, 3], [(90, 80), (90, 80), (0, 0)], [(90, 80), (90, 80), (60, 0)], "abc")
    finding = judged(CAUSE, made)
    assert finding.verdict == "established" and finding.points is not None and finding.remedy
    assert finding.points.value == pytest.approx(100 * (160 / 180 - 160 / 240), abs=1e-4)
    assert finding.explains == {"absent": finding.points.value}
    assert finding.numbers == {"images": 60.0, "classes": 1.0}
    assert made.test is not None
    assert set(finding.images) <= {id_ for id_, k in zip(made.test.ids, made.test.labels, strict=True) if k == 2}


@pytest.mark.parametrize("right", [0, 15, 30])
def test_a_class_of_one_patient_establishes_and_excludes_nothing(right: int) -> None:
    made = tailed([90, 90, 3], [(90, 80), (90, 80), (0, 0)], [(90, 77), (90, 77), (30, right)], "abc")
    assert made.test is not None
    patients = tuple("the one" if k == 2 else f"p{i // 3}" for i, k in enumerate(made.test.labels))
    finding = judged(CAUSE, replace(made, test=replace(made.test, patients=patients)))
    assert finding.points is not None and finding.points.high - finding.points.low > 8
    assert finding.verdict == "not identifiable"


def test_three_images_of_a_hundred_are_named_and_excluded_as_the_reason() -> None:
    finding = judged(CAUSE, two_labs())
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.WITHIN_MARGIN)
    # Wording is the promise here: which class it is stands nowhere else in a finding.
    assert "'basophil'" in finding.sentence


def test_it_does_not_apply_where_validation_has_every_class() -> None:
    finding = judged(CAUSE, made_run())
    assert (finding.verdict, finding.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)


def test_where_its_images_are_too_few_the_class_is_named_with_what_is_missing() -> None:
    made = tailed([90, 90, 3], [(90, 80), (90, 80), (0, 0)], [(90, 80), (90, 80), (12, 8)], "abc")
    finding = judged(CAUSE, made)
    assert finding.verdict == "not identifiable" and "validation images of 'c'" in finding.reason
