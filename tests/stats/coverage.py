"""How often the intervals hold the truth, by simulation. Print the table of docs/statistics.md with

    python -m tests.stats.coverage [STUDIES]

A world: patients of two classes in equal number, each with one to eight images; whether an image is right depends on
its patient (a beta-distributed chance, intra-patient correlation `rho`) and, for the AUC, scores are a class mean plus
a patient's share plus noise. The truth is that of the population, weighted by images as the estimate is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from heldout.stats.bootstrap import draw, percentile_interval, resampled_auc
from heldout.stats.estimates import difference_estimate, share
from heldout.stats.intervals import wilson
from heldout.stats.scores import auc

REPLICATES = 600
"""Fewer than in use, for speed; it costs well under a point of coverage."""


@dataclass(frozen=True)
class World:
    """What is simulated: number of patients, true accuracy, correlation within a patient."""

    patients: int
    accuracy: float
    rho: float


WORLDS = tuple(World(p, a, r) for p in (30, 60, 200) for a in (0.8, 0.95) for r in (0.0, 0.5))


@dataclass(frozen=True)
class Coverage:
    """Share of simulated studies whose interval held the truth."""

    patients: float
    wilson_images: float
    auc: float
    difference: float


def simulate(world: World, studies: int, seed: int = 0) -> Coverage:
    """Simulate studies of a world and count."""
    rng = np.random.default_rng((seed, world.patients, round(100 * world.accuracy), round(10 * world.rho)))
    distance = 1.5  # of the class means, in standard deviations of an image
    true_auc = norm.cdf(distance / np.sqrt(2))
    hits = np.zeros(4)
    for _ in range(studies):
        patient = np.repeat(np.arange(world.patients), rng.integers(1, 9, world.patients))
        n = len(patient)
        labels = patient % 2
        names = [f"p{i}" for i in patient]
        draws = draw(labels, [str(i) for i in range(n)], names, replicates=REPLICATES, seed=int(rng.integers(2**31)))
        right, other = (_right(world, patient, rng) for _ in range(2))
        everyone = np.ones(n, dtype=bool)
        found = share(right, everyone, draws)
        assert found
        low, high = wilson(int(right.sum()), n)
        score = distance * labels + np.sqrt(world.rho) * rng.normal(size=world.patients)[patient]
        score += np.sqrt(1 - world.rho) * rng.normal(size=n)
        logits = np.stack([np.zeros(n), score], axis=1)
        area = percentile_interval(resampled_auc(labels, logits, draws), auc(labels, logits) or 0.0)
        points = difference_estimate(right, other, draws)
        hits += (
            found.estimate.low <= world.accuracy <= found.estimate.high,
            low <= world.accuracy <= high,
            area[0] <= true_auc <= area[1],
            points.low <= 0 <= points.high,
        )
    return Coverage(*(hits / studies))


def _right(world: World, patient: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which images are right: beta-binomial within patients."""
    chance = np.full(world.patients, world.accuracy)
    if world.rho:
        scale = 1 / world.rho - 1
        chance = rng.beta(world.accuracy * scale, (1 - world.accuracy) * scale, size=world.patients)
    return rng.random(len(patient)) < chance[patient]


def table(studies: int) -> Iterator[str]:
    """The lines of the table."""
    heads = ("patients", "accuracy", "correlation", "accuracy", "accuracy by Wilson on images", "AUC", "difference")
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for world in WORLDS:
        c = simulate(world, studies)
        cells = [f"{100 * value:.1f}" for value in (c.patients, c.wilson_images, c.auc, c.difference)]
        yield f"| {world.patients} | {100 * world.accuracy:.0f} % | {world.rho} | {' | '.join(cells)} |"


if __name__ == "__main__":
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
