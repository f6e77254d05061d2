"""Thumbnails, and what they do and do not see."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from heldout.images.perceptual import thumbnails
from tests.images.test_quality import scene

SIZES = [(64, 64), (100, 37), (32, 32), (200, 300), (9, 11), (224, 224)]


def waves() -> list[np.ndarray]:
    """Six images of different sizes, every other one in colour."""
    images = []
    for i, (height, width) in enumerate(SIZES):
        y, x = np.mgrid[:height, :width]
        grey = (127 + 60 * np.sin(x / (3 + i) + i) + 50 * np.cos(y / (2 + i))).astype(np.uint8)
        images.append(np.stack([grey, grey[::-1], grey // 2], -1) if i % 2 else grey)
    return images


def test_a_channel_axis_of_one_and_equal_channels_change_nothing() -> None:
    grey = scene(3, 48)
    for other in (grey[..., 0], np.repeat(grey, 3, axis=3)):
        np.testing.assert_allclose(thumbnails(grey), thumbnails(other), atol=1e-6)


def test_a_thumbnail_has_mean_0_and_length_1_and_forgets_brightness_and_contrast() -> None:
    images = scene(4, 64)
    small = thumbnails(images, 16)
    assert small.shape == (4, 256) and small.dtype == np.float32
    np.testing.assert_allclose(small.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(small, axis=1), 1, atol=1e-5)
    flat = np.rint(60 + 0.5 * images.astype(float)).astype(np.uint8)
    assert ((small * thumbnails(flat, 16)).sum(axis=1) > 0.999).all()
    mean = images[0, ..., 0].astype(float).reshape(16, 4, 16, 4).mean(axis=(1, 3)).ravel()
    assert np.corrcoef(mean, small[0])[0, 1] > 0.99, "it shows the image"


def test_saving_again_and_resizing_hardly_change_it_and_another_image_does() -> None:
    images = scene(6, 96)
    again = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image[..., 0]).resize((80, 80)).save(buffer, "JPEG", quality=50)
        again.append(np.asarray(Image.open(buffer)))
    alike = thumbnails(images) @ thumbnails(again).T
    same = np.eye(6, dtype=bool)
    assert alike[same].min() > 0.995 and alike[~same].max() < 0.9


def test_blank_images_are_alike_to_nothing_and_no_image_is_no_thumbnail() -> None:
    assert (thumbnails(np.full((2, 20, 20), 7, dtype=np.uint8)) == 0).all()
    assert thumbnails([]).shape == (0, 1024)


@pytest.mark.parametrize("side", [8, 32])
def test_the_side_is_the_side(side: int) -> None:
    assert thumbnails(waves(), side).shape == (6, side * side)
