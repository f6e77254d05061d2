"""Sets that were multiplied before they were split: what is told of them, and what `--patient auto` keeps together."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import heldout
from heldout.data.examine import near
from heldout.data.examine.auto import confirmed
from heldout.data.examine.marks import marks_in
from heldout.data.examine.names import propose_keys
from heldout.data.examine.near import near_copies_of
from heldout.data.examine.patients import patient_in
from heldout.data.load import examine
from heldout.data.splits import make_split
from heldout.records import Cohort
from tests.cli.call import call
from tests.images.test_copies import scene, symmetric

WAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda image: image,
    lambda image: symmetric(image, 4),
    lambda image: symmetric(image, 6),
    lambda image: symmetric(image, 1),
    lambda image: symmetric(image, 3),
    lambda image: np.clip(image * 1.15, 0, 255).astype(np.uint8),
)
"""As in published sets: each original saved six times, flipped, turned and brighter."""

ORIGINALS = 14


def save(image: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def multiplied(root: Path, split: bool = True) -> dict[str, int]:
    """Originals saved six times before the images were dealt out at random; file -> its original."""
    rng = np.random.default_rng(4)
    numbers = rng.permutation(10**5)
    of = {}
    for original in range(ORIGINALS):
        label = ("benign", "malignant")[original % 2]
        for way in WAYS:
            part = ("train", "train", "val", "test")[rng.integers(4)] if split else ""
            name = "/".join(filter(None, (part, label, f"img_{numbers[len(of)]:05d}.png")))
            save(way(scene(original, 64)), root / name)
            of[name] = original
    return of


def test_a_set_multiplied_before_its_split_is_told_and_its_pictures_are_those_of_the_originals(tmp_path: Path) -> None:
    of = multiplied(tmp_path / "set")
    found = examine(tmp_path / "set")
    assert found.near is not None and not found.problems
    groups = {
        (of[source], picture) for source, picture in zip(found.cohort.table["source"], found.near.pictures, strict=True)
    }
    assert len(groups) == ORIGINALS == len({picture for _, picture in groups})
    assert found.near.changed == 6 * ORIGINALS and found.near.across > 0.8 * ORIGINALS
    assert any("--patient auto" in note for note in found.cohort.notes)
    found.cohort.save(tmp_path / "cohort.parquet")
    kept = Cohort.load(tmp_path / "cohort.parquet")
    assert kept.copies == found.cohort.copies and len(kept.copies or ()) == len(found.near.pairs)
    source = dict(zip(kept.table["id"], kept.table["source"], strict=True))
    assert all(of[source[a]] == of[source[b]] for a, b, _ in kept.copies or ())


def test_patient_auto_keeps_copies_together_and_the_split_whole(tmp_path: Path) -> None:
    of = multiplied(tmp_path / "set", split=False)
    plain, auto = heldout.load(tmp_path / "set"), heldout.load(tmp_path / "set", patient="auto")
    for cohort, whole in ((plain, False), (auto, True)):
        split = make_split(cohort, seed=1)
        source = dict(zip(cohort.table["id"], cohort.table["source"], strict=True))
        originals = [{of[source[id_]] for id_ in split.part(part)} for part in ("train", "val", "test")]
        apart = not (originals[0] & originals[1] or originals[0] & originals[2] or originals[1] & originals[2])
        assert apart == whole
    assert any(note.startswith(f"--patient auto keeps {ORIGINALS} groups together") for note in auto.notes)
    assert auto.table["patient"].nunique() == ORIGINALS and not any("tear" in note for note in auto.notes)


def test_the_control_whose_originals_are_named_is_left_as_it_is(tmp_path: Path) -> None:
    of = multiplied(tmp_path / "set", split=False)
    with (tmp_path / "set" / "control.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(name, name.partition("/")[0], f"o{original}") for name, original in of.items()]
        csv.writer(file).writerows([("path", "label", "patient"), *rows])
    named, auto = (heldout.load(tmp_path / "set" / "control.csv", patient=patient) for patient in (None, "auto"))
    assert named.table["patient"].tolist() == auto.table["patient"].tolist()
    assert make_split(named).hash == make_split(auto).hash


def test_originals_without_copies_are_no_copies(tmp_path: Path) -> None:
    for original in range(60):
        save(scene(original, 64), tmp_path / f"{'ab'[original % 2]}/{original}.png")
    found = examine(tmp_path)
    assert found.near is not None and found.near.pairs == ()
    assert not any("copies" in note for note in found.cohort.notes)
    assert set(heldout.load(tmp_path, patient="auto").table["patient"]) == {""}


def test_names_and_pictures_are_joined(tmp_path: Path) -> None:
    """Patients by a column, and a copy of one patient's image under another's name: both belong together."""
    rows = []
    for number in range(24):
        save(scene(number, 64), tmp_path / f"{number}.png")
        rows.append((f"{number}.png", "ab"[number % 2], f"p{number // 2}"))
    save(symmetric(scene(0, 64), 5), tmp_path / "24.png")
    rows.append(("24.png", "a", "p5"))
    with (tmp_path / "list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "patient"), *rows])
    patients = heldout.load(tmp_path / "list.csv", patient="auto").table["patient"].tolist()
    together = {number for number, patient in enumerate(patients) if patient == patients[24]}
    assert together == {0, 1, 10, 11, 24}


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_pictures_of_one_file_of_arrays_are_told_apart(tmp_path: Path, ending: str) -> None:
    """Two pictures of one file, each with a copy in it: two groups and not one of all four images."""
    images = np.stack([scene(number, 64) for number in range(24)])
    images[[20, 22]] = symmetric(scene(0, 64), 5), symmetric(scene(2, 64), 3)
    if ending == "npy":
        for label in range(2):
            np.save(tmp_path / f"{label}.npy", images[label::2])
    else:
        np.savez(tmp_path / "set.npz", train_images=images, train_labels=np.arange(24) % 2)
    data = tmp_path if ending == "npy" else tmp_path / "set.npz"
    table = heldout.load(data, patient="auto", require_test=False).table
    groups = [set(group) for _, group in table[table["patient"] != ""].groupby("patient")["row"]]
    step = 2 if ending == "npy" else 1
    assert sorted(groups, key=min) == [{0, 20 // step}, {2 // step, 22 // step}]


MARKED = (
    "{}.png",
    "{}_rot90.png",
    "flip_{}.png",
    "{}_aug3.png",
    "{} - Copy.png",
    "{} (1).png",
    "{}_hflip.png",
    "{}_bright.png",
    "augmented_{}.png",
    "{}_jpg.rf.0123456789abcdef0123456789abcdef.png",
)


def test_marks_of_augmentation_are_seen_for_what_they_are() -> None:
    names = [mark.format(f"scan{number}") for number in range(20) for mark in MARKED[:-1]]
    marks = marks_in(names, ["a"] * len(names))
    assert set(marks.plain) == {f"scan{number}" for number in range(20)}
    assert marks.images == len(names) and marks.examples
    exported = [MARKED[-1].format(f"scan{number % 5}").replace("0123", f"{number:04d}") for number in range(20)]
    assert len(set(marks_in(exported, ["a"] * 20).plain)) == 5


@pytest.mark.parametrize(
    "form", ["benign ({}).png", "dark_{}.png", "img_{}.png", "noise{}.png", "crop_{}.png", "case{}_copy.png"]
)
def test_numbers_and_words_that_tell_no_files_apart_are_no_marks(form: str) -> None:
    names = [form.format(number) for number in range(1, 40)]
    marks = marks_in(names, ["a"] * len(names))
    assert marks.images == 0 and marks.plain == tuple(name.removesuffix(".png") for name in names)
    two = marks_in(["blur/blur_1.png", "noise/noise_1.png"], ["blur", "noise"])
    assert two.images == 0, "classes called by such words are no copies of each other"


def test_a_key_from_names_never_keeps_copies_apart() -> None:
    forms = ("p{}_{}.png", "flip_p{}_{}.png", "p{}_{}_rot90.png", "aug2_p{}_{}.png")
    names = [form.format(patient, image) for patient in range(20) for image in range(3) for form in forms]
    candidates = propose_keys(names, ["ab"[number % 2] for number in range(20) for _ in range(12)])
    assert candidates
    for candidate in candidates:
        keys = [patient_in(re.compile(candidate.pattern), name) for name in names]
        assert keys == list(candidate.keys)
        for start in range(0, len(names), 4):
            assert len(set(keys[start : start + 4])) == 1


def test_marked_names_are_used_where_the_images_confirm_them(tmp_path: Path) -> None:
    for original in range(20):
        for number, mark in enumerate(("{}.png", "{}_hflip.png", "rot90_{}.png")):
            save(
                WAYS[number](scene(original, 64)), tmp_path / "true" / "ab"[original % 2] / mark.format(f"s{original}x")
            )
            save(
                scene(100 * original + number + 1, 64),
                tmp_path / "false" / "ab"[original % 2] / mark.format(f"s{original}x"),
            )
    true, false = (examine(tmp_path / name, patient="auto") for name in ("true", "false"))
    assert true.marks is not None and false.marks is not None
    assert true.marks.images == false.marks.images == 60
    assert confirmed(true.marks, true.near) and not confirmed(false.marks, false.near)
    assert true.cohort.table["patient"].nunique() == 20 and set(false.cohort.table["patient"]) == {""}


def test_inspect_tells_and_shows_pairs(tmp_path: Path) -> None:
    multiplied(tmp_path / "set")
    assert call("inspect", tmp_path / "set", "--pairs", tmp_path / "pairs.jpg").status == 2
    answer = call("inspect", tmp_path / "set", "--pairs", tmp_path / "pairs.png")
    assert answer.status == 0 and "changed copies" in answer.out and "--patient auto" in answer.out
    with Image.open(tmp_path / "pairs.png") as sheet:
        assert sheet.width > 900 and np.asarray(sheet.convert("L")).std() > 20
    told = json.loads(call("inspect", tmp_path / "set", "--json").out)["changed_copies"]
    assert told["looked_for"] and told["pictures"] == ORIGINALS and told["images"] == 6 * ORIGINALS
    one = told["pairs"][0]
    assert set(one) >= {"ids", "places", "change", "agreement", "across_splits"}


def test_too_many_images_are_not_looked_through_and_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(near, "MOST_IMAGES", 3)
    for original in range(4):
        save(scene(original, 64), tmp_path / f"{'ab'[original % 2]}/{original}.png")
    found = examine(tmp_path)
    assert found.near is None and near_copies_of(found.cohort.table, np.empty((4, 64, 64), np.uint8)) is None
    assert any("not looked for" in note for note in found.cohort.notes)
