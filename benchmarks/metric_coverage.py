"""How often the interval of a balanced accuracy holds the truth, beside plain percentiles of the bootstrap.

    python benchmarks/metric_coverage.py [--studies 250]

Simulated studies of two classes: each patient has images of one class, or four of the first and two of the second;
whether an image is right depends on its patient (a beta-distributed chance, correlation .3 of two images). The table
stands in docs/statistics.md.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import beta

from heldout.records import Metric
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw, percentile_interval
from heldout.stats.estimates import metric_estimate
from heldout.stats.few import spread
from heldout.stats.metric import ClassWeights
from heldout.stats.units import Units

RECALLS = ((0.9, 0.7), (0.97, 0.9))
WORLDS: tuple[tuple[str, tuple[int, int], int, bool], ...] = (
    ("60 + 12 images", (60, 12), 1, False),
    ("200 + 20 images", (200, 20), 1, False),
    ("24 + 8 patients of 5 images", (24, 8), 5, False),
    ("60 + 20 patients of 5 images", (60, 20), 5, False),
    ("20 patients with both classes", (20, 0), 6, True),
    ("60 patients with both classes", (60, 0), 6, True),
)
CORRELATION = 0.3
BALANCED = ClassWeights.of(Metric("balanced-accuracy"), ("first", "second"))


def study(
    rng: np.random.Generator, counts: tuple[int, int], per: int, both: bool, recalls: tuple[float, float]
) -> Predictions:
    """One study: patients, labels and which images are right."""
    unit = np.repeat(np.arange(sum(counts)), per)
    labels = np.tile(np.arange(per) >= 4, sum(counts)).astype(np.int64) if both else np.repeat([0, 1], counts)[unit]
    chance = np.array(recalls)[labels]
    if per > 1:
        scale = 1 / CORRELATION - 1
        place = rng.random(sum(counts))[unit]  # a patient is easy or hard, in both classes alike
        chance = beta.ppf(place, chance * scale, (1 - chance) * scale)
    right = rng.random(len(labels)) < chance
    ids = tuple(f"i{i}" for i in range(len(labels)))
    patients = tuple(f"p{i}" for i in unit) if per > 1 else ()
    return Predictions("val", ids, labels, np.eye(2)[np.where(right, labels, 1 - labels)], patients)


def main() -> None:
    """Print a row a world and pair of recalls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=250)
    studies = parser.parse_args().studies
    rng = np.random.default_rng(0)
    print("| patients | recalls | used | percentiles |\n|---|---|---|---|")
    for name, counts, per, both in WORLDS:
        for recalls in RECALLS:
            held, width, truth = np.zeros(2), np.zeros(2), sum(recalls) / 2
            for seed in range(studies):
                side = study(rng, counts, per, both, recalls)
                units = Units.of(side.labels, side.ids, side.patients)
                drawn = draw(side.labels, side.ids, side.patients, replicates=200, seed=seed)
                used = metric_estimate(side, units, drawn, BALANCED)
                replicates = BALANCED.means(side.right.astype(np.float64), side.labels, drawn)[1:]
                wide = spread(used.value, replicates, drawn.few.factor(replicates))
                plain = percentile_interval(wide, used.value)
                for place, (low, high) in enumerate(((used.low, used.high), plain)):
                    held[place] += low <= truth <= high
                    width[place] += high - low
            cells = [f"{100 * h / studies:.0f} ({100 * w / studies:.0f})" for h, w in zip(held, width, strict=True)]
            print(f"| {name} | {recalls[0]:.0%}, {recalls[1]:.0%} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
