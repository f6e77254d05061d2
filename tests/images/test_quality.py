"""Each property against its definition written out plainly, and against images of which the answer is known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import convolve, gaussian_filter, laplace

from heldout.images.mapping import CHANGES
from heldout.images.quality import PROPERTIES, quality_of


def scene(n: int = 4, size: int = 64, seed: int = 0, channels: int = 1) -> np.ndarray:
    """Smooth random fields with some detail in them, mean about 120, standard deviation about 35."""
    rng = np.random.default_rng(seed)
    field = rng.standard_normal((n, size, size))
    fields = gaussian_filter(field, (0, 6, 6)) * 10 + gaussian_filter(field, (0, 1.2, 1.2)) * 0.6
    grey = 120 + 35 * fields / fields.std(axis=(1, 2), keepdims=True)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], channels, axis=3)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))[..., None]


def value(images: np.ndarray, name: str) -> np.ndarray:
    return quality_of(images)[name].to_numpy()


def test_one_row_an_image_one_column_a_property_and_a_change_for_each() -> None:
    table = quality_of(scene(70, 32))  # more than one chunk
    assert list(table.columns) == [property_.name for property_ in PROPERTIES]
    assert set(CHANGES) == set(table.columns)
    assert table.shape == (70, 7) and (table.dtypes == np.float64).all() and np.isfinite(table.to_numpy()).all()


def test_the_definitions_written_out_for_one_image() -> None:
    image = scene(1, 40, channels=3)
    image[..., 0] //= 2  # coloured
    red, green, blue = image[0].astype(float).transpose(2, 0, 1)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    got = quality_of(image).iloc[0]
    smooth = gaussian_filter(grey, 1.0)
    assert got["sharpness"] == pytest.approx(np.log(laplace(smooth).var() / smooth.var()), abs=1e-2)
    mask = np.outer([1, -2, 1], [1, -2, 1])
    answer = convolve(grey, mask)[1:-1, 1:-1]
    assert got["noise"] == pytest.approx(np.sqrt(np.pi / 2) * np.abs(answer).sum() / (6 * 38 * 38), rel=1e-4)
    assert got["contrast"] == pytest.approx(grey.std(), rel=1e-4)
    assert got["brightness"] == pytest.approx(grey.mean(), rel=1e-4)
    ring = np.r_[grey[:2].ravel(), grey[-2:].ravel(), grey[2:-2, :2].ravel(), grey[2:-2, -2:].ravel()]
    assert got["border"] == pytest.approx(ring.mean(), rel=1e-4)
    rg, yb = red - green, (red + green) / 2 - blue
    assert got["colour"] == pytest.approx(
        np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2), rel=1e-4
    )


def test_noise_is_the_standard_deviation_that_was_added() -> None:
    rng = np.random.default_rng(1)
    flat = np.clip(128 + 7 * rng.standard_normal((5, 96, 96, 1)), 0, 255).astype(np.uint8)
    assert value(flat, "noise") == pytest.approx(7, rel=0.04)


def test_blur_lowers_sharpness_and_contrast_does_not() -> None:
    images = scene(6, 64)
    blurred = gaussian_filter(images.astype(float), (0, 1.5, 1.5, 0)).astype(np.uint8)
    assert (value(blurred, "sharpness") < value(images, "sharpness") - 1).all()
    flat = (120 + 0.5 * (images.astype(float) - 120)).astype(np.uint8)
    assert value(flat, "sharpness") == pytest.approx(value(images, "sharpness"), abs=0.05)
    assert value(flat, "contrast") == pytest.approx(value(images, "contrast") / 2, rel=0.02)


def test_blockiness_is_none_before_jpeg_and_grows_with_compression() -> None:
    images = scene(8, 128)
    levels = [value(images, "blockiness").mean()]
    levels += [value(np.stack([jpeg(image, q) for image in images]), "blockiness").mean() for q in (60, 25, 8)]
    assert abs(levels[0]) < 0.03
    assert levels == sorted(levels) and levels[-1] > 0.4
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (1, 64, 64, 1))
    assert value(np.ascontiguousarray(ramp), "blockiness") == pytest.approx(0, abs=1e-6)


def test_the_rim_is_the_rim() -> None:
    images = np.zeros((1, 64, 64, 1), dtype=np.uint8)
    images[:, 4:-4, 4:-4] = 200
    assert value(images, "border")[0] == 0
    images = 255 - images
    assert value(images, "border")[0] == 255


def test_grey_stored_as_colour_measures_as_grey() -> None:
    grey = scene(3, 48)
    table, again = quality_of(grey), quality_of(np.repeat(grey, 3, axis=3))
    np.testing.assert_allclose(table.to_numpy(), again.to_numpy(), atol=1e-3)
    assert (again["colour"] < 1e-6).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(5)))
def test_an_image_measures_the_same_in_any_company(seed: int, order: list[int]) -> None:
    images = scene(5, 24, seed=seed)
    table = quality_of(images).to_numpy()
    np.testing.assert_allclose(quality_of(images[order]).to_numpy(), table[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_has_finite_values(level: int) -> None:
    assert np.isfinite(quality_of(np.full((2, 20, 20, 3), level, dtype=np.uint8)).to_numpy()).all()


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (8, 8), (1, 2, 8, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        quality_of(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        quality_of(np.zeros((1, 8, 8, 1)))  # type: ignore[arg-type]
