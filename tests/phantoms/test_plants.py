"""What every plant keeps, discovered rather than listed: exact truth, exact twins, nothing else touched."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes import causes
from heldout.phantoms import (
    Counts,
    Phantom,
    PixelPlant,
    Plant,
    paired_rows,
    plant_images,
    plant_table,
    simulate,
    simulate_twin,
    twins,
)
from heldout.phantoms.planting import Truth
from heldout.phantoms.plants import parse_plants, plants
from heldout.phantoms.worlds import worlds
from tests.phantoms.sets import Set, real_set

EVERY = list(plants)
SIZE = 32
COUNTS = Counts(train=40, val=20, test=24, train_patients=8, val_patients=5, test_patients=6)
CELLS = worlds.get("cells")

by_name = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def clean() -> Phantom:
    return simulate(CELLS, 2, COUNTS, SIZE)


def sick(kind: type[Plant]) -> Plant:
    """The plant at its strongest level."""
    field = next(field for field in dataclasses.fields(kind) if field.name == kind.severity)
    return kind(**{kind.severity: type(field.default)(kind.levels[2])})


def by_id(images: np.ndarray, table: pd.DataFrame) -> dict[str, tuple[bytes, str, str]]:
    """Id -> pixels, label, part."""
    rows = zip(table["id"], images, table["label"], table["split"], strict=True)
    return {name: (image.tobytes(), label, split) for name, image, label, split in rows}


def check_truth(
    before: dict[str, tuple[bytes, str, str]], after: dict[str, tuple[bytes, str, str]], one: Truth
) -> None:
    """Everything that differs is named, and everything that is named differs."""
    new = set(after) - set(before)
    changed = {name for name in set(after) & set(before) if after[name] != before[name]}
    assert set(before) - set(after) == set(one.removed)
    assert new == set(one.added)
    assert changed <= set(one.touched) <= changed | new
    assert new <= set(one.touched) or not one.touched


@by_name
def test_it_is_a_frozen_dataclass_with_a_manual(kind: type[Plant]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind().planted = False  # type: ignore[misc]
    for field in dataclasses.fields(kind):
        assert f"{field.name}: " in (kind.__doc__ or ""), f"{field.name} is not explained"
    assert f"{kind.severity}: Severity: " in (kind.__doc__ or "")
    assert kind.cause in {cause.code for cause in causes}
    assert all(sick(kind) == again for again in parse_plants([f"{kind.name}={kind.levels[2]:g}"]))
    for level in kind.levels:
        parse_plants([f"{kind.name}:{kind.severity}={level:g}"])


@by_name
def test_in_a_phantom_the_truth_names_all_that_differs(kind: type[Plant], clean: Phantom) -> None:
    planted = simulate(CELLS, 2, COUNTS, SIZE, [sick(kind)])
    check_truth(by_id(clean.images, clean.table), by_id(planted.images, planted.table), planted.truth[0])
    assert planted.truth[0].cause == kind.cause
    assert planted.truth[0].touched or planted.truth[0].added
    again = simulate(CELLS, 2, COUNTS, SIZE, [sick(kind)], known=clean)
    np.testing.assert_array_equal(planted.images, again.images)
    pd.testing.assert_frame_equal(planted.table, again.table)


@by_name
def test_a_phantom_and_its_twin_train_on_the_same_images(kind: type[Plant], clean: Phantom) -> None:
    planted = simulate(CELLS, 2, COUNTS, SIZE, [sick(kind)], known=clean)
    twin = simulate_twin(planted)
    left, right = by_id(planted.images, planted.table), by_id(twin.images, twin.table)
    assert {n: v for n, v in left.items() if v[2] == "train"} == {n: v for n, v in right.items() if v[2] == "train"}
    assert left != right
    for phantom in (planted, twin):
        assert {part: int(n) for part, n in phantom.table["split"].value_counts().items()} == {
            "train": 40,
            "val": 20,
            "test": 24,
        }


@by_name
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_in_real_images_the_truth_names_all_that_differs(kind: type[Plant], channels: int) -> None:
    given = real_set(channels)
    images, table = given.images.copy(), given.table.copy()
    planted = plant_images(images, table, [sick(kind)], seed=1)
    np.testing.assert_array_equal(images, given.images)
    pd.testing.assert_frame_equal(table, given.table)
    inside = ~table["spare"].to_numpy()
    check_truth(by_id(images[inside], table[inside]), by_id(planted.images, planted.table), planted.truth[0])
    assert planted.truth[0].touched or planted.truth[0].removed
    assert planted.images.dtype == np.uint8 and planted.images.shape[1:] == images.shape[1:]
    again = plant_images(images, table, [sick(kind)], seed=1)
    np.testing.assert_array_equal(planted.images, again.images)
    pd.testing.assert_frame_equal(planted.table, again.table)


@by_name
def test_in_real_images_the_twin_trains_on_the_same_images(kind: type[Plant]) -> None:
    given = real_set()
    planted = plant_images(given.images, given.table, [sick(kind)], seed=1)
    twin = plant_images(given.images, given.table, twins([sick(kind)]), seed=1)
    left, right = by_id(planted.images, planted.table), by_id(twin.images, twin.table)
    assert {n: v for n, v in left.items() if v[2] == "train"} == {n: v for n, v in right.items() if v[2] == "train"}
    rows, twin_rows = paired_rows(planted.table, twin.table)
    assert rows.size and list(planted.table["id"].iloc[rows]) == list(twin.table["id"].iloc[twin_rows])
    assert set(planted.table["split"].iloc[rows]) == {"test"}
    assert (twin.table["label"] == twin.table["true_label"]).all()


@pytest.mark.parametrize(("first", "second"), list(combinations(EVERY, 2)), ids=lambda kind: kind.name)
def test_any_two_go_together(first: type[Plant], second: type[Plant]) -> None:
    given = real_set()
    both = [sick(first), sick(second)]
    planted = plant_images(given.images, given.table, both)
    original = by_id(given.images, given.table)
    touched = {name for one in planted.truth for name in one.touched}
    for name, (pixels, label, split) in by_id(planted.images, planted.table).items():
        assert name in touched or (pixels, label, split) == original[name]
    twin = plant_images(given.images, given.table, twins(both))
    left, right = by_id(planted.images, planted.table), by_id(twin.images, twin.table)
    assert {n: v for n, v in left.items() if v[2] == "train"} == {n: v for n, v in right.items() if v[2] == "train"}
    assert planted.table["id"].is_unique


def test_all_at_once_and_some_of_them_twice(clean: Phantom) -> None:
    every = [sick(kind) for kind in EVERY]
    planted = simulate(CELLS, 2, COUNTS, SIZE, [*every, *parse_plants(["blur=1:parts=val", "flips=0.3"])])
    assert [one.key for one in planted.truth][-2:] == ["blur-2", "flips-2"]
    assert set(planted.table["split"]) == {"train", "val", "test"}
    table = planted.table
    assert list(table.loc[table["plant_blur_2"] > 0, "split"].unique()) == ["val"]


@pytest.mark.parametrize("kind", [kind for kind in EVERY if issubclass(kind, PixelPlant)], ids=lambda kind: kind.name)
@pytest.mark.parametrize("simulated", [True, False])
def test_a_stronger_dose_changes_pixels_more_and_only_where_it_should(
    kind: type[Plant], simulated: bool, clean: Phantom
) -> None:
    given = Set(clean.images, clean.table) if simulated else real_set(spare=False)
    label = sorted(set(given.table["label"]))[0]
    inside = ((given.table["split"] == "test") & (given.table["label"] == label)).to_numpy()
    distances = []
    for level in kind.levels:
        (plant,) = parse_plants([f"{kind.name}={level:g}:classes={label}"])
        if simulated:
            images = simulate(CELLS, 2, COUNTS, SIZE, [plant], known=clean).images
        else:
            images = plant_images(given.images, given.table, [plant]).images
        np.testing.assert_array_equal(images[~inside], given.images[~inside])
        distances.append(np.abs(images[inside].astype(float) - given.images[inside]).mean())
    assert 0 < distances[0] < distances[1] < distances[2]


def test_a_table_alone_is_planted_alike() -> None:
    given = real_set()
    some = parse_plants(["prior=0.8", "flips=0.2", "blur=1"])
    table, truth = plant_table(given.table, some, seed=4)
    planted = plant_images(given.images, given.table, some, seed=4)
    pd.testing.assert_frame_equal(table, planted.table)
    assert truth == planted.truth
