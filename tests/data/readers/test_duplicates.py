from __future__ import annotations

import shutil
from pathlib import Path

import heldout
from heldout.data.examine.copies import exact_copies
from heldout.data.load import examine
from tests.data.readers.making import folder


def test_copies_get_numbered_ids_and_notes(tmp_path: Path) -> None:
    folder(tmp_path, each=3)
    shutil.copy(tmp_path / "train/normal/0.png", tmp_path / "train/normal/again.png")
    shutil.copy(tmp_path / "train/normal/0.png", tmp_path / "test/normal/again.png")
    shutil.copy(tmp_path / "train/sick/1.png", tmp_path / "train/normal/wrong.png")
    cohort = heldout.load(tmp_path)
    first, second = exact_copies(cohort.table)
    assert first.ids == tuple(cohort.table.loc[cohort.table["content"] == first.content, "id"])
    triple, pair = (first, second) if len(first.ids) == 3 else (second, first)
    assert sorted(triple.ids) == [triple.content, f"{triple.content}-2", f"{triple.content}-3"]
    assert triple.across_splits and not triple.labels_differ
    assert pair.labels_differ and not pair.across_splits and set(pair.labels) == {"normal", "sick"}
    text = "\n".join(cohort.notes)
    assert "5 images are exact copies of one another (2 pictures" in text
    assert "1 picture in more than one part of the given split" in text
    assert "1 picture with two labels" in text


def test_a_file_that_is_listed_twice_is_no_copy(tmp_path: Path) -> None:
    folder(tmp_path, each=3)
    lines = [f"train/{label}/{k}.png,{label}" for label in ("normal", "sick") for k in range(3)]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *lines, lines[0]]) + "\n", encoding="utf-8")
    assert exact_copies(examine(tmp_path / "list.csv").cohort.table) == ()


def test_a_recompressed_name_is_no_other_picture_but_other_pixels_are(tmp_path: Path) -> None:
    """The same pixels in another format are a copy; a changed pixel is none."""
    from PIL import Image

    folder(tmp_path, each=3)
    with Image.open(tmp_path / "train/normal/0.png") as image:
        image.save(tmp_path / "train/normal/same.bmp")
        image.putpixel((0, 0), 255 - image.getpixel((0, 0)))
        image.save(tmp_path / "train/normal/other.bmp")
    (copies,) = exact_copies(heldout.load(tmp_path).table)
    assert set(copies.places) == {"train/normal/0.png", "train/normal/same.bmp"}


def test_no_copies_no_word(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path))
    assert exact_copies(cohort.table) == () and cohort.notes == ()


def test_ids_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    folder(tmp_path / "i")
    shutil.copy(tmp_path / "i/train/normal/0.png", tmp_path / "i/train/normal/copy.png")
    paths = sorted(path.relative_to(tmp_path) for path in (tmp_path / "i").rglob("*.png"))
    tables = []
    for name, order in (("a", paths), ("b", paths[::-1])):
        rows = [f"{path},{path.parts[2]},{path.parts[1]}" for path in order]
        (tmp_path / f"{name}.csv").write_text("path,label,split\n" + "\n".join(rows) + "\n")
        tables.append(heldout.load(tmp_path / f"{name}.csv").table.set_index("source")["id"].to_dict())
    assert tables[0] == tables[1]
