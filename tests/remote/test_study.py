"""`heldout run` and all that reads a study, with images and study in a store: as in a folder."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from heldout import Study
from heldout.cli import ExitStatus
from heldout.progress import Silent
from heldout.remote import claims
from heldout.remote.claims import StoreClaims
from heldout.remote.store import Store
from heldout.remote.urls import STUDIES, place_of
from heldout.runs.ledger import TEST_EVALUATIONS, entries
from tests.cli.call import call
from tests.executors.same import assert_same
from tests.remote.s3 import S3, machine
from tests.remote.whole_path import downloaded, faults, local_study, pictures, scores, step, tried


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("pictures") / "images")


@pytest.fixture
def url(bucket: str, images: Path) -> str:
    """A bucket with the images."""
    for file in images.rglob("*.png"):
        Store(f"{bucket}/images").put(file.relative_to(images).as_posix(), file, new=True)
    return bucket


def test_a_study_in_a_store_is_the_study_in_a_folder(
    url: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, study in ((images, tmp_path / "local"), (f"{url}/images", f"{url}/runs/study")):
        answer = step("run", data, study)
        assert answer.status == ExitStatus.OK, answer.err
    copied = downloaded(f"{url}/runs/study", tmp_path / "copied")
    assert_same(copied, tmp_path / "local")
    (run,) = (path.name for path in copied.glob("runs/*"))
    image = next(images.rglob("*.png"))
    with machine(tmp_path / "another", monkeypatch):  # which has neither images nor study
        assert scores(f"{url}/runs/study") == scores(tmp_path / "local")
        assert call("report", f"{url}/runs/study").status == ExitStatus.OK
        assert Store(f"{url}/runs/study").about("report.html") is not None
        answers = [call("predict", f"{place}/runs/{run}", image, "--json") for place in (f"{url}/runs/study", copied)]
        assert answers[0].out == answers[1].out
        assert call("calibrate", f"{url}/runs/study/runs/{run}").status == ExitStatus.OK
        assert Store(f"{url}/runs/study/runs/{run}").about("calibration.json") is not None
        again = step("run", f"{url}/images", f"{url}/runs/study")
        assert "finished before" in again.err
    shutil.rmtree(place_of(f"{url}/runs/study", STUDIES))
    assert call("compare", f"{url}/runs/nothing").status == ExitStatus.ERROR


def test_two_machines_share_the_runs_of_a_study(
    url: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LOOK", 0.2)
    spec = {"seeds": 2, "image_size": 32, "epochs": 1, "reporter": Silent()}
    study = Study(images, ["efficientnet_lite0"], ["probe"], out=f"{url}/study", **spec)  # type: ignore[arg-type]
    first, second = (run.recipe.id for run in study.plan())
    held, left = threading.Event(), threading.Event()

    def elsewhere() -> None:  # a machine that is at the first run, and gives it up
        with StoreClaims(Store(f"{url}/study")).held(f"runs/.{first}.claim", "it"):
            held.set()
            while Store(f"{url}/study").about(f"runs/{second}/run.json") is None:
                assert Store(f"{url}/study").about(f"runs/{first}/run.json") is None
                left.wait(0.2)

    other = threading.Thread(target=elsewhere)
    other.start()
    held.wait()
    comparison = study.run().compare()
    other.join()
    assert {row.id for row in comparison.runs} == {first, second}
    assert len(entries(study.folder, TEST_EVALUATIONS)) == 2
    assert not [name for name in Store(f"{url}/study").list() if "claim" in name]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_a_fault_anywhere_on_the_whole_path(
    s3: S3, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Some of the faults of benchmarks/store_faults.py."""
    local = local_study(tmp_path / "local", images)
    fault = faults(80, 8, seed=7)[2 * number + 1]
    tried(s3, f"whole-path-{number}", images, local, fault, tmp_path, monkeypatch)
