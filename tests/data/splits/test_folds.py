"""Folds of a cross-validation: laws, balance, what is too small, and what a nested one holds back."""

from __future__ import annotations

import dataclasses
import itertools

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from sklearn.model_selection import StratifiedGroupKFold

from heldout.data.splits import cross_validation, fold_splits, make_split
from heldout.errors import InputError, UsageError
from heldout.records import Cohort, Split
from tests.data.splits.cohorts import cohorts, made

LAWS = settings(max_examples=30)
seeds = st.integers(0, 10**6)
any_cohort = st.one_of(cohorts(True), cohorts(False), cohorts(True, given_test=False))


def drawn(cohort: Cohort, folds: int = 3, seed: int = 0, repeat: int = 0) -> tuple[Split, tuple[Split, ...]]:
    whole = cross_validation(cohort, folds, seed)
    return whole, fold_splits(cohort, whole, repeat)


def scored(whole: Split, fold: Split) -> tuple[str, ...]:
    """The images that a fold scores for the whole."""
    return fold.val if whole.test else fold.test


@LAWS
@given(cohort=any_cohort, folds=st.integers(2, 5), seed=seeds)
def test_every_image_is_scored_once_by_a_fold_that_did_not_see_its_patient(
    cohort: Cohort, folds: int, seed: int
) -> None:
    whole, splits = drawn(cohort, folds, seed)
    assert len(splits) == folds
    out = [id_ for fold in splits for id_ in scored(whole, fold)]
    assert sorted(out) == sorted(whole.val) and len(set(out)) == len(out)
    patient = dict(zip(cohort.table["id"], cohort.table["patient"], strict=True))
    for fold in splits:
        mine = {patient[id_] for id_ in scored(whole, fold)} - {""}
        seen = {patient[id_] for id_ in (*fold.train, *(() if whole.test else fold.val))}
        assert not mine & seen and fold.train and fold.val
        assert not set(whole.test) & {*fold.train, *fold.val, *fold.test}, "test images are in no fold"


@LAWS
@given(cohort=any_cohort, seed=seeds, order=st.integers(0, 999))
def test_the_order_of_rows_does_not_matter(cohort: Cohort, seed: int, order: int) -> None:
    table = cohort.table.sample(frac=1, random_state=order).reset_index(drop=True)
    other = dataclasses.replace(cohort, table=table)
    (whole, splits), (again, others) = drawn(cohort, seed=seed), drawn(other, seed=seed)
    assert whole.hash == again.hash
    assert [fold.hash for fold in splits] == [fold.hash for fold in others]


def test_classes_are_as_even_as_whole_images_can_be() -> None:
    _, splits = drawn(made("a" * 40 + "b" * 13 + "c" * 7, splits=["train"] * 59 + ["test"]), folds=5)
    counts = np.array(
        [[sum(int(id_[1:]) < 40 for id_ in f.val), sum(40 <= int(id_[1:]) < 53 for id_ in f.val)] for f in splits]
    )
    assert (counts[:, 0] == 8).all() and set(counts[:, 1]) <= {2, 3}


def test_patients_are_spread_no_less_evenly_than_by_scikit_learn() -> None:
    worst = {"ours": 0.0, "theirs": 0.0}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 12, 80)
        labels = [name for name, size in zip(rng.choice(list("aab"), 80), sizes, strict=True) for _ in range(size)]
        patients = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
        whole = cross_validation(made([*labels, "a"], [*patients, "t"], ["train"] * len(labels) + ["test"]), 5, seed)
        cohort = made([*labels, "a"], [*patients, "t"], ["train"] * len(labels) + ["test"])
        truth = pd.Series(labels, index=[f"i{n:05d}" for n in range(len(labels))])
        ours = [truth[list(fold.val)] for fold in fold_splits(cohort, whole)]
        cut = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, patients)
        theirs = [truth.iloc[rows] for _, rows in cut]
        for name, folds in (("ours", ours), ("theirs", theirs)):
            for k in "ab":
                counts = np.array([(fold == k).sum() for fold in folds])
                worst[name] += float(counts.std() / counts.mean())
    assert worst["ours"] <= worst["theirs"]


def test_each_repeat_draws_folds_of_its_own_and_the_whole_stays_the_same_study() -> None:
    cohort = made("ab" * 30, splits=["train"] * 58 + ["test"] * 2)
    whole = cross_validation(cohort, 4)
    assert len({fold_splits(cohort, whole, repeat)[0].hash for repeat in range(5)}) == 5
    assert cross_validation(cohort, 5).hash != whole.hash != cross_validation(cohort, 4, seed=1).hash
    assert make_split(cohort).hash != whole.hash


def test_given_validation_images_are_in_the_pool_and_the_method_says_so() -> None:
    whole, splits = drawn(made("ab" * 20, splits=["train", "train", "val", "val"] * 9 + ["test"] * 4))
    assert len(whole.val) == 36 and not whole.train
    assert whole.method == (
        "cross-validation of 3 folds, stratified by class, by image, given validation images among them"
    )
    assert all(not fold.test for fold in splits)


def test_without_test_images_it_is_nested_and_each_fold_chooses_on_images_of_its_own() -> None:
    whole, splits = drawn(made("ab" * 30), folds=5)
    assert whole.method.startswith("nested ") and not whole.test
    for fold in splits:
        assert len(fold.test) == 12 and len(fold.val) == 10
        assert not set(fold.val) & {*fold.test, *fold.train}


def test_the_only_patient_of_a_class_is_learned_from_in_every_fold_and_named() -> None:
    cohort = made(
        ["a"] * 10 + ["b"] * 10 + ["c"] * 3, [*"0123456789klmnopqrst", "y", "y", "y"], ["train"] * 22 + ["test"]
    )
    cohort = dataclasses.replace(cohort, table=cohort.table.assign(split=["train"] * 22 + ["test"]))
    whole, splits = drawn(cohort)
    assert whole.train == ("i00020", "i00021") and whole.method.endswith(
        "; what is scored has no c, of which train has a single patient"
    )
    assert all(set(whole.train) <= set(fold.train) for fold in splits)


def test_too_few_are_told_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        cross_validation(made("aab", splits=["train"] * 3), 5)
    assert [problem.where for problem in caught.value.problems] == ["--folds 5", "different images of each class"]
    with pytest.raises(UsageError, match="--folds 1"):
        cross_validation(made("ab" * 5), 1)


def test_a_split_of_folds_is_read_as_it_was_written(tmp_path: object) -> None:
    from pathlib import Path

    whole = cross_validation(made("ab" * 9, splits=["train"] * 16 + ["test"] * 2), 4, seed=3)
    file = Path(str(tmp_path)) / "split.parquet"
    whole.save(file)
    assert Split.load(file) == whole


def unlearned(cohort: Cohort, folds: int, seed: int = 0, repeat: int = 0) -> list[tuple[int, str]]:
    """(Fold, class) of which two units or more are in the pool and none is in what the fold learns from."""
    table = cohort.table.set_index("id")
    whole, splits = drawn(cohort, folds, seed, repeat)
    pool = table.loc[[*whole.train, *whole.val]]
    unit = pool["patient"].where(pool["patient"] != "", pool["content"])
    several = set(unit.groupby(pool["label"]).nunique().loc[lambda units: units > 1].index)
    return [(n, k) for n, fold in enumerate(splits) for k in sorted(several - set(table["label"][list(fold.train)]))]


def smears(patients: dict[str, str], more: str = "") -> Cohort:
    """Patients with an image of each of the classes named, and a test image of each of `more`."""
    rows = [(label, patient, "train") for patient, labels in patients.items() for label in labels]
    rows += [(label, "tested", "test") for label in more]
    return made(*zip(*rows, strict=True))


def test_both_patients_of_a_rare_class_are_not_put_into_one_fold() -> None:
    common = "abcdefghi"
    cohort = smears({"C": common * 60, "A": common * 20 + "r", "B": common * 20 + "r"}, more="a")
    assert not unlearned(cohort, 2)


@LAWS
@given(
    sizes=st.lists(st.integers(1, 9), min_size=5, max_size=7),
    rare=st.lists(st.permutations(range(5)).map(lambda order: order[:2]), min_size=2, max_size=4),
    seed=seeds,
)
def test_two_folds_both_learn_from_every_class_of_two_patients_wherever_that_can_be(
    sizes: list[int], rare: list[list[int]], seed: int
) -> None:
    patients = {f"p{n}": "ab" * size for n, size in enumerate(sizes)}
    for name, two in zip("rstu", rare, strict=False):
        for n in two:
            patients[f"p{n}"] += name
    divisions = itertools.product((0, 1), repeat=5)
    possible = any(all(fold[a] != fold[b] for a, b in rare) for fold in divisions)
    if possible:
        assert not unlearned(smears(patients, more="a"), 2, seed)
    else:
        with pytest.raises(InputError, match="into one fold"):
            drawn(smears(patients, more="a"), 2, seed)


def test_a_patient_that_no_fold_can_take_is_placed_first_and_the_draw_begun_again() -> None:
    """Largest first, one of `r` and one of `s` come into a fold each, and who has both fits into neither of two."""
    cohort = smears({"one": "ab" * 9 + "r", "two": "ab" * 9 + "s", "both": "rs", "x": "ab", "y": "ab"}, more="a")
    assert not unlearned(cohort, 2)


def test_patients_who_cannot_be_divided_are_told() -> None:
    three = {"p": "ab" + "rs", "q": "ab" + "st", "o": "ab" + "tr"}  # every two share a class of two patients
    assert not unlearned(smears(three, more="a"), 3)
    with pytest.raises(InputError, match="Ask for more folds") as caught:
        drawn(smears(three, more="a"), 2)
    assert [problem.where for problem in caught.value.problems] == ["--folds 2"]
