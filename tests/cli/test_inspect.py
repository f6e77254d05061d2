from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.cli.views.inspect import notes_of
from heldout.data.splits import make_split
from tests.data.readers.making import arrays, folder, picture, write_image


def run(*words: str) -> tuple[ExitStatus, str, str]:
    env = Environment(stdout=io.StringIO(), stderr=io.StringIO())
    status = main(["inspect", *words], env)
    return status, env.stdout.getvalue(), env.stderr.getvalue()  # type: ignore[attr-defined]


def as_json(*words: str) -> tuple[ExitStatus, dict[str, Any]]:
    status, out, _ = run(*words, "--json")
    return status, json.loads(out)


def test_a_clean_folder(tmp_path: Path) -> None:
    folder(tmp_path / "cells", each=5)
    status, out, err = run(str(tmp_path / "cells"))
    assert status == ExitStatus.OK and err == ""
    for words in (
        "cells: 20 images of 2 classes, read as folder",
        "10 × 8 pixels, all alike",
        "all grey; 8 bits",
        "none: no two images have the same pixels",
        "validation (20%) drawn from train, stratified by class, by image",
        "No problems found.",
        f"Next: heldout run {tmp_path / 'cells'} --models",
    ):
        assert words in out


def test_the_counts_are_those_of_the_folder_and_of_the_split(tmp_path: Path) -> None:
    import heldout

    folder(tmp_path, each=10)
    status, answer = as_json(str(tmp_path), "--seed", "4", "--val-fraction", "0.3")
    assert status == ExitStatus.OK and answer["format"] == 1
    assert answer["given"] == {
        part: {"images": 20, "patients": None, "classes": {"normal": 10, "sick": 10}} for part in ("train", "test")
    }
    split = make_split(heldout.load(tmp_path), val_fraction=0.3, seed=4)
    assert answer["split"]["hash"] == split.hash and answer["split"]["seed"] == 4
    assert {part: about["images"] for part, about in answer["split"]["parts"].items()} == {
        "train": 14,
        "val": 6,
        "test": 20,
    }
    assert answer["cohort"] == heldout.load(tmp_path).hash
    assert answer["width"] == {"min": 10, "median": 10.0, "max": 10} and answer["different_sizes"] == 1
    assert (answer["grey"], answer["colour"], answer["bits"]) == (40, 0, {"8": 40})


def test_every_key_is_documented(tmp_path: Path) -> None:
    _, answer = as_json(str(folder(tmp_path)))
    manual = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    missing = [key for key in answer if f'"{key}"' not in manual]
    assert not missing


def test_all_problems_are_printed_and_the_rest_is_shown_nevertheless(tmp_path: Path) -> None:
    folder(tmp_path, each=70)
    for path in (tmp_path / "train/normal").iterdir():
        if int(path.stem) >= 10:
            path.write_bytes(b"")
    write_image(tmp_path / "loose.png", 999)
    status, out, _ = run(str(tmp_path))
    assert status == ExitStatus.ERROR and "61 problems: heldout run would stop here" in out
    for number in range(10, 70):  # more than an error message would show
        assert f"train/normal/{number}.png" in out
    assert "loose.png" in out and "--skip-unreadable goes on" in out and "220 images of 2 classes" in out
    status, answer = as_json(str(tmp_path))
    assert status == ExitStatus.ERROR and len(answer["problems"]) == 61 and answer["split"] is None
    assert set(answer["problems"][0]) == {"where", "found", "expected", "remedy", "source"}
    assert sum("--skip-unreadable" in problem["remedy"] for problem in answer["problems"]) == 60


def test_what_is_left_out_on_request_is_listed(tmp_path: Path) -> None:
    folder(tmp_path, each=5)
    (tmp_path / "train/normal/0.png").write_text("no image")
    status, out, _ = run(str(tmp_path), "--skip-unreadable")
    assert status == ExitStatus.OK and "Left out (1)" in out and "train/normal/0.png" in out
    assert "--skip-unreadable" in out.partition("Next:")[2]
    _, answer = as_json(str(tmp_path), "--skip-unreadable")
    assert [problem["source"] for problem in answer["excluded"]] == ["train/normal/0.png"]


def test_no_test_set(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train",), each=5)
    status, out, _ = run(str(tmp_path))
    assert status == ExitStatus.ERROR and "no test images" in out
    status, out, _ = run(str(tmp_path), "--no-test")
    assert status == ExitStatus.OK and "There is no test set" in out and "--no-test" in out.partition("Next:")[2]


def test_patients_sites_and_copies(tmp_path: Path) -> None:
    arrays(tmp_path, each=6)
    copied = np.load(tmp_path / "train/normal.npy")
    copied[5] = np.load(tmp_path / "test/test_sick.npy")[0]
    np.save(tmp_path / "train/normal.npy", copied)
    rows = ["file,row,patient,site"]
    for file in ("train/normal.npy", "train/sick.npy", "test/test_normal.npy", "test/test_sick.npy"):
        rows += [f"{file},{row},p{row // 2}-{file[6:8]},{file[:2]}" for row in range(6)]
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    _, answer = as_json(str(tmp_path))
    assert answer["patients"]["count"] == 9 and answer["patients"]["images"] == 24
    assert answer["patients"]["crossing"] == []
    assert answer["sites"] == {"te": {"test": 12}, "tr": {"train": 12}}
    (copies,) = answer["copies"]
    assert copies["labels_differ"] and copies["across_splits"] and copies["patients_differ"]
    _, out, _ = run(str(tmp_path))
    assert "patients" in out and "two labels, two parts" in out and "tr (12 train)" in out


def test_names_with_brackets_are_shown_as_they_are(tmp_path: Path) -> None:
    folder(tmp_path, classes=("[bold]a", "b"), each=5)
    shutil.copy(tmp_path / "train/b/0.png", tmp_path / "train/b/[red]0.png")
    _, out, _ = run(str(tmp_path))
    assert "[bold]a" in out and "[red]0.png" in out


def test_a_class_too_small_for_a_validation_set_is_a_problem(tmp_path: Path) -> None:
    folder(tmp_path, each=5)
    for number in range(1, 5):
        (tmp_path / f"train/sick/{number}.png").unlink()
    status, out, _ = run(str(tmp_path))
    assert status == ExitStatus.ERROR and "at least 2 different images" in out


@pytest.mark.parametrize("words", [["--json"], []])
def test_data_of_no_known_kind(tmp_path: Path, words: list[str]) -> None:
    status, out, _ = run(str(tmp_path / "nowhere"), *words)
    assert status == ExitStatus.ERROR and "no such file or folder" in out
    if words:
        assert json.loads(out)["images"] == 0


def test_a_bad_option_is_a_usage_error(tmp_path: Path) -> None:
    folder(tmp_path, each=5)
    assert run(str(tmp_path), "--patient", "nogroup")[0] == ExitStatus.USAGE
    assert run(str(tmp_path), "--val-fraction", "2")[0] == ExitStatus.USAGE


def test_sizes_that_differ(tmp_path: Path) -> None:
    folder(tmp_path, each=5)
    from PIL import Image

    Image.fromarray(picture(77, (30, 40, 3))).save(tmp_path / "train/sick/big.png")
    _, out, _ = run(str(tmp_path))
    assert "2 different sizes; width 10 – 10 – 40, height 8 – 8 – 30" in out and "20 grey, 1 colour" in out


def test_patients_in_the_names_are_judged_by_the_images(tmp_path: Path) -> None:
    from tests.data.readers.test_keys import make

    make(tmp_path, "person{label}{p}_{kind}_{i}.png", restart=True)
    status, answer = as_json(str(tmp_path))
    assert status == ExitStatus.OK
    keys = answer["patient_keys"]
    assert [(key["pattern"], key["accepted"]) for key in keys["candidates"]] == [
        (r"^(persona\d+)", False),
        (r"^(persona\d+_flu|persona\d+_rsv)", True),
        (r"^(personb\d+)", False),
        (r"^(personb\d+_flu|personb\d+_rsv)", True),
    ]
    assert [key["told"] for key in keys["candidates"]] == [True] * 4
    assert keys["given"] is None and keys["patients"] == 120 and keys["blocked"]["blocked"]
    _, out, _ = run(str(tmp_path))
    for words in ("judged by how alike the images are", "refused", "120 patients with --patient", "in blocks of ids"):
        assert words in out
    assert keys["note"] in answer["notes"]
    assert notes_of(answer) == [note for note in answer["notes"] if note != keys["note"]]
    assert notes_of({**answer, "patient_keys": None}) == answer["notes"]
    assert "--patient '^(persona" in out.rpartition("Next:")[2].replace("\n", "")


def test_patients_that_are_named_are_judged_on_request(tmp_path: Path) -> None:
    from tests.data.readers.test_keys import make

    make(tmp_path, "person{label}{p}_{kind}_{i}.png", restart=True)
    words = [str(tmp_path), "--patient", r"(person[ab]\d+)"]
    assert as_json(*words)[1]["patient_keys"] is None
    given = as_json(*words, "--check-patients")[1]["patient_keys"]["given"]
    assert given["accepted"] is False and "keeps apart" in given["reason"]
    assert "the patients as named" in run(*words, "--check-patients")[1]


def test_names_without_a_patient_have_no_part_about_keys(tmp_path: Path) -> None:
    folder(tmp_path, each=10)
    assert as_json(str(tmp_path))[1]["patient_keys"] is None
    assert "Patient keys" not in run(str(tmp_path))[1]
