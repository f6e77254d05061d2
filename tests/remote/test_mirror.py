"""DATA in a store or on the web: what is named is read, as it is now, and nothing is fetched twice."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.data.load import load
from heldout.errors import InputError, UsageError
from heldout.progress import Silent
from heldout.records import Cohort
from heldout.remote import mirror
from heldout.remote.mirror import MARK
from heldout.remote.store import Store, Stored, StoreError
from heldout.remote.urls import DATA, place_of
from tests.remote.s3 import S3, Fault


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images with a table beside them that names half of them."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    rows = ["path,label,split"]
    for split, count in (("train", 6), ("test", 4)):
        for label, level in (("dark", 70), ("light", 170)):
            for k in range(count):
                name = f"{split}/{label}/{k}.png"
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.clip(rng.normal(level, 40, (16, 16)), 0, 255).astype(np.uint8)).save(root / name)
                rows += [f"{name},{label},{split}"] * (k % 2 == 0)
    (root / "table.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def url(bucket: str, images: Path) -> str:
    """Of the same folder in a store."""
    put(f"{bucket}/images", images)
    return f"{bucket}/images"


def put(url: str, folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            Store(url).put(file.relative_to(folder).as_posix(), file, new=False)


def same(one: Cohort, other: Cohort) -> bool:
    kept = ["id", "label", "split", "content"]
    return one.table[kept].equals(other.table[kept]) and one.hash == other.hash


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_folder_in_a_store_is_the_folder(s3: S3, url: str, images: Path) -> None:
    assert same(load(url), load(images))


def test_a_second_command_asks_for_the_list_alone(s3: S3, url: str) -> None:
    load(url)
    load(url)  # what was fetched within the last seconds is read again, from this disk
    s3.heal()
    load(url)
    assert s3.count == 1


def test_a_table_in_a_store_names_what_is_fetched(s3: S3, url: str, images: Path) -> None:
    assert same(load(f"{url}/table.csv"), load(images / "table.csv"))
    place = place_of(url, DATA)
    fetched = {p.relative_to(place).as_posix() for p in place.rglob("*.png") if not p.read_bytes().startswith(MARK)}
    named = {line.partition(",")[0] for line in (images / "table.csv").read_text().splitlines()[1:]}
    assert fetched == named


@pytest.mark.parametrize("where", ["here", "there"])
def test_rows_of_a_table_may_be_urls(url: str, images: Path, tmp_path: Path, where: str) -> None:
    rows = (images / "table.csv").read_text().splitlines()
    text = "\n".join([rows[0], *(f"{url}/{row}" for row in rows[1:])])
    (tmp_path / "rows.csv").write_text(text)
    Store(url).put("rows.csv", tmp_path / "rows.csv", new=True)
    data = tmp_path / "rows.csv" if where == "here" else f"{url}/rows.csv"
    assert same(load(data), load(images / "table.csv"))


def test_rows_that_are_urls_and_rows_that_are_none_are_refused(url: str, images: Path, tmp_path: Path) -> None:
    rows = (images / "table.csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([rows[0], f"{url}/{rows[1]}", *rows[2:]]))
    with pytest.raises(InputError, match="one or the other"):
        load(tmp_path / "rows.csv")


def test_images_of_a_table_may_lie_at_a_url(url: str, images: Path, tmp_path: Path) -> None:
    shutil.copy(images / "table.csv", tmp_path / "table.csv")
    assert same(load(tmp_path / "table.csv", images=url), load(images / "table.csv"))


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """URL of a server of files."""
    handler = partial(_Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing is said."""


def test_a_table_on_the_web_names_what_is_fetched(images: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(images, tmp_path / "web")
    with web(copied) as url:
        assert same(load(f"{url}/table.csv"), load(images / "table.csv"))
        with pytest.raises(InputError, match="no folder is listed"):
            load(url)
        (copied / "train/dark/0.png").write_bytes((copied / "train/light/0.png").read_bytes())
        notes = Notes()
        assert not same(load(f"{url}/table.csv", reporter=notes), load(images / "table.csv"))
        assert any("train/dark/0.png" in note for note in notes.notes)
        (copied / "train/dark/0.png").unlink()
        with pytest.raises(InputError, match=r"train/dark/0\.png"):
            load(f"{url}/table.csv")
    with pytest.raises(StoreError, match="did not answer"):
        load(f"{url}/table.csv")


def test_more_images_than_the_disk_may_hold(url: str, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELDOUT_IMAGES_GB", "1e-6")  # a thousand bytes, of which an image here takes a third
    monkeypatch.setattr(mirror, "LATEST", 10)  # as many as threads decode at once, and more
    monkeypatch.setattr(mirror, "_ROOM", mirror._Room())
    assert same(load(url), load(images))
    here = [file.read_bytes() for file in place_of(url, DATA).rglob("*.png")]
    assert sum(not content.startswith(MARK) for content in here) == 10
    assert same(load(url), load(images))
    monkeypatch.setenv("HELDOUT_IMAGES_GB", "much")
    with pytest.raises(UsageError, match="gigabytes"):
        load(url, verify=True)


def test_an_archive_in_a_store(bucket: str, images: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "images"), "zip", images)
    Store(bucket).put("images.zip", Path(archive), new=True)
    assert same(load(f"{bucket}/images.zip"), load(images))
    with pytest.raises(InputError, match="no such object"):
        load(f"{bucket}/other.zip")


def test_an_object_that_changed_or_is_gone_is_noticed(url: str, images: Path) -> None:
    before = load(url)
    Store(url).put("train/dark/0.png", images / "train/light/0.png", new=False)
    Store(url).remove("train/dark/1.png")
    notes = Notes()
    after = load(url, reporter=notes)
    assert len(after) == len(before) - 1
    content = dict(zip(after.table["source"], after.table["content"], strict=True))
    assert content["train/dark/0.png"] == content["train/light/0.png"]
    assert [("train/dark/0.png" in text, "train/dark/1.png" in text) for text in notes.notes] == [
        (True, False),
        (False, True),
    ]


def test_a_folder_that_is_not_there(bucket: str) -> None:
    with pytest.raises(InputError, match="nothing that lies there"):
        load(f"{bucket}/nothing")
    with pytest.raises(StoreError, match="no such bucket"):
        load("s3://no-such-bucket/images")


def test_names_that_no_folder_can_have_are_refused_all_at_once(url: str) -> None:
    for name in ("/y.png", "a//b.png", "x/../y.png", "train/dark"):
        Store(url)._fs.pipe_file(f"{url}/{name}", b"1")
    with pytest.raises(InputError) as caught:
        load(url)
    assert len(caught.value.problems) == 4


def test_images_that_are_gone_while_they_are_read_are_told_all_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ["train/dark/0.png", "train/light/0.png"]
    real = Store.list

    def listed(self: Store, name: str = "") -> dict[str, Stored]:
        found = real(self, name)
        for one in gone:  # after they were listed, and before they are fetched
            self.remove(one)
        return found

    monkeypatch.setattr(Store, "list", listed)
    with pytest.raises(InputError) as caught:
        load(url)
    assert sorted(problem.where for problem in caught.value.problems) == gone
    assert all("gone" in problem.found for problem in caught.value.problems)


def test_a_store_that_cannot_be_reached_stops_the_reading_and_what_came_is_kept(s3: S3, url: str, images: Path) -> None:
    s3.heal(Fault(8, "refused", lasting=True))
    with pytest.raises(StoreError):
        load(url)
    s3.heal()
    assert same(load(url), load(images))


@pytest.mark.parametrize("kind", ["cut", "unanswered", "silent", "refused"])
def test_one_fault_is_not_noticed_or_mended_by_the_next_command(s3: S3, url: str, images: Path, kind: str) -> None:
    s3.heal(Fault(5, kind))  # type: ignore[arg-type]
    try:
        assert same(load(url), load(images))
    except StoreError:
        s3.heal()
        assert same(load(url), load(images))
