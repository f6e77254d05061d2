"""A package with one plug-in of every kind, installed for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.installed import install


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of its weights, after the package was installed."""
    return install(monkeypatch, tmp_path)
