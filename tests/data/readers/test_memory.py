from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heldout.data.memory import cohort_of_arrays
from heldout.data.splits import make_split
from heldout.errors import InputError
from tests.data.readers.making import picture


def test_rows_are_images() -> None:
    X = picture(0, (6, 5, 4, 3))
    parts = ["train"] * 3 + ["validation"] * 3
    cohort = cohort_of_arrays(X, [0, 1, 2, 0, 1, 2], patient=[7, 7, 8, 8, 9, 9], split=parts)
    assert cohort.root == "" and cohort.reader == "arrays" and cohort.classes == ("0", "1", "2")
    assert list(cohort.table["row"]) == list(range(6)) and set(cohort.table["source"]) == {"memory"}
    assert list(cohort.table["patient"]) == ["7", "7", "8", "8", "9", "9"]
    assert list(cohort.table["split"]) == ["train"] * 3 + ["val"] * 3
    assert set(cohort.table["width"]) == {4} and set(cohort.table["height"]) == {5}
    assert set(cohort.table["channels"]) == {3} and cohort.name == "arrays"


@pytest.mark.parametrize("labels", [["b", "a"], [True, False], np.array([1.0, 0.0]), np.array([1, 0], np.uint8)])
def test_labels_of_any_type_are_text(labels: object) -> None:
    classes = cohort_of_arrays(picture(0, (2, 4, 4)), labels).classes  # type: ignore[arg-type]
    assert classes in (("a", "b"), ("0", "1"))


COLUMNS = {
    "object": ["p", None, "q", None],
    "float64": [1, None, 2, None],
    "string": ["p", None, "q", None],
    "category": ["p", None, "q", None],
    "Int64": [1, None, 2, None],
    "boolean": [True, None, False, None],
    "datetime64[ns]": ["2020-01-01", None, "2021-01-01", None],
    "timedelta64[ns]": ["1D", None, "2D", None],
}
"""Type of a column of pandas -> two values that are there, and two that are missing."""


@pytest.mark.parametrize("dtype", COLUMNS)
def test_what_pandas_has_for_a_missing_value_is_missing(dtype: str) -> None:
    column = pd.Series(COLUMNS[dtype]).astype(dtype)
    for values in (column, list(column), column.to_numpy()):
        patients = cohort_of_arrays(picture(0, (4, 4, 4)), list("abab"), patient=values).table["patient"].tolist()
        assert patients[1] == patients[3] == "" and len({patients[0], patients[2]} - {""}) == 2
        with pytest.raises(InputError, match=r"no label in 2 of 4 rows \(1, 3\)"):
            cohort_of_arrays(picture(0, (4, 4, 4)), values)


def test_equal_channels_are_grey_and_copies_are_numbered() -> None:
    grey = picture(0, (3, 4, 4))
    X = np.stack([np.concatenate([grey, grey[:1]])] * 3, axis=-1)
    cohort = cohort_of_arrays(X, list("abab"))
    assert set(cohort.table["channels"]) == {1}
    assert cohort.table["id"][3] == cohort.table["id"][0] + "-2"
    assert any("with two labels" in note for note in cohort.notes)


def test_without_a_split_one_can_be_drawn() -> None:
    cohort = cohort_of_arrays(picture(0, (40, 4, 4)), list("ab") * 20)
    split = make_split(cohort)
    assert (len(split.train), len(split.val), len(split.test)) == (26, 6, 8)


def test_all_that_is_wrong_at_once() -> None:
    with pytest.raises(InputError) as caught:
        cohort_of_arrays(np.zeros((3, 4, 4)), ["a", None], patient=["p"])
    found = [problem.where for problem in caught.value.problems]
    assert found == ["y", "patient", "3 of 3 images, first X row 0", "y row 1"]


def test_an_unknown_word_for_a_split() -> None:
    with pytest.raises(InputError, match="the split 'later'"):
        cohort_of_arrays(picture(0, (4, 4, 4)), list("abab"), split=["train", "train", "later", "train"])


def test_one_class_is_not_enough() -> None:
    with pytest.raises(InputError, match="one class"):
        cohort_of_arrays(picture(0, (3, 4, 4)), ["a"] * 3)
