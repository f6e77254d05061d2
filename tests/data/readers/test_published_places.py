"""Folders of hospitals, parts and patients: what would be taken for a class without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import heldout
from heldout.errors import InputError
from tests.data.readers.making import folder, write_image


def test_parts_inside_the_class_folders(tmp_path: Path) -> None:
    for n, (label, part) in enumerate((label, part) for label in ("normal", "sick") for part in ("train", "test")):
        for i in range(2):
            write_image(tmp_path / label / part / f"{i}.png", 10 * n + i)
    cohort = heldout.load(tmp_path)
    assert cohort.classes == ("normal", "sick") and cohort.table["split"].value_counts().to_dict() == {
        "train": 4,
        "test": 4,
    }


def test_hospitals_taken_for_classes_are_told(tmp_path: Path) -> None:
    folder(tmp_path, parts=("Vienna", "Graz"))
    assert any(
        "Graz/, Vienna/ hold folders of the same names (normal, sick)" in note for note in heldout.load(tmp_path).notes
    )


def test_roots_that_each_hold_their_split_are_one_set_and_the_root_is_the_site(tmp_path: Path) -> None:
    for root in ("Graz", "Vienna"):
        folder(tmp_path / root, parts=("training", "test"))
    cohort = heldout.load(tmp_path)
    table = cohort.table
    assert cohort.classes == ("normal", "sick") and set(table["split"]) == {"train", "test"}
    assert (table["site"] == table["source"].str.split("/").str[0]).all() and set(table["site"]) == {"Graz", "Vienna"}
    assert any("Graz/, Vienna/ are read as one data set from several places" in note for note in cohort.notes)
    write_image(tmp_path / "Graz" / "loose.png", 99)
    (tmp_path / "Vienna" / "training").rename(tmp_path / "Vienna" / "extra")
    with pytest.raises(InputError, match="neither split nor class folders"):
        heldout.load(tmp_path)


def test_an_image_outside_the_classes_of_a_root_is_a_problem(tmp_path: Path) -> None:
    for root in ("Graz", "Vienna"):
        folder(tmp_path / root)
    write_image(tmp_path / "Graz" / "loose.png", 99)
    write_image(tmp_path / "more" / "loose.png", 98)
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path)
    assert {one.where for one in caught.value.problems} == {"Graz/loose.png", "more/loose.png"}


@pytest.mark.parametrize("part", ["", "train"])
@pytest.mark.parametrize(("names", "sites"), [(("hospital_1", "hospital 2"), True), (("Graz", "Vienna"), False)])
def test_roots_that_are_called_after_places_are_sites_and_others_are_told(
    tmp_path: Path, names: tuple[str, str], sites: bool, part: str
) -> None:
    for n, root in enumerate(names):
        for label in ("normal", "sick"):
            for i in range(4):
                write_image(tmp_path / part / root / label / f"{i}.png", 100 * n + 10 * i + len(label))
    cohort = heldout.load(tmp_path, require_test=False)
    assert cohort.classes == (("normal", "sick") if sites else names)
    assert set(cohort.table["site"]) == (set(names) if sites else {""})
    assert part or any("several places" in note or "same names (normal, sick)" in note for note in cohort.notes)


def test_patients_in_names_that_cross_the_given_split_are_told_at_once(tmp_path: Path) -> None:
    """Images of one patient are alike; each patient stands in train and in test."""
    rng = np.random.default_rng(0)
    for n in range(24):
        base = np.kron(rng.integers(0, 255, (6, 6)), np.ones((4, 4)))
        for i in range(4):
            label, part = "ab"[n % 2], ("train", "train", "train", "test")[i]
            file = tmp_path / part / label / f"{label}-{1000 + 37 * n}-{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.clip(base + rng.normal(0, 12, base.shape), 0, 255).astype(np.uint8)).save(file)
    (note,) = (note for note in heldout.load(tmp_path).notes if "--patient" in note and "file names carry" in note)
    assert "24 of 24 stand in more than one part of the given split" in note
