"""Groups from the texts of a column: bins between round numbers, values, what is missing, and columns left out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from heldout.diagnosis.groups.columns import Grouping, grouping
from heldout.diagnosis.rules import RULES


def groups_of(texts: list[str], column: str = "x") -> Grouping | str:
    """Half of the images validation, half test, classes in turn."""
    half = len(texts) // 2
    labels = np.arange(len(texts)) % 2
    return grouping(column, texts[:half], texts[half:], (labels[:half], labels[half:]), RULES)


def counted(found: Grouping | str) -> dict[str, int]:
    assert isinstance(found, Grouping), found
    at = Counter(np.concatenate([found.val, found.test]).tolist())
    return {name: at[place] for place, name in enumerate(found.names)}


def test_ages_are_divided_between_round_years_into_bins_of_like_size() -> None:
    ages = [f"{20 + i % 61}.0" for i in range(610)]  # 20 … 80, each ten times
    found = counted(groups_of(ages, "age"))
    assert found == {"age below 35": 150, "age 35-49": 150, "age 50-64": 150, "age 65 and above": 160}


def test_measures_with_decimals_say_below() -> None:
    found = counted(groups_of([f"{0.01 * i:.2f}" for i in range(400)], "size"))
    assert list(found) == ["size below 1", "size 1 to below 2", "size 2 to below 3", "size 3 and above"]


def test_no_bin_begins_or_ends_at_minus_zero() -> None:
    texts = [f"{value:.3f}" for value in np.random.default_rng(0).normal(size=400)]
    names = counted(groups_of(texts, "dose"))
    assert any(" 0" in name for name in names) and not any("-0 " in f"{name} " for name in names)


def test_values_in_capitals_or_not_are_one_and_what_is_missing_is_a_group() -> None:
    found = counted(groups_of(["Male", "male", "female", "FEMALE", "female", "", "unknown", "NaN"] * 5, "sex"))
    assert found == {"sex female": 15, "sex Male": 10, "sex not given": 15}


def test_few_numbers_are_values() -> None:
    assert counted(groups_of(["0", "0", "1"] * 10, "implant")) == {"implant 0": 20, "implant 1": 10}


def test_nearly_all_the_same_number() -> None:
    found = counted(groups_of((["0"] * 95 + ["1", "2", "3", "4", "5"]) * 2, "nodes"))
    assert found == {"nodes below 1": 190, "nodes 1 and above": 10}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([f"case {i}" for i in range(60)], "60 different values: ids or free text"),
        ([str(100000 + 7 * i) for i in range(60)], "60 different whole numbers, which are ids"),
        ([f"2019-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(60)], "60 different values: dates"),
        (["a"] * 60, "every image has the same value"),
        ([""] * 60, "no image has a value"),
        (["no", "yes"] * 30, "its values are those of the classes"),
        (["1", "2"] * 30, "its values are those of the classes"),
    ],
)
def test_what_makes_no_groups_is_left_out_with_the_reason(texts: list[str], words: str) -> None:
    found = groups_of(texts)
    assert isinstance(found, str) and words in found  # a plain function whose words are its answer


def test_the_order_of_images_changes_no_group() -> None:
    ages = [str(20 + (i * i) % 61) for i in range(200)]
    back = groups_of(ages[::-1])
    there = groups_of(ages)
    assert isinstance(there, Grouping) and isinstance(back, Grouping)
    assert there.names == back.names
    assert np.array_equal(np.concatenate([there.val, there.test]), np.concatenate([back.val, back.test])[::-1])
