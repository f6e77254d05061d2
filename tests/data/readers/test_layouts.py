"""Every layout gives the cohort that was put on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heldout
from heldout.data.splits import make_split
from heldout.errors import InputError
from heldout.images import content_hash, read_pixels
from heldout.records import Cohort
from tests.data.readers.making import arrays, folder, npz, picture, write_image
from tests.data_folder import shared_data


def counts(cohort: Cohort) -> dict[tuple[str, str], int]:
    return cohort.table.groupby(["split", "label"]).size().to_dict()


def assert_pixels_are_those_of_the_table(cohort: Cohort) -> None:
    for row in cohort.table.itertuples():
        pixels = read_pixels(Path(cohort.root) / row.source, row.member, row.row)
        assert pixels.shape[:2] == (row.height, row.width)
        assert content_hash(pixels) == row.content


def test_folder_with_splits(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "Validation", "test"), each=2)
    cohort = heldout.load(tmp_path)
    assert cohort.classes == ("normal", "sick") and cohort.reader == "folder" and cohort.name == tmp_path.name
    assert counts(cohort) == {(part, label): 2 for part in ("train", "val", "test") for label in cohort.classes}
    assert cohort.table["id"].is_unique and not cohort.notes
    assert_pixels_are_those_of_the_table(cohort)


def test_folder_without_splits(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path, parts=("",)))
    assert counts(cohort) == {("", "normal"): 3, ("", "sick"): 3}
    assert any("No split is given" in note for note in cohort.notes)


def test_folder_searches_below_a_class_and_passes_over_what_is_hidden(tmp_path: Path) -> None:
    folder(tmp_path)
    write_image(tmp_path / "train" / "normal" / "patient7" / "0.png", 100)
    write_image(tmp_path / "train" / "normal" / ".thumbs" / "0.png", 101)
    (tmp_path / "train" / "normal" / "._0.png").write_bytes(b"macOS")
    (tmp_path / "train" / "sick" / "Thumbs.db").write_bytes(b"Windows")
    (tmp_path / "__MACOSX" / "train").mkdir(parents=True)
    cohort = heldout.load(tmp_path)
    assert counts(cohort)["train", "normal"] == 4 and len(cohort) == 13


def test_arrays_in_the_founding_layout(tmp_path: Path) -> None:
    cohort = heldout.load(arrays(tmp_path))
    assert counts(cohort) == {(part, label): 3 for part in ("train", "test") for label in ("normal", "sick")}
    assert set(cohort.table["source"]) == {
        "train/normal.npy",
        "train/sick.npy",
        "test/test_normal.npy",
        "test/test_sick.npy",
    }
    assert_pixels_are_those_of_the_table(cohort)


def test_arrays_in_one_folder_take_the_split_from_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(("train_a", "train_b", "valid_a", "valid_b", "test-a", "test-b")):
        np.save(tmp_path / f"{name}.npy", picture(number, (2, 6, 6, 3)))
    cohort = heldout.load(tmp_path)
    assert counts(cohort) == {(part, label): 2 for part in ("train", "val", "test") for label in "ab"}
    assert (cohort.table["channels"] == 3).all()


def test_a_sidecar_tells_patients_and_sites(tmp_path: Path) -> None:
    arrays(tmp_path)
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "row", "patient", "site", "scanner"])
        for source in ("train/normal.npy", "train/sick.npy", "test/test_normal.npy", "test/test_sick.npy"):
            writer.writerows([source, row, f"{source[:2]}{row}", "here", f"s{row}"] for row in reversed(range(3)))
    cohort = heldout.load(tmp_path)
    assert cohort.patients_known and set(cohort.table["site"]) == {"here"}
    first = cohort.table[(cohort.table["source"] == "train/sick.npy") & (cohort.table["row"] == 2)]
    assert list(first["patient"]) == ["tr2"]
    assert set(heldout.load(tmp_path, patient="scanner").table["patient"]) == {"s0", "s1", "s2"}


@pytest.mark.parametrize("column", [True, False])
def test_npz_in_medmnist_layout(tmp_path: Path, column: bool) -> None:
    cohort = heldout.load(npz(tmp_path / "x.npz", column=column))
    assert cohort.classes == ("0", "1")
    assert counts(cohort) == {(part, label): 2 for part in ("train", "val", "test") for label in "01"}
    assert_pixels_are_those_of_the_table(cohort)


def renamed(path: Path, names: dict[str, str]) -> Path:
    """A file of arrays whose names are others."""
    content = {names.get(name, name): array for name, array in np.load(npz(path)).items()}
    np.savez(path, **content)
    return path


@pytest.mark.parametrize("word", ["valid", "validation", "Validation", "VAL", "val_set"])
@pytest.mark.parametrize("mark", ["_", "-"])
def test_npz_understands_every_word_for_a_part(tmp_path: Path, word: str, mark: str) -> None:
    names = {f"val_{kind}": f"{word}{mark}{kind}" for kind in ("images", "labels")}
    cohort = heldout.load(renamed(tmp_path / "x.npz", names))
    assert counts(cohort) == {(part, label): 2 for part in ("train", "val", "test") for label in "01"}
    assert set(cohort.table.loc[cohort.table["split"] == "val", "member"]) == {names["val_images"]}
    assert_pixels_are_those_of_the_table(cohort)
    assert make_split(cohort).method == "given" and cohort.notes == ()


def test_npz_tells_what_it_does_not_read(tmp_path: Path) -> None:
    content = dict(np.load(npz(tmp_path / "x.npz")))
    extra = {"val_scores": np.zeros(4), "coarse_labels": np.zeros(4), "label_names": np.array(["a", "b"])}
    np.savez(tmp_path / "x.npz", **content, **extra)
    cohort = heldout.load(tmp_path / "x.npz")
    assert cohort.notes[0] == "Arrays of x.npz that are not read: val_scores, coarse_labels."
    assert cohort.classes == ("a", "b")


def test_classes_that_are_numbers_stand_in_the_order_of_numbers(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(12), 2)
    np.savez(tmp_path / "x.npz", train_images=picture(0, (24, 4, 4)), train_labels=labels)
    assert heldout.load(tmp_path / "x.npz", require_test=False).classes == tuple(map(str, range(12)))


def manifest(root: Path, ending: str) -> Path:
    folder(root / "images")
    rows = [
        {
            "path": path.relative_to(root).as_posix(),
            "label": path.parent.name,
            "split": path.parent.parent.name,
            "patient": f"p{number // 2}",
            "site": "lab1",
            "Camera": f"c{number % 2}",
        }
        for number, path in enumerate(sorted((root / "images").rglob("*.png")))
    ]
    frame = pd.DataFrame(rows)
    path = root / f"list.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",", encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_manifest(tmp_path: Path, ending: str) -> None:
    cohort = heldout.load(manifest(tmp_path, ending))
    assert len(cohort) == 12 and cohort.patients_known and cohort.name == "list"
    assert cohort.table["patient"].nunique() == 6 and set(cohort.table["site"]) == {"lab1"}
    assert_pixels_are_those_of_the_table(cohort)
    assert set(heldout.load(manifest(tmp_path, ending), patient="camera").table["patient"]) == {"c0", "c1"}


def test_every_layout_of_the_same_pixels_has_the_same_ids(tmp_path: Path) -> None:
    arrays(tmp_path / "arrays")
    for source in (tmp_path / "arrays").rglob("*.npy"):
        label = source.stem.removeprefix("test_")
        for row, image in enumerate(np.load(source)):
            path = tmp_path / "folder" / source.parent.name / label / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            from PIL import Image

            Image.fromarray(image).save(path)
    assert set(heldout.load(tmp_path / "arrays").table["id"]) == set(heldout.load(tmp_path / "folder").table["id"])


def test_numbers_in_parquet_are_classes_without_a_point(tmp_path: Path) -> None:
    frame = pd.read_csv(manifest(tmp_path, "csv"))
    frame["label"] = (frame["label"] == "sick").astype(float)
    frame.to_parquet(tmp_path / "list.parquet")
    assert heldout.load(tmp_path / "list.parquet").classes == ("0", "1")


def test_the_kermany_folder(tmp_path: Path) -> None:
    """Fourteen of its 5840 files would do for the layout; the copies and the names are the point, so one class."""
    root = shared_data("kermany224")
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for label in ("NORMAL", "PNEUMONIA"):
            (tmp_path / part / label).mkdir()
            for source in sorted((root / part / label).iterdir())[:120]:
                (tmp_path / part / label / source.name).symlink_to(source)
    key = r"^((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))"
    cohort = heldout.load(tmp_path, patient=key)
    assert len(cohort) == 480 and cohort.patients_known
    assert set(cohort.table["channels"]) == {1}  # stored RGB, grey content
    assert set(zip(cohort.table["width"], cohort.table["height"], strict=True)) == {(224, 224)}


def test_two_laboratories() -> None:
    cohort = heldout.load(shared_data("wbc_two_labs") / "manifest.csv")
    assert cohort.name == "wbc_two_labs" and len(cohort) == 400 and len(cohort.classes) == 5
    assert set(zip(cohort.table["site"], cohort.table["split"], strict=True)) == {("lab1", "train"), ("lab2", "test")}
    assert not any("--patient '" in note for note in cohort.notes)  # 001.png in both folders is no patient
    assert any("changed copies" in note for note in cohort.notes)  # ten cells stand there twice, under two names


def test_rows_of_arrays_with_labels_through_a_manifest(tmp_path: Path) -> None:
    """MHSMA keeps its labels in arrays beside: `docs/data.md` shows this script."""
    root = shared_data("mhsma64")
    lines = ["path,row,label,split"]
    for part in ("train", "valid", "test"):
        labels = np.load(root / f"y_head_{part}.npy")
        lines += [
            f"{root}/x_64_{part}.npy,{row},{('normal', 'abnormal')[label]},{part}" for row, label in enumerate(labels)
        ]
    (tmp_path / "mhsma.csv").write_text("\n".join(lines) + "\n")
    cohort = heldout.load(tmp_path / "mhsma.csv")
    found = counts(cohort)
    for part in ("train", "valid", "test"):
        abnormal = int(np.load(root / f"y_head_{part}.npy").sum())
        assert found["val" if part == "valid" else part, "abnormal"] == abnormal
    assert len(cohort) == 1540 and set(cohort.table["split"]) == {"train", "val", "test"}


def test_an_unknown_kind_of_data_lists_what_there_is(tmp_path: Path) -> None:
    for data in (tmp_path / "nothing", "magic:beans", tmp_path / "x.xlsx"):
        with pytest.raises(InputError, match="medmnist:NAME"):
            heldout.load(data)
