"""Near-copies: every pair that there is and no other, with a threshold that strangers do not reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import heldout.stats.neighbours as module
from heldout.images import fit_square, read_pixels
from heldout.images.perceptual import perceptual_hashes, thumbnails
from heldout.stats.neighbours import LEAST, MOST, NearCopies, calibrate, hamming, near_copies
from tests.data_folder import shared_data


def sphere(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


@given(
    st.lists(st.integers(0, 2**12 - 1), min_size=1, max_size=40),
    st.integers(0, 8),
    st.floats(-0.5, 0.9),
    st.integers(1, 9),
    st.integers(1, 99),
)
def test_the_pairs_are_those_of_a_double_loop(
    values: list[int], radius: int, similarity: float, chunk: int, room: int
) -> None:
    hashes = np.array(values, dtype=np.uint64)
    vectors = sphere(len(values), 3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = {
        (i, j)
        for i, j in combinations(range(len(values)), 2)
        if (values[i] ^ values[j]).bit_count() <= radius and float(unit[i] @ unit[j]) >= similarity
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        patch.setattr(module, "ROOM", room)
        found = near_copies(hashes, vectors, similarity, radius)
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert (np.diff(found.similarity) <= 0).all()
    for i, j, bits, alike in zip(found.first, found.second, found.bits, found.similarity, strict=True):
        assert bits == (values[i] ^ values[j]).bit_count()
        assert alike == pytest.approx(float(unit[i] @ unit[j]), abs=1e-5)


@given(
    st.integers(0, 2**32),
    st.integers(2, 60),
    st.integers(1, 40),
    st.floats(0, 0.3),
    st.floats(0.9, 0.9999),
)
def test_clusters_of_near_copies_are_found_whole(seed: int, d: int, clusters: int, noise: float, least: float) -> None:
    """Pictures in more dimensions than there are axes, each several times with noise, some blank; hashes likewise."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(clusters, size=120)
    vectors = (sphere(clusters, d, seed)[picture] + noise * rng.standard_normal((120, d))).astype(np.float32)
    vectors[rng.integers(120, size=10)] = 0
    hashes = rng.integers(2**63, size=clusters, dtype=np.uint64)[picture]
    hashes ^= np.uint64(1) << rng.integers(64, size=120, dtype=np.uint64)  # two of a picture differ in 0 or 2 bits
    length = np.linalg.norm(vectors, axis=1)
    cosine = (vectors @ vectors.T) / np.where(np.outer(length, length) > 0, np.outer(length, length), 1)
    bits = hamming(hashes[:, None], hashes[None])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROOM", 500)
        found = near_copies(hashes, vectors, least, radius=1)
    surely = np.triu((cosine >= least + 1e-5) & (bits <= 1), 1)
    perhaps = np.triu((cosine >= least - 1e-5) & (bits <= 1), 1)
    pairs = np.zeros((120, 120), dtype=bool)
    pairs[found.first, found.second] = True
    assert (surely <= pairs).all() and (pairs <= perhaps).all() and len(found) == pairs.sum()


def test_all_pairs_of_equal_hashes_are_looked_at() -> None:
    vectors = sphere(200, 4)
    found = near_copies(np.zeros(200, dtype=np.uint64), vectors, 0.0)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert len(found) == int((np.triu(unit @ unit.T, 1) > 0).sum())


def test_few_pairs_are_looked_at_where_few_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the square of the number of images: 3000 strangers with one hash, 20 of them twice, and 500 blank images."""
    vectors = np.concatenate([sphere(3000, 40), sphere(3000, 40)[:20], np.zeros((500, 40), dtype=np.float32)])
    looked_at = []
    candidates = module._candidates

    def counted(*arguments: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first, second in candidates(*arguments):
            looked_at.append(len(first))
            yield first, second

    monkeypatch.setattr(module, "_candidates", counted)
    found = near_copies(np.zeros(3520, dtype=np.uint64), vectors, 0.999)
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == {(i, 3000 + i) for i in range(20)}
    assert sum(looked_at) < 100


def test_nothing_is_near_nothing() -> None:
    assert len(near_copies(np.zeros(0, dtype=np.uint64), sphere(0, 40), 0.9)) == 0
    assert len(near_copies(np.zeros(3, dtype=np.uint64), np.zeros((3, 40), dtype=np.float32), 0.9)) == 0


def test_hamming_counts_all_64_bits() -> None:
    assert hamming(np.array([2**64 - 1], dtype=np.uint64), np.array([0], dtype=np.uint64)).tolist() == [64]


def test_strangers_do_not_reach_the_threshold_and_copies_do() -> None:
    """Vectors around a common one, as images of one kind are; 20 of them again with a little noise."""
    rng = np.random.default_rng(1)
    common = rng.standard_normal(60)
    false_alarms = 0
    for _ in range(20):
        vectors = (common + 0.6 * rng.standard_normal((400, 60))).astype(np.float32)
        copies = vectors[:20] + 0.02 * rng.standard_normal((20, 60)).astype(np.float32)
        everything = np.concatenate([vectors, copies])
        threshold = calibrate(everything, [""] * 420)  # nobody knows the patients: copies count as strangers
        found = near_copies(np.zeros(420, dtype=np.uint64), everything, threshold.similarity)
        pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
        assert {(i, 400 + i) for i in range(20)} <= pairs
        false_alarms += len(pairs) > 20
    assert false_alarms <= 3, "a chance of .05 each time"
    assert 0.6 < threshold.typical < threshold.similarity and threshold.strangers == 420


def test_the_threshold_is_the_quantile_of_the_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log-distances that are normal with known mean and spread."""
    logs = norm.ppf((np.arange(2000) + 0.5) / 2000) * 0.3 - 3.0
    monkeypatch.setattr(module, "_nearest_strangers", lambda *_: np.exp(logs))
    found = calibrate(sphere(2000, 2), [""] * 2000)
    assert found.typical == pytest.approx(1 - np.exp(-3.0), abs=1e-3)
    assert 1 - found.similarity == pytest.approx(np.exp(-3.0 - 0.3 * norm.isf(0.05 / 2000)), rel=0.01)


def test_images_of_the_same_patient_are_no_strangers() -> None:
    vectors = np.repeat(sphere(50, 30), 2, axis=0) + 0.01 * sphere(100, 30, 2)
    known = calibrate(vectors, [f"p{i // 2}" for i in range(100)])
    unknown = calibrate(vectors, [""] * 100)
    assert known.typical < 0.7 < 0.99 < unknown.typical


def test_the_threshold_keeps_its_bounds() -> None:
    assert calibrate(np.eye(60, dtype=np.float32), [""] * 60).similarity == LEAST
    few = calibrate(sphere(10, 3), [""] * 10)
    assert few.similarity == MOST
    assert calibrate(sphere(40, 3), ["one"] * 40).strangers == 0


def pairs(*rows: tuple[int, int]) -> NearCopies:
    first, second = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return NearCopies(first, second, np.zeros(len(rows), dtype=np.uint8), np.ones(len(rows)))


def test_pairs_across_parts_and_pictures() -> None:
    found = pairs((0, 1), (1, 3), (4, 5))
    names = ["train", "train", "train", "test", "val", ""]
    across = found.across(names)
    assert (across.first.tolist(), across.second.tolist(), len(across)) == ([1], [3], 1)
    numbers = found.pictures(7)
    assert numbers[0] == numbers[1] == numbers[3] and numbers[4] == numbers[5] and len(set(numbers.tolist())) == 4
    assert pairs().pictures(3).tolist() == [0, 1, 2]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="as many hashes"):
        near_copies(np.zeros(2, dtype=np.uint64), sphere(3, 2), 0.9)
    with pytest.raises(ValueError, match="radius"):
        near_copies(np.zeros(2, dtype=np.uint64), sphere(2, 2), 0.9, 65)


def test_the_normal_test_images_of_kermany_hold_one_picture_under_two_names() -> None:
    files = sorted((shared_data("kermany224") / "test" / "NORMAL").iterdir())
    pixels = np.stack([fit_square(read_pixels(path), 128) for path in files])
    darker = np.rint(0.8 * pixels[:5]).astype(np.uint8)
    images = np.concatenate([pixels, darker])
    patients = [re.sub(r"-\d+\.jpeg$", "", path.name) for path in files] + [f"copy {i}" for i in range(5)]
    vectors = thumbnails(images)
    threshold = calibrate(vectors, patients)
    found = near_copies(perceptual_hashes(images), vectors, threshold.similarity).across(patients)
    names = [path.name for path in files] + [f"darker {path.name}" for path in files[:5]]
    assert {(names[i], names[j]) for i, j in zip(found.first, found.second, strict=True)} == {
        ("NORMAL2-IM-0095-0001.jpeg", "NORMAL2-IM-0096-0001.jpeg"),
        *((path.name, f"darker {path.name}") for path in files[:5]),
    }
