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
from heldout.data.squares import Place, Squares
from heldout.data.squaring import Fitting
from heldout.data.store import build_store
from heldout.errors import InputError
from heldout.images import reading
from heldout.records import Cohort, InputMap
from heldout.study import Study
from tests.data.readers.making import arrays, folder, npz
from tests.images.decoders.making import dicom

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


def places(cohort: Cohort) -> list[Place]:
    """Source, member and row of every image."""
    return list(cohort.table[["source", "member", "row"]].itertuples(index=False, name=None))


def mixed(root: Path) -> Path:
    """Grey and coloured images, wider than high."""
    folder(root)
    for n, file in enumerate(sorted(root.rglob("*.png"))[::3]):
        pixels = np.random.default_rng(n).integers(0, 256, (9, 14, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return root


@pytest.mark.parametrize(
    ("intensity", "deep", "channels"),
    [
        ("", False, ""),
        ("full-range", False, ""),
        ("full-range", True, ""),
        ("per-image", True, ""),
        ("window:100,60000", True, ""),
        ("percentile:0.5,99.5", True, ""),
        ("", False, "adapt"),
    ],
)
def test_a_study_decodes_every_image_once(
    tmp_path: Path, decoded: Counter[str], intensity: str, deep: bool, channels: str
) -> None:
    data = folder(tmp_path / "data", each=6)
    for file in data.rglob("*.png") if deep else ():
        Image.fromarray(np.asarray(Image.open(file), dtype=np.uint16) * np.uint16(257)).save(file)
    study = Study(
        data, ["efficientnet_lite0"], ["probe"], tmp_path / "s", image_size=32, intensity=intensity, channels=channels
    )
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
    place = places(cohort)[0]
    assert squares.take(place, PLAIN) is not None
    for other in (Fitting(13, "pad", "bicubic"), Fitting(12, "crop", "bicubic"), Fitting(12, "pad", "bilinear")):
        assert squares.take(place, other) is None
    assert squares.take(place, Fitting(12, "pad", "bicubic", InputMap("per-image"))) is None
    assert squares.take(("no", "such", -1), PLAIN) is None


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
    assert all(squares.take(place, PLAIN) is None for place in places(cohort))


def test_a_file_that_asks_for_another_window_is_another_image(tmp_path: Path) -> None:
    """Else a finished run would stand for images that it never saw."""
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20) * 10
    for n, (part, name) in enumerate((p, c) for p in ("train", "test") for c in "ab"):
        (tmp_path / part / name).mkdir(parents=True)
        (tmp_path / part / name / "0.dcm").write_bytes(dicom(pixels + n, 12, WindowCenter=500, WindowWidth=900))
    before = load(tmp_path, intensity="dicom-window")
    (tmp_path / "train/a/0.dcm").write_bytes(dicom(pixels, 12, WindowCenter=900, WindowWidth=900))
    after = load(tmp_path, intensity="dicom-window")
    assert len(set(before.table["id"]) - set(after.table["id"])) == 1
    how = (12, "pad", "bicubic", None)
    with pytest.raises(InputError, match="another window"):
        build_store(before, list(before.table["id"]), *how, input_map=InputMap("dicom-window"))


def test_images_with_equal_pixels_have_squares_by_their_own_windows(tmp_path: Path) -> None:
    pixels, data = np.arange(400, dtype=np.uint16).reshape(20, 20) * 10, tmp_path / "data"
    for part, name, centre in (("train", "a", 500), ("train", "b", 1000), ("test", "a", 1500), ("test", "b", 2000)):
        (data / part / name).mkdir(parents=True)
        (data / part / name / f"{centre}.dcm").write_bytes(dicom(pixels, 12, WindowCenter=centre, WindowWidth=900))
    rule = InputMap("dicom-window")
    squares = Squares([Fitting(12, "pad", "bicubic", rule)], tmp_path)
    cohort = load(data, intensity="dicom-window", keep=squares.keep)
    assert cohort.table["content"].nunique() == 4
    asked = (cohort, list(cohort.table["id"]), 12, "pad", "bicubic", None)
    kept = build_store(*asked, input_map=rule, squares=squares).pixels
    plain = build_store(*asked, input_map=rule).pixels
    assert np.array_equal(kept, plain) and len(np.unique(plain.reshape(4, -1), axis=0)) == 4
