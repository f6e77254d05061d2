"""A zip file is read as what it holds; one that means harm, or claims too much, is refused by name."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path

import pytest

import heldout
from heldout.errors import HeldoutError, InputError
from heldout.files import cache_folder
from tests.data.readers.making import folder, npz


@pytest.fixture(autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path_factory.mktemp("cache")))


def zipped(path: Path, root: Path, below: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, f"{below}{file.relative_to(root).as_posix()}")
    return path


@pytest.mark.parametrize("below", ["", "chest/data/"])
def test_it_is_the_folder_that_it_holds_and_extracted_once(tmp_path: Path, below: str) -> None:
    root = folder(tmp_path / "chest")
    file = zipped(tmp_path / "chest.zip", root, below)
    first = heldout.load(file)
    assert first.name == "chest" and first.reader == "zip" and first.hash == heldout.load(root).hash
    (made,) = (cache_folder() / "archives").iterdir()
    image = next(made.rglob("*.png"))
    before = image.stat().st_mtime_ns
    file.touch()
    assert heldout.load(file).hash == first.hash and image.stat().st_mtime_ns == before


def test_a_table_in_it_and_an_npz_in_it(tmp_path: Path) -> None:
    root = folder(tmp_path / "set" / "img", parts=("",)).parent
    rows = [f"{file.stem},{file.parent.name[0]}" for file in sorted(root.rglob("*.png"))]
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        file.rename(root / "img" / f"x{number}.png")
        rows[number] = f"x{number},{rows[number][-1]}"
    shutil.rmtree(root / "img" / "normal")
    shutil.rmtree(root / "img" / "sick")
    (root / "labels.csv").write_text("\n".join(["id,dx", *rows]))
    file = zipped(tmp_path / "set.zip", root)
    with pytest.raises(InputError, match="add --path-column id --label-column dx"):
        heldout.load(file)
    assert heldout.load(file, path_column="id", label_column="dx").classes == ("n", "s")
    npz(tmp_path / "one" / "x.npz")
    assert heldout.load(zipped(tmp_path / "y.zip", tmp_path / "one")).classes == ("0", "1")


def test_what_leads_out_links_and_what_claims_too_much_are_refused_at_once(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("../out.png", "/root.png", "C:/disk.png", "a/..\\..\\out.png", "a/fine.png"):
            archive.writestr(name, b"x")
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path / "x.zip")
    assert len(caught.value.problems) == 5 and not any("fine" in one.where for one in caught.value.problems)
    assert not (cache_folder() / "archives").exists()


@pytest.mark.parametrize(
    ("more", "where", "found"),
    [
        ("a/normal", "a/normal", "a file and a folder of one name"),
        (f"a/normal/{'ü' * 128}.png", "ü.png", "a name that is too long"),
    ],
)
def test_what_no_folder_can_hold_is_said_of_the_archive(tmp_path: Path, more: str, where: str, found: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/normal/fine.png", b"x")
        archive.writestr(more, b"x")
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path / "x.zip")
    (problem,) = caught.value.problems
    assert problem.where.startswith("x.zip [") and problem.where.endswith(f"{where}]") and problem.found == found


def test_more_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = zipped(tmp_path / "x.zip", folder(tmp_path / "x"))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(HeldoutError, match="HELDOUT_CACHE"):
        heldout.load(file)


def test_a_ratio_that_no_packing_reaches(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/0.png", bytes(5_000_000))
    with pytest.raises(InputError, match="a ratio of at most"):
        heldout.load(tmp_path / "x.zip")


def test_damaged_archives(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK no")
    file = zipped(tmp_path / "x.zip", folder(tmp_path / "x"))
    data = bytearray(file.read_bytes())
    data[60] ^= 255  # in the first image: its checksum is wrong
    (tmp_path / "bad.zip").write_bytes(data)
    for name in ("no.zip", "bad.zip"):
        with pytest.raises(InputError, match="an archive that cannot be read"):
            heldout.load(tmp_path / name)
    left = cache_folder() / "archives"
    assert not left.exists() or not [path for path in left.iterdir() if path.is_dir()]
