"""A run calibrated: who does what, what is refused and counted, what `predict` makes of it, what the report tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

import heldout
from heldout.answer.calibration import broken_told, caveats, outdated_told, scaling_told
from heldout.cli import ExitStatus
from heldout.errors import InputError, UsageError
from heldout.files import read_json, write_json
from heldout.images.quality import quality_of
from heldout.records import Estimate
from heldout.records.calibration import CALIBRATION, KNOWN_IMAGES, JudgedRule, Rule
from heldout.records.run import Learning
from heldout.report.material import gather
from heldout.report.page import compose, render
from heldout.runs import calibrate as calibrate_module
from heldout.runs.calibrate import calibrate_run, halves
from heldout.runs.calibrated import compared, known_of, numbers_in, read_calibrated
from heldout.runs.candidates import candidates_now, candidates_of
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.ledger import CALIBRATION_EVALUATIONS, CALIBRATION_QUESTIONS, entries
from heldout.runs.predict import OutdatedWarning, UnlikeWarning, predict
from heldout.runs.rates import CalibrationAsked, check_rates
from heldout.runs.rule_judging import _all_kept, _kept
from heldout.stats.mean_answers import mean_logits
from tests.cli.call import call
from tests.worlds.bright_cells import bright_cells
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    folder = tmp_path_factory.mktemp("made") / "study"
    return read_study(make_study(folder, runs=RUNS[1:3], n_train=40, n_val=400, n_test=300, epochs=3))


def asked(abstain: str, confidence: float = 0.9, part: str = "val") -> CalibrationAsked:
    return CalibrationAsked.of(abstain, confidence, part, "temperature", "")


def test_no_patient_has_two_parts_and_nothing_is_drawn_twice(study: StudyFiles) -> None:
    val = study.runs[0].predictions["val"]
    first, second = halves(val, 5)
    assert set(first.patients).isdisjoint(second.patients) and len(first) + len(second) == len(val)
    again = halves(val.take(np.arange(len(val))[::-1]), 5)[0]
    assert set(again.ids) == set(first.ids), "the halves hang on the split alone, not on the order of rows"


def test_a_promise_is_kept_with_what_it_rests_on(study: StudyFiles) -> None:
    run = study.runs[0]
    record = calibrate_run(study, run, asked("error:0.15"))
    assert record.control is not None and record.control.named and not record.single
    assert record.fitting.images + record.control.images == 400
    (rule,) = record.rules
    assert rule.thresholds is not None and rule.p is not None and rule.p <= rule.test_level
    assert record.candidates == candidates_of(study) == 2 and rule.test_level == pytest.approx(0.1 / 2)
    assert rule.on_test is not None and rule.on_test.loss is not None
    assert rule.on_test.coverage.low <= rule.on_test.coverage.value and len(rule.on_test.curve) > 0
    assert {(one.part, one.kind) for one in record.reliability} == {
        (part, kind) for part in ("val", "test") for kind in ("temperature", "vector")
    }
    kept = read_calibrated(run.folder)
    assert kept is not None and kept.record == record
    probabilities = kept.probabilities(run.predictions["test"].logits)
    answers = kept.answers(probabilities)
    sure = probabilities.max(axis=1) >= rule.thresholds[0]
    assert [len(answer) for answer in answers] == sure.astype(int).tolist()


def test_every_network_that_was_compared_divides_the_level(study: StudyFiles) -> None:
    learning = Learning(True, True, keeps="best", chosen=("strength", "epoch"), tried=(0.1, 1.0))
    run = replace(study.runs[0], record=replace(study.runs[0].record, learning=learning, epochs=3))
    assert candidates_of(replace(study, runs=(run, study.runs[1]))) == 3 * 2 + 1


def test_a_search_on_validation_leaves_no_promise_to_be_tested_there(study: StudyFiles, tmp_path: Path) -> None:
    searched = replace(study, folder=tmp_path)
    (tmp_path / "tuning").mkdir()
    (tmp_path / "tuning" / "one.json").write_text("{}")
    with pytest.raises(UsageError, match="settings were searched on validation"):
        check_rates(asked("error:0.1"), searched, study.runs[0])
    check_rates(asked("error:0.1", part="test"), searched, study.runs[0])
    check_rates(asked(""), searched, study.runs[0])


def test_a_class_that_misses_too_often_is_named_and_nothing_seen_is_not_kept(study: StudyFiles) -> None:
    few, many = Estimate(0.04, 0.02, 0.06, 100, "made"), Estimate(0.3, 0.2, 0.4, 50, "made")
    on_test = JudgedRule(few, few, "broken", 1.2, {"rare": many, "common": few})
    told = broken_told(Rule("class-sets", 0.9, 0.1, (0.1, 0.2), 0.01, 0.05, 10, on_test))
    assert "rare 30.0 % (20.0 to 40.0 %) where 10.0 %" in told and "common" not in told
    assert _kept(None, 0.1) == "open" and _all_kept(["kept", "open"]) == "open"


def test_test_images_test_a_promise_for_images_like_them(study: StudyFiles) -> None:
    record = calibrate_run(study, study.runs[0], asked("sets:0.6", part="test"))
    assert record.control is not None and record.fitting.images == 400 and 100 < record.control.images < 200
    (rule,) = record.rules
    judged = next(one for one in record.reliability if one.part == "test")
    assert judged.counted.images + record.control.images == 300
    assert rule.on_test is not None and set(rule.on_test.by_class)
    size = rule.on_test.set_size
    assert size is not None and 0.9 < size.low < size.value < size.high < 1.1  # all have one class


def test_what_was_asked_before_and_trained_since_is_told(study: StudyFiles, tmp_path: Path) -> None:
    alone = read_study(make_study(tmp_path / "study", runs=RUNS[1:2], n_train=40, n_val=200, n_test=100))
    (run,) = alone.runs
    first = calibrate_run(alone, run, asked("error:0.2"))
    assert first.questions == ("error:0.2 at 0.9",) and "different questions" not in " ".join(caveats(first, 1))
    calibrate_run(alone, run, asked(""))
    for _ in range(2):
        again = calibrate_run(alone, run, asked("error:0.15"))
    assert again.questions == ("error:0.2 at 0.9", "error:0.15 at 0.9")
    assert "asked 2 different questions: error:0.2 at 0.9; error:0.15 at 0.9." in " ".join(caveats(again, 1))
    assert calibrate_run(alone, run, asked("error:0.15", part="test")).questions == ("error:0.15 at 0.9",)
    (run.folder / CALIBRATION).write_text("{")  # damaged, and replaced
    last = calibrate_run(alone, run, asked("error:0.1"))
    assert last.questions == ("error:0.2 at 0.9", "error:0.15 at 0.9", "error:0.1 at 0.9")
    assert outdated_told(again, candidates_of(alone)) == ""
    assert "1 network may have been compared on validation" in outdated_told(again, 2)
    assert outdated_told(replace(again, rules=()), 2) == ""
    assert outdated_told(again, 2) in caveats(again, 2)
    assert candidates_now(run.folder, again) == 1 and candidates_now(tmp_path, again) is None


def test_what_a_record_without_a_ledger_was_asked_is_kept(study: StudyFiles, tmp_path: Path) -> None:
    alone = read_study(make_study(tmp_path / "study", runs=RUNS[1:2], n_train=40, n_val=200, n_test=100))
    (run,) = alone.runs
    for rates in ("error:0.2", "error:0.15"):
        calibrate_run(alone, run, asked(rates))
    (alone.folder / CALIBRATION_QUESTIONS).unlink()  # as 0.2.0 left it
    calibrate_run(alone, run, asked("error:0.1", part="test"))
    assert len(calibrate_run(alone, run, asked("error:0.1")).questions) == 3
    with (alone.folder / CALIBRATION_QUESTIONS).open("a") as file:
        file.write("{torn")
    assert any(CALIBRATION_QUESTIONS in doubt for doubt in read_study(alone.folder).doubts)


def test_of_a_temperature_is_told_what_its_interval_allows(study: StudyFiles) -> None:
    record = calibrate_run(study, study.runs[0], asked(""))
    assert record.scaling.uncertain is not None and record.scaling.uncertain.value == record.scaling.temperature

    def told(low: float, value: float, high: float) -> str:
        scaling = replace(record.scaling, temperature=value, uncertain=Estimate(value, low, high, 10, "made"))
        return scaling_told(replace(record, scaling=scaling))

    assert "was too sure." in told(1.1, 1.2, 1.3) and "was not sure enough." in told(0.7, 0.8, 0.9)
    assert "cannot be told" in told(0.9, 1.2, 1.3)
    crossed = caveats(replace(record, crossed=True), 2)
    assert len(crossed) == 1 and "single folds" in crossed[0] and not caveats(record, 2)


def test_looks_at_test_are_counted_once_for_each_question(study: StudyFiles) -> None:
    run = study.runs[1]

    def counted() -> int:
        return sum(entry["run"] == run.record.id for entry in entries(study.folder, CALIBRATION_EVALUATIONS))

    before = counted()
    for rates in ("error:0.2", "error:0.2", "ppv:0.7,npv:0.7"):
        calibrate_run(study, run, asked(rates))
    assert counted() == before + 2


def test_what_cannot_be_asked_is_said_at_once(study: StudyFiles, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        CalibrationAsked.of("err:0.1,error:2,sets:0.9,error:0.1", 1.5, "train", "platt", "")
    assert all(word in str(told.value) for word in ("err:0.1", "error:2", "sets, error", "1.5", "train", "platt"))
    crossed = replace(study.runs[0], record=replace(study.runs[0].record, members=("x", "y")))
    with pytest.raises(UsageError, match="cross-validated"):
        calibrate_run(study, crossed, asked("error:0.1"))
    untested = replace(study.runs[0], predictions={"val": study.runs[0].predictions["val"]})
    with pytest.raises(UsageError, match="no test images"):
        calibrate_run(study, untested, asked("error:0.1", part="test"))
    with pytest.raises(UsageError, match="expected one of"):
        calibrate_run(study, study.runs[0], CalibrationAsked.of("ppv:0.9", 0.9, "val", "temperature", "nobody"))
    with pytest.raises(InputError, match=r"run\.json"):
        heldout.calibrate(tmp_path)
    three = make_study(tmp_path / "three", runs=RUNS[:1], classes=("a", "b", "c"), n_val=60, n_test=60)
    (run,) = (three / "runs").iterdir()
    answer = call("calibrate", run, "--abstain", "ppv:0.9")
    assert answer.status is ExitStatus.USAGE and "class-sets" in answer.err


def test_what_was_changed_is_not_applied(study: StudyFiles) -> None:
    run = study.runs[0]
    calibrate_run(study, run, asked(""))
    file = run.folder / CALIBRATION
    whole = read_json(file)
    write_json(file, {**whole, "candidates": 99})
    with pytest.raises(InputError, match="changed"):
        read_calibrated(run.folder)
    write_json(file, whole)
    known = run.folder / KNOWN_IMAGES
    kept = known.read_bytes()
    known.write_bytes(kept[:-1])
    with pytest.raises(InputError, match="another file"):
        read_calibrated(run.folder)
    known.write_bytes(kept)
    record = read_calibrated(run.folder)
    assert record is not None and not record.answering


def test_the_report_and_the_terminal_tell_it(study: StudyFiles) -> None:
    run = study.runs[0].folder
    answer = call("calibrate", run, "--abstain", "error:0.15", "--confidence", 0.8)
    assert answer.status is ExitStatus.OK and "80 % confidence" in answer.out and "Learn then Test" in answer.out
    told = json.loads(call("calibrate", run, "--abstain", "error:0.15", "--confidence", 0.8, "--json").out)
    assert told["format"] == 1 and told["rules"][0]["kind"] == "error"
    page = compose(gather(study.folder))
    (section,) = [one for one in page.sections if one.id == "calibration"]
    assert {"calibration-scores", "abstention", "coverage"} <= {getattr(block, "id", "") for block in section.blocks}
    shown = render(page)
    assert "When to believe an answer" in shown and "judged by them what runs promise" in shown


def test_new_images_are_answered_calibrated_and_warned_of(tmp_path: Path) -> None:
    data, out = bright_cells(tmp_path / "data", train=60, test=20), tmp_path / "study"
    words = ("run", data, "--models", "efficientnet_lite0", "--strategies", "probe", "--image-size", 32)
    assert call(*words, "--val-fraction", 0.5, "--out", out).status is ExitStatus.OK
    (run,) = (out / "runs").iterdir()
    plain = predict(run, [written(tmp_path / "alike", 24)])
    heldout.calibrate(run, "error:0.3", confidence=0.8)
    frame = predict(run, [tmp_path / "alike"])
    calibration = read_calibrated(run)
    assert calibration is not None and calibration.record.pictured and calibration.record.rules[0].thresholds
    assert frame["answer"].isin(["dark", "light"]).all() and (frame["predicted"] == plain["predicted"]).all()
    assert not np.allclose(frame["p(dark)"], plain["p(dark)"])
    with pytest.warns(UnlikeWarning, match="unlike"):
        predict(run, [written(tmp_path / "other", 24, level=250, spread=2)])
    csv = tmp_path / "answers.csv"
    answer = call("predict", run, tmp_path / "other", "--csv", csv)
    assert answer.status is ExitStatus.OK and "Warning" in answer.err and "nothing is promised" in answer.err
    assert list(pd.read_csv(csv).columns) == ["image", "predicted", "answer", "p(dark)", "p(light)"]
    told = json.loads(call("predict", run, tmp_path / "alike", "--json").out)
    assert told["outdated"] is False and "do not hold" not in answer.err
    assert told["calibrated"] and not told["likeness"]["unlike"] and len(told["predictions"][0]["answer"]) == 1
    told = json.loads(call("predict", run, tmp_path / "alike", "--json", "--uncalibrated").out)
    assert "calibrated" not in told and "answer" not in told["predictions"][0]
    other = known_of(calibration.table, numbers_in(calibration.record))
    assert compared(other.others, other) is not None
    assert call(*words, "--seeds", 2, "--val-fraction", 0.5, "--out", out).status is ExitStatus.OK
    answer = call("predict", run, tmp_path / "alike", "--json")
    assert json.loads(answer.out)["outdated"] and "Warning: Since then" in answer.err and "do not hold" in answer.err
    with pytest.warns(OutdatedWarning, match="no promise"):
        predict(run, [tmp_path / "alike"])


def test_the_mean_of_folds_networks_is_not_what_makes_images_unlike(
    study: StudyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean of five networks that differ is less spread out than one of them, of the same kind of images."""
    rng, run = np.random.default_rng(9), study.runs[0]

    def networks(n: int) -> NDArray[np.float64]:
        evidence = rng.normal(0, 3, (n, 1)) * np.array([[-0.5, 0.5]])
        return np.asarray(evidence + rng.normal(0, 2, (5, n, 2)))

    def pictures(n: int, level: float = 120) -> NDArray[np.uint8]:
        light = rng.normal(level, 20, (n, 1, 1, 1)) + rng.normal(0, 10, (n, 12, 12, 1))
        return np.clip(light, 0, 255).astype(np.uint8)

    val, test = run.predictions["val"], run.predictions["test"]
    one = networks(len(val))[np.arange(len(val)) % 5, np.arange(len(val))]
    parts = {"val": replace(val, logits=one), "test": replace(test, logits=mean_logits(networks(len(test))))}
    crossed = replace(run, record=replace(run.record, members=("a", "b")), predictions=parts)
    properties = quality_of(pictures(len(val) + len(test))).set_index(pd.Index([*val.ids, *test.ids]))
    monkeypatch.setattr(calibrate_module, "quality_table", lambda *_: properties)
    record = calibrate_run(study, crossed, asked(""))
    known = read_calibrated(run.folder)
    assert known is not None and record.test_likeness is not None and not record.test_likeness.unlike

    def unlike(level: float) -> bool:
        found = known.likeness(known.numbers(mean_logits(networks(200)).astype(np.float64), pictures(200, level)))
        assert found is not None
        return found.unlike

    assert np.mean([unlike(120) for _ in range(20)]) <= 0.05
    assert unlike(140)
    promised = calibrate_run(study, crossed, asked("error:0.4", part="test"))
    assert promised.compares_answers, "test is answered by the mean of all, as new images are"
    monkeypatch.setattr(calibrate_module, "quality_table", lambda *_: None)
    assert calibrate_run(study, crossed, asked("")).test_likeness is None, "nothing is left to compare by"
    known = read_calibrated(run.folder)
    assert known is not None and known.likeness(known.numbers(one, pictures(len(one)))) is None


def written(folder: Path, n: int, level: float | None = None, spread: float = 40) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(7)
    for i in range(n):
        mean = (70, 170)[i % 2] if level is None else level
        pixels = np.clip(rng.normal(mean, spread, (32, 32)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder
