from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.causes.leakage import CAUSE
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.gap import leakage_settled
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import ReasonKind, TermStatus
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured
from tests.worlds.made_runs import counted, judged, made_run, of_parts, parts


def joined(leaked: Predictions, clean: Predictions) -> RunData:
    """Validation is the leaked images and then the clean ones; test is 80 % right."""
    parts = [
        Predictions("val", tuple(f"{word}-{id_}" for id_ in one.ids), one.labels, one.logits, one.patients)
        for word, one in (("leaked", leaked), ("clean", clean))
    ]
    val = Predictions(
        "val",
        parts[0].ids + parts[1].ids,
        np.concatenate([one.labels for one in parts]),
        np.concatenate([one.logits for one in parts]),
        tuple(f"p-{id_}" for one in parts for id_ in one.ids),
    )
    made = of_parts(val, counted("test", [(100, 80), (100, 80)]))
    return replace(made, leaked=dict.fromkeys(parts[0].ids, "same patient"))


def easy() -> RunData:
    """150 leaked images of NORMAL and 50 of ILL, all right; clean ones 90 % and 70 %."""
    return joined(counted("val", [(150, 150), (50, 50)]), counted("val", [(100, 90), (100, 70)]))


def test_relatives_that_are_all_right_are_established_at_what_they_are_worth() -> None:
    """All 400: 90 %. Independent ones at the same shares: 250/400 · 90 % + 150/400 · 70 % = 82.5 %."""
    finding = judged(CAUSE, easy())
    assert finding.verdict == "established" and finding.remedy
    assert finding.points is not None and finding.points.value == pytest.approx(7.5, abs=1e-3)
    assert 0 < finding.points.low < 7.5 < finding.points.high and finding.priority == finding.points.value
    assert len(finding.images) == 24 and all(id_.startswith("leaked") for id_ in finding.images)
    assert finding.numbers == {"leaked": 200.0, "crossing_test": 0.0}


@pytest.mark.parametrize(
    ("hits", "verdict", "kind"),
    [
        (3600, "excluded", ReasonKind.WITHIN_MARGIN),
        (3200, "excluded", ReasonKind.RAISES_TEST),
        (4000, "established", ReasonKind.NONE),
    ],
)
def test_relatives_that_are_no_easier_are_not_blamed(hits: int, verdict: str, kind: ReasonKind) -> None:
    leaked = counted("val", [(2000, hits // 2), (2000, hits // 2)])
    finding = judged(CAUSE, joined(leaked, counted("val", [(2000, 1800), (2000, 1800)])))
    assert (finding.verdict, finding.kind) == (verdict, kind)
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (hits - 3600) / 8000, abs=1e-3)


def test_too_few_to_be_sure_asks_for_more() -> None:
    few = joined(counted("val", [(20, 18), (20, 18)]), counted("val", [(30, 26), (30, 26)]))
    finding = judged(CAUSE, few)
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)


@pytest.mark.parametrize("clean", [RULES.min_independent - 2, RULES.min_independent])
def test_a_handful_of_independent_images_measures_nothing(clean: int) -> None:
    half = clean // 2
    made = joined(counted("val", [(200, 200), (200, 200)]), counted("val", [(half, half // 2), (half, half // 2)]))
    finding = judged(
        CAUSE, replace(made, absent={"grouped": Absence(ReasonKind.NOT_RUN, "it would take about 60 minutes")})
    )
    if clean == RULES.min_independent:
        assert finding.verdict == "established"
    else:
        assert finding.verdict == "not identifiable" and finding.points is None and finding.images
        assert finding.kind is ReasonKind.MORE_IMAGES


def test_a_class_without_independent_images_is_left_out_by_name() -> None:
    """NORMAL loses 196 of 300 · (180/196 − 80/96) = 5.6 points; ILL, with 4 independent images, stays as reported."""
    made = joined(counted("val", [(100, 100), (100, 100)]), counted("val", [(96, 80), (4, 2)]))
    finding = judged(CAUSE, made)
    assert finding.verdict == "established" and finding.points is not None
    assert finding.points.value == pytest.approx(100 * (180 / 300 - 196 / 300 * 80 / 96), abs=1e-3)
    term = cause_data(made).gap.parts["leakage"]
    assert term.undecided == pytest.approx(100 * 102 / 300, abs=1e-3) and "'ILL'" in term.detail


def retrained(made: RunData, hits: Sequence[int]) -> RunData:
    """Some seeds of a grouped split, each scored on so many right of the 100 clean images of each class."""
    assert made.val is not None
    clean = made.val.take(np.arange(200, 400))
    tables = []
    for seed, right in enumerate(hits):
        z = counted("val", [(100, right), (100, right)]).logits
        tables.append(variant_rows(clean.ids, "val", f"seed={seed}", z))
    return replace(made, scored={"grouped": VariantLogits(pd.concat(tables, ignore_index=True))})


def test_a_retraining_without_relatives_goes_before_leaving_them_out() -> None:
    """90 % as reported, 69 to 71 % under three seeds on a split by patient: 20 points, not the 7.5 above."""
    finding = judged(CAUSE, retrained(easy(), (69, 70, 71)))
    assert finding.verdict == "established"
    assert finding.points is not None and finding.points.value == pytest.approx(20.0, abs=1e-3)


def test_the_luck_of_training_is_not_called_leakage() -> None:
    """90 % as reported, 60, 70 and 80 % under three seeds: another seed may be as good as the run was."""
    finding = judged(CAUSE, retrained(easy(), (60, 70, 80)))
    assert finding.verdict == "not identifiable" and finding.points is not None
    assert finding.points.value == pytest.approx(20.0, abs=1e-3)
    luck = (
        4.3 * 10 * np.sqrt(1 + 1 / 3)
    )  # Student's t of two degrees of freedom; sigma of 10, of the run and the mean of 3
    assert (finding.points.high - finding.points.low) / 2 == pytest.approx(luck, rel=0.25)


def test_other_seeds_of_the_recipe_tell_how_much_is_luck() -> None:
    """Two new networks differ by 10 points; that four runs of the study hardly do says that this is their luck."""
    made = retrained(easy(), (65, 75))
    assert made.val is not None
    turned = [made.val.with_logits(np.roll(made.val.logits, i, axis=0)) for i in (1, 2, 3)]  # one or two images more
    siblings = tuple(replace(made, seed=i + 1, val=val, siblings=()) for i, val in enumerate(turned))
    alone, beside = judged(CAUSE, made).points, judged(CAUSE, replace(made, siblings=siblings)).points
    assert alone is not None and beside is not None and alone.value == beside.value
    assert beside.high - beside.low < (alone.high - alone.low) / 2


def lucky(seed: int, seeds: int, worth: float = 0.0) -> RunData:
    """Networks of 85 % with a standard deviation of 3 points of luck; all images of validation have relatives."""
    rng = np.random.default_rng((31, seed))
    shares = np.clip(0.85 + 0.03 * rng.standard_normal(1 + seeds) + np.append(worth, np.zeros(seeds)), 0, 1)
    halves = [counted("val", [(100, int(hits)) for hits in rng.binomial(100, shares[0], 2)]) for _ in range(2)]
    made = joined(*halves)
    assert made.val is not None
    made = replace(made, leaked=dict.fromkeys(made.val.ids, "same patient"), bootstrap_seed=seed)
    return retrained(made, rng.binomial(100, shares[1:]).tolist())


@pytest.mark.slow
def test_where_relatives_are_worth_nothing_leakage_is_hardly_ever_established() -> None:
    """Without the luck of training in the interval it is, in one study of eight."""
    found = [judged(CAUSE, lucky(seed, 3)).verdict for seed in range(100)]
    assert found.count("established") <= 2


def test_two_relatives_of_a_thousand_are_not_worth_the_luck_of_other_networks() -> None:
    """Trained anew, the network is 4 points worse; the two images can be worth 0.2 at most."""
    made = of_parts(counted("val", [(500, 470), (500, 470)]), counted("test", [(500, 435), (500, 435)]))
    assert made.val is not None
    clean = made.val.take(np.arange(2, 1000))
    z = counted("val", [(499, 449), (499, 449)]).logits
    tables = [variant_rows(clean.ids, "val", f"seed={seed}", z) for seed in range(2)]
    scored = {"grouped": VariantLogits(pd.concat(tables, ignore_index=True))}
    finding = judged(CAUSE, replace(made, leaked=dict.fromkeys(made.val.ids[:2], "same patient"), scored=scored))
    assert finding.verdict != "established"
    assert finding.points is not None and abs(finding.points.value) <= 0.2


def test_an_image_under_two_seeds_is_not_two_patients() -> None:
    points = judged(CAUSE, retrained(easy(), (70, 70))).points
    error = 100 * np.sqrt(0.7 * 0.3 / 200)  # of 200 patients, each seen twice and answered alike
    assert points is not None and points.high - points.low > 0.9 * 2 * 1.96 * error


def test_an_image_under_two_seeds_counts_once() -> None:
    """Six images of ILL, each answered twice, bear no threshold: ten would."""
    made = easy()
    assert made.val is not None
    few = made.val.take(np.concatenate([np.arange(200, 260), np.arange(300, 306)]))
    assert few.counts().tolist() == [60, 6]
    tables = [variant_rows(few.ids, "val", f"seed={seed}", few.logits) for seed in range(2)]
    made = replace(made, scored={"grouped": VariantLogits(pd.concat(tables, ignore_index=True))})
    gap = cause_data(made).gap
    assert gap.samples.val.counts().tolist() == [120, 12] and gap.samples.val_counts.tolist() == [60, 6]
    assert "threshold" not in gap.terms and "6 validation images" in gap.details["threshold"]
    assert "2 seeds, 66 images" in gap.details["leakage"]


def test_no_relative_excludes_it_only_where_patients_are_known() -> None:
    known = judged(CAUSE, made_run())
    assert (known.verdict, known.kind) == ("excluded", ReasonKind.NO_DIFFERENCE)
    assert known.points is not None and (known.points.value, known.points.high) == (0.0, 0.0)
    unknown = judged(CAUSE, made_run(patients=0))
    assert (unknown.verdict, unknown.kind) == (
        "not identifiable",
        ReasonKind.COPIES_NOT_LOOKED_FOR,
    ) and unknown.points is None


def unnamed(made: RunData, part: str, number: int) -> RunData:
    """The same with so many images of a part whose patient is not known."""
    one = parts(made)[part]
    names = ("",) * number + one.patients[number:]
    return replace(made, **{part: replace(one, patients=names)})  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["train", "val"])
def test_copies_that_were_changed_are_not_excluded_where_one_image_names_no_patient(part: str) -> None:
    assert judged(CAUSE, unnamed(made_run(), part, 0)).verdict == "excluded"
    assert judged(CAUSE, unnamed(made_run(), part, 1)).verdict == "not identifiable"


def test_a_name_that_no_two_images_share_tells_no_copy_from_its_original() -> None:
    assert judged(CAUSE, made_run(patients=1)).verdict == "not identifiable"


def test_known_relatives_worth_nothing_do_not_exclude_the_unknown_ones() -> None:
    """Relatives as often right as the others: excluded only where a changed copy would show by its patient."""
    some = counted("val", [(2000, 1800), (2000, 1800)])
    made = joined(some, some)
    assert judged(CAUSE, made).verdict == "excluded"
    finding = judged(CAUSE, unnamed(made, "train", 1))
    assert (finding.verdict, finding.kind) == (
        "not identifiable",
        ReasonKind.COPIES_NOT_LOOKED_FOR,
    ) and finding.priority == 0
    assert judged(CAUSE, unnamed(easy(), "train", 1)).verdict == "established"  # at least those that are known


def test_a_diagnosis_says_what_is_not_looked_for() -> None:
    """One limit more and one sentence more than where every image names its patient."""
    told = [diagnose_run(unnamed(made_run(shift=2.5), "train", number)) for number in (0, 1)]
    assert all(item.explained for item in told)
    assert len(told[1].limits) == len(told[0].limits) + 1
    assert len(told[1].summary) > len(told[0].summary)
    assert [term.points.value for term in told[0].budget] == [term.points.value for term in told[1].budget]


@pytest.mark.parametrize("patients", [0, 2])
def test_test_images_that_are_not_independent_are_counted_apart(patients: int) -> None:
    made = replace(made_run(patients=patients), crossing={"test-0": "same picture", "test-5": "same picture"})
    finding = judged(CAUSE, made)
    assert finding.numbers == {"leaked": 0.0, "crossing_test": 2.0}
    assert judged(CAUSE, made_run(patients=patients)).numbers["crossing_test"] == 0


def test_thirty_images_and_one_class_are_answered() -> None:
    thirty = joined(counted("val", [(5, 5), (5, 5)]), counted("val", [(10, 6), (10, 6)]))
    assert judged(CAUSE, thirty).verdict == "not identifiable"
    made = of_parts(counted("val", [(200, 170)]), counted("test", [(100, 70)]))
    assert made.val is not None
    one = replace(made, leaked=dict.fromkeys(made.val.ids[:100], "copy"))  # the first images are the right ones
    finding = judged(CAUSE, one)
    assert finding.verdict == "established" and finding.points is not None
    assert finding.points.value == pytest.approx(15.0, abs=1e-3)


def test_without_patients_copies_may_be_excluded_but_not_other_images_of_a_patient() -> None:
    for patients, verdict, kind, status in (
        (2, "excluded", ReasonKind.NO_DIFFERENCE, TermStatus.NOTHING),
        (0, "not identifiable", ReasonKind.PATIENTS_UNKNOWN, TermStatus.NOT_MEASURED),
    ):
        made = replace(made_run(patients=patients), copies_looked_for=True)
        finding, term = judged(CAUSE, made), cause_data(made).gap.parts["leakage"]
        assert (finding.verdict, finding.kind, term.status) == (verdict, kind, status)
        assert term.points is not None and term.points.value == 0


def test_copies_worth_nothing_exclude_no_leakage_where_patients_are_not_named() -> None:
    some = counted("val", [(2000, 1800), (2000, 1800)])
    made = replace(joined(some, some), copies_looked_for=True)
    assert judged(CAUSE, made).verdict == "excluded"
    finding = judged(CAUSE, unnamed(made, "val", 1))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.PATIENTS_UNKNOWN)


def test_copies_are_told_by_how_they_were_changed() -> None:
    made = easy()
    assert made.val is not None
    changes = dict.fromkeys(made.val.ids[:30], "turned by 90°") | dict.fromkeys(made.val.ids[30:50], "mirrored")
    sentence = judged(CAUSE, replace(made, changes=changes, copies_looked_for=True)).sentence
    assert "50 are copies of training images (turned by 90° 30; mirrored 20)" in sentence


@pytest.mark.parametrize(
    ("patients", "leaked", "measured", "looked_for", "settled"),
    [
        (2, 0, False, True, True),
        (0, 0, False, True, False),
        (0, 0, False, False, False),
        (2, 2, False, True, True),
        (2, 40, False, True, False),
        (2, 40, True, True, True),
    ],
)
def test_leakage_is_settled_where_nothing_can_hide(
    patients: int, leaked: int, measured: bool, looked_for: bool, settled: bool
) -> None:
    made = replace(made_run(patients=patients), copies_looked_for=looked_for)
    assert made.val is not None
    made = replace(made, leaked=dict.fromkeys(made.val.ids[:leaked], "a copy"))
    term = measured_points(made) if measured else None
    assert leakage_settled(made, term, RULES) == settled


def measured_points(made: RunData) -> Measured:
    return made.draws.measured(np.zeros(made.bootstrap + 1), 10)


def test_no_other_cause_is_the_main_reason_while_leakage_is_not_settled() -> None:
    """The same made run, once with every patient named, once with one training image that names none."""
    made = replace(made_run(shift=2.5), copies_looked_for=True)
    told = [diagnose_run(unnamed(made, "train", number)) for number in (0, 1)]
    assert "Main reason" not in told[1].summary
    assert [item.verdict for item in told[0].findings if item.code != "leakage"] == [
        item.verdict for item in told[1].findings if item.code != "leakage"
    ]
    assert "while leakage is not settled" in told[1].summary
    assert "not settled" not in told[0].summary
