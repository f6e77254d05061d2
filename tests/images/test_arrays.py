from __future__ import annotations

import pickle
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest

from heldout.images import ImageError, check_pixels, close_arrays, open_archive, open_array, read_pixels
from tests.data.readers.making import picture


def test_rows_of_grey_and_colour(tmp_path: Path) -> None:
    grey, colour = picture(0, (4, 5, 6)), picture(1, (4, 5, 6, 3))
    np.save(tmp_path / "grey.npy", grey)
    np.save(tmp_path / "colour.npy", colour)
    np.save(tmp_path / "column.npy", grey[..., None])
    assert np.array_equal(read_pixels(tmp_path / "grey.npy", row=2), grey[2])
    assert np.array_equal(read_pixels(tmp_path / "colour.npy", row=3), colour[3])
    assert np.array_equal(read_pixels(tmp_path / "column.npy", row=1), grey[1])


def test_one_image_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 3)))
    assert np.array_equal(read_pixels(tmp_path / "x.npy"), picture(0, (5, 6, 3)))


def test_an_npy_file_is_mapped_and_not_read_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 6)))
    assert isinstance(open_array(tmp_path / "x.npy"), np.memmap)


def test_a_mapped_file_is_let_go(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 6)))
    kept = weakref.ref(open_array(tmp_path / "x.npy"))
    assert kept() is open_array(tmp_path / "x.npy")
    close_arrays()
    assert kept() is None


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 6)))
    before = read_pixels(tmp_path / "x.npy", row=0)
    np.save(tmp_path / "x.npy", picture(1, (7, 6, 6)))
    assert not np.array_equal(read_pixels(tmp_path / "x.npy", row=0), before)


def test_members_of_an_npz(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=picture(0, (2, 4, 4)), b=picture(1, (3, 4, 4)))
    assert open_archive(tmp_path / "x.npz") == ("a", "b")
    assert np.array_equal(read_pixels(tmp_path / "x.npz", "b", 2), picture(1, (3, 4, 4))[2])
    with pytest.raises(ImageError, match="no array 'c'"):
        read_pixels(tmp_path / "x.npz", "c", 0)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    objects = np.array([picture(0), picture(1, (3, 3))], dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", a=objects, allow_pickle=True)
    (tmp_path / "y.npy").write_bytes(pickle.dumps(objects))
    for name, member in (("x.npy", ""), ("x.npz", "a"), ("y.npy", "")):
        with pytest.raises(ImageError, match="pickled"):
            read_pixels(tmp_path / name, member, 0)


def test_a_file_of_another_kind_is_not_called_a_pickle(tmp_path: Path) -> None:
    """Numpy does, and tells how to open it without care."""
    for content in (b"some text, and no array", b"", b"\x89PNG\r\n\x1a\n"):
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(ImageError, match="that numpy cannot read") as refused:
            read_pixels(tmp_path / "x.npy", row=0)
        assert "pickle" not in str(refused.value)


def test_a_truncated_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 6)))
    data = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(data[:-1])
    with pytest.raises(ImageError, match="cannot read"):
        read_pixels(tmp_path / "x.npy", row=0)


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(ImageError):
        open_archive(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY damaged")
    with pytest.raises(ImageError):
        open_array(tmp_path / "y.npz", "a")


def test_a_row_beyond_the_end_names_the_length(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", picture(0, (5, 6, 6)))
    with pytest.raises(ImageError, match="from 0 to 4"):
        read_pixels(tmp_path / "x.npy", row=5)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((2, 4, 4), np.uint16), "All values lie in 0 … 0: save array.astype('uint8')"),
        (np.full((2, 4, 4), 300, np.uint16), "Values lie in 300 … 300"),
        (np.zeros((2, 4, 4), np.float32), "in silence"),
        (np.zeros((2, 4, 4), bool), "* 255"),
        (np.zeros((2,), np.uint8), "list of labels"),
        (np.zeros((2, 3, 8, 8), np.uint8), "moveaxis"),
        (np.zeros((2, 8, 8, 5), np.uint8), "Choose or combine channels"),
        (np.zeros((2, 0, 8), np.uint8), "zero size"),
        (np.zeros((0, 8, 8), np.uint8), "no image"),
    ],
)
def test_what_is_not_8_bit_grey_or_rgb_is_refused(array: np.ndarray, says: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_pixels(array, "x.npy")
    assert says in str(caught.value) and "x.npy" in str(caught.value)
