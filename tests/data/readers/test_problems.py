"""Bad input: every problem, all at once, with the place; and what can be left out on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import heldout
from heldout.data.load import examine
from heldout.errors import InputError, Problem
from tests.data.readers.making import arrays, folder, npz, picture, write_image


def problems(data: Path, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        heldout.load(data, **options)  # type: ignore[arg-type]
    for problem in caught.value.problems:
        assert problem.where and problem.found and problem.expected and problem.remedy
    return caught.value.problems


def one(data: Path, **options: object) -> Problem:
    found = problems(data, **options)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_all_problems_at_once(tmp_path: Path) -> None:
    folder(tmp_path, each=4)
    truncate(tmp_path / "train/normal/0.png")
    (tmp_path / "train/sick/1.png").write_bytes(b"")
    write_image(tmp_path / "loose.png", 50)
    write_image(tmp_path / "test/other/1.png", 51)
    wheres = {problem.where for problem in problems(tmp_path)}
    assert wheres == {"train/normal/0.png", "train/sick/1.png", "loose.png", "class 'other'"}


def test_unreadable_files_are_left_out_on_request_and_recorded(tmp_path: Path) -> None:
    folder(tmp_path, each=4)
    truncate(tmp_path / "train/normal/0.png")
    (tmp_path / "train/sick/1.png").write_text("no image")
    cohort = heldout.load(tmp_path, skip_unreadable=True)
    assert len(cohort) == 14 and {problem.source for problem in cohort.excluded} == {
        "train/normal/0.png",
        "train/sick/1.png",
    }
    assert any("2 images that cannot be read were left out" in note for note in cohort.notes)


def test_leaving_out_does_not_hide_a_class_that_is_gone(tmp_path: Path) -> None:
    folder(tmp_path, each=2)
    for path in (tmp_path / "test/sick").iterdir():
        path.write_bytes(b"")
    problem = one(tmp_path, skip_unreadable=True)
    assert problem.where == "class 'sick'" and "no image in test" in problem.found


def test_other_problems_are_not_left_out(tmp_path: Path) -> None:
    write_image(folder(tmp_path) / "loose.png", 50)
    assert one(tmp_path, skip_unreadable=True).where == "loose.png"


def test_no_test_set(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "val"))
    assert "no test images" in one(tmp_path).found
    cohort = heldout.load(tmp_path, require_test=False)
    assert any("no test set" in note for note in cohort.notes)


def test_no_training_images(tmp_path: Path) -> None:
    assert "no training images" in one(folder(tmp_path, parts=("test",))).found


def test_a_class_absent_from_validation(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "test"))
    folder(tmp_path, parts=("val",), classes=("sick",))
    problem = one(tmp_path)
    assert problem.where == "class 'normal'" and "no image in validation (3 in train)" in problem.found


def test_a_label_that_differs_in_case(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train",))
    folder(tmp_path, parts=("test",), classes=("Normal", "sick"))
    remedies = [problem.remedy for problem in problems(tmp_path)]
    assert any("Rename it to 'normal', which differs in case only" in remedy for remedy in remedies)


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    assert "one class, 'normal'" in one(folder(tmp_path, classes=("normal",))).found


def test_an_empty_folder_and_a_folder_one_too_high(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "neither split nor class folders" in problems(tmp_path / "empty")[0].found
    folder(tmp_path / "high" / "chest_xray")
    assert any("Did you mean chest_xray/" in problem.remedy for problem in problems(tmp_path / "high"))


def test_a_folder_beside_the_splits(tmp_path: Path) -> None:
    write_image(folder(tmp_path) / "more" / "normal" / "x.png", 70)
    assert one(tmp_path).where == "more/"


def test_two_folders_for_one_part(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "val", "test"))
    write_image(tmp_path / "valid" / "normal" / "x.png", 70)
    assert "second folder for val" in one(tmp_path).found


def lines(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_manifest_lines_are_named_as_an_editor_counts_them(tmp_path: Path) -> None:
    for number in range(6):
        write_image(tmp_path / f"{number}.png", number)
    data = lines(
        tmp_path / "list.csv",
        "path,label,split,row\n"
        "0.png,a,train,\n"
        "1.png,b,train,\n"
        "\n"
        "./0.png,b,test,\n"  # 5: listed twice, with another label
        "2.png,,test,\n"  # 6: no label
        "nowhere.png,a,test,\n"  # 7: no such file
        "3.png,a,later,\n"  # 8: no such split
        ",b,test,\n"  # 9: no path
        "4.png,b,test,one\n"  # 10: no such row
        "5.png,b,test,,\n",  # 11: too long
    )
    text = str(problems(data)[0])
    assert "line 11: found 5 values; expected 4" in text
    data.write_text(data.read_text().replace("5.png,b,test,,", "5.png,b,test,"))
    found = {problem.where: problem.found for problem in problems(data)}
    twice = "an image that list.csv line 2 lists too (there 'a' in train, here 'b' in test)"
    assert found["list.csv line 5 (0.png)"] == twice
    assert found["list.csv line 6 (2.png)"] == "no label"
    assert found["list.csv line 7 (nowhere.png)"] == "no such file"
    assert found["list.csv line 8"] == "the split 'later'"
    assert found["list.csv line 9"] == "no path"
    assert found["list.csv line 10"] == "the row 'one'"


def test_a_manifest_without_its_columns(tmp_path: Path) -> None:
    problem = problems(lines(tmp_path / "list.csv", "file,class\nx.png,a\n"))[0]
    assert "missing: path, label" in problem.expected and problem.where == "list.csv line 1"


def test_a_manifest_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00path")
    assert "cannot be read" in problems(tmp_path / "list.csv")[0].found
    (tmp_path / "list.parquet").write_bytes(b"PAR1 not")
    assert "cannot be read" in problems(tmp_path / "list.parquet")[0].found


def test_a_split_for_some_images_only(tmp_path: Path) -> None:
    for number in range(6):
        write_image(tmp_path / f"{number}.png", number)
    rows = "".join(f"{n}.png,{'ab'[n % 2]},{'train' if n < 2 else 'test' if n < 4 else ''}\n" for n in range(6))
    assert "2 images without a split" in one(lines(tmp_path / "l.csv", "path,label,split\n" + rows)).found


def test_a_row_beyond_the_array_and_a_broken_array(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (4, 5, 5)))
    np.save(tmp_path / "y.npy", picture(0, (4, 5, 5)).astype(np.complex64))
    rows = "".join(f"{file}.npy,{row},{'ab'[row % 2]}\n" for file in "xy" for row in range(5))
    found = problems(lines(tmp_path / "l.csv", "path,row,label\n" + rows))
    assert [problem.where for problem in found] == ["l.csv line 7 (y.npy)", "l.csv line 6 (x.npy row 4)"]
    assert [bool(problem.source) for problem in found] == [False, True]  # the array is said once, not once a row


def test_a_pickled_array_a_short_one_and_contradicting_names(tmp_path: Path) -> None:
    arrays(tmp_path)
    np.save(tmp_path / "train/odd.npy", np.array([picture(0), picture(1, (3, 3))], dtype=object), allow_pickle=True)
    np.save(tmp_path / "train/test_sick.npy", picture(9, (2, 4, 4)))
    np.save(tmp_path / "train/labels.npy", np.zeros(6, np.uint8))
    found = {problem.where: problem.found for problem in problems(tmp_path)}
    assert "pickled" in found["train/odd.npy"]
    assert found["train/test_sick.npy"] == "a file called 'test' in the folder of train"
    assert "shape (6,)" in found["train/labels.npy"]


def test_a_sidecar_is_checked_against_the_arrays(tmp_path: Path) -> None:
    arrays(tmp_path)
    rows = ["file,row,patient,label"]
    rows += [f"train/normal.npy,{row},p{row}," for row in range(3)]
    rows += ["train/sick.npy,0,p0,normal", "train/sick.npy,1,p1,", "train/sick.npy,1,p1,", "train/sick.npy,7,p1,"]
    rows += [f"test/test_{label}.npy,{row},q{row}," for label in ("normal", "sick") for row in range(3)]
    rows += ["nowhere.npy,0,p,"]
    lines(tmp_path / "metadata.csv", "\n".join(rows) + "\n")
    found = {problem.where: problem.found for problem in problems(tmp_path)}
    assert found == {
        "metadata.csv line 7": "train/sick.npy row 1 a second time",
        "metadata.csv line 8": "row '7' of train/sick.npy, which has 3 images",
        "metadata.csv line 15": "the file 'nowhere.npy', which is not there",
        "metadata.csv and train/sick.npy": "2 lines for 3 images",
        "metadata.csv (train/sick.npy row 0)": "the label 'normal'",
    }


def test_npz_lengths_that_differ_and_several_labels(tmp_path: Path) -> None:
    content = dict(np.load(npz(tmp_path / "x.npz")))
    content["train_labels"] = content["train_labels"][:-1]
    content["val_labels"] = np.tile([1, 1, 0], (4, 1))
    del content["test_labels"]
    np.savez(tmp_path / "y.npz", **content)
    found = [problem.found for problem in problems(tmp_path / "y.npz")]
    assert found[:2] == ["4 images and 3 labels", "test_images without test_labels"]
    del content["train_images"], content["train_labels"]
    content |= {"test_labels": np.zeros(len(content["test_images"]), np.int64)}
    np.savez(tmp_path / "z.npz", **content)
    assert "several labels an image in val, one in the other parts" in [p.found for p in problems(tmp_path / "z.npz")]


def test_npz_with_two_arrays_for_a_part_and_images_of_none(tmp_path: Path) -> None:
    content = dict(np.load(npz(tmp_path / "x.npz")))
    again = {f"valid_{kind}": content[f"val_{kind}"] for kind in ("images", "labels")}
    other = {f"external_{kind}": content[f"val_{kind}"] for kind in ("images", "labels")}
    np.savez(tmp_path / "y.npz", **content, **again, **other)
    assert [(problem.found, problem.expected) for problem in problems(tmp_path / "y.npz")] == [
        ("val_images and valid_images", "one array of images for val"),
        ("val_labels and valid_labels", "one array of labels for val"),
        ("the array external_images", "the name of a part in front: train, val or test"),
    ]
    del content["val_images"], content["val_labels"]
    np.savez(tmp_path / "z.npz", **content, Valid_Images=again["valid_images"])
    assert [problem.found for problem in problems(tmp_path / "z.npz")] == ["Valid_Images without Valid_labels"]


def test_npz_without_any_of_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=picture(0, (2, 4, 4)), y=np.zeros(2))
    assert "the arrays X, y" in problems(tmp_path / "x.npz")[0].found


def test_npz_labels_that_are_no_classes(tmp_path: Path) -> None:
    images = picture(0, (2, 4, 4))
    np.savez(tmp_path / "x.npz", train_images=images, train_labels=np.array([0.5, 1.0]))
    assert "float64" in problems(tmp_path / "x.npz")[0].found
    np.savez(tmp_path / "y.npz", train_images=np.zeros((2, 4, 4, 4), np.uint8), train_labels=np.array([0, 1]))
    assert "4 channels" in problems(tmp_path / "y.npz")[0].found


@pytest.mark.parametrize("name", ["a\0.png", "a\0.npy", "a\0.npz", "\0"])
def test_a_path_with_a_null_byte_is_a_problem_of_its_line(tmp_path: Path, name: str) -> None:
    for number in range(4):
        write_image(tmp_path / f"{number}.png", number)
    lines = [f"{number}.png,{'ab'[number % 2]}" for number in range(4)]
    (tmp_path / "t.csv").write_text("path,label\n" + "\n".join([*lines, f"{name},a"]) + "\n")
    (problem,) = [one for one in examine(tmp_path / "t.csv", require_test=False).problems if "line 6" in one.where]
    assert problem.remedy
