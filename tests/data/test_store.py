from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import heldout
from heldout.data.store import build_store, store_of_arrays
from heldout.errors import HeldoutError, InputError
from heldout.images import fit_square, read_pixels
from heldout.images.arrays import _open as kept_open
from heldout.progress import Epoch
from heldout.records import Cohort
from tests.data.readers.making import arrays, folder, npz, picture, write_image


class Counting:
    """A reporter that counts the steps."""

    def __init__(self) -> None:
        self.steps = 0

    def begin(self, title: str, total: int) -> None: ...

    def step(self, epoch: Epoch | None = None) -> None:
        self.steps += 1

    def end(self) -> None: ...

    def note(self, text: str) -> None: ...


def ids(cohort: Cohort) -> list[str]:
    return list(cohort.table["id"])


@pytest.mark.parametrize("layout", ["folder", "arrays", "npz"])
@pytest.mark.parametrize("kept", [True, False])
def test_every_square_is_the_image_of_its_id(tmp_path: Path, layout: str, kept: bool) -> None:
    data = {"folder": folder, "arrays": arrays, "npz": lambda path: npz(path / "x.npz")}[layout](tmp_path / "data")
    cohort = heldout.load(data)
    wanted = ids(cohort)[::-2]
    store = build_store(cohort, wanted, 12, "stretch", "bilinear", tmp_path / "stores" if kept else None)
    assert store.pixels.shape == (len(wanted), 12, 12, 1) and store.ids == tuple(wanted) and store.channels == 1
    rows = cohort.table.set_index("id")
    for position, id_ in enumerate(wanted):
        row = rows.loc[id_]
        image = read_pixels(Path(cohort.root) / row["source"], row["member"], row["row"])
        assert np.array_equal(store.pixels[position, :, :, 0], fit_square(image, 12))


def test_take_follows_the_order_asked_for(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path / "data"))
    store = build_store(cohort, ids(cohort), 8, "pad", "bicubic", tmp_path / "stores")
    some = [ids(cohort)[5], ids(cohort)[0], ids(cohort)[5]]
    taken = store.take(some)
    assert np.array_equal(taken, np.asarray(store.pixels)[[5, 0, 5]])
    taken[:] = 0  # a copy: the store stays as it is
    assert store.pixels.any()
    with pytest.raises(HeldoutError, match="not in this store"):
        store.take(["nobody"])


def test_a_store_is_built_once(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path / "data"))
    first, second, other = Counting(), Counting(), Counting()
    a = build_store(cohort, ids(cohort), 8, "stretch", "bilinear", tmp_path / "stores", first)
    b = build_store(cohort, ids(cohort), 8, "stretch", "bilinear", tmp_path / "stores", second)
    assert (first.steps, second.steps) == (12, 0) and np.array_equal(a.pixels, b.pixels)
    assert isinstance(b.pixels, np.memmap)
    build_store(cohort, ids(cohort), 8, "stretch", "bicubic", tmp_path / "stores", other)
    assert other.steps == 12 and len(list((tmp_path / "stores").iterdir())) == 2


def test_half_a_store_is_built_again(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path / "data"))
    whole = np.array(build_store(cohort, ids(cohort), 8, "stretch", "bilinear", tmp_path / "stores").pixels)
    (place,) = (tmp_path / "stores").iterdir()
    np.save(place / "pixels.npy", whole[:3])
    again = build_store(cohort, ids(cohort), 8, "stretch", "bilinear", tmp_path / "stores")
    assert np.array_equal(again.pixels, whole)


def test_one_colour_image_makes_three_channels(tmp_path: Path) -> None:
    folder(tmp_path / "data")
    write_image(tmp_path / "data/train/sick/colour.png", 99, (8, 10, 3))
    cohort = heldout.load(tmp_path / "data")
    grey = [id_ for id_, channels in zip(ids(cohort), cohort.table["channels"], strict=True) if channels == 1]
    store = build_store(cohort, grey, 8, "stretch", "bilinear", None)  # whichever ids are asked for
    assert store.channels == 3
    assert (store.pixels[..., 0] == store.pixels[..., 1]).all() and (store.pixels[..., 1] == store.pixels[..., 2]).all()


def test_files_that_changed_or_went_are_all_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    cohort = heldout.load(folder(tmp_path / "data"))
    write_image(tmp_path / "data/train/normal/0.png", 500)
    (tmp_path / "data/test/sick/1.png").unlink()
    with pytest.raises(InputError) as caught:
        build_store(cohort, ids(cohort), 8, "stretch", "bilinear", tmp_path / "stores")
    found = sorted(problem.found.partition(" (")[0] for problem in caught.value.problems)
    assert found == ["no such file", "other pixels"]
    assert list((tmp_path / "stores").iterdir()) == []


def test_an_id_that_is_not_in_the_cohort(tmp_path: Path) -> None:
    with pytest.raises(HeldoutError, match="not in the cohort"):
        build_store(heldout.load(folder(tmp_path)), ["nobody"], 8, "stretch", "bilinear", None)


def test_arrays_in_memory_give_the_same_squares_as_files(tmp_path: Path) -> None:
    arrays(tmp_path)
    cohort = heldout.load(tmp_path)
    stacked = np.concatenate([np.load(tmp_path / source) for source in dict.fromkeys(cohort.table["source"])])
    by_file = build_store(cohort, ids(cohort), 9, "crop", "bicubic", None)
    by_array = store_of_arrays(stacked, ids(cohort), 9, "crop", "bicubic")
    assert np.array_equal(by_file.pixels, by_array.pixels) and by_array.ids == by_file.ids


def test_arrays_in_memory_are_checked() -> None:
    with pytest.raises(InputError, match=r"(?s)intensity policy.*--intensity \(in Python: intensity="):
        store_of_arrays(np.zeros((2, 4, 4)), ["a", "b"], 4)
    with pytest.raises(InputError, match="1 ids"):
        store_of_arrays(picture(0, (2, 4, 4)), ["a"], 4)


def test_equal_channels_in_memory_are_grey() -> None:
    grey = picture(0, (3, 6, 6))
    store = store_of_arrays(np.stack([grey] * 3, axis=-1), list("abc"), 6)
    assert store.channels == 1 and np.array_equal(store.pixels[..., 0], grey)


def test_images_handed_out_some_at_a_time_are_the_same_and_files_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = arrays(tmp_path / "data", each=5)
    cohort = heldout.load(data)
    ids = tuple(cohort.table["id"])
    whole = build_store(cohort, ids, 8, "stretch", "bilinear", None).pixels
    monkeypatch.setattr("heldout.data.store.BATCH", 3)
    monkeypatch.setattr("heldout.data.examine.measure.BATCH", 3)
    reporter = Counting()
    again = heldout.load(data, reporter=reporter)
    assert reporter.steps == len(again) and again.hash == cohort.hash
    counting = Counting()
    some = build_store(again, ids, 8, "stretch", "bilinear", None, counting).pixels
    np.testing.assert_array_equal(some, whole)
    assert counting.steps == len(ids) and kept_open.cache_info().currsize == 0
