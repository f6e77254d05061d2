from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heldout.images import content_hash, fit_square
from heldout.images.fitting import border_colour
from tests.data.readers.making import picture

images = st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([(), (3,)])).flatmap(
    lambda s: arrays(np.uint8, (s[0], s[1], *s[2]))
)
FITS = ("stretch", "pad", "crop")


@given(image=images, size=st.integers(1, 20), fit=st.sampled_from(FITS), how=st.sampled_from(["bilinear", "bicubic"]))
def test_always_a_square_of_the_asked_size(image: np.ndarray, size: int, fit: str, how: str) -> None:
    result = fit_square(image, size, fit, how)  # type: ignore[arg-type]
    assert result.shape == (size, size, *image.shape[2:]) and result.dtype == np.uint8


@given(value=st.integers(0, 255), h=st.integers(1, 15), w=st.integers(1, 15), fit=st.sampled_from(FITS))
def test_a_flat_image_stays_flat_with_no_frame_of_another_colour(value: int, h: int, w: int, fit: str) -> None:
    result = fit_square(np.full((h, w), value, np.uint8), 9, fit)  # type: ignore[arg-type]
    assert (result == value).all()


@pytest.mark.parametrize("fit", FITS)
def test_a_square_of_the_right_size_is_left_alone(fit: str) -> None:
    image = picture(0, (16, 16))
    assert np.array_equal(fit_square(image, 16, fit), image)  # type: ignore[arg-type]


def test_halving_averages_what_a_point_sample_would_miss() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (32, 16))  # one pixel wide: a point sample sees one of them only
    middle = fit_square(stripes, 8)[2:-2, 2:-2].astype(int)
    assert (abs(middle - 127.5) < 8).all()


def test_crop_keeps_the_middle_and_pad_keeps_all() -> None:
    image = np.zeros((10, 30), np.uint8)
    image[:, 10:20] = 200
    assert (fit_square(image, 10, "crop") == 200).all()
    padded = fit_square(image, 30, "pad")
    assert np.array_equal(padded[10:20], image) and (padded[:10] == border_colour(image)).all()


def test_the_border_colour_is_the_median_of_the_outermost_pixels() -> None:
    image = np.full((6, 6, 3), 7, np.uint8)
    image[1:-1, 1:-1] = 250
    image[0, 0] = 90
    assert border_colour(image).tolist() == [7, 7, 7]


def test_unknown_words_are_refused() -> None:
    for bad in (("squeeze", "bilinear", 4), ("pad", "lanczos", 4), ("pad", "bilinear", 0)):
        with pytest.raises(ValueError, match="found"):
            fit_square(picture(0), bad[2], bad[0], bad[1])  # type: ignore[arg-type]


def test_the_content_hash_is_sha256_of_shape_and_bytes() -> None:
    image = picture(3, (4, 5))
    assert content_hash(image) == hashlib.sha256(b"4x5:" + image.tobytes()).hexdigest()[:16]
    assert content_hash(image) == content_hash(np.asfortranarray(image))


def test_the_content_hash_tells_shapes_apart() -> None:
    flat = np.zeros(12, np.uint8)
    assert len({content_hash(flat.reshape(shape)) for shape in ((3, 4), (4, 3), (2, 6), (2, 2, 3))}) == 4
