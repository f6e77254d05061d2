"""One decision a patient: known answers, the law of one image a patient, and what a patient's images must share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.effects import effect_of
from heldout.diagnosis.patients import by_unit, images_of, reviewed_rows
from heldout.diagnosis.variants import VariantLogits
from heldout.errors import InputError
from heldout.records.codec import to_data
from heldout.records.logit_table import variant_rows
from heldout.records.metric import By, Metric, Unit
from heldout.records.predictions import Predictions
from heldout.stats.decisions import merged, merged_logits
from tests.worlds.edge_cases import EDGES, NOT_JUDGED
from tests.worlds.made_runs import CLASSES, clustered, logits, made_run, moved, of_parts, parts, quality, with_scored

pytestmark = pytest.mark.numeric

PATIENT = Unit("patient")


def side(part: str, margins: list[tuple[str, int, list[float]]]) -> Predictions:
    """Patients with a label and the margins of their images; an empty name is a lone image."""
    rows = [(name, label, m) for name, label, each in margins for m in each]
    return Predictions(
        part,
        tuple(f"{part}-{i}" for i in range(len(rows))),
        np.array([label for _, label, _ in rows]),
        logits(np.array([m for _, _, m in rows])),
        tuple(name for name, _, _ in rows),
    )


def test_the_three_ways_differ_as_they_should() -> None:
    """Ill patient: two images a little healthy, one surely ill. Mean and maximum say ill, the majority healthy."""
    one = side("test", [("p", 1, [-0.5, -0.4, 6.0]), ("", 0, [-1.0]), ("q", 0, [0.3, 0.2, -0.8])])
    answers = {by: merged(one, by) for by in ("mean", "max", "majority")}
    assert {by: found.predicted.tolist() for by, found in answers.items()} == {
        "mean": [1, 0, 0],
        "max": [1, 0, 0],
        "majority": [0, 0, 1],
    }
    assert answers["mean"].ids == ("test p", "test-3", "test q") and answers["mean"].patients == ("p", "", "q")
    p = softmax(one.logits[:3], axis=1)
    assert answers["mean"].probabilities[0] == pytest.approx(p.mean(axis=0))
    assert answers["max"].probabilities[0] == pytest.approx(p.max(axis=0) / p.max(axis=0).sum())


def test_a_tied_vote_goes_to_the_larger_mean_probability() -> None:
    one = side("test", [("p", 1, [-0.5, 3.0])])
    assert merged(one, "majority").predicted.tolist() == [1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 5), by=st.sampled_from(["mean", "max", "majority"]))
def test_order_does_not_matter_and_equal_images_are_one(seed: int, k: int, by: By) -> None:
    rng = np.random.default_rng(seed)
    unit = np.sort(rng.integers(0, 4, 12))
    unit = np.unique(unit, return_inverse=True)[1]
    z = rng.normal(size=(12, k)) * 3
    order = rng.permutation(12)
    assert merged_logits(z[order], unit[order], by) == pytest.approx(merged_logits(z, unit, by), abs=1e-12)
    same = merged_logits(np.repeat(z[:1], 3, axis=0), np.zeros(3, dtype=int), by)
    assert same.argmax() == z[0].argmax()


def test_surely_answered_images_stay_finite() -> None:
    assert np.isfinite(merged_logits(np.array([[0.0, 2000.0], [0.0, 1500.0]]), np.zeros(2, dtype=int), "mean")).all()


def full_run(patients: int) -> object:
    made = quality(made_run(160, 160, shift=1.5, patients=patients, n_train=120), {("sharpness", 0): -1.0})
    made = with_scored(made, "quality", {("sharpness", "val"): moved(made, "val", 0, 1.2)})
    made = with_scored(
        made,
        "pooled",
        {("balanced", part): moved(made, part, 0, 0.2, seed=3) for part in ("val", "test")},
    )
    val = parts(made)["val"]
    epochs = np.random.default_rng(0).integers(0, 2, (6, 160))
    epochs[-1] = val.predicted
    rng = np.random.default_rng(8)
    features = {part: rng.normal(size=(len(one), 4)).astype(np.float32) for part, one in parts(made).items()}
    leaked = dict.fromkeys(val.ids[:20], "patient")
    return replace(
        made, val_epochs=epochs, features=features, leaked=leaked, learning=replace(made.learning, keeps="best")
    )


@pytest.mark.parametrize("by", ["mean", "max", "majority"])
def test_one_image_a_patient_changes_nothing_but_the_unit(by: By) -> None:
    made = full_run(patients=1)
    there, here = diagnose_run(by_unit(made, Unit("patient", by))), diagnose_run(made)  # type: ignore[arg-type]
    for a, b in zip(there.findings, here.findings, strict=True):
        assert (a.code, a.verdict, a.points, a.images, a.explains) == (
            b.code,
            b.verdict,
            b.points,
            b.images,
            b.explains,
        )
    for name in ("val_accuracy", "test_accuracy", "gap_points", "classes", "remedies", "review"):
        assert to_data(there)[name] == to_data(here)[name]
    assert [term.points for term in there.budget] == [term.points for term in here.budget]


def test_everything_follows_the_patients() -> None:
    made = full_run(patients=4)
    found = by_unit(made, PATIENT)  # type: ignore[arg-type]
    val = parts(found)["val"]
    assert (len(val), len(parts(found)["test"])) == (40, 40)
    assert found.val_epochs is not None and found.val_epochs.shape == (6, 40)
    assert found.features["test"].shape == (40, 4)
    assert found.features["test"][0] == pytest.approx(made.features["test"][:4].mean(axis=0), abs=1e-6)  # type: ignore[attr-defined]
    assert found.quality is not None and found.quality.loc[val.ids[2], "contrast"] == pytest.approx(
        made.quality.loc[[f"val-{i}" for i in range(8, 12)], "contrast"].mean()  # type: ignore[attr-defined]
    )
    assert set(found.leaked) == set(val.ids[:5])
    scored = found.scored["quality"].logits("sharpness", "val", val.ids)
    assert np.isfinite(scored).all()
    assert images_of(found, val.ids[:1]) == ("val-0", "val-1", "val-2", "val-3")
    diagnosis = diagnose_run(found)
    assert diagnosis.test_accuracy is not None and diagnosis.test_accuracy.n == 40
    assert sum(term.points.value for term in diagnosis.budget) == pytest.approx(diagnosis.gap_points.value)  # type: ignore[union-attr]
    assert all(image in made.test.ids or image in made.val.ids for one in diagnosis.findings for image in one.images)  # type: ignore[attr-defined]
    assert "patients" in diagnosis.summary and "images)" not in diagnosis.summary


def test_patients_that_an_intervention_saw_in_part_are_held_against_what_the_run_says_of_that_part() -> None:
    made = made_run(40, 40, patients=4)
    val = parts(made)["val"]
    rows = [0, 5, 6, *range(8, 40)]  # one image of the first patient, two of the second, all of the others
    table = variant_rows([val.ids[i] for i in rows], "val", "blur", val.logits[rows])  # it changes nothing
    found = by_unit(replace(made, scored={"quality": VariantLogits(table)}), PATIENT)
    kept, one = found.scored["quality"], parts(found)["val"]
    before, after = kept.before("blur", "val", one), kept.logits("blur", "val", one.ids)
    assert before.logits == pytest.approx(after, abs=1e-5) and before.logits[0] == pytest.approx(
        val.logits[0], abs=1e-5
    )
    assert before.logits[2:] == pytest.approx(one.logits[2:]) and not np.allclose(before.logits[:2], one.logits[:2])
    effect = effect_of(cause_data(found), "quality", "blur", "val")
    assert effect is not None and effect.changed == 0 and effect.lost.value == 0


def test_images_differ_from_patients_where_mistakes_sit_in_single_images() -> None:
    """Each patient has three images, one of them wrong: two thirds of images, all patients."""
    patients = [(f"p{i}", i % 2, [sign * m for m in (2.0, 2.0, -1.0)]) for i in range(60) for sign in [2 * (i % 2) - 1]]
    made = of_parts(side("val", patients), side("test", patients))
    by_image, by_patient = diagnose_run(made), diagnose_run(by_unit(made, PATIENT))
    assert by_image.test_accuracy is not None and by_image.test_accuracy.value == pytest.approx(2 / 3)
    assert by_patient.test_accuracy is not None and by_patient.test_accuracy.value == 1


def test_patients_of_several_classes_are_one_error_that_names_them_all() -> None:
    mixed = side("test", [("p", 1, [1.0]), ("p", 0, [1.0]), ("q", 0, [1.0]), ("r", 0, [1.0]), ("r", 1, [0.0])])
    with pytest.raises(InputError) as raised:
        by_unit(of_parts(clustered("val", 20), mixed), PATIENT)
    assert [problem.where for problem in raised.value.problems] == ["2 patients in test (p, r)"]
    many = side("test", [(f"p{i}", k, [1.0]) for i in range(40) for k in (0, 1)])
    with pytest.raises(InputError) as raised:
        by_unit(of_parts(clustered("val", 20), many), PATIENT)
    (problem,) = raised.value.problems
    assert problem.where.startswith("40 patients in test (p0, p1, ") and problem.where.endswith(" and 28 more)")
    nobody = made_run(20, 20, patients=0)
    with pytest.raises(InputError, match="no image that names its patient"):
        by_unit(nobody, PATIENT)


def test_readers_of_images_correct_patients() -> None:
    made = by_unit(made_run(40, 40, patients=4), PATIENT)
    review = pd.DataFrame(
        [("test-0", "ILL"), ("test-1", "ILL"), ("test-2", "NORMAL"), ("test-4", "ILL"), ("test-5", "NORMAL")],
        columns=["id", "label"],
    ).assign(probability=0.5)
    found = reviewed_rows(made, review, {"test test-p0": 0.5})
    assert found.to_dict("records") == [
        {"id": "test test-p0", "label": "ILL", "probability": 0.5},
        {"id": "test test-p1", "label": "NORMAL", "probability": 1.0},  # a tie leaves the label
    ]
    diagnosis = diagnose_run(replace(made, review=found))
    assert next(term for term in diagnosis.budget if term.term == "labels").points.value != 0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 500), by=st.sampled_from(["mean", "max", "majority"]))
def test_the_budget_of_patients_is_additive_by_any_metric(seed: int, by: By) -> None:
    val, test = clustered("val", 160, seed=seed, per=4), clustered("test", 120, seed=seed, per=3, prior=0.3, offset=-1)
    made = replace(of_parts(val, test), metric=Metric("cost", {CLASSES[0]: 1.0, CLASSES[1]: 5.0}))
    from heldout.diagnosis.gap import measure_budget

    budget = measure_budget(by_unit(made, Unit("patient", by)))
    total = np.sum([term.replicates for term in budget.terms.values()], axis=0)
    assert total == pytest.approx(budget.gap.replicates, abs=1e-9)


def paired(one: Predictions | None) -> Predictions | None:
    """Patients of two images of one class each."""
    if one is None or not len(one):
        return one
    place = [int((one.labels[:i] == k).sum()) // 2 for i, k in enumerate(one.labels)]
    return replace(one, patients=tuple(f"{k}-{i}" for k, i in zip(one.labels, place, strict=True)))


SOME = ("two images", "a class without test images", "one class", "logits missing", "holes", "leaked")


@pytest.mark.parametrize(
    "name", [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in {**EDGES, **NOT_JUDGED}]
)
def test_runs_that_can_hardly_be_judged_are_judged_by_balanced_accuracy_and_by_patient(name: str) -> None:
    made = replace({**EDGES, **NOT_JUDGED}[name](), metric=Metric("balanced-accuracy"))
    of_patients = replace(made, train=paired(made.train), val=paired(made.val), test=paired(made.test), siblings=())
    for run in (made, by_unit(of_patients, PATIENT)):
        found = diagnose_run(run)
        assert [one.sentence for one in found.findings if one.verdict == "failed"] == []
        if found.gap_points is not None:
            assert sum(term.points.value for term in found.budget) == pytest.approx(found.gap_points.value, abs=1e-9)


def test_training_images_without_answers_are_counted_by_patient_too() -> None:
    known = {"train": None, "train_patients": ("a", "a", "b", "", ""), "train_labels": (0, 0, 0, 1, 1)}
    made = replace(made_run(patients=2), **known)  # type: ignore[arg-type]
    for run, counts in ((made, [3, 2]), (by_unit(made, PATIENT), [2, 2])):
        assert run.train_counts is not None and run.train_counts.tolist() == counts
