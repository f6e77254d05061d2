from __future__ import annotations

import numpy as np
import pytest

from heldout.stats.scores import Indices, Reals
from heldout.stats.suspects import suspects


def answered(counts: tuple[int, ...], wrong: int = 0, seed: int = 0) -> tuple[Indices, Reals]:
    """Labels and sure probabilities of what images show; the first `wrong` images of class 0 are labelled 1."""
    rng = np.random.default_rng(seed)
    shown = np.repeat(np.arange(len(counts)), counts)
    labels = shown.copy()
    labels[:wrong] = 1
    logits = 4 * np.eye(len(counts))[shown] + 0.5 * rng.standard_normal((len(shown), len(counts)))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities


def test_turned_labels_are_flagged_and_ranked_first() -> None:
    labels, probabilities = answered((60, 60), wrong=5)
    found = suspects(labels, probabilities, 5)
    assert found is not None and found.left == ()
    assert set(np.flatnonzero(found.flagged)) <= set(range(5)) == set(np.argsort(found.quality)[:5])
    assert found.flagged.sum() >= 4


def test_a_rare_class_is_left_out_and_changes_nothing_for_the_others() -> None:
    labels, probabilities = answered((60, 60, 3), wrong=5)
    found = suspects(labels, probabilities, 5)
    assert found is not None and found.left == (2,)
    assert set(np.flatnonzero(found.flagged)) <= set(range(5)) == set(np.argsort(found.quality)[:5])
    assert found.flagged.sum() >= 4
    assert found.quality.shape == (123,) and (found.quality[120:] > 0.5).all()


def test_one_class_that_can_be_judged_is_not_enough() -> None:
    assert suspects(*answered((60, 3)), 5) is None and suspects(*answered((60,)), 5) is None


@pytest.mark.parametrize(("fewest", "left"), [(9, ()), (10, ()), (11, (2,))])
def test_a_class_with_just_enough_images_is_judged(fewest: int, left: tuple[int, ...]) -> None:
    labels, probabilities = answered((40, 40, 10))
    found = suspects(labels, probabilities, fewest)
    assert found is not None and found.left == left
