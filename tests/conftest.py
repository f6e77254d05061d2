"""For all tests: one thread, since the networks here are tiny and threads would only wait for each other."""

from __future__ import annotations

import gc
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

settings.register_profile("heldout", deadline=None, derandomize=True)
settings.load_profile("heldout")


def pytest_collection_finish() -> None:
    """What is imported stays: no garbage collection needs to look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache; all tests of a session share one, in however many processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    monkeypatch.setenv("HELDOUT_CACHE", str(folder))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws without a seed of its own is the same in every order and every process."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
