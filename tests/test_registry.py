"""The shelf: one file, no edit elsewhere; a name twice is an error that names both files."""

from __future__ import annotations

from pathlib import Path

import pytest

from heldout import registry
from heldout.errors import HeldoutError, UsageError
from heldout.registry import Shelf, faults


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package of plug-ins, of a name that no other test has imported."""
    folder = tmp_path / f"shelf_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_new_file_is_on_the_shelf_and_private_modules_are_not(package: Path) -> None:
    (package / "first_.py").write_text("PLUGIN = object()\n")
    (package / "second.py").write_text("class P:\n    name = 'other'\nPLUGIN = P\n")
    (package / "_private.py").write_text("raise RuntimeError('imported')\n")
    (package / "nothing.py").write_text("x = 1\n")
    shelf: Shelf[object] = Shelf(package.name, "PLUGIN", "thing")
    assert shelf.names() == ("first", "other")
    assert len(list(shelf)) == 2


def test_one_name_twice_names_both_files(package: Path) -> None:
    for file in ("a.py", "b.py"):
        (package / file).write_text("class P:\n    name = 'same'\nPLUGIN = P\n")
    with pytest.raises(HeldoutError, match=r"(?s)same.*a\.py.*b\.py"):
        Shelf(package.name, "PLUGIN", "thing").names()


def test_an_unknown_name_proposes_near_ones(package: Path) -> None:
    (package / "finetune.py").write_text("PLUGIN = object()\n")
    with pytest.raises(UsageError, match=r"Unknown thing 'fine-tune'\. Did you mean finetune"):
        Shelf(package.name, "PLUGIN", "thing").get("fine-tune")


def test_entry_points_of_other_packages_are_found(package: Path, tmp_path: Path) -> None:
    (tmp_path / "from_another_package.py").write_text("thing = object()\n")
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{package.name}]\nfrom-elsewhere = from_another_package:thing\n")
    assert Shelf(package.name, "PLUGIN", "thing").names() == ("from-elsewhere",)


def test_one_that_cannot_be_imported_is_named_and_the_others_stay(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_faults", {})
    (package / "fine.py").write_text("PLUGIN = object()\n")
    (package / "broken.py").write_text("import a_package_that_is_not_there\n")
    (package / "leaving.py").write_text("raise SystemExit('bye')\n")
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{package.name}]\nelse-where = no_such_module:thing\n")
    shelf: Shelf[object] = Shelf(package.name, "PLUGIN", "thing")
    assert shelf.names() == ("fine",)
    told = [fault for fault in faults() if package.name in fault or "no_such_module" in fault]
    assert len(told) == 3 and all("cannot be imported" in fault for fault in told)
    with pytest.raises(HeldoutError, match="a_package_that_is_not_there"):
        shelf.get("broken")
    with pytest.raises(UsageError):
        shelf.get("nobody")
