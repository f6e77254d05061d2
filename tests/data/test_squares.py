"""A first study decodes every image once: its square is made while the image is measured."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from heldout.data.load import load
from heldout.data.squares import Squares
from heldout.data.squaring import Fitting
from heldout.data.store import build_store
from heldout.images import reading
from heldout.records import InputMap
from heldout.study import Study
from tests.data.readers.making import arrays, folder, npz

LAYOUTS: dict[str, Callable[[Path], Path]] = {"arrays": arrays, "npz": lambda place: npz(place / "x.npz")}

PLAIN = Fitting(12, "pad", "bicubic")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each image was decoded from here on, wherever in the house."""
    counts: Counter[str] = Counter()

    def counting(name: str) -> None:
        real = getattr(reading, name)

        def decode(path: Path, member: str = "", row: int = -1) -> object:
            counts[f"{path} {member} {row}"] += 1
            return real(path, member, row)

        monkeypatch.setattr(reading, name, decode)

    counting("decode_file")
    counting("_decode_row")
    return counts


def mixed(root: Path) -> Path:
    """Grey and coloured images, wider than high."""
    folder(root)
    for n, file in enumerate(sorted(root.rglob("*.png"))[::3]):
        pixels = np.random.default_rng(n).integers(0, 256, (9, 14, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return root


@pytest.mark.parametrize(
    ("intensity", "deep"),
    [("", False), ("full-range", False), ("full-range", True), ("per-image", True), ("window:100,60000", True)],
)
def test_a_study_decodes_every_image_once(tmp_path: Path, decoded: Counter[str], intensity: str, deep: bool) -> None:
    data = folder(tmp_path / "data", each=6)
    for file in data.rglob("*.png") if deep else ():
        Image.fromarray(np.asarray(Image.open(file), dtype=np.uint16) * np.uint16(257)).save(file)
    study = Study(data, ["efficientnet_lite0"], ["probe"], tmp_path / "s", image_size=32, intensity=intensity)
    study.run()
    assert len(decoded) == len(study.cohort) and set(decoded.values()) == {1}
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "s", "cache"}


@pytest.mark.parametrize("layout", ["mixed", *LAYOUTS])
@pytest.mark.parametrize("rule", [None, InputMap("full-range"), InputMap("per-image")])
def test_kept_squares_are_those_that_decoding_again_gives(
    tmp_path: Path, decoded: Counter[str], layout: str, rule: InputMap | None
) -> None:
    fitting = Fitting(12, "pad", "bicubic", rule)
    squares = Squares([fitting, Fitting(9, "stretch", "bilinear", rule)], tmp_path / "not" / "there" / "yet")
    cohort = load({"mixed": mixed, **LAYOUTS}[layout](tmp_path / "data"), keep=squares.keep)
    ids = list(cohort.table["id"])[::-1]
    for way in (fitting, Fitting(9, "stretch", "bilinear", rule)):
        asked = (cohort, ids, way.size, way.fit, way.interpolation, None)
        before = decoded.total()
        kept = build_store(*asked, input_map=rule, squares=squares).pixels
        assert decoded.total() == before
        plain = build_store(*asked, input_map=rule).pixels
        assert decoded.total() == before + len(ids)
        assert kept.dtype == plain.dtype and np.array_equal(kept, plain)
    assert not (tmp_path / "not").exists()


def test_squares_of_another_way_are_not_taken(tmp_path: Path) -> None:
    squares = Squares([PLAIN], tmp_path)
    cohort = load(mixed(tmp_path / "data"), keep=squares.keep)
    content = str(cohort.table["content"][0])
    assert squares.take(content, PLAIN) is not None
    for other in (Fitting(13, "pad", "bicubic"), Fitting(12, "crop", "bicubic"), Fitting(12, "pad", "bilinear")):
        assert squares.take(content, other) is None
    assert squares.take(content, Fitting(12, "pad", "bicubic", InputMap("per-image"))) is None
    assert squares.take("no such content", PLAIN) is None


@pytest.mark.parametrize("free", [0, 4 * 12 * 12 * 3 * 5])
def test_where_the_disk_is_nearly_full_the_rest_is_decoded_again(
    tmp_path: Path, decoded: Counter[str], monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    squares = Squares([PLAIN], tmp_path)
    cohort = load(mixed(tmp_path / "data"), keep=squares.keep)
    before = decoded.total()
    asked = (cohort, list(cohort.table["id"]), 12, "pad", "bicubic", None)
    kept = build_store(*asked, squares=squares).pixels
    again = decoded.total() - before
    assert again == len(cohort) if free == 0 else 0 < again < len(cohort)
    assert np.array_equal(kept, build_store(*asked).pixels)


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**words: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("heldout.data.squares.tempfile.TemporaryFile", refuse)
    squares = Squares([PLAIN], tmp_path)
    cohort = load(mixed(tmp_path / "data"), keep=squares.keep)
    assert all(squares.take(content, PLAIN) is None for content in cohort.table["content"])
