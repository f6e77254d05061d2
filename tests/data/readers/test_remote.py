"""`medmnist:` and `hf:` with stand-ins for their packages; nothing here touches a network."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import heldout
from heldout.data.readers.medmnist import CLASSES, parse
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.files import cache_folder
from tests.data.readers.making import npz, picture


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


def test_a_file_in_the_package_folder_is_used(home: Path) -> None:
    npz(home / ".medmnist" / "pneumoniamnist_64.npz")
    cohort = heldout.load("medmnist:PneumoniaMNIST@64")
    assert cohort.classes == ("normal", "pneumonia") and cohort.name == "pneumoniamnist_64" and len(cohort) == 12


def test_a_file_in_our_cache_is_used(home: Path) -> None:
    npz(cache_folder() / "medmnist" / "breastmnist.npz")
    assert heldout.load("medmnist:breastmnist").classes == ("malignant", "normal, benign")


def test_without_file_and_package_the_extra_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medmnist", None)
    with pytest.raises(HeldoutError, match=r"heldout\[medmnist\]"):
        heldout.load("medmnist:breastmnist")


def stub_medmnist(works: bool) -> ModuleType:
    def download(split: str, download: bool, size: int, root: str) -> None:
        sys.stdout.write("the package prints this")
        if not works:
            raise RuntimeError("no network")
        npz(Path(root) / "bloodmnist_128.npz")

    module = ModuleType("medmnist")
    module.INFO = {"bloodmnist": {"python_class": "BloodMNIST", "url_128": "https://example.org/b"}}  # type: ignore[attr-defined]
    module.BloodMNIST = download  # type: ignore[attr-defined]
    return module


def test_the_package_downloads_without_a_word_on_stdout(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "medmnist", stub_medmnist(works=True))
    assert heldout.load("medmnist:bloodmnist@128").classes == ("basophil", "eosinophil")
    assert capsys.readouterr().out == ""


def test_a_failed_download_says_where_the_file_belongs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medmnist", stub_medmnist(works=False))
    with pytest.raises(HeldoutError) as caught:
        heldout.load("medmnist:bloodmnist@128")
    for word in ("bloodmnist_128.npz", str(home / ".medmnist"), str(cache_folder()), "https://example.org/b"):
        assert word in str(caught.value)


def test_names_and_sizes() -> None:
    assert parse("medmnist:BloodMNIST") == ("bloodmnist", 28)
    for bad in ("medmnist:nosuch", "medmnist:bloodmnist@32", "medmnist:bloodmnist@"):
        with pytest.raises(UsageError, match="medmnist"):
            parse(bad)
    assert {name: len(classes) for name, classes in CLASSES.items()} == {  # Yang et al. 2023, table 2
        "pathmnist": 9,
        "chestmnist": 14,
        "dermamnist": 7,
        "octmnist": 4,
        "pneumoniamnist": 2,
        "retinamnist": 5,
        "breastmnist": 2,
        "bloodmnist": 8,
        "tissuemnist": 8,
        "organamnist": 11,
        "organcmnist": 11,
        "organsmnist": 11,
    }


def test_a_label_beyond_the_classes_is_refused(home: Path) -> None:
    content = dict(np.load(npz(home / ".medmnist" / "x.npz")))
    content["test_labels"][0] = 2
    np.savez(home / ".medmnist" / "pneumoniamnist.npz", **content)
    with pytest.raises(InputError, match=r"the labels \[2\]"):
        heldout.load("medmnist:pneumoniamnist")


class StubImage:
    """Stands for `datasets.Image`."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class StubLabel:
    """Stands for `datasets.ClassLabel`."""

    names = ("benign", "malignant/grade 3")


class Rows(list):  # type: ignore[type-arg]
    """Stands for `datasets.Dataset`."""

    features: dict[str, Any]
    raw = False

    def cast_column(self, column: str, kind: StubImage) -> Rows:
        assert column == "scan" and kind.decode is False
        self.raw = True
        return self

    def __getitem__(self, key: Any) -> Any:
        return [row[key] for row in self] if isinstance(key, str) else super().__getitem__(key)


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def stub_datasets(parts: tuple[str, ...] = ("train", "test"), label: int | None = None) -> Any:
    loaded = {}
    for number, part in enumerate(parts):
        rows = Rows(
            {
                "scan": {"bytes": png(10 * number + i), "path": f"case{i}.png" if i else None},
                "finding": i % 2 if label is None or i else label,
            }
            for i in range(4)
        )
        rows.features = {"scan": StubImage(), "finding": StubLabel(), "age": object()}
        loaded[part] = rows
    return SimpleNamespace(Image=StubImage, ClassLabel=StubLabel, load_dataset=lambda name: loaded)


def test_the_hub_writes_the_files_as_they_were(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", stub_datasets())
    cohort = heldout.load("hf:lab/cells")
    assert cohort.classes == ("benign", "malignant_grade 3") and len(cohort) == 8 and cohort.name == "lab--cells"
    first = cache_folder() / "hf/lab--cells/test/malignant_grade 3/000001-case1.png"
    assert first.read_bytes() == png(11)
    monkeypatch.setitem(sys.modules, "datasets", None)  # the second time nothing is fetched
    assert heldout.load("hf:lab/cells").hash == cohort.hash


def test_the_hub_refuses_labels_that_are_missing_and_splits_of_other_names(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", stub_datasets(label=-1))
    with pytest.raises(InputError, match="1 of 4 images without a label"):
        heldout.load("hf:lab/cells")
    monkeypatch.setitem(sys.modules, "datasets", stub_datasets(parts=("train", "extra")))
    with pytest.raises(InputError, match="the splits train, extra"):
        heldout.load("hf:lab/cells")
    assert not (cache_folder() / "hf").exists() or not list((cache_folder() / "hf").iterdir())


def test_the_hub_wants_one_column_of_each(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = stub_datasets()
    stub.load_dataset("x")["train"].features = {"a": StubImage(), "b": StubImage(), "text": object()}
    monkeypatch.setitem(sys.modules, "datasets", stub)
    with pytest.raises(InputError, match=r"2 columns of images \(a, b\) and 0 of class labels"):
        heldout.load("hf:lab/cells")


def test_the_hub_fails_with_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str) -> None:
        raise ConnectionError("offline")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(HeldoutError, match=r"ConnectionError: offline.*yourself"):
        heldout.load("hf:lab/cells")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(HeldoutError, match=r"heldout\[hf\]"):
        heldout.load("hf:lab/cells")
    for bad in ("hf:../../etc", "hf:..", "hf:", "hf:a/b/c"):
        with pytest.raises(UsageError, match="hf:ORG/NAME"):
            heldout.load(bad)
