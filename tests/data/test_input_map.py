"""Images of more than 8 bits and of other channels on the way in: what is asked, what is kept, what stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import heldout
from heldout.data.input_map import input_map_of, input_map_of_arrays, rule_of
from heldout.data.load import examine
from heldout.data.memory import cohort_of_arrays, of_other_depth
from heldout.data.squaring import Fitting, Squaring
from heldout.data.store import build_store, store_key, store_of_arrays
from heldout.errors import InputError, UsageError
from heldout.files import hash_of
from heldout.images import Decoded, ImageError
from heldout.progress import Silent
from heldout.records import InputMap, PlanRecord, Recipe
from heldout.records.codec import from_data, to_data
from heldout.runs.predict import _square
from tests.data.readers.making import PARTS, arrays, picture


def deep_arrays(
    root: Path, dtype: str = "uint16", shape: tuple[int, ...] = (8, 10), scale: float = 13, each: int = 4
) -> Path:
    """As `arrays`, in values up to 255 times a scale; those of test are twice as bright."""
    for number, part in enumerate(PARTS):
        (root / part).mkdir(parents=True)
        for k, label in enumerate(("normal", "sick")):
            values = picture(10 * number + k, (each, *shape)).astype(np.float64) * scale * (1 + number)
            np.save(root / part / f"{label}.npy", values.astype(dtype))
    return root


@pytest.fixture(autouse=True)
def without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for copies takes most of the time, and has tests of its own."""
    monkeypatch.setattr("heldout.data.load.near_copies_of", lambda table, small, verify: None)


def the_problem(data: Path, **options: Any) -> Any:
    (problem,) = examine(data, **options).problems
    return problem


@pytest.mark.parametrize(
    ("dtype", "scale", "found", "proposed"),
    [
        ("uint16", 13, "16 bits a channel, values 0 … 6630", "percentile:0.5,99.5"),
        ("int16", 13, "16 bits a channel", "percentile:0.5,99.5"),
        ("float32", 1 / 510, "32 bits (floating point) a channel, values 0 … 1", "window:0,1"),
        ("float64", 1 / 510, "32 bits (floating point) a channel", "window:0,1"),
        ("float32", 13, "floating point", "percentile:0.5,99.5"),
        ("int64", 0.5, "values 0 … 255", "window:0,255"),
    ],
)
def test_deep_images_without_a_policy_are_one_error_that_proposes_one(
    tmp_path: Path, dtype: str, scale: float, found: str, proposed: str
) -> None:
    problem = the_problem(deep_arrays(tmp_path / "x", dtype, scale=scale))
    assert problem.where.startswith("16 of 16 images") and found in problem.found
    assert f"--intensity {proposed} (in Python" in problem.remedy
    assert not examine(tmp_path / "x", intensity=proposed).problems


def test_bytes_and_deep_images_side_by_side(tmp_path: Path) -> None:
    deep_arrays(tmp_path / "x")
    np.save(tmp_path / "x/test/sick.npy", picture(3, (4, 8, 10)))
    problem = the_problem(tmp_path / "x")
    assert problem.where.startswith("12 of 16 images") and "--intensity per-image" in problem.remedy
    mixed = the_problem(tmp_path / "x", intensity="window:0,4000")
    assert mixed.where.startswith("4 of 16 images") and "one scale" in mixed.expected
    assert (
        "per-image" in mixed.remedy and "full-range" not in mixed.remedy
    )  # 13 bits in 16: the bytes were far brighter
    little = the_problem(tmp_path / "x", intensity="full-range")
    assert "8 bits, beside images of 16 bits whose values 0 … 6630 fill little" in little.found
    assert not [note for note in examine(tmp_path / "x", intensity="full-range").cohort.notes if "bits" in note]
    assert "per-image" in little.remedy and not examine(tmp_path / "x", intensity="per-image").problems


def test_bytes_beside_images_that_fill_their_bits_are_a_note_that_names_the_parts(tmp_path: Path) -> None:
    data = deep_arrays(tmp_path / "x", scale=128)
    for label in ("normal", "sick"):
        np.save(data / f"test/{label}.npy", picture(3 + len(label), (4, 8, 10)))
    assert "full-range" in the_problem(data).remedy and "full-range" in the_problem(data, intensity="window:0,9").remedy
    for policy in ("full-range", "per-image"):
        examined = examine(data, intensity=policy)
        assert not examined.problems
        (note,) = [note for note in examined.cohort.notes if "deeper ones" in note]
        assert "(train: 8 of 16 bits; test: 8 of 8 bits)" in note


def test_what_a_policy_cannot_do_is_said_of_all_images_at_once(tmp_path: Path) -> None:
    data = deep_arrays(tmp_path / "x", "float32")
    assert "16 of 16" in the_problem(data, intensity="dicom-window").where
    assert "no full range" in the_problem(data, intensity="full-range").expected
    with pytest.raises(UsageError, match="expected"):
        examine(data, intensity="bright")


def test_channels_that_are_no_colours_need_a_choice(tmp_path: Path) -> None:
    data = arrays(tmp_path / "x", shape=(8, 10, 4))
    problem = the_problem(data)
    assert problem.found == "4 channels" and "project" in problem.expected
    for choice in ("project", "adapt", "select:1", "select:3,1,0"):
        assert not examine(data, channels=choice).problems
    with pytest.raises(UsageError, match="0 to 3"):
        examine(data, channels="select:4")
    np.save(data / "test/test_sick.npy", picture(1, (3, 8, 10, 2)))
    assert "images of 2 channels" in the_problem(data, channels="adapt").found


def test_percentiles_are_those_of_the_training_images_alone(tmp_path: Path) -> None:
    cohort = heldout.load(deep_arrays(tmp_path / "x"), intensity="percentile:0,100")
    train = cohort.table[cohort.table["split"] == "train"]["id"].tolist()
    rule = input_map_of(cohort, train, folder=tmp_path / "kept")
    assert rule is not None and (rule.low, rule.high, rule.images) == ((0.0,), (255.0 * 13,), 8)
    store = build_store(cohort, cohort.table["id"].tolist(), 8, "stretch", "bilinear", None, input_map=rule)
    assert store.pixels.dtype == np.float16 and store.pixels.shape == (16, 8, 8, 1)
    assert float(store.pixels.max()) == 1.0  # those of test are brighter: clipped, not rescaled
    for part in (tmp_path / "x").iterdir():
        for file in part.iterdir():
            file.unlink()
    assert input_map_of(cohort, train, folder=tmp_path / "kept") == rule  # computed once


@pytest.mark.parametrize("damage", ["a number", "the policy", "cut off"])
def test_kept_numbers_that_were_changed_are_computed_anew_with_a_word(tmp_path: Path, damage: str) -> None:
    class Told(Silent):
        notes: ClassVar[list[str]] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    Told.notes.clear()
    cohort = heldout.load(deep_arrays(tmp_path / "x"), intensity="percentile:0,100")
    train = cohort.table[cohort.table["split"] == "train"]["id"].tolist()
    rule = input_map_of(cohort, train, folder=tmp_path / "kept", reporter=Told())
    (file,) = (tmp_path / "kept").iterdir()
    text, before = file.read_text(), Told.notes.copy()
    other = {"a number": text.replace("3315.0", "3715.0"), "the policy": text.replace("0,100", "0,700")}.get(
        damage, "{"
    )
    assert other != text
    file.write_text(other)
    assert input_map_of(cohort, train, folder=tmp_path / "kept", reporter=Told()) == rule
    assert file.read_text() == text and not before
    (note,) = Told.notes
    assert str(file) in note and "damaged" in note


def test_training_and_test_images_of_equal_values_become_equal_pixels(tmp_path: Path) -> None:
    data = deep_arrays(tmp_path / "x")
    shared = np.load(data / "train/sick.npy")[:1] // 2
    np.save(data / "test/sick.npy", np.concatenate([shared, np.load(data / "test/sick.npy")]))
    np.save(data / "train/normal.npy", np.concatenate([shared, np.load(data / "train/normal.npy")]))
    cohort = heldout.load(data, intensity="percentile:1,99")
    table = cohort.table
    rule = input_map_of(cohort, table["id"][table["split"] == "train"].tolist())
    pair = table["id"][table["content"].duplicated(keep=False)].tolist()
    assert len(pair) == 2 and table.set_index("id").loc[pair, "split"].nunique() == 2
    one, other = build_store(cohort, pair, 8, "pad", "bicubic", None, input_map=rule).pixels
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("trained", "policy", "given"),
    [
        ("uint16", "percentile:0.5,99.5", "uint8"),
        ("uint16", "full-range", "uint8"),
        ("float32", "window:0,1", "uint8"),
        ("float32", "window:0,1", "uint16"),
        ("uint16", "window:0,9", "float64"),
        ("int32", "window:0,9", "float32"),
        ("uint8", "window:0,255", "uint16"),
    ],
)
def test_new_images_of_another_depth_are_refused(tmp_path: Path, trained: str, policy: str, given: str) -> None:
    X = picture(1, (4, 6, 6)).astype(trained)
    cohort = cohort_of_arrays(X, ["a", "b"] * 2, split=["train"] * 4, intensity=policy)
    rule = input_map_of_arrays(X, cohort, cohort.table["id"].tolist())
    assert rule is not None and not of_other_depth(X, rule)
    (problem,) = of_other_depth(X.astype(given), rule)
    assert problem.expected == f"{rule.depths[0]}, as the training images have"
    assert not of_other_depth(X.astype(given), replace(rule, depths=()))  # of a run made before they were kept
    recipe = Recipe("c", "s", ("a", "b"), "x:y", "w", "probe", {}, 6, "stretch", "bilinear", 0, input_map=rule)
    file = tmp_path / "new.npy"
    np.save(file, X[0].astype(given))
    with pytest.raises(ImageError, match="as the training images have"):
        _square(file, recipe)
    np.save(file, X[0])
    assert _square(file, recipe).shape == (1, 6, 6, 1)


def test_images_with_numbers_of_their_own_are_taken_in_any_depth() -> None:
    X = picture(1, (4, 6, 6)).astype(np.uint16)
    cohort = cohort_of_arrays(X, ["a", "b"] * 2, split=["train"] * 4, intensity="per-image")
    rule = input_map_of_arrays(X, cohort, cohort.table["id"].tolist())
    assert rule == InputMap("per-image") and not of_other_depth(X.astype(np.uint8), rule)


def test_depths_of_training_files_are_kept_and_change_no_id(tmp_path: Path) -> None:
    cohort = heldout.load(deep_arrays(tmp_path / "x", "float32"), intensity="window:0,4000")
    rule = input_map_of(cohort, cohort.table["id"].tolist())
    assert rule == InputMap("window:0,4000", depths=("floating point",))
    recipe = Recipe("c", "s", ("a", "b"), "x:y", "w", "probe", {}, 64, "stretch", "bilinear", 0, input_map=rule)
    earlier = replace(recipe, input_map=replace(rule, depths=()))
    assert from_data(Recipe, to_data(recipe), "recipe.json") == recipe and "depths" not in to_data(earlier)["input_map"]
    assert (recipe.id, recipe.squares) == (earlier.id, earlier.squares)
    assert earlier.id == "y-probe-s0-1545148f"  # as before depths were kept


def test_full_range_of_bytes_is_no_policy_at_all(tmp_path: Path) -> None:
    cohort = heldout.load(arrays(tmp_path / "x"), intensity="full-range")
    assert input_map_of(cohort, cohort.table["id"].tolist()) is None


def test_a_blank_training_set_is_refused() -> None:
    blank = Decoded(np.full((4, 4), 700, np.uint16), 16)
    with pytest.raises(InputError, match="equal \\(700\\)"):
        rule_of(lambda: iter([blank, blank]), "percentile:1,99", "", 1, 16)


def test_bytes_keep_the_ids_keys_and_plans_of_earlier_versions() -> None:
    """The values are those of version 0.1.0."""
    assert store_key(["a", "b"], Squaring(Fitting(12, "stretch", "bilinear"), 1)) == "01a2141391065302"
    recipe = Recipe("c", "s", ("a", "b"), "x:y", "w", "probe", {"lr": 0.5}, 64, "stretch", "bilinear", 0)
    assert recipe.id == "y-probe-s0-9e66a219" and "input_map" not in to_data(recipe)
    plan = PlanRecord("c", "s", ("m",), {"probe": {}}, (0,), 64, "stretch", "no", ("r",))
    assert hash_of(to_data(plan)) == "d8e8bae281ba"


def test_a_rule_decides_recipe_and_store_and_survives_json() -> None:
    rule = InputMap("percentile:0.5,99.5", (12.0,), (4031.0,), 320)
    recipe = Recipe("c", "s", ("a", "b"), "x:y", "w", "probe", {}, 64, "stretch", "bilinear", 0, input_map=rule)
    assert from_data(Recipe, to_data(recipe), "recipe.json") == recipe
    others = [replace(rule, high=(4032.0,)), replace(rule, channels="adapt", of=4), replace(rule, eight_bit=True), None]
    assert len({recipe.id, *(replace(recipe, input_map=other).id for other in others)}) == 5
    how = Squaring(Fitting(12, "stretch", "bilinear", rule), 1)
    assert (
        len(
            {
                store_key(["a"], how),
                *(store_key(["a"], replace(how, fitting=replace(how.fitting, input_map=other))) for other in others),
            }
        )
        == 5
    )
    assert recipe.squares != replace(recipe, input_map=None).squares == "64-stretch-bilinear"


@pytest.mark.parametrize(
    ("rule", "dtype", "channels"),
    [
        (InputMap("window:0,4000"), np.float16, 4),
        (InputMap("window:0,4000", channels="select:1", chosen=(1,), of=4), np.float16, 1),
        (InputMap("window:0,4000", channels="project", of=4), np.float16, 3),
        (InputMap("window:0,4000", channels="project", of=4, eight_bit=True), np.uint8, 3),
    ],
)
def test_stores_of_several_channels(rule: InputMap, dtype: type, channels: int) -> None:
    images = (picture(0, (3, 9, 9, 4)).astype(np.uint16) * 15).astype(np.uint16)
    rule = rule if rule.channels else replace(rule, channels="adapt", of=4)
    store = store_of_arrays(images, list("abc"), 6, input_map=rule)
    assert store.pixels.dtype == dtype and store.pixels.shape == (3, 6, 6, channels)


def test_bytes_of_four_channels_stay_bytes_unless_they_are_mixed() -> None:
    images = picture(0, (2, 6, 6, 4))
    adapted = store_of_arrays(images, ["a", "b"], 6, input_map=InputMap(channels="adapt", of=4))
    assert np.array_equal(adapted.pixels, images)
    assert (
        store_of_arrays(images, ["a", "b"], 6, input_map=InputMap(channels="project", of=4)).pixels.dtype == np.float16
    )


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bit_files_are_their_arrays(tmp_path: Path, ending: str) -> None:
    values = picture(5, (9, 9)).astype(np.uint16) * 200
    for part in PARTS:
        for k, label in enumerate("ab"):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(3):
                shade: npt.NDArray[np.uint16] = values + np.uint16(i + 3 * k + 6 * (part == "test"))
                Image.fromarray(shade).save(tmp_path / part / label / f"{i}.{ending}")
    cohort = heldout.load(tmp_path, intensity="full-range")
    assert set(cohort.table["bits"]) == {16}
    ids = cohort.table["id"][(cohort.table["split"] == "train") & (cohort.table["label"] == "a")].tolist()
    rule = input_map_of(cohort, ids)
    store = build_store(cohort, ids[:1], 9, "stretch", "bilinear", tmp_path / "stores", input_map=rule)
    expected = (values.astype(np.float32) / np.float32(65535)).astype(np.float16)
    assert np.array_equal(store.pixels[0, ..., 0], expected)


def test_arrays_in_memory_take_a_policy() -> None:
    images = picture(0, (6, 8, 8)).astype(np.float64) / 255
    with pytest.raises(InputError, match="window:0,1"):
        cohort_of_arrays(images, list("ababab"))
    cohort = cohort_of_arrays(images, list("ababab"), intensity="window:0,1")
    assert set(cohort.table["bits"]) == {32} and cohort.intensity == "window:0,1"
    images[3, 2, 2] = np.nan
    with pytest.raises(InputError, match="no finite"):
        cohort_of_arrays(images, list("ababab"), intensity="window:0,1")
