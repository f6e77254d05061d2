"""Which images a question means, against the plainest way of finding them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from heldout.report.material import gather
from heldout.web.image_table import FIXED, Query, image_table, select
from heldout.web.polygon import corners_in, within
from heldout.web.query import query_of


@pytest.fixture(scope="module")
def table(study: Path) -> pd.DataFrame:
    material = gather(study)
    return image_table(material, material.runs[0].id)


def test_the_table_says_what_the_run_said(study: Path) -> None:
    material = gather(study)
    run = material.runs[1]
    found = image_table(material, run.id).set_index("id")
    assert list(found.index) == [*material.split.train, *material.split.val, *material.split.test]
    answers = material.predictions(run.id, "test")
    for row, id_ in enumerate(answers.ids):
        assert found.loc[id_, "predicted"] == material.classes[answers.predicted[row]]
        assert found.loc[id_, "label_probability"] == pytest.approx(answers.probabilities[row, answers.labels[row]])
    right = found[found["part"] == "test"]["right"].astype(bool).mean()
    assert run.test is not None and right == pytest.approx(run.test.accuracy.value)


QUERIES = st.builds(
    Query,
    part=st.sampled_from(["", "train", "val", "test"]),
    label=st.sampled_from(["", "normal", "pneumonia"]),
    predicted=st.sampled_from(["", "normal", "pneumonia"]),
    outcome=st.sampled_from(["", "right", "wrong"]),
    low=st.sampled_from([0.0, 0.4, 0.9]),
    high=st.sampled_from([0.6, 0.95, 1.0]),
    text=st.sampled_from(["", "0007", "TEST/", "no such file"]),
    sort=st.sampled_from(["", "confidence", "file", "sharpness", "label"]),
    falling=st.booleans(),
)


@given(query=QUERIES)
def test_the_images_are_those_that_are_meant(table: pd.DataFrame, query: Query) -> None:
    def meant(row: dict[str, object]) -> bool:
        confidence = float(str(row["confidence"]))
        return (
            query.part in ("", row["part"])
            and query.label in ("", row["label"])
            and query.predicted in ("", row["predicted"])
            and (not query.outcome or row["right"] == (query.outcome == "right"))
            and query.low <= confidence <= query.high
            and query.text.lower() in f"{row['id']} {row['file']}".lower()
        )

    expected = [
        place for place, row in enumerate(table.to_dict("records")) if meant({str(k): v for k, v in row.items()})
    ]
    found = select(table, query)
    assert sorted(found) == expected
    if query.sort:
        values = table[query.sort].iloc[found].tolist()
        assert values == sorted(values, reverse=query.falling)
    else:
        assert list(found) == expected


def test_what_a_cause_cites_comes_as_it_is_told(table: pd.DataFrame) -> None:
    cited = tuple(table["id"].iloc[[40, 3, 17]])
    found = select(table, Query(cause="any", sort="told"), cited)
    assert tuple(table["id"].iloc[found]) == cited
    assert not len(select(table, Query(cause="any", sort="told"), ()))
    assert len(select(table, Query(ids=frozenset(cited)))) == 3


def test_images_without_the_value_come_last(table: pd.DataFrame) -> None:
    some = table.head(4).copy()
    some["confidence"] = [np.nan, 0.2, np.nan, 0.9]
    assert list(select(some, Query(sort="confidence"))) == [1, 3, 0, 2]
    assert list(select(some, Query(sort="confidence", falling=True))) == [3, 1, 0, 2]
    some["site"] = ["", "b", "a", ""]
    assert list(select(some, Query(sort="site"))) == [2, 1, 0, 3]


def test_an_address_says_all_that_is_wrong_with_it() -> None:
    asked = QueryParams({"part": "tset", "outcome": "maybe", "sort": "beauty", "low": "2", "high": "x", "own.age": "4"})
    with pytest.raises(HTTPException) as error:
        query_of(asked, ["sharpness"], ["sex"])
    for word in ("part", "outcome", "sort", "low", "high", "own.age"):
        assert f"{word}:" in error.value.detail
    fine = QueryParams({"part": "test", "sort": "sharpness", "low": ".5", "own.sex": "f", "falling": "1"})
    found = query_of(fine, ["sharpness"], ["sex"])
    assert found == replace(Query(), part="test", sort="sharpness", low=0.5, columns={"sex": "f"}, falling=True)


def test_further_columns_hide_none_of_ours(table: pd.DataFrame) -> None:
    assert set(FIXED) <= set(table.columns)


@given(
    angles=st.lists(st.floats(0, 2 * np.pi), min_size=3, max_size=8, unique=True),
    points=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=20),
)
def test_a_convex_line_holds_what_lies_on_the_inner_side_of_all_its_sides(
    angles: list[float], points: list[tuple[float, float]]
) -> None:
    corners = np.array([[np.cos(angle), np.sin(angle)] for angle in sorted(angles)])
    places = np.array(points)
    sides = np.roll(corners, -1, axis=0) - corners
    offset = places[:, None, :] - corners[None]
    crossed = sides[None, :, 0] * offset[:, :, 1] - sides[None, :, 1] * offset[:, :, 0]
    clear = (np.abs(crossed) > 1e-9).all(axis=1)  # not on the line itself
    assert (within(places, corners)[clear] == (crossed > 0).all(axis=1)[clear]).all()


def test_a_line_with_a_bay() -> None:
    corners = corners_in("0,0;4,0;4,4;2,1;0,4")
    assert corners is not None
    points = np.array([[1.0, 1.0], [2.0, 2.0], [3.5, 3.0], [5.0, 1.0]])
    assert within(points, corners).tolist() == [True, False, True, False]
    for text in ("", "1,2", "0,0;1,1", "0,0;1,1;nan,2", "0,0;1,1;1", ";".join(["0,1"] * 500)):
        assert corners_in(text) is None
