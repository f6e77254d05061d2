"""A study on a Ray cluster of two machines: equal to the local one, gone on with both ways, whole after a loss."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from heldout.executors import opened
from heldout.progress import Epoch, Silent
from heldout.records.codec import read_record
from heldout.records.tuning import Tuning
from heldout.study import Study
from tests.executors.same import assert_same
from tests.worlds.bright_cells import bright_cells

os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine; read when Ray is imported
ray: Any = pytest.importorskip("ray", reason="the extra `ray` is not installed")
cluster_utils: Any = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

LONGEST = 600
"""Seconds after which what should have happened has not."""

NODE = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}


class Notes(Silent):
    """Keeps what is noted, and counts steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.bars: list[tuple[int, int]] = []

    def begin(self, title: str, total: int) -> None:
        self.bars.append((0, total))

    def step(self, epoch: Epoch | None = None) -> None:
        done, total = self.bars[-1]
        self.bars[-1] = done + 1, total

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two machines of one core each, both on this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        made = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
        made.add_node(**NODE)
        yield made
        ray.shutdown()
        made.shutdown()


def make(data: Path, out: Path, **options: Any) -> Study:
    wanted = {"epochs": 2, "image_size": 32, "seeds": 2, **options}
    return Study(data, ["efficientnet_lite0"], wanted.pop("strategies", ["frozen", "bias"]), out, **wanted)


@pytest.fixture(scope="module")
def local(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(data, tmp_path_factory.mktemp("local") / "study").run().folder


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also in a process of pytest-xdist, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_runs_are_there_and_equal(data: Path, local: Path, cluster: Any, tmp_path: Path) -> None:
    notes = Notes()
    study = make(data, tmp_path / "study").run(notes, on=f"ray:{cluster.address}")
    assert_same(study.folder, local)
    assert notes.bars[-1] == (8, 8)  # four runs of two epochs in one bar
    assert any("2 machines" in note for note in notes.notes)
    told = Notes()
    study.run(told, on=f"ray:{cluster.address}")
    assert all("finished before" in note for note in told.notes) and len(told.notes) == 4


def test_folds_and_the_join_are_equal(data: Path, cluster: Any, tmp_path: Path) -> None:
    options = {"folds": 3, "seeds": 1, "strategies": ["probe"]}
    with threadpool_limits(1):  # as many as a worker there has: with more, a solver sums in another order
        here = make(data, tmp_path / "here", **options).run()
    away = make(data, tmp_path / "away", **options).run(on=f"ray:{cluster.address}")
    assert_same(away.folder, here.folder)
    for number in (1, 2, 3):
        assert_same(away.folder / "folds" / f"0-{number}", here.folder / "folds" / f"0-{number}")


def test_trials_are_equal(data: Path, cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    options = {"tune": 3, "seeds": 1, "strategies": ["frozen"]}
    here = make(data, tmp_path / "here", **options).run()
    away = make(data, tmp_path / "away", **options).run(on=f"ray:{cluster.address}")
    assert_same(away.folder, here.folder)
    found = [read_record(Tuning, next((one.folder / "tuning").glob("*.json"))) for one in (here, away)]
    told = [[(trial.settings, trial.val_accuracy, trial.val_loss) for trial in one.trials] for one in found]
    assert told[0] == told[1] and len(told[0]) == 3


@pytest.mark.usefixtures("interruptible")
def test_what_was_cut_off_there_goes_on_here_and_back(
    data: Path, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"epochs": 12, "seeds": 1, "strategies": ["bias"]}
    whole = make(data, tmp_path / "whole", **options).run()
    study = make(data, tmp_path / "study", **options)

    class Impatient(Notes):
        """Interrupts the person's thread after three epochs, as Ctrl-C does."""

        def step(self, epoch: Epoch | None = None) -> None:
            super().step(epoch)
            if self.bars[-1][0] == 3:
                import _thread

                _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        study.run(Impatient(), on=f"ray:{cluster.address}")
    assert not list(study.folder.glob("runs/.*.claim"))
    here = Impatient()
    with pytest.raises(KeyboardInterrupt):
        study.run(here)
    assert any("Going on from epoch" in note for note in here.notes)
    back = Notes()
    study.run(back, on=f"ray:{cluster.address}")
    assert any("Going on from epoch" in note for note in back.notes)
    assert_same(study.folder, whole.folder)


def test_an_error_there_is_the_error_here(data: Path, cluster: Any, tmp_path: Path) -> None:
    from heldout.errors import HeldoutError

    study = make(data, tmp_path / "study", seeds=1, strategies=["frozen"])
    study.run(on=f"ray:{cluster.address}")
    with pytest.raises(HeldoutError, match="expected one with"), opened(f"ray:{cluster.address}", tmp_path, 8) as away:
        again = make(data, tmp_path / "other", seeds=1, strategies=["frozen"])
        again._execution.run(Notes(), away)  # type: ignore[union-attr]


# The last test: the cluster has one machine afterwards.
def test_a_lost_machines_runs_are_done_again_from_their_checkpoints(data: Path, cluster: Any, tmp_path: Path) -> None:
    options = {"epochs": 8, "strategies": ["bias"]}
    whole = make(data, tmp_path / "whole", **options).run()
    study, notes = make(data, tmp_path / "study", **options), Notes()
    second = cluster.list_all_nodes()[-1]
    worker = threading.Thread(target=lambda: study.run(notes, on=f"ray:{cluster.address}"))
    worker.start()
    until(lambda: len(list(study.folder.glob("runs/.*.partial/checkpoint.safetensors"))) == 2)
    cluster.remove_node(second, allow_graceful=False)
    worker.join(LONGEST)
    assert not worker.is_alive()
    assert any("its worker was lost" in note for note in notes.notes)
    assert any("Going on from epoch" in note for note in notes.notes)
    assert_same(study.folder, whole.folder)
