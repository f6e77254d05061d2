"""Folders as published sets bring them: odd names of parts, links, what is passed over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import heldout
from heldout.data.entries import split_named
from heldout.data.readers.folder_names import is_container
from heldout.data.readers.walk import walk
from tests.data.readers.making import folder, labels, problems, write_image


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Training_set", "train"),
        ("Train Data", "train"),
        ("train_images", "train"),
        ("images-train", "train"),
        ("VALID", "val"),
        ("val_images", "val"),
        ("testset", "test"),
        ("Testing", "test"),
        ("dev", ""),
        ("contest", ""),
        ("train2", ""),
        ("training notes", ""),
    ],
)
def test_what_folders_call_the_parts(name: str, part: str) -> None:
    assert split_named(name) == part


@pytest.mark.parametrize("names", [("Training_set", "Test_set"), ("train_images", "test_images")])
def test_parts_by_other_names_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    cohort = heldout.load(folder(tmp_path, parts=names))
    assert cohort.classes == ("normal", "sick") and set(cohort.table["split"]) == {"train", "test"}


def test_parts_of_a_download_are_no_classes_but_the_classes_in_them_are(tmp_path: Path) -> None:
    for name in ("images_part_1", "Patient 7", "fold3", "masks"):
        assert is_container(name), name
    for name in ("grade 2", "7", "type1", "imaging artefact"):
        assert not is_container(name), name
    folder(tmp_path / "set", parts=("images_part_1", "images_part_2"))
    cohort = heldout.load(tmp_path / "set")
    assert labels(cohort) == {"normal": 6, "sick": 6}
    assert any("parts of one data set" in note for note in cohort.notes)
    folder(tmp_path / "flat", parts=("",), classes=("images_part_1", "images_part_2"))
    (problem,) = (one for one in problems(tmp_path / "flat") if "parts of a download" in one.found)
    assert "images_part_1/, images_part_2/" in problem.found


def test_links_are_followed_but_into_no_folder_twice(tmp_path: Path) -> None:
    folder(tmp_path / "store", parts=("",))
    for label in ("normal", "sick"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "patient").symlink_to(tmp_path / "store" / label)
    (tmp_path / "data" / "sick" / "up").symlink_to(tmp_path / "data" / "sick")
    cohort = heldout.load(tmp_path / "data")
    assert labels(cohort) == {"normal": 3, "sick": 3}
    assert any("sick/up" in note for note in cohort.notes)


def test_links_that_lead_nowhere_are_a_problem_that_names_them(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",))
    for name in ("normal/patient", "normal/scan", "lost_class", "normal/notes.txt", "normal/.hidden"):
        (tmp_path / name).symlink_to(tmp_path / "store that was not fetched")
    (found,) = problems(tmp_path)
    assert "3 links that lead nowhere (lost_class, normal/patient, normal/scan)" in found.found
    left = heldout.load(tmp_path, ignore=["lost_class", "patient", "scan"])
    assert labels(left) == {"normal": 3, "sick": 3}
    (tmp_path / "normal" / "x.png").symlink_to(tmp_path / "nowhere")
    assert any("x.png" in one.where and "leads nowhere" in one.found for one in problems(tmp_path))


def test_an_empty_folder_in_the_place_of_an_image_is_a_problem(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",))
    (tmp_path / "normal" / "3.png").mkdir()
    (found,) = problems(tmp_path)
    assert found.where == "normal/3.png" and "folder" in found.found
    assert labels(heldout.load(tmp_path, ignore=["3.png"])) == {"normal": 3, "sick": 3}
    write_image(tmp_path / "normal" / "3.png" / "3.png", 99)  # as some archives are unpacked
    assert labels(heldout.load(tmp_path)) == {"normal": 4, "sick": 3}


def test_what_is_passed_over_is_counted_and_a_class_without_images_is_a_problem(tmp_path: Path) -> None:
    folder(tmp_path)
    for n, ending in enumerate((".heic", ".heic", "")):
        (tmp_path / "train" / "normal" / f"x{n}{ending}").write_bytes(b"?")
    (tmp_path / "train" / "normal" / "Thumbs.db").write_bytes(b"?")
    notes = heldout.load(tmp_path).notes
    assert "Passed over in train/normal/: 2 with ending .heic, 1 with no ending, beside 3 images." in notes
    for part in ("train", "test"):
        (tmp_path / part / "virus").mkdir()
        (tmp_path / part / "virus" / "x.heic").write_bytes(b"?")
    assert {one.where for one in problems(tmp_path)} == {"train/virus/", "test/virus/"}
    assert "1 with ending .heic" in problems(tmp_path)[0].found
    assert labels(heldout.load(tmp_path, ignore=["virus"])) == {"normal": 6, "sick": 6}
    (tmp_path / "train" / "boxes").mkdir()
    (tmp_path / "train" / "boxes" / "0.xml").write_text("<a/>")
    (tmp_path / "train" / "boxes" / "LICENSE").write_text("free")
    notes = heldout.load(tmp_path, ignore=["virus"]).notes
    assert any(note.startswith("train/boxes/ holds no images") for note in notes)
    assert any("left out by --ignore 'virus'" in note for note in notes)


def test_a_folder_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a" / "0.png", 0)
    write_image(tmp_path / "a" / "closed" / "1.png", 1)
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(tmp_path, tmp_path)
    assert [path.name for path in found.images] == ["0.png"]
    assert [(one.where, "Permission denied" in one.found) for one in found.problems] == [("a/closed/", True)]


def test_a_class_whose_images_are_all_left_out_is_a_problem(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",), classes=("a", "b", "c"))
    for path in (tmp_path / "c").iterdir():
        path.write_bytes(b"")
    found = problems(tmp_path, skip_unreadable=True)
    assert [(one.where, one.found) for one in found] == [("class 'c'", "no readable image (3 images left out)")]


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",))
    odd = os.fsencode(tmp_path / "sick") + b"/\xff.png"
    try:
        os.link(tmp_path / "sick" / "0.png", odd)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert any("bytes that are no text" in one.found for one in problems(tmp_path))


def test_files_of_other_kinds_alone_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.heic").write_bytes(b"?")
    assert "(below it lie files 1 with ending .heic)" in problems(tmp_path)[0].found


def test_a_walk_has_an_end(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",), each=4)
    found = walk(tmp_path, tmp_path, most=6)
    assert found.left is not None and found.left < 0 and len(found.images) < 8
    whole = walk(tmp_path, tmp_path, most=100)
    assert whole.left is not None and whole.left > 0 and len(whole.images) == 8
