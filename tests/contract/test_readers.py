"""What holds for every reader on the shelf, discovered, not listed."""

from __future__ import annotations

import inspect
import itertools
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from heldout.data.draft import readers
from heldout.data.entries import Draft, Entry, Reader
from heldout.errors import HeldoutError
from heldout.progress import Silent
from tests.data.readers.making import arrays, folder, npz

EVERY = [pytest.param(reader, id=reader.name) for reader in readers]


def examples(root: Path) -> dict[str, str]:
    """One DATA of every kind that our own readers know."""
    folder(root / "folder")
    pd.DataFrame({"path": ["folder/train/normal/0.png"], "label": ["a"]}).to_csv(root / "m.csv", index=False)
    for part in ("train", "test"):
        names = {f"../folder/{part}/{label}/{i}.png": label for label in ("normal", "sick") for i in range(3)}
        (root / "tables").mkdir(exist_ok=True)
        pd.DataFrame(names.items(), columns=["path", "label"]).to_csv(root / "tables" / f"{part}.csv", index=False)
    with zipfile.ZipFile(root / "z.zip", "w") as archive:
        for file in sorted((root / "folder").rglob("*.png")):
            archive.write(file, file.relative_to(root / "folder"))
    return {
        "tables": str(root / "tables"),
        "zip": str(root / "z.zip"),
        "folder": str(root / "folder"),
        "npy": str(arrays(root / "npy")),
        "npz": str(npz(root / "x.npz")),
        "manifest": str(root / "m.csv"),
        "medmnist": "medmnist:bloodmnist@64",
        "hf": "hf:lab/cells",
        "phantom": "phantom:cells",
    }


@pytest.mark.parametrize("reader", EVERY)
def test_it_is_a_documented_reader(reader: Reader) -> None:
    assert isinstance(reader, Reader)
    assert reader.name and reader.title and not reader.title.endswith(".")
    manual = inspect.getdoc(type(reader))
    assert manual and manual != inspect.getdoc(Reader) and len(manual.split()) > 15


@pytest.mark.parametrize("reader", EVERY)
def test_it_stands_in_the_manual_for_data(reader: Reader) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert f"`{reader.name}`" in manual


@pytest.mark.parametrize("reader", EVERY)
@pytest.mark.parametrize("nonsense", ["", "nowhere", "magic:beans", "nowhere.csv", "nowhere.npz", "/", "x" * 200])
def test_it_accepts_no_nonsense(reader: Reader, nonsense: str) -> None:
    if nonsense == "/" and reader.name == "folder":
        pytest.skip("any folder without arrays is a folder: what is wrong with it is said by reading it")
    assert reader.accepts(nonsense) is False


def test_every_kind_of_data_is_accepted_by_one_reader_only(tmp_path: Path) -> None:
    for kind, data in examples(tmp_path).items():
        accepted = [reader.name for reader in readers if reader.accepts(data)]
        assert accepted in ([kind], []), data
        assert accepted or kind not in readers.names(), f"{kind} does not accept its own example"


@pytest.mark.parametrize("reader", EVERY)
def test_its_draft_names_every_image_once_in_the_same_order(reader: Reader, tmp_path: Path) -> None:
    data = examples(tmp_path).get(reader.name)
    if data is None or ":" in data:
        pytest.skip("no example on disk for this reader; it has tests of its own")
    drafts = [reader.read(data, Silent()) for _ in range(2)]
    assert drafts[0] == drafts[1] and isinstance(drafts[0], Draft)
    draft = drafts[0]
    assert draft.name and draft.root.is_absolute() and draft.entries and not draft.problems
    assert len({(entry.source, entry.member, entry.row) for entry in draft.entries}) == len(draft.entries)
    for entry in draft.entries:
        assert isinstance(entry, Entry) and entry.split in ("train", "val", "test", "")
        assert (draft.root / entry.source).is_file() and "\\" not in entry.source


def test_two_readers_for_one_kind_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy(type(readers.get("folder"))):  # type: ignore[misc]
        name = "greedy"

    readers.names()
    monkeypatch.setitem(readers._found, "greedy", Greedy())
    from heldout.data.load import load

    with pytest.raises(HeldoutError, match="folder, greedy"):
        load(folder(tmp_path))


def test_no_two_readers_share_a_title() -> None:
    for one, other in itertools.combinations(readers, 2):
        assert one.title != other.title
