from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heldout.data.splits import limit_per_class
from heldout.errors import UsageError
from heldout.records import Cohort
from tests.data.splits.cohorts import cohorts, made
from tests.data.splits.test_make import shuffled

seeds = st.integers(0, 2**31)
LAWS = settings(max_examples=30)
both = st.one_of(cohorts(True), cohorts(False))


def training(cohort: Cohort) -> dict[str, int]:
    table = cohort.table
    return {str(k): int(n) for k, n in table.loc[table["split"] != "test", "label"].value_counts().items()}


@LAWS
@given(cohort=both, seed=seeds, per_class=st.integers(1, 40))
def test_exactly_so_many_where_there_are_enough_and_test_whole(cohort: Cohort, seed: int, per_class: int) -> None:
    limited = limit_per_class(cohort, per_class, seed)
    assert training(limited) == {label: min(n, per_class) for label, n in training(cohort).items()}
    test = cohort.table["split"] == "test"
    assert set(cohort.table.loc[test, "id"]) <= set(limited.table["id"])


@LAWS
@given(cohort=both, seed=seeds, order=seeds)
def test_fewer_is_a_subset_and_order_does_not_matter(cohort: Cohort, seed: int, order: int) -> None:
    few, many = (set(limit_per_class(cohort, n, seed).table["id"]) for n in (5, 12))
    assert few <= many
    assert few == set(limit_per_class(shuffled(cohort, order % 1000), 5, seed).table["id"])


@LAWS
@given(cohort=cohorts(True), seed=seeds, per_class=st.integers(1, 20))
def test_at_most_one_patient_a_class_is_kept_in_part(cohort: Cohort, seed: int, per_class: int) -> None:
    kept = limit_per_class(cohort, per_class, seed).table
    train = cohort.table[cohort.table["split"] == "train"]
    whole = train.groupby(["label", "patient"]).size()
    now = kept[kept["split"] == "train"].groupby(["label", "patient"]).size()
    torn = now[now < whole.reindex(now.index)]
    assert (torn.groupby("label").size() <= 1).all()


def test_a_note_says_what_was_left_out() -> None:
    limited = limit_per_class(made("ab" * 10, splits=["train"] * 20), 4, 3)
    assert limited.notes[-1] == (
        "12 training images were left out to keep at most 4 a class (--per-class, seed 3, drawn by image)."
    )


def test_a_given_validation_set_is_kept_whole() -> None:
    limited = limit_per_class(made("ab" * 10, splits=["train"] * 10 + ["val"] * 10), 2, 0)
    assert limited.table["split"].value_counts().to_dict() == {"val": 10, "train": 4}


def test_nothing_to_leave_out_is_the_same_cohort() -> None:
    cohort = made("ab" * 10, splits=["train"] * 20)
    assert limit_per_class(cohort, 10, 0) is cohort
    with pytest.raises(UsageError):
        limit_per_class(cohort, 0, 0)
