"""Every stress on the shelf: what it does to images, in both depths, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from heldout.stresses import Ground, SharesStress, Stress, stresses
from heldout.stresses.ground import spread_within
from heldout.stresses.plan import LEVELS, plan_of
from heldout.stresses.sites import measured_sites

IMAGES = [one for one in stresses if isinstance(one, Stress)]
SIZE = 48


def pictures(n: int = 6, channels: int = 3, deep: bool = False) -> NDArray[Any]:
    """Textured images far from black and white."""
    rng = np.random.default_rng(3)
    coarse = gaussian_filter(rng.normal(size=(n, SIZE, SIZE, channels)), (0, 4, 4, 0)) * 160
    values = 110 + np.arange(channels) * 12 + coarse + rng.normal(0, 3, (n, SIZE, SIZE, channels))
    bytes_ = np.clip(np.rint(values), 30, 225).astype(np.uint8)
    return (bytes_ / 255).astype(np.float16) if deep else bytes_


def ground_of(stress: Stress, images: NDArray[Any]) -> Ground:
    values = stress.measure(images)
    return Ground(np.empty(0), 1.0) if values is None else Ground(values, 0.5 * float(abs(values).mean()) + 0.1)


def sides(stress: Stress) -> list[int]:
    return [sign for sign, words in ((-1, stress.less), (1, stress.more)) if words]


@pytest.mark.parametrize("stress", IMAGES, ids=lambda stress: stress.name)
@pytest.mark.parametrize("deep", [False, True], ids=["uint8", "float16"])
def test_a_change_keeps_shape_type_and_what_it_was_given_and_is_made_again_alike(stress: Stress, deep: bool) -> None:
    images = pictures(deep=deep)
    before, ground = images.copy(), ground_of(stress, images)
    amounts = np.zeros(len(images))
    amounts[::2] = sides(stress)[0] * stress_amount(stress)
    after = stress.change(images, amounts, ground)
    assert (after.shape, after.dtype) == (images.shape, images.dtype)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(after, stress.change(images, amounts, ground))
    differs = (after != images).any(axis=(1, 2, 3))
    assert not differs[amounts == 0].any() and differs[amounts != 0].mean() > 0.5  # JPEG has steps


def stress_amount(stress: Stress) -> float:
    """An amount that can be seen: half of a measured spread (JPEG knows steps alone), or the middle of its own."""
    return stress.sizes[1] if stress.measure(pictures(1)) is None else 2.0 if stress.name == "jpeg" else 0.5


@pytest.mark.parametrize("stress", IMAGES, ids=lambda stress: stress.name)
def test_a_larger_amount_changes_more_and_a_measured_property_goes_where_it_should(stress: Stress) -> None:
    images = pictures()
    ground = ground_of(stress, images)
    for sign in sides(stress):
        made = [
            stress.change(images, np.full(len(images), sign * share * stress_amount(stress)), ground)
            for share in (0.5, 1.0)
        ]
        moved = [np.abs(one.astype(float) - images).mean() for one in made]
        assert 0 < moved[0] < moved[1]
        reached = stress.measure(made[1])
        if reached is not None:
            share = sign * (reached - ground.values) / ground.spread / stress_amount(stress)  # of what was asked
            assert ((share > 0.6) & (share < 1.4)).mean() > 0.8 and (share > 0).all()


def test_grey_images_are_changed_as_well_where_no_colour_is_needed() -> None:
    images = pictures(channels=1)
    for stress in (one for one in IMAGES if not one.colour):
        after = stress.change(images, np.full(len(images), sides(stress)[-1] * 0.4), ground_of(stress, images))
        assert after.shape == images.shape and (after != images).any(), stress.name


def test_other_shares_are_factors_and_none_is_one() -> None:
    for stress in (one for one in stresses if isinstance(one, SharesStress)):
        factors = stress.factors(np.array([0.0, np.log(2)]))
        np.testing.assert_allclose(factors, [1.0, 2.0])


def test_every_stress_says_where_its_sizes_come_from() -> None:
    sites = measured_sites()
    for stress in stresses:
        sizes = sites.sizes(stress.name) if stress.name in sites.measured else stress.sizes
        assert 0 < sizes[0] <= sizes[1] <= sizes[2], stress.name
        assert stress.name in sites.measured or "not measured" in stress.source, stress.name


def test_a_spread_is_that_within_classes() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=90)
    values = rng.normal(size=90) + 50 * labels
    expected = np.sqrt(
        np.concatenate([(values[labels == k] - values[labels == k].mean()) ** 2 for k in range(3)]).sum() / 87
    )
    assert spread_within(values, labels) == pytest.approx(expected)
    assert spread_within(values + 7, labels) == pytest.approx(expected)


def test_drawn_sites_are_measured_shifts_of_one_pair_turned_round_in_half_of_them() -> None:
    sites = measured_sites()
    names = sites.measured
    drawn = sites.drawn(names, 5, 2 * len(sites.pairs), seed=1)
    assert drawn.shifts.shape == (2 * len(sites.pairs), len(names), 5)
    assert sorted(drawn.pairs) == sorted(2 * list(sites.pairs))
    for j, pair in enumerate(drawn.pairs):
        own = sites.table[sites.table["pair"] == pair]
        rows = own.pivot(index="class", columns="stress", values="shift").reindex(columns=list(names)).fillna(0)
        sign = 1 if j < len(sites.pairs) else -1
        known = {tuple(row) for row in (sign * rows.to_numpy()).round(9)}
        assert {tuple(row) for row in drawn.shifts[j].T.round(9)} <= known
    more = sites.drawn(names, 5, 3 * len(sites.pairs), seed=1)
    np.testing.assert_array_equal(more.shifts[: len(drawn.pairs)], drawn.shifts)


def test_pairs_can_be_left_out_and_then_nothing_comes_from_them() -> None:
    sites = measured_sites().without(["wbc"])
    assert "wbc" not in sites.pairs and "wbc" not in sites.drawn(["noise"], 2, 12, 0).pairs
    assert sites.sizes("noise")[2] < measured_sites().sizes("noise")[2]


def test_a_plan_holds_the_measured_stresses_in_the_order_of_optics() -> None:
    plan = plan_of(measured_sites(), 3, 8)
    assert [stress.name for stress in plan.together] == [
        "defocus", "colour", "contrast", "exposure", "white-balance", "noise", "jpeg",
    ]  # fmt: skip
    assert plan.factors.shape == (8, 3) and (plan.factors > 0).all()
    for stress in plan.single:
        assert [one.level for one in plan.variants(stress)] == list(LEVELS) * len(sides(stress))
    assert [one.name for one in plan_of(measured_sites(), 2, 4, only=["noise"]).single] == ["noise"]
