"""Which channels go to a network, and the two depths of the same pixels."""

from __future__ import annotations

import numpy as np
import pytest

from heldout.errors import UsageError
from heldout.images import Decoded, ImageError, fit_square
from heldout.images.channels import Choice, parse_channels, projected, projection
from heldout.images.levels import carried, eight_bit, in_bytes, preview
from heldout.images.prepare import as_input
from heldout.records import InputMap

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 40])
def test_the_projection_is_a_mean_in_every_colour_and_fair_to_every_channel(k: int) -> None:
    weights = projection(k)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 3 / k, rtol=1e-5)
    assert (weights >= 0).all()
    if k == 3:
        assert np.array_equal(weights, np.eye(3, dtype=np.float32))


def test_choices_by_name_and_by_number() -> None:
    names = ("DAPI", "GFP", "Cy5")
    assert parse_channels("select: cy5 ,0, GFP").numbers(3, names) == (2, 0, 1)
    assert parse_channels("project") == Choice("project") and parse_channels("adapt") == Choice("adapt")
    with pytest.raises(UsageError, match="DAPI, GFP, Cy5"):
        parse_channels("select:RFP").numbers(3, names)
    with pytest.raises(UsageError, match="0 to 1"):
        parse_channels("select:2").numbers(2, ())


@pytest.mark.parametrize("text", ["", "select", "select:1,2", "select:1,2,3,4", "project:3", "mean"])
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected select"):
        parse_channels(text)


def test_selected_channels_keep_their_bytes() -> None:
    pixels = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
    image = Decoded(pixels, 8, "channels")
    one = as_input(image, InputMap(channels="select:2", chosen=(2,), of=4), "x")
    assert one.dtype == np.uint8 and np.array_equal(one, pixels[..., 2])
    three = as_input(image, InputMap(channels="select:3,0,1", chosen=(3, 0, 1), of=4), "x")
    assert np.array_equal(three, pixels[..., [3, 0, 1]])
    assert np.array_equal(as_input(image, InputMap(channels="adapt", of=4), "x"), pixels)
    mixed = as_input(image, InputMap(channels="project", of=4), "x")
    np.testing.assert_allclose(mixed, pixels.astype(np.float32) @ projection(4) / 255, rtol=1e-5)


def test_percentiles_go_with_the_selected_channel() -> None:
    pixels = np.stack([np.full((2, 2), 100), np.full((2, 2), 900)], axis=-1).astype(np.uint16)
    rule = InputMap("percentile:0,100", (800.0,), (1000.0,), 5, channels="select:1", chosen=(1,), of=2)
    assert as_input(Decoded(pixels, 16, "channels"), rule, "x").tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_an_image_of_another_number_of_channels_is_named() -> None:
    rule = InputMap(channels="adapt", of=4)
    with pytest.raises(ImageError, match="2 channels") as caught:
        as_input(Decoded(np.zeros((3, 3, 2), np.uint8), 8, "channels"), rule, "odd.tif")
    assert caught.value.where == "odd.tif"
    grey = as_input(Decoded(np.full((3, 3), 7, np.uint8), 8), InputMap(channels="select:1", chosen=(1,), of=3), "grey")
    assert (grey == 7).all()  # a grey image among colour has three equal channels


def test_8_bits_of_floats_and_a_change_carried_back() -> None:
    pixels = RNG.random((3, 6, 6, 1)).astype(np.float16)
    shown = eight_bit(pixels)
    assert shown.dtype == np.uint8 and np.abs(shown / 255 - pixels.astype(np.float32)).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(carried(pixels, shown, shown), pixels)
    after = shown.copy()
    after[1] = np.minimum(after[1].astype(int) + 51, 255)
    moved = carried(pixels, shown, after)
    assert np.array_equal(moved[[0, 2]], pixels[[0, 2]])
    expected = np.clip(pixels[1].astype(np.float32) + (after[1].astype(np.float32) - shown[1]) / 255, 0, 1)
    np.testing.assert_allclose(moved[1].astype(np.float32), expected, atol=5e-4)


def test_a_change_of_what_is_seen_reaches_every_channel() -> None:
    pixels = RNG.integers(50, 150, (2, 5, 5, 4), dtype=np.uint8)
    shown = eight_bit(pixels)
    assert shown.shape == (2, 5, 5, 3)
    assert np.array_equal(carried(pixels, shown, shown), pixels)
    assert np.array_equal(carried(pixels, shown, shown + np.uint8(20)), pixels + np.uint8(20))


def test_uint8_is_its_own_8_bits() -> None:
    pixels = RNG.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    assert eight_bit(pixels) is pixels
    assert np.array_equal(in_bytes(pixels), pixels)
    assert np.array_equal(preview(Decoded(pixels[0], 8, "rgb")), pixels[0])
    np.testing.assert_allclose(in_bytes(np.array([[0.5]], np.float16)), [[127.5]])


@pytest.mark.parametrize(
    ("shape", "kind"), [((9, 7), "grey"), ((9, 7, 3), "rgb"), ((9, 7, 2), "channels"), ((9, 7, 6), "channels")]
)
def test_a_preview_is_8_bit_grey_or_rgb(shape: tuple[int, ...], kind: str) -> None:
    values = RNG.integers(300, 900, shape).astype(np.uint16)
    found = preview(Decoded(values, 16, kind))  # type: ignore[arg-type]
    assert found.dtype == np.uint8 and found.shape in ((9, 7), (9, 7, 3))
    assert found.max() - found.min() > 180


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
def test_a_square_of_floats_is_that_of_bytes_but_for_rounding(fit: str, how: str) -> None:
    pixels = RNG.integers(90, 160, (31, 22), dtype=np.uint8)  # no overshoot is clipped between rows and columns
    exact = fit_square(pixels.astype(np.float32) / 255, 16, fit, how)  # type: ignore[arg-type]
    rounded = fit_square(pixels, 16, fit, how)  # type: ignore[arg-type]
    assert exact.dtype == np.float32 and exact.min() >= 0 and exact.max() <= 1
    assert np.abs(exact * 255 - rounded).max() <= 1.5  # bytes are rounded twice
    both = fit_square(np.stack([pixels, 255 - pixels], axis=-1), 16, fit, how)  # type: ignore[arg-type]
    assert both.shape == (16, 16, 2) and np.array_equal(both[..., 0], rounded)


def test_the_mixture_of_equal_channels_is_that_channel() -> None:
    one = RNG.random((4, 4)).astype(np.float32)
    np.testing.assert_allclose(projected(np.stack([one] * 5, axis=-1)), np.stack([one] * 3, axis=-1), rtol=1e-6)
