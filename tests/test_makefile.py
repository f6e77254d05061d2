"""`make clean` removes what was made here, and nothing of a person's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def clean(folder: Path) -> None:
    """`make clean` in a folder that holds the Makefile and nothing to install."""
    shutil.copy(MAKEFILE, folder / "Makefile")
    subprocess.run(["make", "clean"], cwd=folder, check=True, capture_output=True)


def made(folder: Path, data: str = "demo/cells") -> Path:
    """What the demo leaves behind, in short."""
    (folder / ".venv").mkdir()
    (folder / ".venv" / "pyvenv.cfg").touch()
    for name in ("runs/a/run.json", "report.html", "remedy/study.json", "cells/train/discocyte.npy"):
        (folder / "demo" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "demo" / name).touch()
    (folder / "demo" / "study.json").write_text(f'{{\n  "data": "{data}"\n}}\n')
    (folder / "demo" / "cells" / "truth.json").write_text('{\n  "world": "cells-both-sites"\n}\n')
    return folder / "demo"


def test_the_demo_and_the_environment_go(tmp_path: Path) -> None:
    made(tmp_path)
    clean(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
    clean(tmp_path)  # nothing left to remove is no error


def test_notes_in_the_demo_stay(tmp_path: Path) -> None:
    demo = made(tmp_path)
    (demo / "notes.txt").write_text("what I saw")
    clean(tmp_path)
    assert [path.name for path in demo.iterdir()] == ["notes.txt"]


def test_cells_that_were_not_simulated_stay(tmp_path: Path) -> None:
    demo = made(tmp_path)
    (demo / "cells" / "truth.json").write_text("{}")
    clean(tmp_path)
    assert (demo / "cells" / "train" / "discocyte.npy").exists() and (demo / "study.json").exists()


def test_what_the_demo_of_before_left_goes_and_nothing_that_it_did_not_make(tmp_path: Path) -> None:
    """It ran on `phantom:cells`; a folder of that name beside it is a person's."""
    demo = made(tmp_path, data="phantom:cells")
    clean(tmp_path)
    assert sorted(path.name for path in demo.iterdir()) == ["cells", "remedy"]


def test_a_study_of_other_images_and_a_folder_that_is_no_environment_stay(tmp_path: Path) -> None:
    demo = made(tmp_path, data="my images")
    (tmp_path / ".venv" / "pyvenv.cfg").unlink()
    clean(tmp_path)
    assert (demo / "runs" / "a" / "run.json").exists() and (tmp_path / ".venv").is_dir()
