"""A tar file is read as what it holds; one that means harm, is cut off or claims too much is refused by name."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

import heldout
from heldout.errors import HeldoutError, InputError
from heldout.files import cache_folder
from tests.data.readers.making import folder, npz


@pytest.fixture(autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path_factory.mktemp("cache")))


def packed(path: Path, root: Path, below: str = "./") -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        archive.add(root, below)
    return path


def nothing_left() -> bool:
    place = cache_folder() / "archives"
    return not place.exists() or not [path for path in place.iterdir() if path.is_dir()]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz"])
@pytest.mark.parametrize("below", ["./", "chest/data"])
def test_it_is_the_folder_that_it_holds_and_extracted_once(tmp_path: Path, ending: str, below: str) -> None:
    root = folder(tmp_path / "chest")
    file = packed(tmp_path / f"chest{ending}", root, below)
    first = heldout.load(file)
    assert first.name == "chest" and first.reader == "tar" and first.hash == heldout.load(root).hash
    (made,) = (cache_folder() / "archives").iterdir()
    image = next(made.rglob("*.png"))
    before = image.stat().st_mtime_ns
    assert heldout.load(file).hash == first.hash and image.stat().st_mtime_ns == before
    shutil.rmtree(root / "train" / "sick")
    packed(file, root, below)  # another archive under the same name
    with pytest.raises(InputError, match="sick"):
        heldout.load(file)


def test_an_npz_in_it(tmp_path: Path) -> None:
    npz(tmp_path / "one" / "x.npz")
    assert heldout.load(packed(tmp_path / "y.tgz", tmp_path / "one")).classes == ("0", "1")


def test_what_leads_out_links_devices_and_what_stands_in_it_twice_are_refused_at_once(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in (
            "../out.png",
            "/root.png",
            "C:/disk.png",
            "a/..\\..\\out.png",
            "a/fine.png",
            "a/twice",
            "a/./twice",
        ):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE):
            info = tarfile.TarInfo(f"a/{kind!r}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path / "x.tar")
    assert len(caught.value.problems) == 10 and not any("fine" in one.where for one in caught.value.problems)
    assert nothing_left() and not (tmp_path.parent / "out.png").exists()


def test_more_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = packed(tmp_path / "x.tar", folder(tmp_path / "x"))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(HeldoutError, match="HELDOUT_CACHE"):
        heldout.load(file)


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header("a/0.png", 10**12), "a ratio of at most"),  # told before the end is looked for
        (header("a/long", 10**9, tarfile.GNUTYPE_LONGNAME), "cannot be read"),  # a gigabyte of memory for a name
        (header("pax", 10**9, tarfile.XHDTYPE), "cannot be read"),
        (b"no archive at all" * 100, "cannot be read"),
    ],
    ids=["size", "name", "attribute", "no archive"],
)
def test_what_claims_too_much_is_refused_before_it_takes_room(tmp_path: Path, content: bytes, said: str) -> None:
    with gzip.open(tmp_path / "x.tar.gz", "wb") as file:
        file.write(content)
    with pytest.raises(InputError, match=said):
        heldout.load(tmp_path / "x.tar.gz")
    assert nothing_left()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """50 MB of zeros behind one another, ten times: beyond what the file's size can honestly hold."""
    layer = gzip.compress(header("a/0.png", 400 * 2**20) + bytes(1024))
    (tmp_path / "x.tgz").write_bytes(layer)
    with pytest.raises(InputError, match="a ratio of at most"):
        heldout.load(tmp_path / "x.tgz")


@pytest.mark.parametrize("ending", [".tar", ".tgz"])
def test_an_archive_that_is_cut_off_anywhere_is_refused(tmp_path: Path, ending: str) -> None:
    file = packed(tmp_path / f"x{ending}", folder(tmp_path / "x", each=2))
    whole = file.read_bytes()
    used = len(whole.rstrip(b"\0")) if ending == ".tar" else len(whole)
    with tarfile.open(file) as archive:
        boundaries = [info.offset for info in archive if ending == ".tar"]
    for length in sorted({0, 1, 511, 512, *boundaries, used // 2, used - 1}):
        file.write_bytes(whole[:length])
        os.utime(file, ns=(length, length))
        with pytest.raises(InputError, match="cannot be read"):
            heldout.load(file)
    assert nothing_left()
