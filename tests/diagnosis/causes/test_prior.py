from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from heldout.diagnosis.causes.prior import CAUSE
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from tests.worlds.made_runs import counted, judged, made_run, of_parts

Counts = list[tuple[int, int]]


def fewer_easy(*, patients: int = 1) -> RunData:
    """NORMAL is 70 % of validation and 30 % of test; recalls 90 % and 60 %, on test 80 % and 60 %."""
    val = counted("val", [(700, 630), (300, 180)], patients=patients)
    return of_parts(val, counted("test", [(300, 240), (700, 420)], patients=patients))


def test_more_of_the_harder_class_is_established_at_its_exact_worth() -> None:
    """(0.7 − 0.3) · 0.9 + (0.3 − 0.7) · 0.6 = 0.12; at the recalls of test 0.4 · 0.8 − 0.4 · 0.6 = 0.08."""
    finding = judged(CAUSE, fewer_easy())
    assert (finding.verdict, finding.kind) == ("established", ReasonKind.NONE)
    assert finding.points is not None and finding.priority == finding.points.value
    assert finding.points.value == pytest.approx(12.0, abs=1e-3)
    followed = finding.numbers.pop("followed")
    assert finding.numbers == {"taken_first": pytest.approx(12.0, abs=1e-3), "taken_last": pytest.approx(8.0, abs=1e-3)}
    assert followed == pytest.approx(1.15) and not finding.alternatives
    assert finding.explains == {"prior": finding.points.value} and finding.remedy


def test_its_interval_is_that_of_the_two_recalls() -> None:
    finding = judged(CAUSE, fewer_easy())
    error = 100 * 0.4 * math.sqrt(0.9 * 0.1 / 700 + 0.6 * 0.4 / 300)
    assert finding.points is not None
    assert finding.points.high - finding.points.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_without_patients_the_worth_is_the_same() -> None:
    finding = judged(CAUSE, fewer_easy(patients=0))
    assert finding.points is not None and finding.points.value == pytest.approx(12.0, abs=1e-3)
    assert finding.points.method.startswith("image bootstrap")


@pytest.mark.parametrize(
    ("val", "test", "points", "kind"),
    [
        pytest.param(
            [(300, 270), (700, 420)],
            [(700, 630), (300, 180)],
            -12.0,
            ReasonKind.RAISES_TEST,
            id="fewer hard ones",
        ),
        pytest.param(
            [(1400, 1330), (600, 570)],
            [(30, 27), (70, 63)],
            0.0,
            ReasonKind.WITHIN_MARGIN,
            id="equally hard",
        ),
        pytest.param([(500, 450), (500, 300)], [(50, 45), (50, 30)], 0.0, ReasonKind.WITHIN_MARGIN, id="same shares"),
        pytest.param([(21, 18), (9, 7)], [(9, 8), (21, 16)], 3.17, ReasonKind.MORE_IMAGES, id="thirty"),
    ],
)
def test_it_is_not_claimed_where_it_lowers_nothing(val: Counts, test: Counts, points: float, kind: ReasonKind) -> None:
    finding = judged(CAUSE, of_parts(counted("val", val), counted("test", test)))
    verdict = "not identifiable" if kind is ReasonKind.MORE_IMAGES else "excluded"
    assert (finding.verdict, finding.kind) == (verdict, kind)
    assert finding.points is not None and finding.points.value == pytest.approx(points, abs=0.01)
    assert finding.priority == 0 and not finding.remedy


def test_equal_shares_are_not_said_to_differ() -> None:
    """Wording is the promise here: a sentence that names a class whose share differs would be false."""
    assert "differ" not in judged(CAUSE, made_run()).sentence


def test_a_class_that_test_lacks_does_not_make_the_other_order_absurd() -> None:
    """Its recall on test is unknown: (1/3 − 1/2) · (0.8 + 0.7) + 1/3 · 0.9 = 0.05 with validation's for the third."""
    val, test = counted("val", [(300, 240), (300, 210), (300, 270)]), counted("test", [(300, 240), (300, 210), (0, 0)])
    finding = judged(CAUSE, of_parts(val, test))
    assert finding.verdict == "established"
    assert finding.numbers["taken_first"] == pytest.approx(5.0, abs=1e-3)
    assert finding.numbers["taken_last"] == pytest.approx(5.0, abs=1e-3)


def test_one_class_has_no_shares_to_shift() -> None:
    finding = judged(CAUSE, of_parts(counted("val", [(40, 38)]), counted("test", [(40, 20)])))
    assert finding.verdict == "excluded" and finding.numbers == {"taken_first": 0.0, "taken_last": 0.0, "followed": 0.0}


def test_readers_correct_the_shares() -> None:
    """A third of the test images called ILL are NORMAL: the shares of test are not 50 and 50 but 67 and 33."""
    made = of_parts(counted("val", [(400, 360), (200, 120)]), counted("test", [(300, 270), (300, 180)]))
    assert made.test is not None
    ids = made.test.ids[300:400]
    review = pd.DataFrame({"id": ids, "label": "NORMAL", "probability": 1.0})
    before, after = judged(CAUSE, made), judged(CAUSE, replace(made, review=review))
    assert before.numbers["taken_first"] == pytest.approx(100 * (1 / 6) * 0.3, abs=1e-3)
    assert after.numbers["taken_first"] == pytest.approx(0.0, abs=1e-3)


def test_shares_that_wrong_labels_make_up_are_not_established() -> None:
    """Of 700 test images of the easy class 250 are called the hard one: the answers stay as they were."""
    val, right = counted("val", [(700, 630), (300, 180)]), counted("test", [(700, 630), (300, 180)])
    labels = right.labels.copy()
    labels[::2][:250] = 1
    finding = judged(CAUSE, of_parts(val, replace(right, labels=labels)))
    assert finding.points is not None and finding.points.value == pytest.approx(25 * 0.3, abs=1e-3)
    assert (finding.verdict, finding.alternatives) == ("suggested", ("labels",))
    assert finding.numbers["followed"] == pytest.approx(0.0, abs=1e-9)
    read = pd.DataFrame({"id": right.ids, "label": "NORMAL", "probability": 1.0})
    read.loc[700:, "label"] = "ILL"
    after = judged(CAUSE, replace(of_parts(val, replace(right, labels=labels)), review=read))
    assert after.numbers["taken_first"] == pytest.approx(0.0, abs=1e-3) and "followed" not in after.numbers


def test_shares_that_other_patients_would_bring_by_chance_are_not_established() -> None:
    """Recalls of 98 and 50 %; 60 patients of 10 images and one class, 60 and 45 % easy, as draws of 60 often give."""
    val, test = (
        counted("val", [(360, 353), (240, 120)], patients=10),
        counted("test", [(270, 265), (330, 165)], patients=10),
    )
    read = pd.DataFrame({"id": test.ids, "label": ["NORMAL"] * 270 + ["ILL"] * 330, "probability": 1.0})
    finding = judged(CAUSE, replace(of_parts(val, test), review=read))
    assert finding.points is not None and finding.points.value == pytest.approx(15 * 0.48, abs=0.1)
    assert finding.points.low > 3, "at these shares it is known"
    assert (finding.verdict, finding.kind) == ("suggested", ReasonKind.SHARES_BY_CHANCE)
    assert not finding.alternatives


def test_the_same_shares_of_as_many_patients_as_images_are_established() -> None:
    val, test = counted("val", [(360, 353), (240, 120)]), counted("test", [(270, 265), (330, 165)])
    assert judged(CAUSE, of_parts(val, test)).verdict == "established"
