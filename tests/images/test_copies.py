"""Changed copies: found whichever way they were changed, and nothing else is."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from heldout.images import read_pixels
from heldout.images.copies import describe, find_copies, numbered, small_grey
from heldout.images.copies.judge import LEAST, MOST, threshold
from heldout.images.copies.search import Candidates, _best
from heldout.images.copies.small import shown
from heldout.images.copies.spectra import spectra
from heldout.images.copies.symmetries import NO_MOVE, changed, matrix_of, move, sampled
from tests.data_folder import shared_data

Pixels = np.ndarray


def scene(seed: int, side: int = 96) -> Pixels:
    """A grey picture of blobs and noise: no two seeds give the same."""
    rng = np.random.default_rng([seed, 31])
    y, x = np.mgrid[:side, :side] / side
    grey = np.full((side, side), 120.0)
    for _ in range(40):
        cy, cx, width = rng.uniform(0.02, 0.98), rng.uniform(0.02, 0.98), rng.uniform(0.015, 0.1)
        grey += rng.uniform(-60, 60) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
    return np.clip(grey + rng.normal(0, 3, grey.shape), 0, 255).astype(np.uint8)


SCENES = [scene(seed) for seed in range(40)]


def found(images: list[Pixels]) -> set[tuple[int, int]]:
    pairs = find_copies(np.stack([small_grey(image) for image in images]))
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def symmetric(image: Pixels, symmetry: int) -> Pixels:
    turned = np.rot90(image, symmetry % 4)
    return np.ascontiguousarray(turned[:, ::-1] if symmetry >= 4 else turned)


def turned(image: Pixels, degrees: float, shift: tuple[float, float] = (0, 0)) -> Pixels:
    """With black corners."""
    by = (shift[0] * image.shape[1], shift[1] * image.shape[0])
    return np.asarray(Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC, translate=by))


def cropped(image: Pixels, share: float) -> Pixels:
    side = round(share * len(image))
    cut = Image.fromarray(image[2 : 2 + side, 3 : 3 + side])
    return np.asarray(cut.resize(image.shape[::-1], Image.Resampling.BICUBIC))


def jpeg(image: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "brighter": lambda image: np.clip(image * 1.25, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.7).astype(np.uint8),
    "contrast": lambda image: np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(0.7)),
    "jpeg": lambda image: jpeg(image, 50),
    "resized": lambda image: np.asarray(Image.fromarray(image).resize((70, 150))),
    "turned": lambda image: turned(image, 9),
    "shifted": lambda image: turned(image, 0, (0.05, -0.04)),
    "cropped": lambda image: cropped(image, 0.87),
    "everything": lambda image: jpeg(symmetric(turned(cropped(image // 4 * 3 + 20, 0.95), -4), 6), 80),
}


@settings(max_examples=2, deadline=None)
@given(st.permutations(range(40)))
def test_a_copy_is_found_whichever_of_the_eight_symmetries_made_it(order: list[int]) -> None:
    """Eight of the scenes, each once more by another symmetry."""
    rows = order[:8]
    copies = [symmetric(SCENES[row], symmetry) for symmetry, row in enumerate(rows)]
    pairs = find_copies(np.stack([small_grey(image) for image in [*SCENES, *copies]]))
    told = {(int(a), int(b)): place for place, (a, b) in enumerate(zip(pairs.first, pairs.second, strict=True))}
    assert told.keys() == {(row, 40 + symmetry) for symmetry, row in enumerate(rows)} and len(pairs) == 8
    for (_, copy), place in told.items():
        symmetry = copy - 40
        assert pairs.symmetry[place] == symmetry and pairs.agreement[place] > 0.95
        assert pairs.change[place] == (describe(symmetry, NO_MOVE, 1, 1) or "saved again")


CHANGED = {(row, 40 + row) for row in range(len(CHANGES))}
"""What there is to be found among the scenes and their changed copies."""


@settings(max_examples=3, deadline=None)
@given(st.permutations(range(49)))
def test_the_order_of_the_images_does_not_matter(order: list[int]) -> None:
    images = [*SCENES, *(change(SCENES[row]) for row, change in enumerate(CHANGES.values()))]
    there = found([images[row] for row in order])
    assert {tuple(sorted((order[a], order[b]))) for a, b in there} == CHANGED


def test_every_change_is_found_and_nothing_else() -> None:
    images = [*SCENES, *(change(SCENES[row]) for row, change in enumerate(CHANGES.values()))]
    assert found(images) == CHANGED


def test_changes_are_told() -> None:
    images = [*SCENES, turned(SCENES[0], 8), cropped(SCENES[1], 0.87), CHANGES["brighter"](SCENES[2])]
    pairs = find_copies(np.stack([small_grey(image) for image in images]))
    told = dict(zip(pairs.first.tolist(), pairs.change, strict=True))
    assert told[0].startswith(("turned by 7°", "turned by 8°", "turned by 9°"))
    assert told[1].startswith(tuple(f"cropped to {share} %" for share in range(85, 90)))
    assert told[2] == "brighter"


def test_pictures_of_one_kind_are_no_copies() -> None:
    """One outline with other details in it, as two chests or two cells have."""
    y, x = np.mgrid[:96, :96] / 96 - 0.5
    outline = 150 * np.exp(-((np.hypot(x, y) - 0.3) ** 2) * 300)
    alike = [np.clip(0.6 * outline + 0.4 * scene(seed), 0, 255).astype(np.uint8) for seed in range(60)]
    assert found(alike) == set()
    assert found([*alike, symmetric(alike[4], 3), CHANGES["brighter"](alike[5])]) == {(4, 60), (5, 61)}


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_few_images_and_blank_ones_are_answered(number: int) -> None:
    blank = [np.full((20, 30), level, dtype=np.uint8) for level in range(number)]
    small = np.stack([small_grey(image) for image in blank]) if blank else np.empty((0, 64, 64), dtype=np.uint8)
    assert len(find_copies(small)) == 0
    with pytest.raises(ValueError, match="64"):
        find_copies(np.empty((2, 32, 32), dtype=np.uint8))


def test_a_flat_rim_shows_nothing() -> None:
    image = small_grey(jpeg(turned(np.maximum(SCENES[3], 30), 10), 60))
    mask = shown(np.stack([image, small_grey(SCENES[3])]))
    assert not mask[0, 0, 0] and not mask[0, -1, -1] and mask[0, 20:44, 20:44].all()
    assert mask[1].mean() > 0.95


@pytest.mark.parametrize("symmetry", range(8))
def test_spectra_and_places_follow_a_symmetry(symmetry: int) -> None:
    from heldout.images.copies.spectra import reordered

    images = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    other = changed(images, np.full(3, symmetry))
    np.testing.assert_array_equal(other[0], symmetric(images[0], symmetry))
    np.testing.assert_allclose(spectra(other), spectra(images)[:, reordered(symmetry)], atol=1e-4)
    matrix = np.concatenate([matrix_of(symmetry), np.zeros((2, 1))], axis=1).astype(np.float32)
    values, inside, _ = sampled(images, np.tile(matrix, (3, 1, 1)))
    assert inside.all()
    np.testing.assert_allclose(values.reshape(3, 32, 32), other, atol=1e-4)


def test_a_move_and_its_words() -> None:
    assert (
        describe(4, move(degrees=5, zoom=0.9), 1.2, 1.0)
        == "mirrored left to right, turned by 5°, cropped to 90 %, brighter"
    )
    assert describe(0, move(dy=0.1), 1.0, 0.7) == "shifted by 5 %, of less contrast"
    assert describe(0, NO_MOVE, 1.0, 1.0) == "saved again"


def test_pictures_are_what_pairs_join() -> None:
    assert numbered([(0, 2), (2, 3)], 5).tolist() == [0, 1, 0, 0, 2]
    assert numbered([], 2).tolist() == [0, 1]


def test_the_threshold_lies_above_different_pictures_and_copies_among_them_do_not_move_it() -> None:
    rng = np.random.default_rng(0)
    near, far = (np.tanh(rng.normal(middle, 0.25, 4000)).astype(np.float32) for middle in (0.5, 0.1))
    least = threshold(near, far, 4000)
    assert LEAST <= least <= MOST and (near > least).sum() == 0
    copies = np.full(1000, 0.98, np.float32)
    assert threshold(np.concatenate([near, copies]), far, 4000) == pytest.approx(least, abs=0.01)
    assert threshold(copies, far, 4000) == LEAST, "where all candidates are copies, pairs drawn at random decide"
    assert threshold(near, far[:5], 4000) == MOST
    assert threshold(near, np.tanh(rng.normal(2, 0.2, 400)).astype(np.float32), 4000) > 0.98


@pytest.mark.parametrize("name", ["kermany224/train/NORMAL", "ham_vienna/images"])
def test_real_images_give_no_false_pair(name: str) -> None:
    """Radiographs, which all look alike, and skin: 300 each, and two that were changed among them."""
    files = sorted(shared_data(name).iterdir())[100:1300:4]
    images = [read_pixels(file) for file in files]
    grey = [image if image.ndim == 2 else np.asarray(Image.fromarray(image).convert("L")) for image in images]
    there = found([*grey, turned(grey[7], 7), symmetric(jpeg(grey[9], 40), 5)])
    assert {(7, 300), (9, 301)} <= there
    own = [(files[a].name[:12], files[b].name[:12]) for a, b in there if b < 300]
    assert len(own) <= 3, own  # lesions that were photographed twice, and one radiograph under two names


@given(st.data())
def test_pairs_that_are_left_out_way_by_way_are_those_that_would_be_left_out_in_the_end(data: st.DataObject) -> None:
    n, kept = 8, data.draw(st.integers(1, 3))
    parts = []
    for way in range(3):
        size = data.draw(st.integers(0, 25))
        rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
        first = rng.integers(0, n, size)
        second = (first + rng.integers(1, n, size)) % n
        distance = rng.integers(0, 6, size).astype(np.float32)  # many are equally near
        parts.append(Candidates(first, second, np.full(size, way), rng.integers(0, 4, size), distance))
    whole = _best(n, kept, Candidates.joined(parts))
    pieces = [_best(n, kept, part) for part in parts]
    found = _best(n, kept, Candidates.joined(pieces))
    for name in ("first", "second", "way", "symmetry", "distance"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
