from __future__ import annotations

from pathlib import Path

import pytest

from heldout.records import Diagnosis
from heldout.records.codec import read_record, write_record
from heldout.report.material import Material, gather
from heldout.report.page import compose, render
from tests.report.made_diagnosis import diagnose_study, with_groups
from tests.report.studies import make_evil
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="session")
def four(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two models, fine-tuned and frozen, one seed, two classes."""
    return gather(make_study(tmp_path_factory.mktemp("four") / "study"))


@pytest.fixture(scope="session")
def four_page(four: Material) -> str:
    return render(compose(four))


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Three runs of two classes, diagnosed, with pixels, and with groups of images."""
    folder = make_study(tmp_path_factory.mktemp("told") / "study", runs=RUNS[:3])
    diagnose_study(folder)
    for file in (folder / "diagnosis").glob("*.json"):
        write_record(file, with_groups(read_record(Diagnosis, file)))
    return gather(folder)


@pytest.fixture(scope="session")
def told_page(told: Material) -> str:
    return render(compose(told))


@pytest.fixture(scope="session")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Twelve runs, five classes, hostile names."""
    return gather(make_evil(tmp_path_factory.mktemp("evil") / "study"))


@pytest.fixture(scope="session")
def evil_page(evil: Material) -> str:
    return render(compose(evil))


@pytest.fixture(scope="session")
def evil_file(evil_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(evil_page, encoding="utf-8")
    return path
