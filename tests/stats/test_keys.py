"""Keys: false alarms by simulation, and the coarser key that joins strangers, a ward, or one patient's two eyes."""

from __future__ import annotations

import numpy as np
import pytest

from heldout.stats.keys import LEVEL, verify_key

pytestmark = pytest.mark.numeric


def world(
    patients: int = 80, each: int = 3, alike: float = 1.0, seed: int = 0, classes: int = 2
) -> tuple[list[str], list[str], np.ndarray]:
    """Keys, labels and vectors: a mean image of the class, a look of the patient, a look of the image."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), each)
    label = patient % classes
    vectors = 3 * rng.standard_normal((classes, 40))[label]
    vectors += alike * rng.standard_normal((patients, 40))[patient] + rng.standard_normal((len(patient), 40))
    return [f"p{i}" for i in patient], [f"c{i}" for i in label], vectors.astype(np.float32)


def test_a_patient_is_accepted_and_the_numbers_are_there() -> None:
    keys, labels, vectors = world()
    found = verify_key(keys, labels, vectors)
    assert found.accepted and found.p == 0.001 and found.effect > 0.8
    assert found.pairs == 80 * 3


def test_a_key_without_meaning_is_accepted_once_in_a_hundred() -> None:
    """p of such keys is uniform: images of one class, keys dealt out at random, though patients are there."""
    _, labels, vectors = world(40, 3)
    ps = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        keys = [f"k{i}" for i in rng.integers(0, 60, 120)]
        ps.append(verify_key(keys, labels, vectors, seed=seed, permutations=99).p)
    assert abs(np.mean(ps) - 0.5) < 0.1
    assert 0.01 <= np.mean(np.array(ps) <= 0.1) <= 0.2
    assert np.mean(np.array(ps) <= LEVEL) <= 0.05


def test_the_class_is_no_patient() -> None:
    """Images of a class are alike; keys that only follow the class say nothing of patients."""
    _, labels, vectors = world(60, 2, alike=0)
    rng = np.random.default_rng(0)
    keys = [f"{label}-{rng.integers(20)}" for label in labels]
    assert not verify_key(keys, labels, vectors).accepted


def test_numbers_that_start_again_for_each_kind_are_refused() -> None:
    """person12_virus and person12_bacteria are two people; the kinds differ in looks, as those do."""
    keys, _, vectors = world(160, 3, classes=1)
    patient = np.array([int(key[1:]) for key in keys])
    kind = np.where(patient < 80, "virus", "bacteria")
    vectors[kind == "virus"] += 2 * np.random.default_rng(9).standard_normal(40).astype(np.float32)
    coarse = [f"person{i % 80}" for i in patient]
    fine = [f"{key}_{which}" for key, which in zip(coarse, kind, strict=True)]
    one = ["PNEUMONIA"] * len(keys)
    assert verify_key(fine, one, vectors).accepted
    found = verify_key(coarse, one, vectors, fine)
    assert not found.accepted and found.p > LEVEL and found.pairs == 80
    assert verify_key(coarse, one, vectors).accepted, "without the finer key it is half right, and passes"


def test_two_eyes_of_one_patient_are_joined() -> None:
    keys, labels, vectors = world(80, 4)
    fine = [f"{key}_{'LR'[i % 2]}" for i, key in enumerate(keys)]
    found = verify_key(keys, labels, vectors, fine)
    assert found.accepted and found.pairs == 80


def test_a_ward_is_no_patient() -> None:
    keys, labels, vectors = world(120, 3, classes=1)
    patient = np.array([int(key[1:]) for key in keys])
    vectors += 0.5 * np.random.default_rng(1).standard_normal((30, 40)).astype(np.float32)[patient // 4]
    found = verify_key([f"w{i // 4}" for i in patient], labels, vectors, keys)
    assert not found.accepted and found.p <= LEVEL


def test_too_few_pairs_are_no_verdict() -> None:
    keys, labels, vectors = world(4, 2)
    found = verify_key(keys, labels, vectors)
    assert not found.accepted and np.isnan(found.p) and found.pairs == 4 and not found.told
    keys, labels, vectors = world(12, 2, alike=0.3)
    assert not verify_key(keys, labels, vectors).told


def test_eyes_that_differ_are_joined_nevertheless() -> None:
    """Left and right look different in everyone; a left eye is held against left eyes when the key is dealt out."""
    keys, labels, vectors = world(80, 4, alike=0.7, classes=1)
    right = np.arange(len(keys)) % 2 == 1
    vectors = vectors[:, :4]
    vectors[right] += np.float32(3)
    fine = [f"{key}_{'LR'[int(eye)]}" for key, eye in zip(keys, right, strict=True)]
    assert verify_key(keys, labels, vectors, fine).accepted


def test_a_few_copies_do_not_make_a_patient() -> None:
    """Among 200 pairs of keys without meaning, seven of identical images: counted in full they would do it mostly."""
    accepted = 0
    for seed in range(20):
        _, labels, vectors = world(400, 1, alike=0, seed=seed, classes=1)
        keys = [f"k{i // 2}" for i in range(400)]
        vectors[1:14:2] = vectors[0:14:2]
        accepted += verify_key(keys, labels, vectors, seed=seed, permutations=199).accepted
    assert accepted <= 9


def test_images_without_a_key_and_order_do_not_matter() -> None:
    keys, labels, vectors = world(30, 3)
    found = verify_key([*keys, "", ""], [*labels, "c0", "c1"], np.concatenate([vectors, vectors[:2] * 50]))
    assert (found.effect, found.pairs) == pytest.approx((verify_key(keys, labels, vectors).effect, 90), abs=0.02)
    order = np.random.default_rng(3).permutation(len(keys))
    moved = verify_key([keys[i] for i in order], [labels[i] for i in order], vectors[order])
    assert moved.accepted and moved.effect == pytest.approx(found.effect, abs=0.1)


def test_many_groups_are_sampled_by_whole_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heldout.stats.keys.MOST_BLOCKS", 90)
    monkeypatch.setattr("heldout.stats.keys.MOST_PAIRS", 70)
    keys, labels, vectors = world(80, 3, classes=1)
    found = verify_key(keys, labels, vectors)
    assert found.accepted and found.pairs == 70


def test_lengths_that_differ_are_refused() -> None:
    keys, labels, vectors = world(5, 2)
    with pytest.raises(ValueError, match="lengths that differ"):
        verify_key(keys[1:], labels, vectors)


def test_blank_images_give_no_number_without_meaning() -> None:
    keys, labels, vectors = world(20, 3)
    found = verify_key(keys, labels, np.zeros_like(vectors))
    assert not found.accepted
