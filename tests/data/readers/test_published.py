"""Published sets as they are downloaded: folders with odd names, tables beside images, ids, masks, links."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import heldout
from heldout.data.entries import split_named
from heldout.data.examine.classes import spelled_alike
from heldout.data.examine.labels import asked_labels
from heldout.data.examine.masks import has_levels_of_a_mask
from heldout.data.readers.folder_names import is_container
from heldout.data.readers.walk import walk
from heldout.errors import InputError, Problem, UsageError
from heldout.records import Cohort
from tests.data.readers.making import folder, picture, write_image


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def labels(cohort: Cohort) -> dict[str, int]:
    return cohort.table["label"].value_counts().to_dict()


def problems(data: object, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        heldout.load(data, **options)  # type: ignore[arg-type]
    return caught.value.problems


# ---- folders ----


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


def test_a_table_beside_the_images_is_named_and_how_to_use_it_said(tmp_path: Path) -> None:
    rows = [(f"SK_{n:03d}", "ab"[n % 2], n) for n in range(8)]
    for name, _, n in rows:
        write_image(tmp_path / f"images_part_{1 + n % 2}" / f"{name}.jpg", n)
    file = table(tmp_path / "skin.csv", ("image_id", "dx", "age"), rows)
    write_image(tmp_path / "images_part_1" / "0.png", 99)  # called as an age is
    assert "add --path-column image_id --label-column dx" in problems(tmp_path)[0].remedy
    assert "Add --path-column image_id --label-column dx" in problems(file)[0].remedy
    cohort = heldout.load(file, path_column="Image_ID", label_column="DX")
    assert labels(cohort) == {"a": 4, "b": 4} and cohort.table["age"].tolist() == [str(n) for n in range(8)]
    assert cohort.table["source"][0] == "images_part_1/SK_000.jpg"
    assert any("found below" in note for note in cohort.notes)
    assert heldout.load(tmp_path, path_column="image_id", label_column="dx").hash == cohort.hash
    with pytest.raises(UsageError, match="none of its tables with these columns"):
        heldout.load(tmp_path, path_column="nothing")


def test_a_table_beside_class_folders_is_a_note(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",))
    table(tmp_path / "labels.csv", ("file_name", "label"), [(f"normal/{n}.png", "x") for n in range(3)])
    cohort = heldout.load(tmp_path)
    assert labels(cohort) == {"normal": 3, "sick": 3}
    assert any("labels.csv" in note and "was not used" in note for note in cohort.notes)


def test_images_without_class_folders_are_told_together(tmp_path: Path) -> None:
    for n in range(12):
        write_image(tmp_path / f"{n:04d}.png", n)
    assert "12 images outside any class folder" in problems(tmp_path)[0].found
    table(tmp_path / "metadata.csv", ("file_name", "label"), [(f"{n:04d}.png", n % 2) for n in range(12)])
    assert "add --path-column file_name" in problems(tmp_path)[0].remedy
    assert labels(heldout.load(tmp_path / "metadata.csv", path_column="file_name")) == {"0": 6, "1": 6}


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


# ---- masks ----


def ellipse(seed: int) -> np.ndarray:
    y, x = np.mgrid[:40, :40] / 40 - 0.5
    a, b = np.random.default_rng(seed).uniform(0.1, 0.3, 2)
    return ((((x / a) ** 2 + (y / b) ** 2) < 1) * 255).astype(np.uint8)


def test_masks_are_left_out_with_a_word(tmp_path: Path) -> None:
    for label, number in (("benign", 4), ("malignant", 4)):
        for n in range(number):
            write_image(tmp_path / label / f"{label} ({n}).png", n + 10 * (label == "benign"), (40, 40))
            Image.fromarray(ellipse(n)).convert("1").save(tmp_path / label / f"{label} ({n})_mask.png")
    Image.fromarray(ellipse(9)).save(tmp_path / "benign" / "benign (0)_mask_1.png")
    write_image(tmp_path / "benign" / "benign (1)_roi.png", 77, (40, 40))  # called so, but a picture
    cohort = heldout.load(tmp_path)
    assert labels(cohort) == {"benign": 5, "malignant": 4}
    told = "\n".join(cohort.notes)
    assert "9 masks were left out" in told and "1 images are called masks but" in told


def test_a_mask_is_told_by_its_grey_levels(tmp_path: Path) -> None:
    Image.fromarray(ellipse(3)).save(tmp_path / "m.jpg", quality=70)
    assert has_levels_of_a_mask(np.asarray(Image.open(tmp_path / "m.jpg")))
    assert has_levels_of_a_mask(np.zeros((5, 5), np.uint8))
    assert not has_levels_of_a_mask(picture(1, (40, 40)))
    assert not has_levels_of_a_mask(picture(1, (40, 40, 3)))
    assert has_levels_of_a_mask(np.stack([ellipse(3)] * 3, axis=-1))
    assert has_levels_of_a_mask(np.stack([ellipse(3), ellipse(4), 0 * ellipse(3)], axis=-1))  # a map in colours


# ---- tables ----


def test_a_table_without_a_class_says_so(tmp_path: Path) -> None:
    for n in range(6):
        write_image(tmp_path / f"{n}.png", n)
    file = table(tmp_path / "t.csv", ("File", "weight"), [(f"{n}.png", 1.5 + n) for n in range(6)])
    (problem,) = problems(file)
    assert "the columns File, weight" in problem.found and "Add --path-column File." in problem.remedy
    assert "No column looks like the class" in problem.remedy
    (problem,) = problems(file, path_column="nothing", label_column="weight")
    assert "missing: nothing" in problem.expected
    assert "There are no image files below" in problems(table(tmp_path / "sub" / "t.csv", ("a",), [("x",)]))[0].remedy


def test_columns_of_0_and_1_are_classes(tmp_path: Path) -> None:
    rows = []
    for n in range(9):
        write_image(tmp_path / f"DERM_{n}.png", n)
        rows.append([f"DERM_{n}", *("1.0" if n % 3 == k else "0.0" for k in range(3)), "0.0", n % 2])
    file = table(tmp_path / "truth.csv", ("image", "MEL", "NV", "BCC", "UNK"), [row[:-1] for row in rows])
    cohort = heldout.load(file, path_column="image")
    assert labels(cohort) == {"MEL": 3, "NV": 3, "BCC": 3} and any("MEL, NV, BCC" in note for note in cohort.notes)
    wide = table(tmp_path / "wide.csv", ("image", "MEL", "NV", "BCC", "UNK", "male"), rows)  # another flag beside them
    assert "missing: label" in problems(wide, path_column="image")[0].expected
    assert labels(heldout.load(wide, path_column="image", label_column=["MEL", "NV", "BCC"])) == labels(cohort)
    rows[4][1:4] = ["1", "1", "0"]
    wide = table(tmp_path / "wide.csv", ("image", "MEL", "NV", "BCC", "UNK", "male"), rows)
    several = heldout.load(wide, path_column="image", label_column="MEL,NV,BCC")
    assert several.labels == "several" and labels(several)["MEL|NV"] == 1
    found = problems(wide, path_column="image", label_column="MEL,NV,BCC", labels=asked_labels("single"))
    assert any("1 of 9 images without exactly one label" in one.found for one in found)


def test_one_odd_name_with_a_bar_is_asked_about(tmp_path: Path) -> None:
    for n in range(4):
        write_image(tmp_path / f"{n}.png", n)
    names = ["A", "B", "A|B", "B"]
    file = table(tmp_path / "t.csv", ("path", "label"), [(f"{n}.png", name) for n, name in enumerate(names)])
    assert "1 images with | in their label, such as 'A|B'" in problems(file)[0].found
    names = ["either|or", "B", "either|or", "B"]
    file = table(tmp_path / "t.csv", ("path", "label"), [(f"{n}.png", name) for n, name in enumerate(names)])
    assert "--labels several or --labels single" in problems(file)[0].remedy
    assert heldout.load(file, labels=asked_labels("single")).classes == ("B", "either|or")


def test_ids_and_folders_of_images(tmp_path: Path) -> None:
    for n in range(6):
        write_image(tmp_path / "pictures" / f"{n % 2}" / f"{n}.png", n)
    rows = [(f"{n}", "ab"[n % 2]) for n in range(6)]
    file = table(tmp_path / "tables" / "t.csv", ("path", "label"), rows)
    (problem,) = (one for one in problems(file) if one.where == "t.csv")
    assert "6 of 6 images that are not below" in problem.found and "--images FOLDER" in problem.remedy
    cohort = heldout.load(file, images=tmp_path / "pictures")
    assert labels(cohort) == {"a": 3, "b": 3} and cohort.root == str(tmp_path / "pictures")
    assert "which is no folder" in problems(file, images=tmp_path / "nowhere")[0].found
    other = table(
        tmp_path / "tables" / "u.csv", ("path", "label"), [(rf"C:\old\disk\{n}.png", "ab"[n % 2]) for n in range(6)]
    )
    assert heldout.load(other, images=tmp_path / "pictures").hash == cohort.hash  # paths of another machine
    write_image(tmp_path / "pictures" / "again" / "3.png", 9)
    assert "by which 2 files are called (1/3.png, again/3.png)" in problems(file, images=tmp_path / "pictures")[0].found


def test_a_file_that_is_missing_among_many_is_told_by_its_line(tmp_path: Path) -> None:
    for n in range(5):
        write_image(tmp_path / f"{n}.png", n)
    file = table(tmp_path / "t.csv", ("path", "label"), [(f"{n}.png", "ab"[n % 2]) for n in range(6)])
    (problem,) = problems(file)
    assert problem.where == "t.csv line 7 (5.png)" and problem.found == "no such file"
    assert len(heldout.load(file, skip_unreadable=True)) == 5


def test_a_table_for_each_part(tmp_path: Path) -> None:
    for part, number in (("train", 6), ("val", 4), ("test", 4)):
        for n in range(number):
            write_image(tmp_path / "img" / f"{part}{n}.png", len(part) * 100 + ord(part[1]) + 10 * n)
        table(tmp_path / f"{part}.csv", ("id", "dx"), [(f"{part}{n}", "ab"[n % 2]) for n in range(number)])
    cohort = heldout.load(tmp_path, path_column="id", label_column="dx")
    assert cohort.reader == "tables"
    assert cohort.table["split"].value_counts().to_dict() == {"train": 6, "val": 4, "test": 4}
    table(tmp_path / "test.csv", ("id",), [(f"test{n}",) for n in range(4)])
    problem = problems(tmp_path, path_column="id", label_column="dx")[0]
    assert problem.where == "test.csv" and "give train.csv alone" in problem.remedy


def test_class_folders_go_before_tables_of_parts(tmp_path: Path) -> None:
    folder(tmp_path)
    for part in ("train", "test"):
        table(tmp_path / f"{part}.csv", ("path", "label"), [("x.png", "a")])
    assert heldout.load(tmp_path).reader == "folder"


def test_a_frame_is_a_table(tmp_path: Path) -> None:
    for n in range(6):
        write_image(tmp_path / f"{n}.png", n)
    frame = pd.DataFrame({"File": [f"{n}.png" for n in range(6)], "Grade": [0, 1] * 3, "who": ["x", None] * 3})
    cohort = heldout.load(frame, images=tmp_path, path_column="file", label_column="grade")
    assert cohort.reader == "frame" and labels(cohort) == {"0": 3, "1": 3}
    assert cohort.table["who"].tolist() == ["x", ""] * 3
    frame.loc[3, "Grade"] = np.nan
    (problem,) = problems(frame, images=tmp_path, path_column="file", label_column="grade")
    assert problem.where == "frame row 3 (3.png)" and problem.found == "no label"


@pytest.mark.parametrize("kind", [list, tuple, set, np.array])
def test_lists_of_names_in_a_cell_are_several_labels(tmp_path: Path, kind: Callable[[list[str]], object]) -> None:
    for n in range(4):
        write_image(tmp_path / f"{n}.png", n)
    cells = [kind(names) for names in (["a"], ["b"], ["a", "b"], ["b"])]
    frame = pd.DataFrame({"path": [f"{n}.png" for n in range(4)], "label": cells})
    cohort = heldout.load(frame, images=tmp_path, labels="several")
    assert cohort.classes == ("a", "b") and cohort.table["label"].tolist() == ["a", "b", "a|b", "b"]


def test_names_are_compared_composed(tmp_path: Path) -> None:
    """macOS takes letters apart: the class and the files are the same by either form."""
    for part, form in (("train", "NFD"), ("test", "NFC")):
        folder(tmp_path / "data", parts=(part,), classes=(normalize(form, "Hämangiom"), "Zyste"), each=2)
    assert heldout.load(tmp_path / "data").classes == ("Hämangiom", "Zyste")
    rows = []
    for n in range(4):
        write_image(tmp_path / "bilder" / normalize("NFD", f"Läsion_{n}.png"), n)
        rows.append(
            (normalize("NFC", f"bilder/Läsion_{n}.png"), normalize(("NFC", "NFD")[n // 2], "ä") if n % 2 else "b")
        )
    cohort = heldout.load(table(tmp_path / "t.csv", ("path", "label"), rows))
    assert labels(cohort) == {"b": 2, "ä": 2} and not any("found below" in note for note in cohort.notes)


def test_classes_in_several_spellings_are_told(tmp_path: Path) -> None:
    names = ["Case", "case", "CASE", "control"]
    for n in range(8):
        write_image(tmp_path / f"{n}.png", n)
    file = table(tmp_path / "t.csv", ("path", "label"), [(f"{n}.png", names[n % 4]) for n in range(8)])
    (problem,) = problems(file)
    assert problem.found == "one class in 3 spellings: 'CASE' (2 images), 'Case' (2 images), 'case' (2 images)"
    assert len(spelled_alike(["mild-form", "mild form", "MILD_FORM"])) == 1
    assert spelled_alike(["-1", "1", "ER", "ER-", "ER+", "A", "A_", "", ""]) == []


def test_a_column_of_patients_in_capitals_or_not(tmp_path: Path) -> None:
    for n in range(4):
        write_image(tmp_path / f"{n}.png", n)
    rows = [(f"{n}.png", "ab"[n % 2], f"p{n // 2}") for n in range(4)]
    file = table(tmp_path / "t.csv", ("path", "label", "Patient ID"), rows)
    assert set(heldout.load(file, patient="Patient ID").table["patient"]) == {"p0", "p1"}
    table(file, ("path", "label", "Patient ID"), [*rows[:3], ("3.png", "b", "NA")])
    assert "nothing in the column 'PATIENT ID'" in problems(file, patient="PATIENT ID")[0].found


def test_named_columns_belong_to_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Found --images, --path-column beside phantom.*with a table"):
        heldout.load("phantom:cells", images=tmp_path, path_column="x")


# ---- what would be silent otherwise ----


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


def test_a_study_of_a_frame_and_its_options(tmp_path: Path) -> None:
    for n in range(12):
        write_image(tmp_path / f"{n}.png", n)
    frame = pd.DataFrame({"file": [f"{n}.png" for n in range(12)], "dx": [0, 1] * 6})
    given = {"images": tmp_path, "path_column": "file", "label_column": "dx", "ignore": ["1?.png"]}
    study = heldout.Study(frame, ["efficientnet_lite0"], ["probe"], tmp_path / "study", **given)  # type: ignore[arg-type]
    assert len(study.cohort) == 10 and study.spec.data == "frame"
    options = study.spec.reading.options()
    assert options["path-column"] == "file" and options["ignore"] == "1?.png" and options["images"] == str(tmp_path)
    plain = heldout.Study(study.cohort, ["efficientnet_lite0"], ["probe"], tmp_path / "study")
    assert not {"images", "path-column", "label-column", "ignore"} & set(plain.spec.reading.options())
    with pytest.raises(UsageError, match="read already"):
        heldout.Study(study.cohort, ["efficientnet_lite0"], ["probe"], tmp_path / "study", ignore=["x"])


def test_a_walk_has_an_end(tmp_path: Path) -> None:
    folder(tmp_path, parts=("",), each=4)
    found = walk(tmp_path, tmp_path, most=6)
    assert found.left is not None and found.left < 0 and len(found.images) < 8
    whole = walk(tmp_path, tmp_path, most=100)
    assert whole.left is not None and whole.left > 0 and len(whole.images) == 8


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


def test_empty_cells_of_named_columns_count_as_0_and_are_told(tmp_path: Path) -> None:
    rows = ["path,a,b,age", "0.png,1,0,", "1.png,,1,", "2.png,,1,7", "3.png,1,,", "4.png,0,0,"]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    for number in range(5):
        write_image(tmp_path / f"{number}.png", number)
    cohort = heldout.load(tmp_path / "x.csv", label_column="a,b", labels="several")
    assert list(cohort.table["label"]) == ["a", "b", "b", "a", ""]
    assert any("3 empty cells of x.csv count as 0" in note and "a 2, b 1 of 5 rows" in note for note in cohort.notes)
    (tmp_path / "x.csv").write_text("\n".join(rows).replace(",,", ",0,").replace("1,0,\n", "1,0,\n"))
    assert not any("empty cells" in note for note in heldout.load(tmp_path / "x.csv", label_column="a,b").notes)
