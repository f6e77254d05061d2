"""docs/causes is generated: the pages on disk are those that the docstrings make."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from heldout.diagnosis.causes import causes

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cause_pages", ROOT / "scripts" / "make_cause_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_on_disk_are_current(script: ModuleType) -> None:
    assert script.outdated() == [], "run python scripts/make_cause_pages.py"


def test_a_page_that_was_edited_or_belongs_to_no_cause_is_outdated(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in script.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    assert script.outdated() == []
    (tmp_path / "prior.md").write_text("by hand", encoding="utf-8")
    (tmp_path / "bad-luck.md").write_text("no such cause", encoding="utf-8")
    assert script.outdated() == ["bad-luck.md", "prior.md"]


def test_the_index_links_every_cause(script: ModuleType) -> None:
    index = script.index()
    assert all(f"]({cause.code}.md)" in index and cause.title in index for cause in causes)
