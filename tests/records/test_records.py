"""Records go to disk and come back the same; what does not fit is refused with every field that is off."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.errors import InputError, Problem
from heldout.records import Cohort, Estimate, InputMap, Recipe, Split
from heldout.records.codec import from_data, read_record, to_data, write_record, write_sealed
from heldout.records.cohort import typed

RECIPE = Recipe(
    cohort="c" * 12,
    split="s" * 12,
    classes=("normal", "pneumonia"),
    backbone="torchvision:resnet34.IMAGENET1K_V1",
    weights="w" * 16,
    strategy="probe",
    settings={"strengths": (0.1, 1.0), "epochs": 3, "lr": 0.5, "bn": "eval", "flag": True, "limit": None},
    image_size=128,
    fit="stretch",
    interpolation="bilinear",
    seed=0,
)


def cohort() -> Cohort:
    rows = [{"id": f"i{k}", "label": "ab"[k % 2], "patient": f"p{k // 2}", "source": f"{k}.png"} for k in range(6)]
    excluded = (Problem("x.png", "0 bytes", "an image", "Restore it.", "x.png"),)
    return Cohort("six", "/data", "folder", ("a", "b"), typed(pd.DataFrame(rows)), excluded, ("a note",))


def test_a_recipe_keeps_its_id_through_json(tmp_path: Path) -> None:
    write_record(tmp_path / "recipe.json", RECIPE)
    again = read_record(Recipe, tmp_path / "recipe.json")
    assert again == RECIPE
    assert again.id == RECIPE.id
    assert RECIPE.id.startswith("resnet34-probe-s0-")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Recipe) if field.name != "format"])
def test_every_field_of_a_recipe_decides_its_id(field: str) -> None:
    changes = {
        "settings": {**RECIPE.settings, "lr": 0.6},
        "classes": ("pneumonia", "normal"),
        "image_size": 129,
        "seed": 1,
        "fit": "pad",
        "precision": "bf16",
        "input_map": InputMap("full-range"),
    }
    changed = dataclasses.replace(RECIPE, **{field: changes.get(field, "other")})
    assert changed.id != RECIPE.id


def test_a_damaged_record_names_every_field(tmp_path: Path) -> None:
    data = to_data(RECIPE)
    data["image_size"], data["fit"] = "large", "squeeze"
    with pytest.raises(InputError) as error:
        from_data(Recipe, data, "recipe.json")
    assert len(error.value.problems) == 2
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(InputError):
        read_record(Recipe, tmp_path / "no.json")
    with pytest.raises(InputError):
        read_record(Recipe, tmp_path / "absent.json")


def test_the_id_of_weights_of_ones_own_names_the_file_and_not_its_folders() -> None:
    own = dataclasses.replace(RECIPE, backbone="file:/data/of/someone/own.v2.safetensors@torchvision:resnet18")
    assert own.id.startswith("own_v2-probe-s0-")


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_an_estimate_holds_its_value_or_is_refused(value: float, low: float, high: float) -> None:
    if low <= value <= high:
        assert from_data(Estimate, to_data(Estimate(value, low, high, 5, "x")), "e") == Estimate(
            value, low, high, 5, "x"
        )
    else:
        with pytest.raises(ValueError, match="contain its estimate"):
            Estimate(value, low, high, 5, "x")


def test_a_cohort_survives_parquet(tmp_path: Path) -> None:
    before = cohort()
    before.save(tmp_path / "cohort.parquet")
    after = Cohort.load(tmp_path / "cohort.parquet")
    pd.testing.assert_frame_equal(before.table, after.table)
    assert before.hash == after.hash
    assert (after.name, after.root, after.classes) == (before.name, before.root, before.classes)
    assert (after.excluded, after.notes) == (before.excluded, before.notes)
    assert after.patients_known


def test_a_cohort_without_unique_ids_is_refused() -> None:
    table = cohort().table.assign(id="same")
    with pytest.raises(ValueError, match="unique"):
        dataclasses.replace(cohort(), table=table)


def test_a_split_survives_parquet_and_shows_tampering(tmp_path: Path) -> None:
    split = Split(("a", "b"), ("c",), ("d",), "given", None, grouped=False)
    split.save(tmp_path / "split.parquet")
    assert Split.load(tmp_path / "split.parquet") == split
    assert split.hash == Split(("b", "a"), ("c",), ("d",), "other words", 3, grouped=True).hash
    assert split.hash != Split(("a", "c"), ("b",), ("d",), "given", None, grouped=False).hash
    frame = pd.read_parquet(tmp_path / "split.parquet")
    frame.to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(InputError):
        Split.load(tmp_path / "plain.parquet")
    with pytest.raises(ValueError, match="twice"):
        Split(("a",), ("a",), (), "given", None, grouped=False)


def test_a_sealed_record_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    file, record = tmp_path / "estimate.json", Estimate(0.8, 0.7, 0.9, 100, "made")
    write_sealed(file, record)
    assert read_record(Estimate, file) == record
    file.write_text(file.read_text().replace("0.8", "0.9"))
    with pytest.raises(InputError, match="was changed"):
        read_record(Estimate, file)
    write_record(file, record)  # as earlier versions wrote it
    assert read_record(Estimate, file) == record
