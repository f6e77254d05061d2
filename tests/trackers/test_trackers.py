"""What is sent to trackers is read back with their own libraries."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heldout.cli import ExitStatus
from heldout.errors import HeldoutError, UsageError
from heldout.records import RunRecord, StudyRecord
from heldout.records.codec import read_record, write_record, write_sealed
from heldout.records.tuning import Trial, Tuning
from heldout.runs.compare import compare_study
from heldout.runs.folder import read_study
from heldout.trackers import blanked, trackers
from heldout.trackers.mlflow_ import _legal
from heldout.trackers.send import send, tracked, trackers_of
from tests.cli.call import call
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_study(tmp_path_factory.mktemp("tracked") / "study", runs=RUNS[:2], n_train=60, n_val=60, n_test=60)
    (folder / "report.html").write_text("<!doctype html>")
    return folder


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The tracker sets variables of this process; the default place of MLflow is below the current folder."""
    before = {name: os.environ.get(name) for name in os.environ if name.startswith("MLFLOW")}
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow and SQLAlchemy, where the tests read back
        yield
    for name in [name for name in os.environ if name.startswith("MLFLOW") and name not in before]:
        del os.environ[name]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def sent_to_mlflow(uri: str) -> tuple[Any, list[Any]]:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("study")
    return client, list(client.search_runs([experiment.experiment_id]))


@pytest.mark.parametrize("place", ["runs", "sqlite:///runs.db"])
def test_mlflow_holds_all_of_a_run_once(study: Path, tmp_path: Path, place: str) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    before = files_of(study)
    (sent,) = send(study, trackers_of([f"mlflow:{place}"]))
    assert set(sent.new) == {run.record.id for run in read_study(study).runs} and sent.known == ()
    assert files_of(study) == before
    uri = (tmp_path / "runs").as_uri() if place == "runs" else place
    client, runs = sent_to_mlflow(uri)
    by_id = {run.data.tags["heldout.run"]: run for run in runs}
    assert set(by_id) == {*sent.new, "report"}
    expected = {run.id: run for run in tracked(read_study(study), compare_study(read_study(study))).runs}
    for id_, run in expected.items():
        found = by_id[id_]
        assert found.info.status == "FINISHED" and found.info.run_name == run.name
        assert found.data.params["strategy"] == run.settings["strategy"]
        assert found.data.metrics["test/accuracy"] == pytest.approx(run.scores["test/accuracy"])
        assert {"gap_points_low", "gap_points_high", "val/auc"} <= set(found.data.metrics)
        curve = client.get_metric_history(found.info.run_id, "val/loss")
        assert [one.value for one in sorted(curve, key=lambda one: one.step)] == pytest.approx(run.curves["val/loss"])
        assert found.info.end_time - found.info.start_time == round(1000 * run.seconds)
        kept = {one.path for one in client.list_artifacts(found.info.run_id)}
        assert {file.name for file in run.files} == kept and "run.json" in kept
    assert [one.path for one in client.list_artifacts(by_id["report"].info.run_id)] == ["report.html"]

    client.delete_tag(by_id[sent.new[0]].info.run_id, "heldout.sent")  # as if it was cut off
    (again,) = send(study, trackers_of([f"mlflow:{place}"]))
    assert (again.new, again.known) == (sent.new[:1], sent.new[1:])
    assert len(sent_to_mlflow(uri)[1]) == len(sent.new) + 1, "what was cut off is replaced"


def twin(study: Path, folder: Path, token: str) -> Path:
    """A study of the same name, images and recipes that another person made: its scores are the same, its files not."""
    made = Path(shutil.copytree(study, folder / "study"))
    record = dataclasses.replace(read_record(StudyRecord, made / "study.json"), token=token)
    write_record(made / "study.json", record)
    (made / "report.html").write_text(f"<!doctype html>{token}")
    for run in (made / "runs").iterdir():
        (run / "environment.json").write_text(json.dumps(token))
    return made


def owners_in_mlflow(uri: str) -> dict[str, set[str]]:
    """Study -> ids of its runs that are there."""
    found: dict[str, set[str]] = {}
    for run in sent_to_mlflow(uri)[1]:
        found.setdefault(run.data.tags.get("heldout.study", ""), set()).add(run.data.tags["heldout.run"])
    return found


def test_a_study_replaces_in_mlflow_only_its_own(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    to = trackers_of([f"mlflow:{uri}"])
    one, two = (twin(study, tmp_path / who, who * 32) for who in ("a", "b"))
    (first,), (other,) = send(one, to), send(two, to)
    assert len(first.new) == len(other.new) == 2 and set(first.new) == set(other.new)
    whole = {"a" * 32: {*first.new, "report"}, "b" * 32: {*first.new, "report"}}
    assert owners_in_mlflow(uri) == whole
    before = {run.info.run_id for run in sent_to_mlflow(uri)[1]}

    (one / "report.html").write_text("<!doctype html>judged anew")
    (one / "runs" / first.new[0] / "calibration.json").write_text("{}")
    (again,) = send(Path(shutil.move(one, tmp_path / "moved" / "study")), to)  # where its folder is does not matter
    assert (again.new, again.known) == ((first.new[0],), (first.new[1],))
    assert owners_in_mlflow(uri) == whole
    now = {run.info.run_id: run.data.tags["heldout.study"] for run in sent_to_mlflow(uri)[1]}
    assert len(before - set(now)) == 2 and list(now.values()).count("b" * 32) == 3


def test_what_0_2_0_sent_to_mlflow_is_known_or_left_alone(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    to = trackers_of([f"mlflow:{uri}"])
    mine = twin(study, tmp_path / "mine", "a" * 32)
    (sent,) = send(mine, to)
    client, runs = sent_to_mlflow(uri)
    for run in runs:
        client.delete_tag(run.info.run_id, "heldout.study")
    earlier = {run.info.run_id for run in runs}
    (same,) = send(mine, to)
    assert same.known == sent.new and owners_in_mlflow(uri) == {"": {*sent.new, "report"}}
    (mine / "report.html").write_text("<!doctype html>judged anew")
    (mine / "runs" / sent.new[0] / "calibration.json").write_text("{}")
    (changed,) = send(mine, to)
    assert changed.new == sent.new[:1] and earlier < {run.info.run_id for run in sent_to_mlflow(uri)[1]}
    assert owners_in_mlflow(uri)["a" * 32] == {sent.new[0], "report"}


def test_a_study_without_a_token_is_told_apart_by_its_first_run(study: Path, tmp_path: Path) -> None:
    def id_of(folder: Path) -> str:
        files = read_study(folder)
        return tracked(files, compare_study(files)).id

    assert read_study(study).record.token == ""
    copy = Path(shutil.copytree(study, tmp_path / "copy"))
    assert id_of(copy) == id_of(study)
    first, last = sorted((copy / "runs").iterdir())
    for run, created in ((first, "2025-02-01T00:00:00+00:00"), (last, "2025-03-01T00:00:00+00:00")):
        write_record(run / "run.json", dataclasses.replace(read_record(RunRecord, run / "run.json"), created=created))
    whole = id_of(copy)
    assert whole != id_of(study), "the same images, split and recipes, trained another time"
    shutil.move(last, tmp_path / "not yet")
    assert id_of(copy) == whole, "a run that is finished later changes nothing"
    assert id_of(twin(study, tmp_path / "new", "a" * 32)) == "a" * 32


def test_a_run_that_was_finished_since_the_comparison_is_sent_too(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    whole = compare_study(read_study(study))
    part = dataclasses.replace(whole, runs=whole.runs[:1], pairs=())
    to = trackers_of([f"tensorboard:{tmp_path / 'events'}"])
    (sent,) = send(study, to, part)
    assert set(sent.new) == {row.id for row in whole.runs}
    (again,) = send(study, to, whole)
    assert set(again.known) == set(sent.new), "its scores are those of a comparison with it"


def test_no_password_is_shown(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    place = "nowhere+none://lab:geheim@db.lab/runs?sslpassword=geheim"  # which no store of MLflow's has
    with pytest.raises(HeldoutError, match=r"nowhere\+none://\*\*\*@db.lab/runs") as told:
        send(study, trackers_of([f"mlflow:{place}"]))
    assert "geheim" not in str(told.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    with pytest.raises(HeldoutError, match="default place of MLflow") as told:
        send(study, trackers_of(["mlflow"]))
    assert "geheim" not in str(told.value)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'runs.db'}?token=geheim")
    (sent,) = send(study, trackers_of(["mlflow"]))
    assert sent.new and "geheim" not in f"{sent}" and str(tmp_path / "runs.db") in sent.look


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://lab:geheim@host:5000/x", "http://***@host:5000/x"),
        ("databricks://geheim@host", "databricks://***@host"),
        ("postgresql+psycopg2://lab:geh/e@im@db/x?sslmode=require", "postgresql+psycopg2://***@db/x?sslmode=require"),
        ("mysql://db/x?user=lab&password=geheim&charset=utf8", "mysql://db/x?user=lab&password=***&charset=utf8"),
        ("Request to 'http://lab:geheim@host/api?x=1' failed", "Request to 'http://***@host/api?x=1' failed"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("file:///home/me@lab/runs", "file:///home/me@lab/runs"),
        ("sqlite:////home/me@lab/runs.db", "sqlite:////home/me@lab/runs.db"),
        ("runs of me@lab", "runs of me@lab"),
    ],
)
def test_of_a_place_no_secret_is_shown_and_all_else_is(text: str, expected: str) -> None:
    assert blanked(text) == expected and blanked(expected) == expected


@pytest.mark.parametrize("name", ["tensorboard", "optuna"])
def test_a_url_is_no_file_of_this_machine(name: str, study: Path, tmp_path: Path) -> None:
    pytest.importorskip(name, reason="it is not installed")
    with pytest.raises(UsageError, match=r"s3://\*\*\*@bucket/runs") as told:
        send(study, trackers_of([f"{name}:s3://key:geheim@bucket/runs"]))
    assert "geheim" not in str(told.value) and not list(tmp_path.iterdir())


def test_tensorboard_reads_what_was_written(study: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    before = files_of(study)
    place = tmp_path / "events"
    words = ("track", study, "--to", f"tensorboard:{place}", "--json")
    (sent,) = json.loads(call(*words).out)["sent"]
    assert files_of(study) == before
    for run in tracked(read_study(study), compare_study(read_study(study))).runs:
        events = accumulator.EventAccumulator(str(place / run.id))
        events.Reload()
        assert [one.value for one in events.Scalars("val/loss")] == pytest.approx(run.curves["val/loss"])
        (score,) = events.Scalars("test/accuracy")
        assert score.value == pytest.approx(run.scores["test/accuracy"]) and score.step == len(run.curves["val/loss"])
        assert events.PluginTagToContent("hparams")
    (again,) = json.loads(call(*words).out)["sent"]
    mine = shutil.copytree(study, tmp_path / "mine")
    changed = next((mine / "runs").iterdir())
    (changed / "calibration.json").write_text("{}")
    (anew,) = send(mine, trackers_of([f"tensorboard:{place}"]))
    assert anew.new == (changed.name,), "what was added to a run since is sent anew"
    assert sent["new"] == again["known"] and not again["new"]
    assert not [one for one in place.iterdir() if one.name.startswith(".")]


def test_a_folder_of_the_person_is_left_alone(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    mine = tmp_path / "events" / read_study(study).runs[0].record.id
    mine.mkdir(parents=True)
    (mine / "notes.txt").write_text("mine")
    answer = call("track", study, "--to", f"tensorboard:{tmp_path / 'events'}")
    assert answer.status == ExitStatus.ERROR and "did not write" in answer.err
    assert (mine / "notes.txt").read_text() == "mine"


def test_a_study_replaces_in_tensorboard_only_its_own(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    one, two = (twin(study, tmp_path / who, who * 32) for who in ("a", "b"))
    place = tmp_path / "events"
    to = trackers_of([f"tensorboard:{place}"])
    (sent,) = send(one, to)
    before = files_of(place)
    with pytest.raises(HeldoutError, match="this study did not write") as told:
        send(two, to)
    assert all(run in str(told.value) for run in sent.new) and files_of(place) == before
    (one / "runs" / sent.new[0] / "calibration.json").write_text("{}")
    assert send(one, to)[0].new == sent.new[:1]

    own = trackers_of(["tensorboard"])
    send(two, own)
    for mark in [*two.glob("tensorboard/*/heldout-run.txt"), *place.glob("*/heldout-run.txt")]:
        mark.write_text(f"{mark.read_text().split()[0]}\n")  # as 0.2.0 wrote it
    for run in (*(one / "runs").iterdir(), *(two / "runs").iterdir()):
        (run / "calibration.json").write_text("[]")
    assert set(send(two, own)[0].new) == set(sent.new), "what lies in the study's folder is the study's"
    with pytest.raises(HeldoutError, match=r"of what heldout 0\.2\.0 wrote nobody knows the study"):
        send(one, to)


def test_what_cannot_be_sent_is_one_sentence(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown tracker 'mlfow'. Did you mean mlflow\?"):
        trackers_of(["mlfow"])
    assert call("track", tmp_path, "--to", "tensorboard").status != ExitStatus.OK
    if "mlflow" in trackers.names():
        pytest.importorskip("mlflow", reason="MLflow is not installed")
        (tmp_path / "file").write_text("")
        with pytest.raises(HeldoutError, match=r"could not be sent to sqlite.*heldout track STUDY"):
            send(study, trackers_of([f"mlflow:sqlite:///{tmp_path / 'file' / 'runs.db'}"]))


def test_names_that_mlflow_does_not_take_stay_apart() -> None:
    names = ("val/recall of a/b", "val/recall of a_b", "val/recall of ä?", "test/..")
    legal = _legal(names)
    assert len(set(legal.values())) == len(names) and legal["val/recall of a/b"] == "val/recall of a_b"
    assert legal["test/.."] == "test/__"


def searched(study: Path, count: int, accuracy: float = 0.8) -> Path:
    """The study with a search for settings in it."""
    trials = tuple(Trial({"lr": 0.001 * (k + 1), "weight_decay": 0.01 * k}, accuracy, 0.5, 60.0) for k in range(count))
    (study / "tuning").mkdir(exist_ok=True)
    write_sealed(study / "tuning" / "abc.json", Tuning("efficientnet_lite0", "frozen", 3, trials))
    write_sealed(study / "tuning" / "probe.json", Tuning("efficientnet_lite0", "probe", 3, (Trial({}, 0.7, 0.6, 1.0),)))
    return study


def test_optuna_reads_the_trials_of_a_search_from_its_journal(study: Path, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    mine = searched(Path(shutil.copytree(study, tmp_path / "mine")), 3)
    words = ("track", mine, "--to", f"optuna:{tmp_path / 'shared.journal'}", "--json")
    (sent,) = json.loads(call(*words).out)["sent"]
    assert sent["new"] == ["abc"] and sent["noun"] == "search"
    searched(mine, 5)
    (more,), (none,) = (json.loads(call(*words).out)["sent"] for _ in range(2))
    assert (more["new"], more["known"], none["new"], none["known"]) == (["abc"], [], [], ["abc"])
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "shared.journal"))
    )
    there = optuna.load_study(storage=storage, study_name="mine: efficientnet_lite0, frozen, seed 3")
    assert len(there.trials) == 5
    first, last = there.trials[0], there.trials[-1]
    assert last.params == pytest.approx({"lr": 0.005, "weight_decay": 0.04}) and last.value == pytest.approx(0.8 - 5e-5)
    assert first.params == {"lr": 0.001}, "a decay of 0 is in no logarithmic range"
    assert first.user_attrs["weight_decay"] == 0 and first.user_attrs["val_accuracy"] == 0.8
    there.ask()  # another program may go on there: what it added is not ours to follow
    searched(mine, 6, accuracy=0.9)
    answer = call(*words)
    assert answer.status == ExitStatus.ERROR and "Found other trials" in answer.err


def test_what_is_no_journal_is_left_alone_and_no_search_is_said(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    assert "the study has no search" in call("track", study, "--to", "optuna").out
    assert not (study / "optuna.journal").exists()
    mine = searched(Path(shutil.copytree(study, tmp_path / "mine")), 1)
    (tmp_path / "notes.txt").write_text("not a journal")
    answer = call("track", mine, "--to", f"optuna:{tmp_path / 'notes.txt'}")
    assert answer.status == ExitStatus.ERROR and "no journal of Optuna" in answer.err
    assert (tmp_path / "notes.txt").read_text() == "not a journal"
    assert call("track", mine, "--to", f"optuna:{tmp_path}").status == ExitStatus.ERROR
