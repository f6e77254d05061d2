"""Laws that every intensity policy keeps, and what each is for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heldout.errors import UsageError
from heldout.images import Decoded, ImageError
from heldout.images.histogram import order_of, span_of, value_of
from heldout.images.intensity import FORMS, USUAL, FullRange, PerImage, Span, parse_intensity, percentiles, scaled
from heldout.images.prepare import as_input
from heldout.records import InputMap

POLICIES = ["dicom-window", "window:100,3000", "percentile:1,99", "full-range", "per-image"]
TYPES = ["uint8", "uint16", "int16", "int32", "float32"]


def image_of(values: npt.NDArray[Any], **known: Any) -> Decoded:
    return Decoded(values, 8 * values.dtype.itemsize, **known)


def deep(seed: int, dtype: str = "uint16", shape: tuple[int, ...] = (12, 9)) -> Decoded:
    rng = np.random.default_rng(seed)
    return image_of(rng.integers(0, 120 if dtype == "uint8" else 4000, shape).astype(dtype), window=(200.0, 3500.0))


def rule_of(policy: str) -> InputMap:
    learned = policy.startswith("percentile")
    return InputMap(policy, (50.0,) if learned else (), (3900.0,) if learned else ())


def test_every_form_has_a_policy_here() -> None:
    assert {parse_intensity(policy).name for policy in POLICIES} == set(FORMS)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("dtype", TYPES)
def test_a_policy_gives_0_to_1_or_says_why_not(policy: str, dtype: str) -> None:
    image = deep(1, dtype)
    if parse_intensity(policy).refusal(image):
        assert (policy, dtype) == ("full-range", "float32")
        with pytest.raises(ImageError, match="full range"):
            as_input(image, rule_of(policy), "x.tif")
        return
    found = as_input(image, rule_of(policy), "x.tif")
    assert found.dtype == np.float32 and found.shape == image.pixels.shape
    assert found.min() >= 0 and found.max() <= 1
    assert len(np.unique(found)) > 1 or dtype == "uint8"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_written_as_it_is_read(policy: str) -> None:
    assert parse_intensity(policy).text == policy


WRONG = ("none", "window", "window:3", "window:3,3", "window:5,1", "window:0,inf", "window:a,b", "window:1,2,3")
WRONG += ("percentile:-1,99", "percentile:2,1", "percentile:0,101", "full-range:3", "z-score")


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_intensity(text)


@given(
    pixels=arrays("uint16", (6, 7), elements=st.integers(0, 65535)),
    low=st.integers(-100, 60000),
    width=st.integers(0, 70000),
)
def test_brighter_stays_brighter_and_ends_are_clipped(pixels: npt.NDArray[Any], low: int, width: int) -> None:
    found = scaled(pixels, Span((low,), (low + width,))).ravel()
    order = np.argsort(pixels.ravel(), kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert (found[pixels.ravel() <= low] == 0).all() and (found[pixels.ravel() > low + width] == 1).all()


@given(seed=st.integers(0, 2**16), policy=st.sampled_from([p for p in POLICIES if p != "per-image"]))
def test_a_value_becomes_the_same_in_every_image(seed: int, policy: str) -> None:
    image = deep(seed)
    half = replace(image, pixels=image.pixels[:5])
    rule = rule_of(policy)
    assert np.array_equal(as_input(image, rule, "train")[:5], as_input(half, rule, "test"))


def test_the_price_of_each_image_by_itself() -> None:
    image = deep(3)
    brighter = replace(image, pixels=image.pixels + np.uint16(500))
    rule = rule_of("per-image")
    np.testing.assert_allclose(as_input(image, rule, ""), as_input(brighter, rule, ""), atol=1e-6)
    rule = rule_of("full-range")
    assert (as_input(brighter, rule, "") - as_input(image, rule, "") > 0.007).all()


@given(pixels=arrays("uint8", (5, 5), elements=st.integers(0, 255)))
def test_full_range_of_8_bits_is_the_identity(pixels: npt.NDArray[np.uint8]) -> None:
    found = scaled(pixels, FullRange().span(image_of(pixels), None))
    assert np.array_equal(found, pixels.astype(np.float32) / np.float32(255))
    assert np.array_equal(np.rint(found * 255).astype(np.uint8), pixels)


@pytest.mark.parametrize(
    ("dtype", "bits", "span"),
    [("uint16", 12, (0, 4095)), ("uint16", 16, (0, 65535)), ("int16", 16, (-32768, 32767)), ("uint8", 1, (0, 255))],
)
def test_full_range_is_that_of_the_stored_bits(dtype: str, bits: int, span: tuple[float, float]) -> None:
    found = FullRange().span(Decoded(np.zeros((2, 2), dtype), bits), None)
    assert (found.low[0], found.high[0]) == span


def test_full_range_of_rescaled_values_is_what_the_header_says_or_refused() -> None:
    hounsfield = Decoded(np.zeros((2, 2), np.int16), 12)
    assert "not known" in FullRange().refusal(hounsfield)
    told = replace(hounsfield, span=(-1024.0, 3071.0))
    assert not FullRange().refusal(told) and FullRange().span(told, None) == Span((-1024.0,), (3071.0,))


def test_a_window_that_is_asked_for_and_not_there() -> None:
    with pytest.raises(ImageError, match="names no window") as caught:
        as_input(replace(deep(0), window=None), rule_of("dicom-window"), "a.dcm")
    assert caught.value.where == "a.dcm"


def test_channels_that_are_no_colours_have_a_span_each() -> None:
    values = np.stack([np.arange(100), 10 * np.arange(100)], axis=-1).reshape(10, 10, 2).astype(np.uint16)
    image = Decoded(values, 16, "channels")
    each = percentiles(image, (0, 100))
    assert each == Span((0.0, 0.0), (99.0, 990.0))
    colours = np.concatenate([values, values[..., :1]], axis=-1)
    assert percentiles(Decoded(colours, 16, "rgb"), (0, 100)) == Span((0.0,), (990.0,))
    assert scaled(values, each).max(axis=(0, 1)).tolist() == [1.0, 1.0]
    assert PerImage().span(image, None).high[1] == pytest.approx(np.percentile(values[..., 1], USUAL[1]))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("at", [USUAL, (0.0, 100.0), (20.0, 20.1)])
def test_percentiles_of_many_images_are_those_of_all_their_pixels(dtype: str, at: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    images = [(rng.normal(90, 40, (7, 11, 2)) * (1 + k)).clip(0 if dtype[0] == "u" else -400, 250) for k in range(5)]
    typed = [image.astype(dtype) for image in images]
    span, number = span_of(lambda: iter(typed), at)
    everything = np.concatenate([image.reshape(-1, 2) for image in typed])
    expected = np.percentile(everything, at, axis=0, method="inverted_cdf")
    assert number == 5
    assert np.array_equal(np.array([span.low, span.high]), expected.astype(np.float64))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=20))
def test_the_order_of_floats(values: list[float]) -> None:
    array = np.array(values, dtype=np.float32)
    keys = order_of(array)
    assert (keys >= 0).all() and (keys < 2**32).all()
    assert [value_of(int(key)) for key in keys] == array.tolist()
    smaller = array[:, None] < array[None]
    assert (keys[:, None] < keys[None])[smaller].all()
