"""An empty cache of the hub, for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backbones.hub.repositories import offline_cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder; the hub's client is offline."""
    return offline_cache(tmp_path, monkeypatch)
