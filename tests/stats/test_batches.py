"""Batches of new images: alike is seldom called unlike, whatever patients they are of; a shift is seen."""

from __future__ import annotations

import numpy as np
import pytest

from heldout.stats import batches
from heldout.stats.batches import ALARM, Ground, Known, likeness, p_of


def images(patients: int, rng: np.random.Generator, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """One to five images of each patient, which are alike."""
    sizes = rng.integers(1, 6, patients)
    unit = np.repeat(np.arange(patients), sizes)
    return rng.normal(shift, 1, (patients, 4))[unit] + rng.normal(0, 0.5, (len(unit), 4)), unit


def test_alike_is_seldom_called_unlike_and_a_shift_is_seen() -> None:
    called: dict[float, list[float]] = {0.0: [], 0.7: []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        known = Known(images(100, rng)[0], *images(100, rng))
        ground = Ground.of(known, rng)
        null = ground.null(60, rng)
        for shift, found in called.items():
            found.append(p_of(ground.distance(images(40, rng, shift)[0][:60]), null))
    assert np.mean(np.array(called[0.0]) <= 0.1) < 0.1 + 2 * np.sqrt(0.09 / 60)
    assert np.mean(np.array(called[0.0]) <= ALARM) <= 0.05
    assert np.mean(np.array(called[0.7]) <= ALARM) > 0.9


def test_batches_of_the_null_are_whole_patients_and_of_the_size_that_was_asked() -> None:
    units = np.repeat(np.arange(30), np.arange(30) % 4 + 1)
    counts = batches._drawn(units, 25, np.random.default_rng(0)) * 25
    assert counts.shape == (batches.DRAWS, len(units))
    np.testing.assert_allclose(counts.sum(axis=1), 25)
    uneven = [
        sum(len(set(row[units == u].round(9))) > 1 for u in range(30)) for row in counts
    ]  # at most the last one is cut
    assert max(uneven) == 1 and min(uneven) == 0


def test_too_little_is_not_judged_and_what_cannot_be_compared_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    known = Known(images(60, rng)[0], *images(60, rng))
    assert likeness(rng.normal(0, 1, (19, 4)), known) is None
    assert likeness(rng.normal(0, 1, (40, 4)), Known(known.anchor, known.others, np.zeros(len(known.others)))) is None
    flat = Known(*(np.column_stack([side, np.ones(len(side))]) for side in (known.anchor, known.others)), known.units)
    batch = np.column_stack([images(15, rng)[0][:30], np.full(30, 9.0)])
    batch[0, 0] = np.nan
    found = likeness(batch, flat)
    assert found is not None and not found.unlike
    monkeypatch.setattr(batches, "MOST", 50)  # of more so many are drawn, patients whole
    again = likeness(images(60, rng)[0], known)
    assert again is not None and again.images == 50
