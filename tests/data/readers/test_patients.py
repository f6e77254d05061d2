from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heldout
from heldout.data.examine.names import propose_keys
from heldout.data.load import examine
from heldout.errors import InputError, UsageError
from tests.data.readers.making import folder, write_image


def test_the_first_group_is_the_patient(tmp_path: Path) -> None:
    folder(tmp_path, name="person{i}_bacteria_1.png")
    cohort = heldout.load(tmp_path, patient=r"(person\d+)_")
    assert set(cohort.table["patient"]) == {"person0", "person1", "person2"}


def test_named_groups_are_joined(tmp_path: Path) -> None:
    folder(tmp_path, name="eye-L_p{i}.png")
    cohort = heldout.load(tmp_path, patient=r"eye-(?P<side>[LR])_p(?P<number>\d+)")
    assert set(cohort.table["patient"]) == {"L-0", "L-1", "L-2"}


def test_an_expression_with_a_slash_sees_the_path(tmp_path: Path) -> None:
    places = [(number, part, label) for number in range(4) for part in ("train", "test") for label in "ab"]
    for seed, (number, part, label) in enumerate(places):
        write_image(tmp_path / part / label / f"case{number % 2}" / f"{number}.png", seed)
    assert set(heldout.load(tmp_path, patient=r"/(case\d+)/").table["patient"]) == {"case0", "case1"}


def test_names_that_do_not_match_are_all_listed(tmp_path: Path) -> None:
    folder(tmp_path, each=2, name="p{i}_x.png")
    write_image(tmp_path / "train/normal/scan.png", 90)
    write_image(tmp_path / "test/sick/other.png", 91)
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path, patient=r"^(p\d+)_")
    assert [problem.where for problem in caught.value.problems] == ["test/sick/other.png", "train/normal/scan.png"]


@pytest.mark.parametrize("bad", ["person", r"person\d+", "(unclosed"])
def test_an_option_that_is_neither_column_nor_expression(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UsageError, match="--patient"):
        heldout.load(folder(tmp_path), patient=bad)


def test_a_column_with_gaps_lists_the_gaps(tmp_path: Path) -> None:
    folder(tmp_path / "images")
    paths = sorted(path.relative_to(tmp_path) for path in (tmp_path / "images").rglob("*.png"))
    rows = [f"{path},{path.parts[2]},{path.parts[1]},{'' if n == 3 else n // 2}" for n, path in enumerate(paths)]
    (tmp_path / "l.csv").write_text("path,label,split,case\n" + "\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"line 5 .*nothing in the column 'case'"):
        heldout.load(tmp_path / "l.csv", patient="case")


def test_patients_known_for_some_are_said(tmp_path: Path) -> None:
    folder(tmp_path / "images")
    paths = sorted(path.relative_to(tmp_path) for path in (tmp_path / "images").rglob("*.png"))
    rows = [f"{path},{path.parts[2]},{path.parts[1]},{n // 2 if n > 5 else ''}" for n, path in enumerate(paths)]
    (tmp_path / "l.csv").write_text("path,label,split,patient\n" + "\n".join(rows) + "\n")
    cohort = heldout.load(tmp_path / "l.csv")
    assert not cohort.patients_known
    assert any("known for 6 of 12 images only" in note for note in cohort.notes)


def test_patients_in_two_parts_are_said(tmp_path: Path) -> None:
    folder(tmp_path, name="p{i}_x.png")
    notes = heldout.load(tmp_path, patient=r"(p\d)_").notes
    assert any("3 patients (12 images) stand in more than one part" in note for note in notes)


FORMS = ["p{p}_{i}", "{p:03d}-{i}", "pat{p} {i}"]


@given(patients=st.integers(10, 60), each=st.integers(2, 4), form=st.sampled_from(FORMS))
def test_names_that_carry_one_propose_it(patients: int, each: int, form: str) -> None:
    names = [form.format(p=p, i=i) + ".png" for p in range(patients) for i in range(each)]
    labels = ["a", "b"] * (len(names) // 2) + ["a"] * (len(names) % 2)
    (candidate,) = propose_keys(names, labels)
    assert (candidate.images, candidate.patients) == (len(names), patients)


def test_what_too_few_images_tell_is_proposed_as_a_guess_that_load_takes(tmp_path: Path) -> None:
    for n in range(24):
        for eye in "LR" if n < 4 else "L":  # four pairs of eyes: ten would tell
            place = tmp_path / ("train" if n < 16 else "test") / "ab"[n % 2] / f"p{n}_{eye}.png"
            write_image(place, 2 * n + (eye == "R"))
    keys = examine(tmp_path).patient_keys
    assert keys is not None and keys.pattern is None and keys.guess is not None
    assert keys.note(copies=False) in heldout.load(tmp_path).notes
    assert f"--patient '{keys.guess}'" in (keys.note(copies=False) or "")
    assert heldout.load(tmp_path, patient=keys.guess).table["patient"].nunique() == 24


def test_where_patients_are_named_or_asked_for_the_names_are_not_asked(tmp_path: Path) -> None:
    folder(tmp_path, each=10, name="p{i}_x.png")
    found = examine(tmp_path, patient=r"^(p\d+)")
    assert found.patient_keys is None and not any("--patient" in note for note in found.cohort.notes)
