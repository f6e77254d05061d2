"""The array door says of arrays what the file door says of files, all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

import heldout
from heldout.data.door import images_of, values_of
from heldout.data.memory import cohort_of_arrays
from heldout.errors import InputError
from tests.data.readers.making import picture

X = picture(0, (6, 8, 10))


def said(*arguments: object, **more: object) -> str:
    with pytest.raises(InputError) as caught:
        cohort_of_arrays(*arguments, **more)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("one", [X[0], np.stack([X[0]] * 3, axis=-1)])
def test_one_image_without_its_axis(one: np.ndarray) -> None:
    text = said(one, ["a"])
    assert "without the axis that counts images" in text and "X[None]" in text and "1 problem" in text


@pytest.mark.parametrize(
    ("images", "found"),
    [
        ([X[0], X[1][:4], X[2]], "images of several sizes"),
        (csr_array(np.eye(3)), "a value of type csr_array"),
        (None, "a value of type NoneType"),
    ],
)
def test_what_is_no_array(images: object, found: str) -> None:
    assert found in said(images, ["a", "b", "a"])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([[0], [1]] * 3), ("0", "1")),
        (np.array(["n", "p"] * 3, dtype=object), ("n", "p")),
        (np.array([b"n", b"p"] * 3), ("n", "p")),
        (pd.Series(["n", "p"] * 3, index=range(7, 13)), ("n", "p")),
        (pd.Series([0.0, 1.0] * 3), ("0", "1")),
        (torch.tensor([0, 1] * 3), ("0", "1")),
        (torch.tensor([[0.0], [1.0]] * 3), ("0", "1")),
    ],
)
def test_labels_of_every_kind(labels: object, classes: tuple[str, ...]) -> None:
    assert cohort_of_arrays(X, labels).classes == classes  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, np.nan, 1, 0, 1]),
        ["a", "b", None, "a", "b", "a"],
        ["a", "b", float("nan"), "a", "b", "a"],
        pd.Series(["a", "b", None, "a", "b", "a"]),
        torch.tensor([0, 1, float("nan"), 1, 0, 1]),
    ],
)
def test_labels_that_are_missing(labels: object) -> None:
    text = said(X, labels)
    assert "y row 2: found no label" in text and "1 problem" in text
    with pytest.raises(InputError, match="y row 2: found no label"):
        heldout.TransferClassifier("efficientnet_lite0", "probe").fit(X, labels)  # type: ignore[arg-type]


def test_all_of_it_at_once(tmp_path: Path) -> None:
    none = np.zeros((6, 0, 10), np.uint8)
    text = said(none, ["a", None] * 2, patient=[1])
    assert all(
        words in text
        for words in (
            "X: found images of zero",
            "y: found no label in 2 of 4 rows (1, 3)",
            "y: found 4 values",
            "patient",
        )
    )
    np.savez(tmp_path / "x.npz", train_images=none, train_labels=[0, 1, np.nan] * 2)
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path / "x.npz")
    same = next(one for one in caught.value.problems if "train_images" in one.where).found
    assert same in text
    assert any("no label in 2 of 6 rows (2, 5)" in one.found for one in caught.value.problems)


def test_wrong_lengths_blame_only_what_was_passed() -> None:
    with pytest.raises(InputError) as caught:
        heldout.TransferClassifier("efficientnet_lite0", "probe").fit(X, ["a", "b"])
    assert [problem.where for problem in caught.value.problems] == ["y"]


def test_labels_of_several_types_have_no_order() -> None:
    with pytest.raises(InputError, match="labels of the types int, str"):
        heldout.TransferClassifier("efficientnet_lite0", "probe").fit(X, np.array(["a", 1] * 3, dtype=object))


def test_tensors_of_images_in_the_order_of_pytorch() -> None:
    colour = picture(1, (6, 8, 10, 3))
    np.testing.assert_array_equal(images_of(torch.from_numpy(colour).permute(0, 3, 1, 2)), colour)
    np.testing.assert_array_equal(images_of(torch.from_numpy(colour)), colour)
    np.testing.assert_array_equal(images_of(torch.from_numpy(X)[:, None]), X[..., None])
    moved = cohort_of_arrays(torch.from_numpy(colour).permute(0, 3, 1, 2), list("ababab"))  # type: ignore[arg-type]
    assert moved.hash == cohort_of_arrays(colour, list("ababab")).hash
    assert "np.moveaxis" in said(np.moveaxis(colour, -1, 1), list("ababab"))  # numpy has no such order: it is asked


def test_a_number_among_texts_is_none() -> None:
    assert values_of(["a", float("nan")]).dtype == object


def test_labels_in_npz_files_are_blamed_on_the_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", train_images=X, train_labels=np.array(["a", "b"] * 3, dtype=object))
    with pytest.raises(InputError) as caught:
        heldout.load(tmp_path / "o.npz")
    (problem,) = caught.value.problems
    assert problem.where == "o.npz [train_labels]" and "dtype=str" in problem.remedy
    np.savez(tmp_path / "b.npz", train_images=X, train_labels=np.array([b"a", b"b"] * 3))
    assert heldout.load(tmp_path / "b.npz", require_test=False).classes == ("a", "b")
