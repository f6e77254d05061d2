"""Work items done in copies of what they read, as on machines that share no disk: equal, and nothing else needed."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from heldout.cli import ExitStatus
from heldout.diagnosis.experiments import Wanted
from heldout.diagnosis.interventions import interventions
from heldout.diagnosis.until_told import experiments_on
from heldout.errors import HeldoutError, UsageError
from heldout.executors import Resources, executors, opened
from heldout.executors.slurm import asked_of
from heldout.progress import Gathered, Silent
from heldout.records.codec import read_record
from heldout.records.tuning import Tuning
from heldout.runs import context as context_module
from heldout.runs import feature_spans
from heldout.runs import fit as fit_module
from heldout.runs.folder import read_study
from heldout.runs.share import IN_TURN, Executor
from heldout.study import Study
from heldout.training import shards as shards_module
from tests.cli.call import call
from tests.contract.elsewhere.an_executor import InCopies
from tests.executors.never import Never
from tests.executors.same import assert_same, assert_same_experiments
from tests.worlds.bright_cells import bright_cells


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def make(data: Path, out: Path, **options: Any) -> Study:
    wanted = {"epochs": 2, "image_size": 32, **options}
    return Study(data, ["efficientnet_lite0"], wanted.pop("strategies", ["frozen", "probe"]), out, **wanted)


def on(executor: Executor, study: Study) -> Study:
    study._execution.run(Silent(), executor)
    return study


@pytest.fixture(scope="module")
def local(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(data, tmp_path_factory.mktemp("local") / "study").run().folder


def test_runs_are_equal_and_test_is_counted_once(data: Path, local: Path, tmp_path: Path) -> None:
    copies = InCopies()
    study = on(copies, make(data, tmp_path / "study"))
    assert_same(study.folder, local)
    assert len(copies.dispatcher.done) == 2
    on(copies, study)
    assert len(copies.dispatcher.done) == 2  # nothing is done again


@pytest.mark.slow
def test_features_of_many_images_are_computed_in_spans_by_the_executor(
    data: Path, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal runs, no image computed twice, and nothing is left of the spans."""
    monkeypatch.setattr(shards_module, "SHARD", 16)
    monkeypatch.setattr(feature_spans, "SPAN", 1)
    copies = InCopies()
    study = on(copies, make(data, tmp_path / "study", device="cpu"))
    assert_same(study.folder, local)
    features = [title for title in copies.dispatcher.done if "features of" in title]
    spans = {part: -(-len(study.split.part(part)) // 16) for part in ("train", "val")}
    assert spans["train"] > 1
    assert len(features) == sum(number for number in spans.values() if number > 1)
    assert len(copies.dispatcher.done) == len(features) + 2
    assert not list(study.folder.glob("features/*.shards")) and not list(study.folder.glob("features/.*"))
    for file in study.folder.glob("features/*/activations.npy"):
        assert file.read_bytes() == (local / file.relative_to(study.folder)).read_bytes()


def test_a_machine_with_another_engine_says_so(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards_module, "SHARD", 16)
    monkeypatch.setattr(feature_spans, "_compute", another_engine)
    with pytest.raises(HeldoutError, match="same engine"):
        on(InCopies(), make(data, tmp_path / "study", device="cpu", strategies=["probe"]))


COMPUTE = feature_spans._compute


def another_engine(run: Any, part: str, folder: str, rows: Any, context: Any, study: Path, reporter: Any) -> None:
    COMPUTE(run, part, folder, rows, dataclasses.replace(context, engine="torch"), study, reporter)


@pytest.mark.slow
def test_folds_trials_and_the_joined_run_are_equal(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    for name, options, items in (
        ("folds", {"folds": 3, "strategies": ["probe"]}, 4),
        ("search", {"tune": 2, "strategies": ["frozen"]}, 3),
    ):
        copies = InCopies()
        here = make(data, tmp_path / f"{name} here", **options).run()
        away = on(copies, make(data, tmp_path / f"{name} away", **options))
        assert_same(away.folder, here.folder)
        assert len(copies.dispatcher.done) == items
    found = [read_record(Tuning, next((one.folder / "tuning").glob("*.json"))) for one in (here, away)]
    told = [[(trial.settings, trial.val_accuracy, trial.val_loss) for trial in one.trials] for one in found]
    assert told[0] == told[1] and len(told[0]) == 2


def test_a_run_goes_on_there_and_here(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"epochs": 4, "strategies": ["frozen"]}
    whole = make(data, tmp_path / "whole", **options).run()
    study = make(data, tmp_path / "study", **options)
    save, saved = fit_module.Course.save, []

    def stop(self: Any, path: Path, *more: Any) -> None:
        save(self, path, *more)
        saved.append(path)
        raise KeyboardInterrupt

    for executor in (InCopies(), None, InCopies()):  # an epoch each
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(fit_module.Course, "save", stop)
            study.run() if executor is None else on(executor, study)
    assert all(path.parent.parent == (study.folder / "runs").absolute() for path in saved[::2])  # seen from there
    assert_same(on(InCopies(), study).folder, whole.folder)


def test_other_weights_are_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(data, tmp_path / "study", strategies=["probe"])
    study.plan()
    monkeypatch.setattr(context_module.backbones, "digest", lambda info: "0" * 16)
    with pytest.raises(HeldoutError, match="heldout weights add"):
        on(InCopies(), study)


@pytest.mark.parametrize("name", executors.names())
def test_every_executor_refuses_what_it_cannot_be_told(name: str, tmp_path: Path) -> None:
    backend = executors.get(name)
    assert type(backend).__doc__
    with pytest.raises(UsageError, match="--gpus-per-run"):
        Resources(gpus=-1)
    if name == "ray":  # any text may be an address: only Ray knows whether anything answers there
        pytest.importorskip("ray", reason="the extra `ray` is not installed")
        with opened(f"{name}:nonsense", tmp_path) as executor, pytest.raises(HeldoutError, match="nonsense cannot be"):
            executor.run([Never(tmp_path / "claim")], Silent())
        return
    with pytest.raises(UsageError, match="expected"):
        opened(f"{name}:nonsense", tmp_path)


def test_what_a_person_may_tell_slurm() -> None:
    assert asked_of("partition=gpu,minutes=60,cluster=local").minutes == 60
    for text in ("minutes=soon", "minutes=0", "nodes=2", "partition", "cluster=pbs"):
        with pytest.raises(UsageError, match="expected"):
            asked_of(text)


def test_an_unknown_executor_is_told_before_images_are_read(tmp_path: Path) -> None:
    answer = call("run", tmp_path / "none", "--models", "efficientnet_lite0", "--on", "rya")
    assert answer.status == ExitStatus.USAGE and "ray" in answer.err


def test_one_bar_counts_no_epoch_twice() -> None:
    class Steps(Silent):
        count = 0

        def step(self, epoch: object = None) -> None:
            self.count += 1

    steps = Steps()
    with Gathered(steps, "study", 6) as bar:
        with bar.piece(3) as piece:
            piece.reach(2)
            piece.reach(1)  # tried again elsewhere
            piece.done = True
        with bar.piece(3) as cut:
            cut.reach(2)
    assert steps.count == 5


@pytest.mark.slow
def test_experiments_are_equal(data: Path, local: Path, tmp_path: Path) -> None:
    here, away = (Path(shutil.copytree(local, tmp_path / name)) for name in ("here", "away"))
    copies = InCopies()
    files, own = read_study(away), read_study(here)
    experiments_on(files, files.runs[:1], copies, Wanted("cpu"), Silent())
    experiments_on(own, own.runs[:1], IN_TURN, Wanted("cpu"), Silent())
    assert_same_experiments(away, here)
    done = len(copies.dispatcher.done)
    assert done >= len(interventions.names())
    experiments_on(files, files.runs[:1], copies, Wanted("cpu"), Silent())
    assert len(copies.dispatcher.done) == done
