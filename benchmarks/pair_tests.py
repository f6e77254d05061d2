"""How often tests of two runs raise a false alarm, and how often they see a difference, by patients of several images.

    python benchmarks/pair_tests.py                    # the tables of docs/statistics.md
    python benchmarks/pair_tests.py --studies 200      # a first impression

A study: u patients with 1 to 12 images. The margin of an image, by each run, is a mean plus a share of the patient and
of the image that both runs have alike, plus the run's own share of the patient and of the image; `rho` is the part of
what is a run's own that all images of a patient share. An image is right where its margin is above 0; its score is the
margin with the sign of its class. Two runs of one mean are equally good; else the second is worse.

(a) Rejections at 5 % of McNemar's test, of sign flips by patient, of the paired interval (0 lies outside), and of flips
and interval together, which is what `heldout compare` calls distinguishable: of equal runs / of a worse one.
(b) The difference of two AUCs, patients of images of one class and of both: coverage of 95 % intervals, in brackets
that of the worst world, their mean width, and rejections of equal runs / of a worse one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.planted_tables import markdown
from heldout.stats.bootstrap import Resamples, draw, percentile_interval, resampled_auc
from heldout.stats.delong import area_of, difference_of
from heldout.stats.estimates import auc_difference, difference_estimate
from heldout.stats.few import spread
from heldout.stats.paired import mcnemar, randomised
from heldout.stats.units import Units

Reals = NDArray[np.float64]

UNITS = (12, 30, 60, 200)
RHOS = (0.0, 0.3, 0.7)
MOST = 12
OWN = 0.5
"""Share of the variance of a margin that is a run's own."""
MEAN, WORSE = 1.0, 0.8
"""Mean margin: 84 % of images right; of a run that is worse 79 %."""
REPLICATES = 500
LEVEL = 0.05


@dataclass(frozen=True)
class World:
    """Patients of a world.

    Attributes:
        patient: Patient of each image, (n,).
        labels: Class of each image, (n,).
        rho: Part of what is a run's own that a patient's images share.
    """

    patient: NDArray[np.int64]
    labels: NDArray[np.int64]
    rho: float

    @classmethod
    def of(cls, units: int, rho: float, mixed: bool, rng: np.random.Generator) -> World:
        """Patients of 1 to 12 images, of classes in turn or, mixed, of images of both."""
        patient = np.repeat(np.arange(units), rng.integers(1, MOST + 1, units))
        return cls(patient, rng.permutation(len(patient)) % 2 if mixed else patient % 2, rho)

    @property
    def units(self) -> Units:
        """Units in the order of the patients."""
        return Units.of(self.labels, self.ids, self.names)

    @property
    def ids(self) -> list[str]:
        """Name of each image."""
        return [str(i) for i in range(len(self.patient))]

    @property
    def names(self) -> list[str]:
        """Patient of each image."""
        return [f"p{i:05}" for i in self.patient]

    def shares(self, studies: int, rho: float, rng: np.random.Generator) -> Reals:
        """Standard normal shares of images, (R, n), of which a patient's images share a part."""
        u, n = int(self.patient.max()) + 1, len(self.patient)
        whole = np.sqrt(rho) * rng.normal(size=(studies, u))[:, self.patient]
        return np.asarray(whole + np.sqrt(1 - rho) * rng.normal(size=(studies, n)))

    def margins(self, means: tuple[float, float], studies: int, rng: np.random.Generator) -> list[Reals]:
        """Margins by each of two runs, (R, n) each."""
        alike = np.sqrt(1 - OWN) * self.shares(studies, 0.3, rng)
        return [mean + alike + np.sqrt(OWN) * self.shares(studies, self.rho, rng) for mean in means]

    def draws(self) -> Resamples:
        """The bootstrap of its patients."""
        return draw(self.labels, self.ids, self.names, replicates=REPLICATES)


def accuracies(units: int, rho: float, means: tuple[float, float], studies: int) -> list[float]:
    """(a) Rejections: McNemar, flips, interval, flips and interval."""
    rng = np.random.default_rng((1, units, round(10 * rho), round(100 * means[1])))
    world = World.of(units, rho, False, rng)
    a, b = (margin > 0 for margin in world.margins(means, studies, rng))
    net = a.astype(np.float64) - b
    sums = np.stack([np.bincount(world.patient, weights=row) for row in net], axis=1)  # (u, R)
    flips = randomised(sums) < LEVEL
    images = np.array([mcnemar(x, y) for x, y in zip(a, b, strict=True)]) < LEVEL
    drawn = world.draws()
    found = [difference_estimate(x, y, drawn) for x, y in zip(a, b, strict=True)]
    outside = np.array([one.low > 0 or one.high < 0 for one in found])
    return [100 * float(np.mean(one)) for one in (images, flips, outside, flips & outside)]


def areas(
    units: int, rho: float, mixed: bool, means: tuple[float, float], studies: int
) -> dict[str, tuple[float, ...]]:
    """(b) Policy -> coverage, width, rejections of the difference of two AUCs."""
    rng = np.random.default_rng((2, units, round(10 * rho), mixed, round(100 * means[1])))
    world = World.of(units, rho, mixed, rng)
    own, drawn, sign = world.units, world.draws(), 2 * world.labels - 1
    alone = Units.of(world.labels, world.ids, [""] * len(world.labels))
    truth = float(np.subtract(*(norm.cdf(2 * mean / np.sqrt(2)) for mean in means)))
    ends: dict[str, list[tuple[float, float]]] = {}
    for pair in zip(*world.margins(means, studies, rng), strict=True):
        logits = [np.stack([np.zeros(len(sign)), sign * margin], axis=1) for margin in pair]
        a, b = (area_of(world.labels, one) for one in logits)
        assert a is not None and b is not None
        clustered, plain = (difference_of(a, b, world.labels, who) for who in (own, alone))
        assert clustered is not None and plain is not None
        value = clustered.value
        replicates = np.subtract(*(resampled_auc(world.labels, one, drawn) for one in logits))
        used = auc_difference(a, b, world.labels, own)
        assert used is not None
        quantile = student.ppf(0.975, own.spare)
        each = {
            "DeLong, images": (value - 1.96 * plain.error, value + 1.96 * plain.error),
            "Obuchowski, normal": (value - 1.96 * clustered.error, value + 1.96 * clustered.error),
            "t, u − s": (value - quantile * clustered.error, value + quantile * clustered.error),
            "percentiles, spread": percentile_interval(spread(value, replicates, drawn.few.factor(replicates)), value),
            "used": (used[0].low, used[0].high),
        }
        for name, one in each.items():
            ends.setdefault(name, []).append(one)
    found = {}
    for name, pairs in ends.items():
        low, high = np.array(pairs).T
        outside = (low > 0) | (high < 0)
        held = (low <= truth) & (truth <= high)
        found[name] = (100 * float(held.mean()), float((high - low).mean()), 100 * float(outside.mean()))
    return found


def accuracy_table(sizes: Sequence[int], studies: int, pool: Executor) -> str:
    """(a), a row a number of patients and rho."""
    worlds = list(product(sizes, RHOS))
    null, worse = (
        list(pool.map(partial(accuracies, means=(MEAN, second), studies=studies), *zip(*worlds, strict=True)))
        for second in (MEAN, WORSE)
    )
    rows = [
        [str(units), f"{rho:g}", *(f"{a:.1f} / {b:.0f}" for a, b in zip(first, second, strict=True))]
        for (units, rho), first, second in zip(worlds, null, worse, strict=True)
    ]
    return markdown(["patients", "rho", "McNemar", "sign flips", "interval", "distinguishable"], rows)


def area_table(sizes: Sequence[int], studies: int, pool: Executor) -> str:
    """(b), a row a number of patients: means over rho and over patients of one class and of both."""
    worlds = list(product(sizes, RHOS, (False, True)))
    null, worse = (
        list(pool.map(partial(areas, means=(MEAN, second), studies=studies), *zip(*worlds, strict=True)))
        for second in (MEAN, WORSE)
    )
    names, rows = list(null[0]), []
    for units in sizes:
        own = [place for place, world in enumerate(worlds) if world[0] == units]
        cells = []
        for name in names:
            each = [part[place][name] for part in (null, worse) for place in own]
            held, width, _ = np.mean(each, axis=0)
            alarms, seen = (np.mean([part[place][name][2] for place in own]) for part in (null, worse))
            cells.append(f"{held:.1f} ({min(one[0] for one in each):.0f}), {width:.3f}; {alarms:.1f} / {seen:.0f}")
        rows.append([str(units), *cells])
    return markdown(["patients", *names], rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="studies a world; half of them for the AUC")
    parser.add_argument("--tables", default="ab", help="letters of the tables")
    parser.add_argument("--patients", type=int, nargs="+", default=UNITS, help="numbers of patients")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    made = {"a": (accuracy_table, options.studies), "b": (area_table, options.studies // 2)}
    with ProcessPoolExecutor(options.processes) as pool:
        for letter in options.tables:
            table, studies = made[letter]
            print(f"\n({letter})\n\n{table(options.patients, studies, pool)}", flush=True)


if __name__ == "__main__":
    main()
