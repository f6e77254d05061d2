from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heldout
from heldout.data.examine.patients import patient_in, propose_patient
from heldout.errors import InputError, UsageError
from tests.data.readers.making import folder, write_image
from tests.data_folder import shared_data


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


def test_the_hint_finds_the_true_patients_of_kermany() -> None:
    """The key that the data's description gives, against the one that is guessed from the names alone."""
    files = sorted(shared_data("kermany224").rglob("*.jpeg"))
    hint = propose_patient([path.name for path in files], [path.parent.name for path in files])
    assert hint is not None
    true = re.compile(r"^((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))")
    pairs = {(patient_in(true, path.name), patient_in(re.compile(hint.pattern), path.name)) for path in files}
    keys = {key for key, _ in pairs}
    assert len(keys) == 4082
    assert len(pairs) - len(keys) <= 2  # at most two patients torn apart
    assert len(pairs) - len({guess for _, guess in pairs}) == 0  # none joined


@pytest.mark.parametrize(
    "names",
    [
        [f"{n:03d}.png" for n in range(200)],
        [f"lymphocyte_{n}.png" for n in range(100)] + [f"monocyte_{n}.png" for n in range(100)],
        [f"IM-{n:04d}-0001.png" for n in range(200)],
        ["scan.png"] * 100,
        ["p1_1.png", "p1_2.png"],
    ],
)
def test_names_that_carry_no_patient_get_no_hint(names: list[str]) -> None:
    assert propose_patient(names, ["a", "b"] * (len(names) // 2)) is None


FORMS = ["p{p}_{i}", "{p:03d}-{i}", "pat{p} {i}"]


@given(patients=st.integers(10, 60), each=st.integers(2, 4), form=st.sampled_from(FORMS))
def test_names_that_carry_one_get_a_hint_that_finds_it(patients: int, each: int, form: str) -> None:
    names = [form.format(p=p, i=i) + ".png" for p in range(patients) for i in range(each)]
    hint = propose_patient(names, ["a", "b"] * (len(names) // 2) + ["a"] * (len(names) % 2))
    assert hint is not None and hint.keys == patients and hint.sharing == 1.0


def test_the_note_proposes_an_expression_that_load_takes(tmp_path: Path) -> None:
    folder(tmp_path, each=10, name="p{i}_x.png")
    for n in range(10):
        write_image(tmp_path / "train/normal" / f"p{n}_y.png", 300 + n)
    note = next(note for note in heldout.load(tmp_path).notes if "--patient" in note)
    pattern = re.search(r"--patient '(.*?)' \(", note)
    assert pattern is not None
    assert heldout.load(tmp_path, patient=pattern.group(1)).table["patient"].nunique() == 10
