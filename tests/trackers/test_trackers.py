"""What is sent to trackers is read back with their own libraries."""

from __future__ import annotations

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
from heldout.records.codec import write_sealed
from heldout.records.tuning import Trial, Tuning
from heldout.runs.compare import compare_study
from heldout.runs.folder import read_study
from heldout.trackers import trackers
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
