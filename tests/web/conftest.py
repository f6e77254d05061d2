from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from starlette.testclient import TestClient

from heldout.array_files import seal
from heldout.files import write_json
from heldout.records import PARTS, Diagnosis
from heldout.records.codec import read_record, write_record
from heldout.runs.folder import read_study
from heldout.web.app import build
from heldout.web.serving import listening
from tests.report.made_diagnosis import diagnose_study, with_groups
from tests.report.studies import make_evil
from tests.worlds.made_study import RUNS, make_study

TOKEN = "a-word-that-nobody-guesses"
ORIGIN = "http://127.0.0.1:8756"


def client_of(folder: Path) -> TestClient:
    """What asks a study's page, as a browser on this machine does."""
    return TestClient(build(folder, TOKEN), base_url=ORIGIN, follow_redirects=False)


def give_features(folder: Path) -> None:
    """Features of all images of every run, as a diagnosis leaves them; three classes of directions, a little apart."""
    study = read_study(folder)
    rng = np.random.default_rng(5)
    labels = dict(zip(study.cohort.table["id"], study.cohort.table["label"], strict=True))
    means = {name: rng.normal(size=16) for name in study.cohort.classes}
    places = {}
    for part in PARTS:
        values = np.stack([means[labels[id_]] + rng.normal(size=16) for id_ in study.split.part(part)])
        places[part] = f"features/made/{part}.npy"
        (folder / places[part]).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / places[part], values.astype(np.float32))
    seal(folder / "features" / "made")
    for run in study.runs:
        (run.folder / "experiments").mkdir(exist_ok=True)
        write_json(run.folder / "experiments" / "features.json", {"format": 1, **places})


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two classes, diagnosed, with pixels, groups and features."""
    folder = make_study(tmp_path_factory.mktemp("web") / "study", runs=RUNS[:3])
    diagnose_study(folder)
    for file in (folder / "diagnosis").glob("*.json"):
        write_record(file, with_groups(read_record(Diagnosis, file)))
    give_features(folder)
    return folder


@pytest.fixture(scope="session")
def client(study: Path) -> TestClient:
    return client_of(study)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A study whose names of classes, of files and of itself try to break out of the page."""
    return client_of(make_evil(tmp_path_factory.mktemp("hostile") / "study"))


@dataclass(frozen=True)
class Served:
    """A study that is served for a real browser."""

    folder: Path
    address: str


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """A server of its own, stopped at the end."""
    with listening(0) as listener:
        server = uvicorn.Server(uvicorn.Config(build(folder, TOKEN), log_level="warning", access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield Served(folder, f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}")
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def served(study: Path) -> Iterator[Served]:
    with serving(study) as one:
        yield one
