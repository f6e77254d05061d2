"""Images that tables name: each is its own file, or the call stops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from heldout.errors import InputError, Problem
from heldout.given.images import images_under
from heldout.progress import Silent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`train`, `val` and `test`, each with 0.png … 3.png."""
    rng = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        (tmp_path / part).mkdir()
        for n in range(4):
            Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(tmp_path / part / f"{n}.png")
    return tmp_path


def find(folder: Path, *names: str, by: str = "path") -> tuple[list[str], tuple[str, ...]]:
    """Files of images, and the notes."""
    images = pd.DataFrame({"id": list(names), "path": list(names) if by == "path" else [""] * len(names)})
    found, notes = images_under(images, folder, Silent())
    return list(found["source"]), notes


def problem(folder: Path, *names: str, by: str = "path") -> Problem:
    with pytest.raises(InputError) as caught:
        find(folder, *names, by=by)
    (found,) = caught.value.problems
    return found


PATHS = [f"{part}/{n}.png" for part in ("val", "test") for n in range(4)]


@pytest.mark.parametrize("by", ["path", "id"])
def test_a_file_that_is_gone_is_not_replaced_by_that_of_another_part(folder: Path, by: str) -> None:
    """Read before as val/2.png, or train/2.png."""
    assert find(folder, *PATHS, by=by) == (PATHS, ())
    (folder / "test" / "2.png").unlink()
    found = problem(folder, *PATHS, by=by)
    assert found.where == "1 of 8 images, such as 'test/2.png'"
    assert found.found == "no file (train/2.png lies in another folder)"
    (folder / "val" / "2.png").unlink()
    (folder / "train" / "2.png").unlink()
    assert "2 of 8" in problem(folder, *PATHS, by=by).where


def test_two_images_are_not_one_file_because_images_is_the_folder_of_one_part(folder: Path) -> None:
    """Read before as four images, each of them in validation and in test."""
    found = problem(folder / "val", *PATHS)
    assert found.where == "8 of 8 images, such as 'val/0.png'"
    assert found.found == "the file 0.png, which is that of 'test/0.png' too"


@pytest.mark.parametrize("names", [("0.1", "0.2"), ("0.1",), ("0.0", "0"), ("0", "0.png")])
def test_a_point_in_an_id_is_no_ending(folder: Path, names: tuple[str, ...]) -> None:
    """`p1.1` and `p1.2` were read before as `p1.png`, both."""
    assert problem(folder / "val", *names, by="id").found.startswith(("no file", "the file 0.png"))


def test_names_lead_to_files_where_folders_agree(folder: Path) -> None:
    (folder / "val" / "0.json").write_text("{}")
    (folder / "val" / "1.2.png").write_bytes((folder / "val" / "3.png").read_bytes())
    assert find(folder / "val", "0", "1.2", "1", by="id") == (["0.png", "1.2.png", "1.png"], ())
    assert find(folder, "val/0", "test/0") == (["val/0.png", "test/0.png"], ())
    (folder / "val").rename(folder / "inner")
    (folder / "all").mkdir()
    (folder / "inner").rename(folder / "all" / "val")
    assert find(folder, "val/0.png", "test/0.png") == (["all/val/0.png", "test/0.png"], ())


def test_what_was_found_by_less_than_its_path_is_noted(folder: Path) -> None:
    elsewhere = [f"/at/home/{part}/{n}.dcm" for part in ("val", "test") for n in range(3)]
    sources, (note,) = find(folder, *elsewhere, "val/3.png")
    assert sources == [*(f"{part}/{n}.png" for part in ("val", "test") for n in range(3)), "val/3.png"]
    assert note.startswith("6 of 7 images") and note.endswith("such as /at/home/val/0.dcm at val/0.png.")
    assert find(folder / "val", "2.0", by="id")[0] == ["2.png"]


def test_one_path_that_two_rows_name_is_a_copy_as_the_table_says(folder: Path) -> None:
    images = pd.DataFrame({"id": ["a", "b"], "path": ["val/0.png", "val/0.png"]})
    found, notes = images_under(images, folder, Silent())
    assert found["content"].nunique() == 1 and notes == ()
