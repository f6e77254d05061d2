"""Masks beside the images of published sets are left out, and told by their grey levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import heldout
from heldout.data.examine.masks import has_levels_of_a_mask
from tests.data.readers.making import labels, picture, write_image


def ellipse(seed: int) -> np.ndarray:
    y, x = np.mgrid[:40, :40] / 40 - 0.5
    a, b = np.random.default_rng(seed).uniform(0.1, 0.3, 2)
    return ((((x / a) ** 2 + (y / b) ** 2) < 1) * 255).astype(np.uint8)


def test_masks_are_left_out_with_a_word(tmp_path: Path) -> None:
    for label, number in (("benign", 4), ("malignant", 4)):
        for n in range(number):
            write_image(tmp_path / label / f"{label} ({n}).png", n + 10 * (label == "benign"), (40, 40))
            Image.fromarray(ellipse(n)).convert("1").save(tmp_path / label / f"{label} ({n})_mask.png")
    Image.fromarray(ellipse(9)).save(tmp_path / "benign" / "benign (0)_mask_1.png")
    write_image(tmp_path / "benign" / "benign (1)_roi.png", 77, (40, 40))  # called so, but a picture
    cohort = heldout.load(tmp_path)
    assert labels(cohort) == {"benign": 5, "malignant": 4}
    told = "\n".join(cohort.notes)
    assert "9 masks were left out" in told and "1 images are called masks but" in told


def test_a_mask_is_told_by_its_grey_levels(tmp_path: Path) -> None:
    Image.fromarray(ellipse(3)).save(tmp_path / "m.jpg", quality=70)
    assert has_levels_of_a_mask(np.asarray(Image.open(tmp_path / "m.jpg")))
    assert has_levels_of_a_mask(np.zeros((5, 5), np.uint8))
    assert not has_levels_of_a_mask(picture(1, (40, 40)))
    assert not has_levels_of_a_mask(picture(1, (40, 40, 3)))
    assert has_levels_of_a_mask(np.stack([ellipse(3)] * 3, axis=-1))
    assert has_levels_of_a_mask(np.stack([ellipse(3), ellipse(4), 0 * ellipse(3)], axis=-1))  # a map in colours
