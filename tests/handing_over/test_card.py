"""The model card: a valid one of Hugging Face, with numbers of the records, and gaps where they hold nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from huggingface_hub import ModelCard

from heldout.answer.calibration import CROSSED, VOID
from heldout.answer.texts import percent
from heldout.handing_over.card import card
from heldout.handing_over.thresholds import PLAIN, thresholds_of
from heldout.paper.writing.markdown import escaped
from heldout.records.calibration import Calibration
from heldout.records.export import ExportInput, ExportRecord
from heldout.report.material import Material, gather
from heldout.runs.calibrated import read_calibration
from heldout.runs.candidates import candidates_of
from tests.handing_over.made_folder import record_of
from tests.paper.conftest import evil
from tests.report.conftest import calibrated, four, told
from tests.worlds.made_labels import make_label_study

__all__ = ["calibrated", "evil", "four", "told"]


def exported(material: Material, run: str) -> ExportRecord:
    """As if the run had been exported."""
    several = material.cohort.labels == "several"
    wanted = ExportInput("uint8", (1, 3), "", 64, "stretch", "bilinear", (0.5,), (0.5,))
    made = record_of(Path(__file__), material.classes[:3], several, wanted, False)
    return replace(
        made, classes=material.classes, thresholds=(0.0,) * len(material.classes) if several else (), run=run
    )


def card_of(material: Material, run: str, no_script: str = "") -> str:
    calibration = read_calibration(material.run(run).folder)
    return told_card(material, run, calibration, no_script)


def told_card(material: Material, run: str, calibration: Calibration | None, no_script: str = "") -> str:
    model = exported(material, run)
    candidates = 0 if calibration is None else candidates_of(material.files, calibration.part)
    return card(material, run, model, thresholds_of(model, calibration, candidates), calibration, no_script)


def test_it_is_a_valid_model_card_with_every_score_and_its_interval(four: Material) -> None:
    row = four.runs[1]
    found = ModelCard(card_of(four, row.id), ignore_metadata_errors=False)
    assert (found.data.pipeline_tag, found.data.library_name, found.data.license) == (
        "image-classification",
        "onnx",
        "other",
    )
    scores = {one.metric_name: one for one in found.data.eval_results}
    assert row.test is not None and row.test.auc is not None
    for name, estimate in (("Accuracy", row.test.accuracy), ("Area under the ROC curve", row.test.auc)):
        one = scores[name]
        assert (one.metric_value, one.metric_args["low"], one.metric_args["high"]) == (
            estimate.value,
            estimate.low,
            estimate.high,
        )
        assert one.metric_args["n"] == estimate.n and one.dataset_split == "test"
    assert {"Recall of normal", "Recall of pneumonia"} <= set(scores)
    assert percent(row.test.accuracy.value) in found.text


def test_it_speaks_of_one_run_and_says_how_it_stands_among_the_others(four: Material) -> None:
    best, worst = four.ranked[0], four.ranked[-1]
    for number, row in ((1, best), (4, worst)):
        text = card_of(four, row.id)
        assert f"number {number} of 4 runs" in text and "Test images were scored 4 times by 4 models" in text
        for other in four.runs:
            assert (other.id in text) == (other.id == row.id)
    assert "no diagnosis of this run was made" in card_of(four, best.id)


def test_what_no_record_holds_is_asked_for_and_never_guessed(four: Material) -> None:
    text = card_of(four, four.runs[0].id)
    licences = text.split("## Licences")[1]
    assert "Apache-2.0, as their catalogue states it" in licences
    assert "[TO FILL: their licence" in licences and "[TO FILL: the licence" in licences
    use = text.split("## Intended use")[1].split("##")[0]
    assert use.count("[TO FILL: ") == 2 and "heldout is not a medical device" in text
    assert PLAIN.split(":")[0] in text and "not calibrated" in text


def test_a_diagnosis_brings_its_budget_its_causes_and_groups(told: Material) -> None:
    known = told.diagnosed[0]
    text = card_of(told, known.run)
    gap = text.split("## Why test is lower")[1].split("## What it learned")[0]
    for term in known.budget:
        assert term.known is None or f"{term.points.low:.1f}".replace("-", "−") in gap
    sure = [one for one in known.findings if one.verdict == "established"]
    assert sure and all(f"({one.verdict})" in gap for one in sure)
    groups = text.split("## Scores by subgroup")[1].split("## Why test")[0]
    small = [one for one in known.groups if one.difference_points is None]
    assert known.groups and small and all(escaped(one.name) in groups for one in known.groups)
    assert "too few images or patients" in groups or "only in" in groups
    assert all(limit[:40].replace("_", "\\_") in text for limit in known.limits)


def test_promises_stand_with_the_shift_that_makes_them_void(calibrated: Material, told: Material) -> None:
    records = {row.id: read_calibration(calibrated.run(row.id).folder) for row in calibrated.runs}
    run = next(id_ for id_, record in records.items() if record is not None and record.rules[0].kind == "error")
    text = card_of(calibrated, run)
    assert VOID in text.split("## Limits")[1].split("## How to use")[0] and text.count(VOID) == 1
    assert "With 90 % confidence at most 15.0 %" in text and "Probabilities are calibrated." in text
    assert VOID not in card_of(told, told.runs[0].id)


def test_a_promise_that_networks_trained_since_make_void_is_not_told_as_holding(calibrated: Material) -> None:
    run = calibrated.runs[0].id
    record = read_calibration(calibrated.run(run).folder)
    assert record is not None and record.rules and record.candidates == 2
    sound, late = told_card(calibrated, run, record), told_card(calibrated, run, replace(record, candidates=1))
    assert "do not hold" not in sound and "promises hold whichever was kept" in sound
    for part in ("Limits", "When it answers"):
        said = late.split(f"## {part}")[1].split("\n## ")[0]
        assert "1 network may have been compared on validation" in said and "the promises do not hold" in said
    assert "promises hold whichever" not in told_card(calibrated, run, replace(record, candidates=1))
    three = replace(calibrated.files, runs=(*calibrated.files.runs, calibrated.files.runs[0]))
    late = told_card(replace(calibrated, files=three), run, record)
    assert "the promises do not hold" in late and "promises hold whichever" not in late


def test_probabilities_of_a_cross_validated_run_are_not_told_surer_than_they_are(calibrated: Material) -> None:
    run = calibrated.runs[0].id
    record = read_calibration(calibrated.run(run).folder)
    assert record is not None and not record.crossed
    for rules in ((), record.rules):
        crossed = replace(record, rules=rules, crossed=True)
        said = told_card(calibrated, run, crossed).split("## When it answers")[1].split("\n## ")[0]
        assert "Probabilities are calibrated." in said and said.count("may be too low") == 1
        assert CROSSED in thresholds_of(exported(calibrated, run), crossed, 2).source
        assert "may be too low" not in told_card(calibrated, run, replace(crossed, crossed=False))


def test_hostile_names_stay_text(evil: Material) -> None:
    row = evil.runs[0]
    text = card_of(evil, row.id)
    found = ModelCard(text, ignore_metadata_errors=False)
    assert found.data.eval_results[0].dataset_name == evil.cohort.name
    assert not any(line.strip().startswith("<") for line in found.text.splitlines())


def test_several_labels_have_a_row_each(tmp_path: Path) -> None:
    material = gather(make_label_study(tmp_path / "study"))
    run = material.runs[0]
    text = card_of(material, run.id)
    scores = {one.metric_name for one in ModelCard(text, ignore_metadata_errors=False).data.eval_results}
    assert {f"Sensitivity of {name}" for name in material.classes} <= scores
    assert "any of disc, bar and stripes" in text and "logit lies above" in text


def test_a_run_that_pillow_cannot_feed_is_used_by_heldout(four: Material) -> None:
    text = card_of(four, four.runs[0].id, "the run takes images of 5 channels")
    usage = text.split("## How to use it")[1].split("##")[0]
    assert "There is no predict.py: the run takes images of 5 channels" in usage and "--self-test" not in usage
