from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heldout
from heldout.data.splits import make_split
from heldout.errors import InputError, UsageError
from heldout.records import PARTS, Cohort, Split
from tests.data.splits.cohorts import cohorts, made
from tests.data_folder import shared_data

seeds = st.integers(0, 2**31)
LAWS = settings(max_examples=30)


def part_of(split: Split) -> dict[str, str]:
    return {id_: part for part in PARTS for id_ in split.part(part)}


def shuffled(cohort: Cohort, seed: int) -> Cohort:
    return dataclasses.replace(cohort, table=cohort.table.sample(frac=1, random_state=seed).reset_index(drop=True))


@LAWS
@given(cohort=st.one_of(cohorts(True), cohorts(False), cohorts(True, given_test=False)), seed=seeds)
def test_a_split_is_a_partition(cohort: Cohort, seed: int) -> None:
    split = make_split(cohort, seed=seed)
    assert sorted([*split.train, *split.val, *split.test]) == sorted(cohort.table["id"])
    assert split.train and split.val and split.seed == seed


@LAWS
@given(cohort=st.one_of(cohorts(True), cohorts(False)), seed=seeds)
def test_given_test_images_stay_test_images(cohort: Cohort, seed: int) -> None:
    given_test = set(cohort.table.loc[cohort.table["split"] == "test", "id"])
    assert set(make_split(cohort, seed=seed).test) == given_test


@LAWS
@given(cohort=st.one_of(cohorts(True), cohorts(True, given_test=False)), seed=seeds)
def test_no_patient_crosses(cohort: Cohort, seed: int) -> None:
    split = make_split(cohort, seed=seed)
    parts = cohort.table["id"].map(part_of(split))
    assert (parts.groupby(cohort.table["patient"]).nunique() == 1).all()
    assert split.grouped and "by patient" in split.method


@LAWS
@given(cohort=st.one_of(cohorts(True), cohorts(False), cohorts(True, given_test=False)), seed=seeds, order=seeds)
def test_the_order_of_rows_does_not_matter_and_the_seed_decides(cohort: Cohort, seed: int, order: int) -> None:
    assert make_split(cohort, seed=seed).hash == make_split(shuffled(cohort, order % 1000), seed=seed).hash


def test_another_seed_is_another_split() -> None:
    cohort = made("ab" * 50)
    assert len({make_split(cohort, seed=seed).hash for seed in range(10)}) == 10


@LAWS
@given(cohort=cohorts(False, given_test=False), seed=seeds, fraction=st.sampled_from([0.1, 0.2, 0.35]))
def test_shares_by_image_are_exact(cohort: Cohort, seed: int, fraction: float) -> None:
    """floor(f n + 1/2) of each class, test first and validation out of the rest."""
    split = make_split(cohort, val_fraction=fraction, seed=seed)
    parts = cohort.table["id"].map(part_of(split))
    for _, rows in parts.groupby(cohort.table["label"]):
        test = max(1, int(0.2 * len(rows) + 0.5))
        assert (rows == "test").sum() == test
        assert (rows == "val").sum() == max(1, int(fraction * (len(rows) - test) + 0.5))


@LAWS
@given(cohort=cohorts(True), seed=seeds)
def test_shares_by_patient_are_within_half_of_the_largest_patient(cohort: Cohort, seed: int) -> None:
    split = make_split(cohort, seed=seed)
    train = cohort.table[cohort.table["split"] == "train"]
    val = set(split.val)
    for _, rows in train.groupby("label"):
        target = max(1, int(0.2 * len(rows) + 0.5))
        largest = rows["patient"].value_counts().max()
        assert abs(rows["id"].isin(val).sum() - target) <= max(1, largest / 2)


def test_every_image_is_drawn_about_equally_often() -> None:
    """Over many seeds no patient is privileged: sizes 1 … 4, each in validation in 20 % of the draws."""
    labels, patients = [], []
    for number in range(80):
        size = 1 + number // 20
        labels += ["ab"[number % 2]] * size
        patients += [f"p{number}"] * size
    cohort = made(labels, patients, ["train"] * len(labels))
    draws = 300
    hits = np.zeros(len(cohort))
    for seed in range(draws):
        hits += cohort.table["id"].isin(make_split(cohort, seed=seed).val)
    for size in range(1, 5):
        rows = cohort.table.groupby("patient")["id"].transform("size") == size
        assert abs((hits / draws)[rows].mean() - 0.2) < 0.035


@LAWS
@given(seed=seeds, order=seeds)
def test_exact_copies_stay_on_one_side(seed: int, order: int) -> None:
    contents = [f"c{number // 3}" for number in range(90)]
    cohort = shuffled(made(["a"] * 45 + ["b"] * 45, contents=contents), order % 1000)
    parts = cohort.table["id"].map(part_of(make_split(cohort, seed=seed)))
    assert (parts.groupby(cohort.table["content"]).nunique() == 1).all()


@LAWS
@given(seed=seeds)
def test_copies_under_two_patients_join_the_patients(seed: int) -> None:
    patients = [f"p{number // 2}" for number in range(60)]
    contents = [f"c{number}" for number in range(60)]
    contents[1], contents[59] = "same", "same"  # p0 and p29
    cohort = made("ab" * 30, patients, ["train"] * 60, contents)
    parts = part_of(make_split(cohort, seed=seed))
    assert len({parts[f"i{number:05d}"] for number in (0, 1, 58, 59)}) == 1


def test_given_parts_are_kept() -> None:
    cohort = made("ab" * 6, splits=["train"] * 6 + ["val"] * 2 + ["test"] * 4)
    split = make_split(cohort)
    assert split.method == "given" and split.seed is None and not split.grouped
    assert split.train == tuple(cohort.table["id"][:6]) and split.val == tuple(cohort.table["id"][6:8])


def test_a_given_split_is_grouped_only_if_no_patient_crosses() -> None:
    splits = ["train"] * 4 + ["val"] * 4
    assert make_split(made("ab" * 4, list("ppqqrrss"), splits)).grouped
    assert not make_split(made("ab" * 4, list("ppqqppss"), splits)).grouped


def test_no_test_set_stays_no_test_set() -> None:
    split = make_split(made("ab" * 10, splits=["train"] * 20))
    assert split.test == () and len(split.val) == 4


def test_the_method_says_what_was_drawn_and_how() -> None:
    train = ["train"] * 20
    assert make_split(made("ab" * 10, splits=train)).method == (
        "validation (20%) drawn from train, stratified by class, by image, exact copies kept together"
    )
    by_patient = make_split(made("ab" * 10, [f"p{n}" for n in range(20)], train)).method
    assert by_patient == "validation (20%) drawn from train, stratified by class, by patient"
    everything = make_split(made("ab" * 10)).method
    assert everything.startswith("test (20%) drawn from all images, validation (20%) drawn from train")


def test_patients_known_in_part_are_kept_together() -> None:
    patients = ["p1"] * 10 + [""] * 30
    split = make_split(made("ab" * 20, patients, ["train"] * 40))
    assert len({part_of(split)[f"i{number:05d}"] for number in range(10)}) == 1
    assert not split.grouped and "where one is named" in split.method


def test_few_large_patients_still_leave_both_sides_of_every_class() -> None:
    patients = [f"p{number // 10}" for number in range(40)]  # two patients a class, ten images each
    split = make_split(made(["a"] * 20 + ["b"] * 20, patients, ["train"] * 40))
    assert len(split.val) == 20 and len(split.train) == 20


def test_a_class_with_a_single_patient_stays_in_train_and_the_method_says_so() -> None:
    cohort = made(["a"] * 10 + ["b"] * 10 + ["c", "c"], [*"01234567890123456789", "y", "y"], ["train"] * 22)
    split = make_split(cohort)
    assert {"i00020", "i00021"} <= set(split.train) and split.val
    assert split.method.endswith("by patient; validation has no c, of which train has a single patient")


def test_a_rare_patient_with_other_classes_stays_in_train_whole() -> None:
    for seed in range(20):
        split = make_split(made([*"abababababc", "a", "b"], [*"0123456789", "x", "x", "x"], ["train"] * 13), seed=seed)
        assert {"i00010", "i00011", "i00012"} <= set(split.train)
        assert {"i0000" + id_[-1] for id_ in split.val if id_ < "i00010"} == set(split.val)


def test_without_two_classes_to_draw_all_that_are_too_small_are_listed() -> None:
    cohort = made(["a"] * 10 + ["b", "c", "c"], [*"0123456789", "x", "y", "y"], ["train"] * 13)
    with pytest.raises(InputError) as caught:
        make_split(cohort)
    found = {problem.where: problem.found for problem in caught.value.problems}
    assert found == {"class 'b'": "1 images of 1 patient", "class 'c'": "2 images of 1 patient"}


def test_no_test_set_is_drawn_without_a_class() -> None:
    with pytest.raises(InputError, match="class 'c'"):
        make_split(made("ab" * 10 + "c"))


def test_the_single_basophil_of_the_first_laboratory_stays_in_train() -> None:
    cohort = heldout.load(shared_data("wbc_two_labs") / "manifest.csv")
    split = make_split(cohort)
    label = cohort.table.set_index("id")["label"]
    assert (label[list(split.train)] == "basophil").sum() == 1 and set(label[list(split.val)]) == set(label) - {
        "basophil"
    }
    assert "validation has no basophil" in split.method


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 20])
def test_a_fraction_is_between_0_and_1(fraction: float) -> None:
    with pytest.raises(UsageError, match="val-fraction"):
        make_split(made("ab" * 10), val_fraction=fraction)


def test_a_way_can_be_named() -> None:
    cohort = made("ab" * 10, [f"p{n // 5}" for n in range(20)], ["train"] * 20)
    assert not make_split(cohort, way="stratified").grouped
    with pytest.raises(InputError, match="no images in val"):
        make_split(cohort, way="given")


def test_the_kermany_validation_is_drawn_by_patient(tmp_path: Path) -> None:
    """On the names and labels of all 5216 training images (their pixels play no part in it)."""
    import re

    files = sorted((shared_data("kermany224") / "train").rglob("*.jpeg"))
    key = re.compile(r"^((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))")
    patients = [match.group(1) for path in files if (match := key.search(path.name))]
    cohort = made([path.parent.name for path in files], patients, ["train"] * len(files))
    split = make_split(cohort)
    val = cohort.table[cohort.table["id"].isin(split.val)]
    assert val["label"].value_counts().to_dict() == {"PNEUMONIA": 775, "NORMAL": 268}  # 20 % of 3875 and of 1341
    assert not set(val["patient"]) & set(cohort.table.loc[cohort.table["id"].isin(split.train), "patient"])


def test_the_split_of_loaded_images_survives_the_disk(tmp_path: Path) -> None:
    from tests.data.readers.making import folder

    split = make_split(heldout.load(folder(tmp_path / "data", each=10)))
    split.save(tmp_path / "split.parquet")
    assert Split.load(tmp_path / "split.parquet") == split


@pytest.mark.parametrize("by_patient", [True, False])
def test_a_class_that_mixed_units_keep_on_one_side_is_told(by_patient: bool) -> None:
    """Three units of two classes each: whichever is drawn, one class stays outside."""
    units = [f"p{unit}" for unit in range(3) for _ in range(2)]
    labels = ["a", "b", "a", "c", "b", "c"]
    cohort = made(labels, *([units] if by_patient else [None, None, units]))
    with pytest.raises(InputError) as raised:
        make_split(cohort, val_fraction=0.34, test_fraction=0.34)
    (problem, *_) = raised.value.problems
    kind = "patients" if by_patient else "copies"
    assert f"since {kind} of several classes cannot be torn apart" in problem.found
