from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.causes.rare_classes import CAUSE, RareClasses
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.doses import INTERVENTION
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import ReasonKind
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from tests.worlds.long_tails import SKIN, skin, tailed, two_labs
from tests.worlds.made_runs import judged, of_parts, parts

BKL = SKIN.index("bkl")


def answered(made: RunData, part: str, recalls: dict[int, float], usual: float = 0.8) -> np.ndarray:
    """Logits under which each class of a part has a recall, spread over its images."""
    one = parts(made)[part]
    wanted = np.array([recalls.get(k, usual) for k in range(made.k)])[one.labels]
    right = np.random.default_rng((3, len(one))).random(len(one)) < wanted
    return np.asarray(2.0 * np.eye(made.k)[np.where(right, one.labels, (one.labels + 1) % made.k)])


def dosed(
    made: RunData,
    *,
    few: float | None = None,
    many: float = 0.0,
    weighted: float | None = None,
    usual: float = 0.8,
    thin: float | None = None,
    k: int = BKL,
) -> RunData:
    """Recall of a rare class learned from few, the same weighed as much as many, and many; of class 5 left as few.

    `usual` is the recall of the other classes where many were learned from.
    """
    found = [("full", "val", answered(made, "val", {})), ("full", "test", answered(made, "test", {}))]
    if few is not None:
        found += [(f"few:{k}", "test", answered(made, "test", {k: few}))]
        found += [(f"weighted:{k}", "test", answered(made, "test", {k: few if weighted is None else weighted}))]
        found += [(f"many:{k}", "test", answered(made, "test", {k: many}, usual))]
    if thin is not None:
        found += [(f"thin:{k}:5:{draw}", "val", answered(made, "val", {5: thin})) for draw in range(2)]
    tables = [variant_rows(parts(made)[part].ids, part, name, z) for name, part, z in found]
    return replace(made, scored={INTERVENTION: VariantLogits(pd.concat(tables, ignore_index=True))})


def test_a_class_hardly_seen_that_more_images_mend_is_established_with_its_points() -> None:
    """bkl carries (294/2259 − 7/671) · 87 %; learned from 220 images its recall is 70 %, from 26 it is 10 %."""
    finding = judged(CAUSE, dosed(skin(), few=0.1, many=0.7))
    assert finding.verdict == "established" and finding.points is not None and finding.remedy
    carried = 100 * (294 / 2259 - 7 / 671) * 585 / 671
    assert finding.points.value == pytest.approx(carried, abs=0.01)
    assert finding.explains == {"prior": finding.points.value} and finding.priority == finding.points.value
    assert finding.numbers["training_images"] == 26 and finding.numbers["images_to_collect"] == 74
    assert finding.numbers["recall_gain"] == pytest.approx(60, abs=8)
    assert finding.images and len(finding.images) == 24


def test_without_a_trial_it_is_only_suggested() -> None:
    for made in (skin(), dosed(skin(), thin=0.2)):
        finding = judged(CAUSE, made)
        assert finding.verdict == "suggested" and finding.points is not None and finding.points.low > 0
    assert finding.numbers["thinned_loss"] > 40


def test_a_class_that_ten_times_as_many_images_do_not_mend_is_not_blamed_on_their_number() -> None:
    finding = judged(CAUSE, dosed(skin(), few=0.1, many=0.1, thin=0.2))
    assert finding.verdict != "established" and "bkl" not in str(finding.explains)
    data = cause_data(dosed(skin(), few=0.1, many=0.1))
    measured = CAUSE.measure(data)
    assert isinstance(measured, RareClasses)
    assert [one.name for one in measured.classes if one.contradicted(data.rules)] == ["bkl"]
    alone = CAUSE.decide(RareClasses(tuple(one for one in measured.classes if one.name == "bkl")), data.rules)
    assert (alone.verdict, alone.kind) == ("excluded", ReasonKind.UNTRUSTED)


@pytest.mark.parametrize(
    ("weighted", "usual"), [pytest.param(0.68, 0.8, id="weight"), pytest.param(0.1, 0.6, id="at others' cost")]
)
def test_weight_alone_or_the_loss_of_other_classes_establishes_nothing(weighted: float, usual: float) -> None:
    """The class is recalled better, but as well by the same few images weighed more, or others are recalled worse."""
    finding = judged(CAUSE, dosed(skin(), few=0.1, weighted=weighted, many=0.7, usual=usual))
    assert finding.verdict == "suggested"


def test_if_others_do_as_well_with_as_few_images_it_is_not_even_suggested() -> None:
    finding = judged(CAUSE, dosed(skin(), thin=0.8))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)


def test_a_rare_class_that_is_recalled_as_well_as_others_is_excluded() -> None:
    """12 training images, 20 % of test, recall 90 % like all others."""
    val, test = [(400, 360), (400, 360), (60, 54)], [(400, 360), (400, 360), (200, 180)]
    finding = judged(CAUSE, tailed([300, 300, 12], val, test, "abc"))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.WITHIN_MARGIN)


@pytest.mark.parametrize(
    ("train", "test"),
    [([300, 300, 300], [(90, 80), (90, 80), (90, 20)]), ([300, 300, 20], [(90, 80), (90, 80), (3, 1)])],
)
def test_nothing_rare_or_no_more_of_it_on_test_does_not_apply(train: list[int], test: list[tuple[int, int]]) -> None:
    finding = judged(CAUSE, tailed(train, [(90, 80), (90, 80), (20, 5)], test, "abc"))
    assert (finding.verdict, finding.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)


def test_a_rare_class_that_validation_lacks_counts_with_what_it_takes_from_test() -> None:
    data = cause_data(two_labs())
    measured = CAUSE.measure(data)
    assert isinstance(measured, RareClasses)
    basophil = next(one for one in measured.classes if one.absent)
    assert basophil.name == "basophil" and basophil.points.value == pytest.approx(data.gap.terms["absent"].value)
    assert set(CAUSE.judge(data).explains) <= {"absent", "prior"}


def test_a_part_of_the_prior_is_not_said_to_come_on_top_of_it() -> None:
    found = diagnose_run(dosed(skin(), few=0.1, many=0.7))
    verdicts = {finding.code: finding.verdict for finding in found.findings}
    assert verdicts["prior"] == verdicts["rare-classes"] == "established"
    assert "More than the gap" not in found.summary


def test_three_images_that_happen_to_gain_confirm_nothing() -> None:
    val, test = [(90, 80), (90, 80), (0, 0)], [(90, 80), (90, 80), (12, 0)]
    made = dosed(tailed([300, 300, 2], val, test, "abc"), few=0.0, many=0.25, k=2)
    measured = CAUSE.measure(cause_data(made))
    assert isinstance(measured, RareClasses) and measured.classes[0].dose is not None
    assert not measured.confirmed(cause_data(made).rules)


def test_more_images_are_a_remedy_with_the_gain_they_had_on_test() -> None:
    made = dosed(skin(), few=0.1, many=0.7)
    more, weight = CAUSE.remedies(cause_data(made))
    assert more.cause == weight.cause == "rare-classes" and not more.exploratory
    assert more.gain_points.value == pytest.approx(100 * 0.6 * 294 / 2259, abs=2)
    assert weight.gain_points.value == 0


def test_without_training_images_it_says_what_it_needs() -> None:
    finding = judged(CAUSE, replace(skin(), train=None))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.PARTS_MISSING)


def test_a_trial_that_failed_leaves_the_suggestion() -> None:
    failed = Absence(ReasonKind.INTERVENTION_FAILED, "it failed: memory")
    assert judged(CAUSE, replace(skin(), absent={INTERVENTION: failed})).verdict == "suggested"


def test_no_part_of_the_prior_term_is_surer_than_the_term() -> None:
    """Eight images of eight patients on validation, thirty of six on test: other patients bring other shares."""
    counts = {"val": ((200, 186), (192, 178), (8, 1)), "test": ((190, 160), (180, 150), (30, 3))}

    def made(part: str, per: int) -> Predictions:
        labels = np.repeat([0, 1, 2], [n for n, _ in counts[part]])
        right = np.concatenate([(np.arange(n) * h // n) < ((np.arange(n) + 1) * h // n) for n, h in counts[part]])
        names = tuple(f"{part}-{i // per if label == 2 else 1000 + i}" for i, label in enumerate(labels))
        ids = tuple(f"{part}-{i}" for i in range(len(labels)))
        return Predictions(part, ids, labels, 2.0 * np.eye(3)[np.where(right, labels, (labels + 1) % 3)], names)

    val, test = made("val", 1), made("test", 5)
    learned = np.repeat([0, 1, 2], [600, 600, 30])
    own = tuple(f"train-{i}" for i in range(len(learned)))
    train = Predictions("train", own, learned, 2.0 * np.eye(3)[learned], own)
    run = replace(of_parts(val, test, bootstrap=400), classes=("NORMAL", "ILL", "RARE"), train=train)
    tables = []
    for variant, of_five in (("few:2", 0), ("weighted:2", 1), ("many:2", 4)):
        answers, rows = test.predicted.copy(), np.flatnonzero(test.labels == 2)
        answers[rows] = np.where(np.arange(len(rows)) % 5 < of_five, 2, 0)
        tables.append(variant_rows(test.ids, "test", variant, 2.0 * np.eye(3)[answers]))
    run = replace(run, scored={INTERVENTION: VariantLogits(pd.concat(tables, ignore_index=True))})
    found = {one.code: one for one in diagnose_run(run).findings}
    assert found["prior"].verdict == "suggested" == found["rare-classes"].verdict
    assert found["rare-classes"].kind is ReasonKind.REVIEW and "two blind readers" in found["rare-classes"].reason
    assert found["rare-classes"].alternatives == ("labels",)
    assert CAUSE.takes_labels  # else it is ranked as if it were established, and only a reader were wanting
