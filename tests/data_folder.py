"""Where the shared real images are, for the tests that need them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder of a shared data set; skips the test, with the reason, where it is not there."""
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"needs the shared real images: {folder} is not there")
    return folder
