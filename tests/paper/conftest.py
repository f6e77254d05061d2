from __future__ import annotations

import dataclasses

import pytest

from heldout.errors import Problem
from heldout.records import Cohort
from heldout.report.material import Material, gather
from tests.report.conftest import calibrated, crossed, four, stressed, told
from tests.report.studies import EVIL, EVIL_CLASSES, many_runs
from tests.worlds.made_study import make_study

__all__ = ["calibrated", "crossed", "four", "stressed", "told"]


@pytest.fixture(scope="session")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Three seeds of one model, five classes with hostile names, and a file left out."""
    folder = make_study(
        tmp_path_factory.mktemp("evil") / "study",
        runs=many_runs()[:3],
        classes=EVIL_CLASSES,
        n_train=50,
        n_val=100,
        n_test=100,
        epochs=4,
    )
    excluded = (Problem(f"train/{EVIL}.png", "a truncated file", "a whole image", "Copy it again.", EVIL),)
    cohort = Cohort.load(folder / "cohort.parquet")
    dataclasses.replace(cohort, excluded=excluded).save(folder / "cohort.parquet")
    return gather(folder)
