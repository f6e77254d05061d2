"""A second command on the same data decodes none, and a file that was changed is read again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heldout.data.examine import known_copies, measure, remembered
from heldout.data.load import load
from heldout.images.copies import FoundCopies
from tests.data.readers.making import arrays, folder, npz, picture, write_image
from tests.images.decoders.making import dicom


def of_patients(place: Path) -> Path:
    """DICOM files that name patient and place."""
    for n, (part, name) in enumerate((p, c) for p in ("train", "train", "test") for c in "ab"):
        (place / part / name).mkdir(parents=True, exist_ok=True)
        told = {"PatientID": f"P{n}", "InstitutionName": f"Clinic {n % 2}"}
        (place / part / name / f"{n}.dcm").write_bytes(dicom(picture(n, (20, 20)), 8, **told))
    return place


def manifest_of_absolute_paths(place: Path) -> Path:
    """A table in a folder of its own that names images elsewhere."""
    images = folder(place.with_name("images"))
    place.mkdir()
    rows = [f"{file},{file.parent.name},{file.parent.parent.name}" for file in sorted(images.rglob("*.png"))]
    (place / "manifest.csv").write_text("\n".join(["path,label,split", *rows]))
    return place / "manifest.csv"


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "DICOM": of_patients,
    "folder": folder,
    "arrays": arrays,
    "npz": lambda place: npz(place / "x.npz"),
    "absolute paths": manifest_of_absolute_paths,
}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Every image that is decoded from here on; the cache is new, and what is read is old enough."""
    calls: list[object] = []
    real = measure.decode

    def decode(*words: object) -> object:
        calls.append(words)
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "decode", decode)
    monkeypatch.setattr(remembered, "SETTLED", -(10**18))
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path / "cache"))
    return calls


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_second_command_decodes_none_and_finds_the_same(tmp_path: Path, layout: str, decoded: list[object]) -> None:
    data = LAYOUTS[layout](tmp_path / "data")
    first = load(data)
    assert len(decoded) == len(first)
    second = load(data)
    assert len(decoded) == len(first)
    assert second.table.equals(first.table) and (second.notes, second.hash) == (first.notes, first.hash)
    assert (layout == "DICOM") is bool((second.table["patient"] != "").all() and (second.table["site"] != "").all())
    load(data, verify=True)
    assert len(decoded) == 2 * len(first)


def test_a_file_that_was_changed_is_read_again(tmp_path: Path, decoded: list[object]) -> None:
    data = folder(tmp_path / "data")
    first = load(data)
    file = data / first.table["source"][0]
    before = file.stat()
    time.sleep(0.02)
    write_image(file, 255 - picture(1))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # its time of change tells all the same
    second = load(data)
    assert len(decoded) == len(first) + 1
    assert (second.table["content"] != first.table["content"]).sum() == 1


def test_what_was_just_written_is_not_remembered(
    tmp_path: Path, decoded: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "SETTLED", 3600 * 10**9)
    data = folder(tmp_path / "data")
    first = load(data)
    load(data)
    assert len(decoded) == 2 * len(first)


@pytest.mark.parametrize("damage", [b"", b"no table", None])
def test_a_damaged_or_unwritable_memory_is_none(tmp_path: Path, decoded: list[object], damage: bytes | None) -> None:
    data = folder(tmp_path / "data")
    if damage is None:
        (tmp_path / "cache").write_text("a file where the folder should be")
    first = load(data)
    if damage is not None:
        (file,) = (tmp_path / "cache" / "measured").iterdir()
        file.write_bytes(damage)
    assert load(data).table.equals(first.table) and len(decoded) == 2 * len(first)


def test_copies_are_searched_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path))
    monkeypatch.setattr(known_copies, "FEWEST", 4)
    small = np.random.default_rng(0).integers(0, 256, (6, 64, 64), dtype=np.uint8)
    small[3] = small[1][:, ::-1]
    searches: list[int] = []
    real = known_copies.find_copies

    def find(images: np.ndarray) -> FoundCopies:
        searches.append(len(images))
        return real(images)

    monkeypatch.setattr(known_copies, "find_copies", find)
    first, second = (known_copies.find_copies_once(small) for _ in range(2))
    assert searches == [6] and len(first) == 1
    for name in ("first", "second", "agreement", "symmetry", "move"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.change == second.change
    known_copies.find_copies_once(small, verify=True)
    assert searches == [6, 6]
