"""What holds for every way of drawing a split, discovered, not listed."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from heldout.data.splits import Draw, SplitMethod, split_methods
from heldout.errors import InputError
from heldout.records import Cohort, Split
from tests.data.splits.cohorts import made

EVERY = [pytest.param(way, id=way.name) for way in split_methods]
DRAW = Draw(val_fraction=0.25, test_fraction=0.2, seed=3)

WORLDS = {
    "nothing given": made("ab" * 20),
    "test given": made("ab" * 20, splits=["train"] * 30 + ["test"] * 10),
    "patients": made("ab" * 20, [f"p{n // 2}" for n in range(40)], ["train"] * 40),
    "patients in part": made("ab" * 20, [f"p{n // 2}" if n < 20 else "" for n in range(40)], ["train"] * 40),
    "all given": made("ab" * 20, splits=["train"] * 20 + ["val"] * 10 + ["test"] * 10),
}


@pytest.mark.parametrize("way", EVERY)
def test_it_is_a_documented_way(way: SplitMethod) -> None:
    assert isinstance(way, SplitMethod) and way.name and way.title
    manual = inspect.getdoc(type(way))
    assert manual and manual != inspect.getdoc(SplitMethod) and len(manual.split()) > 15
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert f"`{way.name}`" in text


@pytest.mark.parametrize("cohort", WORLDS.values(), ids=WORLDS.keys())
def test_one_way_suits_every_cohort(cohort: Cohort) -> None:
    assert len([way for way in split_methods if way.suits(cohort)]) == 1


@pytest.mark.parametrize("cohort", WORLDS.values(), ids=WORLDS.keys())
@pytest.mark.parametrize("way", EVERY)
def test_it_partitions_or_refuses_with_a_reason(way: SplitMethod, cohort: Cohort) -> None:
    try:
        split = way.draw(cohort, DRAW)
    except InputError as error:
        assert not way.suits(cohort) and error.problems
        return
    assert isinstance(split, Split) and split.method
    assert sorted([*split.train, *split.val, *split.test]) == sorted(cohort.table["id"])
    given = cohort.table.loc[cohort.table["split"] == "test", "id"]
    assert set(given) <= set(split.test)
    assert way.draw(cohort, DRAW) == split


@pytest.mark.parametrize("way", EVERY)
def test_grouped_is_claimed_only_where_it_is_true(way: SplitMethod) -> None:
    for cohort in WORLDS.values():
        if not way.suits(cohort):
            continue
        split = way.draw(cohort, DRAW)
        assert not split.grouped or cohort.patients_known
