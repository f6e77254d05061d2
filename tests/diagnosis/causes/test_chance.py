from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes.chance import CAUSE
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.records import Metric, ReasonKind
from heldout.records.predictions import Predictions
from tests.worlds.made_runs import counted, judged, made_run, of_parts


def test_a_gap_that_luck_cannot_make_excludes_it() -> None:
    finding = judged(CAUSE, made_run(shift=1.6))
    assert finding.verdict == "excluded" and finding.kind is ReasonKind.GAP_EXCLUDES_ZERO
    assert finding.points is None and finding.priority == 0 and not finding.remedy


def test_a_gap_that_luck_can_make_is_suggested_with_its_interval() -> None:
    """84 against 80 of 100: 4 points, and 1.96 standard errors of the difference are 10.6."""
    finding = CAUSE.judge(
        cause_data(of_parts(counted("val", [(50, 42), (50, 42)]), counted("test", [(50, 40), (50, 40)])))
    )
    assert (finding.verdict, finding.kind) == ("suggested", ReasonKind.GAP_COVERS_ZERO) and finding.remedy
    assert finding.points is not None and finding.numbers == {"n": 200.0}
    assert finding.points.value == pytest.approx(4.0, abs=1e-4)
    assert finding.points.high - finding.points.low == pytest.approx(21.2, rel=0.15)
    # Wording is the promise here: the interval of the sentence is that of the record.
    assert f"4.0 points [{finding.points.low:.1f}, {finding.points.high:.1f}]" in finding.sentence


def test_a_test_set_that_is_surely_better_is_no_luck_either() -> None:
    made = made_run(shift=1.6)
    assert made.val is not None and made.test is not None
    finding = judged(CAUSE, replace(made, val=made.test, test=made.val))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.GAP_EXCLUDES_ZERO)


def test_the_null_is_luck_nineteen_times_in_twenty() -> None:
    verdicts = [judged(CAUSE, made_run(200, 200, seed=seed)).verdict for seed in range(12)]
    assert verdicts.count("suggested") >= 10


def repeated(side: Predictions, times: int, *, named: bool) -> Predictions:
    """Every image so many times; `named` says that these are images of one patient."""
    rows = side.take(np.repeat(np.arange(len(side)), times))
    patients = rows.ids if named else ("",) * len(rows)
    return replace(rows, ids=tuple(f"{id_} {i}" for i, id_ in enumerate(rows.ids)), patients=patients)


def test_more_images_of_the_same_patients_do_not_make_it_sure() -> None:
    """55 against 51 of 60, ten times over: ten photographs of each patient say no more than one."""
    val, test = counted("val", [(30, 28), (30, 27)]), counted("test", [(30, 26), (30, 25)])

    def verdict(named: bool) -> str:
        made = of_parts(repeated(val, 10, named=named), repeated(test, 10, named=named))
        return judged(CAUSE, made).verdict

    assert (verdict(named=True), verdict(named=False)) == ("suggested", "excluded")


@pytest.mark.parametrize("right", [0, 20])
def test_thirty_images_all_right_or_all_wrong_leave_room_for_luck(right: int) -> None:
    """The bootstrap has no width there; what is said and what is recorded is the joined interval of both accuracies."""
    one = [(20, right), (10, right // 2)]
    made = cause_data(of_parts(counted("val", one), counted("test", one)))
    finding = CAUSE.judge(made)
    assert finding.verdict == "suggested" and finding.points == made.gap.gap_estimate
    assert finding.points.low < -5 and finding.points.high > 5


def test_one_class_and_one_patient_are_judged_too() -> None:
    assert judged(CAUSE, of_parts(counted("val", [(40, 39)]), counted("test", [(40, 10)]))).verdict == "excluded"
    alone = of_parts(
        counted("val", [(20, 19), (20, 19)], patients=40), counted("test", [(20, 9), (20, 9)], patients=40)
    )
    assert judged(CAUSE, alone).verdict == "suggested"


def of_tens(name: str, counts: list[tuple[int, int]]) -> Predictions:
    """Patients of ten images of one class, right and wrong ones spread evenly over them."""
    part, patients = counted(name, counts), []
    for k, (n, _) in enumerate(counts):
        patients += [f"{name} {k} {i % (n // 10)}" for i in range(n)]
    return replace(part, patients=tuple(patients))


def test_a_gap_that_other_shares_by_chance_may_make_is_not_explained() -> None:
    """Sixty patients, recalls of 98 and 50 % on both sides: 60 and 45 % are of the easy class."""
    val, test = of_tens("val", [(360, 353), (240, 120)]), of_tens("test", [(270, 265), (330, 165)])
    told = diagnose_run(of_parts(val, test))
    assert told.gap_points is not None and told.gap_points.low > 0 and not told.explained
    finding = next(finding for finding in told.findings if finding.code == "chance")
    assert (finding.verdict, finding.kind) == ("suggested", ReasonKind.SHARES_BY_CHANCE)
    assert finding.numbers["redrawn_low"] < 0 < told.gap_points.low
    assert not any(one.verdict == "established" for one in told.findings)


def test_by_balanced_accuracy_shares_make_no_gap() -> None:
    val = of_tens("val", [(360, 353), (240, 168)])
    run = of_parts(val, of_tens("test", [(270, 230), (330, 132)]))
    assert (
        diagnose_run(run).explained is diagnose_run(replace(run, metric=Metric("balanced-accuracy"))).explained is True
    )
    gap = cause_data(replace(run, metric=Metric("balanced-accuracy"))).gap
    assert (gap.redrawn.low, gap.redrawn.high) == (pytest.approx(gap.gap_estimate.low), gap.gap_estimate.high)
