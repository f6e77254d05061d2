"""Tables as published sets bring them: beside images, with ids, one column a class, a table a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

import heldout
from heldout.data.examine.classes import spelled_alike
from heldout.data.examine.labels import asked_labels
from heldout.errors import UsageError
from tests.data.readers.making import folder, labels, problems, table, write_image


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


def test_a_blank_at_the_end_of_a_folder_is_no_part_of_its_class(tmp_path: Path) -> None:
    folder(tmp_path / "data", parts=("train",), classes=("ILL ", "NORMAL"), each=20)
    folder(tmp_path / "data", parts=("test",), classes=("ILL", "NORMAL"), each=2)
    cohort = heldout.load(tmp_path / "data")
    assert cohort.classes == ("ILL", "NORMAL") and labels(cohort) == {"ILL": 22, "NORMAL": 22}


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
