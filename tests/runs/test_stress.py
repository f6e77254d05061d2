"""Runs under stress: planted losses are told to the image, networks are asked once, and what is there is not redone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.errors import InputError, UsageError
from heldout.progress import Silent
from heldout.records import Metric
from heldout.records.logit_table import logits_in
from heldout.records.run import GIVEN
from heldout.records.stress import StressReport
from heldout.runs import stress as stress_module
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries
from heldout.runs.predict import load_network
from heldout.runs.stress import score_stresses
from heldout.runs.stress_report import judge_stress, read_stress
from heldout.runs.stressed import Asked, check_can, place_of, rows_of, unscored
from heldout.stats.intervals import unseen
from heldout.stresses import Ground, Stress, stresses
from heldout.stresses.ground import spread_within
from heldout.study import Study
from heldout.training import logits_of, machine
from tests.cli.call import call
from tests.worlds.bright_cells import bright_cells
from tests.worlds.made_stress import make_stress
from tests.worlds.made_study import RUNS, make_study

SITES = 8


def planted(run: int, stress: str, variant: str) -> int:
    """The second run keeps all under every change; the others lose, most by noise, and more at the odd sites."""
    if run == 1 or stress == "clean":
        return 0
    if stress == "sites":
        return 20 + 20 * (int(variant) % 2)
    return {"less far": 6, "more far": 10}.get(variant, 2) + 12 * (stress == "noise" and variant == "more middle")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    folder = make_study(tmp_path_factory.mktemp("made") / "study", runs=RUNS[:3], n_test=0)
    make_stress(folder, Asked(sites=SITES), planted)
    return read_study(folder)


@pytest.fixture(scope="module")
def report(made: StudyFiles) -> StressReport:
    return judge_stress(made, Asked(sites=SITES), bootstrap=300)


def test_planted_losses_are_told_to_the_image(made: StudyFiles, report: StressReport) -> None:
    place = {run.record.id: number for number, run in enumerate(made.runs)}
    assert report.images == report.of_images == 200 and report.patients > 0
    for run in report.runs:
        for point in run.points:
            if point.stress == "class-shares":
                continue
            variant = f"{'more' if point.amount > 0 else 'less'} {point.level}"
            lost = planted(place[run.id], point.stress, variant) / 2  # of 200 images
            assert point.lost_points.value == pytest.approx(lost)
            assert point.score.value == pytest.approx(run.score.value - lost / 100)
    losers = [run for run in report.runs if place[run.id] != 1]
    assert {(run.worst.stress, run.worst.words) for run in losers} == {("noise", "noisier")}
    assert all(run.worst.lost_points.value == pytest.approx(7.0) for run in losers)
    for run in losers:  # chosen as the largest of many, so that its interval is wider than its own
        (own,) = [one for one in run.points if (one.words, one.level) == ("noisier", "middle")]
        assert run.worst.lost_points.low < own.lost_points.low <= own.lost_points.high < run.worst.lost_points.high


def test_other_shares_are_worth_what_the_recalls_say(made: StudyFiles, report: StressReport) -> None:
    by_id = {run.record.id: run.predictions["val"] for run in made.runs}
    for run in report.runs:
        side = by_id[run.id]
        for point in (one for one in run.points if one.stress == "class-shares"):
            k = made.cohort.classes.index(point.words.removeprefix("more "))
            weights = np.where(side.labels == k, np.exp(point.amount), 1.0)
            assert point.score.value == pytest.approx(np.average(side.right, weights=weights))


def test_the_forecast_is_that_of_the_drawn_sites_and_the_ranking_by_what_stays(
    made: StudyFiles, report: StressReport
) -> None:
    keeps = made.runs[1].record.id
    assert report.runs[0].id == keeps and report.runs[0].standing == "best"
    assert report.runs[0].first is not None and report.runs[0].first > 0.95
    # On the images as they are it is the worst of three.
    assert report.runs[0].score.value == min(run.score.value for run in report.runs)
    factors = Asked(sites=SITES).plan(made).factors
    for run in report.runs[1:]:
        number = [one.record.id for one in made.runs].index(run.id)
        side = made.runs[number].predictions["val"]
        lost = []
        for j in range(SITES):
            right = side.right.copy()
            right[np.flatnonzero(side.right)[: planted(number, "sites", str(j))]] = False
            lost.append(100 * (side.right.mean() - np.average(right, weights=factors[j][side.labels])))
        assert run.forecast_points is not None and run.forecast_points.value == pytest.approx(np.mean(lost))
        assert run.forecast_points.low < min(lost) + 3 and run.forecast_points.high > max(lost) - 3
        for pair, points in run.like.items():
            own = [loss for loss, of in zip(lost, Asked(sites=SITES).plan(made).drawn.pairs, strict=True) if of == pair]
            assert points.value == pytest.approx(np.mean(own))
        assert run.standing == "worse" and run.behind_points is not None and run.behind_points.low > 0


def test_where_no_answer_changes_forecast_and_ranking_are_not_certain(tmp_path: Path) -> None:
    perfect = [replace(one, val=1.0) for one in RUNS[:2]]
    folder = make_study(tmp_path / "study", runs=perfect, n_train=20, n_val=30, n_test=0)
    make_stress(folder, Asked(sites=SITES))
    found = judge_stress(read_study(folder), Asked(sites=SITES), bootstrap=200)
    reach = 100 * unseen(found.patients)
    for run in found.runs:
        assert run.forecast_points is not None
        told = [run.forecast_points, *run.like.values(), *([run.behind_points] if run.behind_points else [])]
        for points in told:
            assert points.value == 0 and (points.low, points.high) == pytest.approx((-reach, reach), rel=0.05)
    assert [run.behind_points is None for run in found.runs] == [True, False] and found.runs[1].standing != "worse"


def test_a_metric_that_counts_classes_alike_does_not_ask_for_their_shares(made: StudyFiles) -> None:
    found = judge_stress(made, Asked(sites=SITES), Metric("balanced-accuracy"), 200)
    shares = [one.lost_points.value for run in found.runs for one in run.points if one.stress == "class-shares"]
    np.testing.assert_allclose(shares, 0, atol=1e-9)


def test_the_record_is_sealed_and_comes_back_as_it_was(made: StudyFiles) -> None:
    kept = judge_stress(made, Asked(sites=SITES), bootstrap=200)
    assert read_stress(made.folder) == kept
    file = made.folder / "stress" / "stress.json"
    text = file.read_text()
    file.write_text(text.replace('"images": 200', '"images": 900'))
    with pytest.raises(InputError, match="was changed"):
        read_stress(made.folder)
    file.write_text(text)


def test_a_sample_is_of_whole_patients_and_of_every_class(made: StudyFiles) -> None:
    run, side = made.runs[0], made.runs[0].predictions["val"]
    rows = rows_of(made, run, Asked(limit=60))
    patients = np.array(side.patients)
    assert 60 <= len(rows) < 75 and set(side.labels[rows]) == {0, 1}
    assert not set(patients[rows]) & set(np.delete(patients, rows))


def test_damage_is_told_and_done_again(made: StudyFiles) -> None:
    asked = Asked(sites=SITES)
    assert not any(unscored(made, asked).values())
    place = place_of(made, made.runs[0].record.id, "noise")
    table = place.with_suffix(".parquet")
    kept = table.read_bytes()
    table.write_bytes(kept[:-20])
    assert unscored(made, asked)[made.runs[0].record.id] == ("noise",)
    with pytest.raises(InputError, match="heldout stress"):
        judge_stress(made, asked, bootstrap=200)
    table.write_bytes(kept)
    assert unscored(made, Asked(sites=SITES, seed=1))[made.runs[0].record.id][0] == "clean"


# ---- with networks ----


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two runs with one trunk, and one whose trunk was trained."""
    folder = tmp_path_factory.mktemp("trained")
    data = bright_cells(folder / "data", train=40, test=6)  # as many images as no other part has
    study = Study(data, ["efficientnet_lite0"], ["probe", "knn", "finetune"], folder / "study", epochs=1, image_size=32)
    return study.run()


def test_every_change_is_made_once_and_asked_of_every_trunk_once(
    trained: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, made = [], []
    run, change = stress_module.run_stages, stresses.get("exposure").change  # type: ignore[union-attr]
    monkeypatch.setattr(stress_module, "run_stages", lambda *a, **k: (passes.append(1), run(*a, **k))[1])
    monkeypatch.setattr(type(stresses.get("exposure")), "change", lambda self, *a: (made.append(1), change(*a))[1])
    asked = Asked(sites=0, only=("exposure", "token", "class-shares"))
    before = len(entries(trained.folder, TEST_EVALUATIONS))
    report = trained.stress(asked, bootstrap=200)
    assert len(report.runs) == 3 and len(made) == 6 and len(passes) == 2 * (1 + 6 + 3)
    trained.stress(asked, bootstrap=200)
    assert len(made) == 6 and len(passes) == 20, "a second call scores nothing"
    place_of(read_study(trained.folder), report.runs[0].id, "token").unlink()  # as a call that was cut off leaves it
    trained.stress(asked, bootstrap=200)
    assert len(made) == 6 and len(passes) == 23, "what is missing is scored, and no more"
    assert len(entries(trained.folder, TEST_EVALUATIONS)) == before


def test_answers_are_those_of_the_run_s_own_network_to_images_changed_by_hand(trained: Study) -> None:
    files, asked = read_study(trained.folder), Asked(sites=8, only=("token", "noise"))
    score_stresses(files, asked, Silent())
    for run in files.runs:
        id_, side = run.record.id, run.predictions["val"]
        clean = pd.read_parquet(place_of(files, id_, "clean").with_suffix(".parquet"))
        np.testing.assert_allclose(logits_in(clean), side.logits, atol=2e-3, rtol=1e-3)
        network, recipe = load_network(run.folder)
        (store,) = [path for path in trained.folder.glob("images/*/pixels.npy") if len(np.load(path)) == len(side)][:1]
        pixels = np.load(store)
        token = stresses.get("token")
        assert isinstance(token, Stress)
        by_hand = token.change(pixels, np.full(len(side), 0.24), Ground(np.empty(0), 1.0))
        scored = pd.read_parquet(place_of(files, id_, "token").with_suffix(".parquet"))
        expected = logits_of(network, by_hand, machine("cpu", recipe.precision))
        np.testing.assert_allclose(logits_in(scored[scored["variant"] == "more far"]), expected, atol=2e-3, rtol=1e-3)
        noise = stresses.get("noise")
        assert isinstance(noise, Stress)
        values = noise.measure(pixels)
        assert values is not None
        ground = Ground(values, spread_within(values, side.labels))
        site = pd.read_parquet(place_of(files, id_, "sites").with_suffix(".parquet"))
        shifts = asked.plan(files).drawn.shifts[:, 0]  # (J, k) of one stress
        assert np.ptp(shifts, axis=1).max() > 0.5, "at some site the classes differ"
        for j, shift in enumerate(shifts):
            expected = logits_of(network, noise.change(pixels, shift[side.labels], ground), machine("cpu", "no"))
            found = logits_in(site[site["variant"] == str(j)])
            np.testing.assert_allclose(found, expected, atol=2e-3, rtol=1e-3)


def test_the_command_answers_and_colour_is_not_asked_of_grey_images(trained: Study) -> None:
    words = ["stress", trained.folder, "--only", "colour,token", "--sites", 0, "--bootstrap", 200]
    answer = call(*words, "--json")
    assert answer.status == ExitStatus.OK, answer.err
    told = json.loads(answer.out)
    absent = {one["name"]: one["absent"] for one in told["stresses"]}
    assert absent == {"colour": "the images are grey", "token": ""}
    assert {one["stress"] for one in told["runs"][0]["points"]} == {"token"}
    shown = call(*words, "--curves")
    assert shown.status == ExitStatus.OK and "docs/stress.md" in shown.out and "a mark in a corner" in shown.out
    fewer = call("stress", trained.folder, "--only", "token", "--sites", 0, "--bootstrap", 200, "--json")
    assert [one["name"] for one in json.loads(fewer.out)["stresses"]] == ["token"]
    kept = read_stress(trained.folder)
    assert kept is not None and len(kept.stresses) > 1, "the fuller answer stays"
    alone = call("stress", trained.folder, "--only", "colour", "--sites", 0)
    assert alone.status == ExitStatus.USAGE and "grey" in alone.err


def test_what_cannot_be_asked_is_refused_in_one_sentence(made: StudyFiles, tmp_path: Path) -> None:
    assert call("stress", made.folder, "--only", "fog").status == ExitStatus.USAGE
    folded = replace(made, split=replace(made.split, folds=2))
    several = replace(made, cohort=replace(made.cohort, labels="several"))
    given = replace(made, runs=tuple(replace(run, record=replace(run.record, learning=GIVEN)) for run in made.runs))
    for study, words in ((folded, "one split"), (several, "several labels"), (given, "trained here")):
        with pytest.raises(UsageError, match=words):
            check_can(study, Asked())
    with pytest.raises(UsageError, match="replicates"):
        judge_stress(made, Asked(sites=SITES), bootstrap=5)
    empty = make_study(tmp_path / "study", runs=RUNS[:1], n_train=20, n_val=20, n_test=0)
    for file in empty.glob("runs/*/run.json"):
        file.unlink()
    answer = call("stress", empty)
    assert answer.status == ExitStatus.ERROR and "heldout run" in answer.err
