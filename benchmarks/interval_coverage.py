"""How often 95 % intervals hold the truth where patients are few: the policies that were tried, and the one in use.

    python benchmarks/interval_coverage.py                    # the tables of docs/statistics.md; 10 minutes of one core
    python benchmarks/interval_coverage.py --studies 300      # a first impression

A world: u patients of two classes in turn, each with one image, or with 1–9, or with 1–39; whether an image is right
depends on its patient (a beta-distributed chance with that mean; `rho` is the correlation of two images of a patient).
The sizes of patients are drawn once a world, the answers once a study. The columns `used` call the
functions of `heldout.stats` that `heldout compare` and `heldout diagnose` call; the others are written here, for all
studies at once.
Every cell: the mean coverage over the worlds of a row, the lowest of any world in brackets, and the mean width.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.planted_tables import markdown
from heldout.records import Estimate
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import percentile_interval, resampled_auc
from heldout.stats.estimates import auc_estimate, difference_estimate, gap_estimate, share_estimate
from heldout.stats.few import effective_images
from heldout.stats.intervals import Z95, unseen, wilson
from heldout.stats.joint import JointBootstrap
from heldout.stats.scores import auc
from heldout.stats.units import Units

Reals = NDArray[np.float64]
Ends = tuple[Reals, Reals]

UNITS = (6, 12, 20, 30, 60)
MANY = 200
"""Measured for accuracies only: with so many, all policies but those that take images as independent agree."""
PER_PATIENT = ((1, 0.0), *product((5, 20), (0.0, 0.3, 0.7)))
"""(mean number of images of a patient, rho); of single images there is no correlation."""
ACCURACIES = (0.7, 0.9, 0.97)
REPLICATES = 500
RIGHT = 0.85
"""Accuracy of both classes where one has few patients."""


@dataclass(frozen=True)
class Patients:
    """Patients of a world and their images.

    Attributes:
        sizes: Images of each patient, (u,).
        rho: Correlation of two images of a patient.
        classes: Class of each patient, (u,); in turn where none are given.
    """

    sizes: NDArray[np.int64]
    rho: float
    classes: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, units: int, mean: int, rho: float, rng: np.random.Generator) -> Patients:
        """Draw the sizes: one image each, or 1 … 2 · mean − 1."""
        return cls(np.ones(units, dtype=np.int64) if mean == 1 else rng.integers(1, 2 * mean, units), rho)

    @property
    def u(self) -> int:
        """Number of patients."""
        return len(self.sizes)

    @property
    def n(self) -> int:
        """Number of images."""
        return int(self.sizes.sum())

    @property
    def patient(self) -> NDArray[np.int64]:
        """Patient of each image, (n,)."""
        return np.repeat(np.arange(self.u), self.sizes)

    def chances(self, mean: float, studies: int, rng: np.random.Generator) -> Reals:
        """Chance of each patient in each study, (R, u)."""
        if not self.rho:
            return np.full((studies, self.u), mean)
        scale = 1 / self.rho - 1
        return rng.beta(mean * scale, (1 - mean) * scale, (studies, self.u))

    def side(self, name: str) -> Predictions:
        """The images with their patients; what was predicted of them plays no part."""
        ids = tuple(f"{name}{i}" for i in range(self.n))
        names = tuple(f"{name} {i}" for i in self.patient)
        labels = self.patient % 2 if self.classes is None else self.classes[self.patient]
        return Predictions(name, ids, labels, np.zeros((self.n, 2)), names)

    def images(self, chances: Reals, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which images are right, (R, n)."""
        return rng.random((len(chances), self.n)) < chances[:, self.patient]

    def sums(self, values: NDArray[np.bool_] | Reals) -> Reals:
        """Sums of images over patients, (R, n) -> (R, u)."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        return np.add.reduceat(np.asarray(values, dtype=np.float64), starts, axis=1)


def spread_of_sums(sums: Reals, value: Reals, who: Patients) -> Reals:
    """Variance of a ratio of sums over patients, within classes, (R,): u/(u − 1)-corrected within each."""
    left = sums - value[:, None] * who.sizes
    total = np.zeros(len(sums))
    for c in (0, 1):
        own = left[:, np.arange(who.u) % 2 == c]
        total += own.shape[1] * own.var(axis=1, ddof=1)
    return total / who.n**2


def wilson_of(p: Reals, n: Reals | float, z: Reals | float = Z95) -> Ends:
    """Wilson's interval for many studies."""
    centre, scale = p + z**2 / (2 * n), 1 + z**2 / n
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n * n))
    return (centre - half) / scale, (centre + half) / scale


def accuracy_policies(hits: Reals, who: Patients, counts: Reals) -> dict[str, Ends]:
    """Intervals of an accuracy from the number of right images of each patient, (R, u)."""
    u, n, sizes = who.u, who.n, who.sizes.astype(np.float64)
    p = hits.sum(axis=1) / n
    sure = (p == 0) | (p == 1)
    t, spare = float(student.ppf(0.975, u - 2)), u - 2
    all_alike = wilson_of(p, u)

    def unless_sure(low: Reals, high: Reals) -> Ends:
        return np.where(sure, all_alike[0], np.minimum(low, p)), np.where(sure, all_alike[1], np.maximum(high, p))

    replicates = (hits @ counts) / (sizes @ counts)  # (R, B)
    low, high = np.percentile(replicates, [2.5, 97.5], axis=1)
    factor = t / Z95 * np.sqrt(u / spare)
    variance = spread_of_sums(hits, p, who)
    se = np.sqrt(variance)
    with np.errstate(all="ignore"):
        effective = np.where(sure, u, np.clip(p * (1 - p) / variance, u, n))
        leverage = (hits - p[:, None] * sizes) / np.sqrt(1 - sizes / n)
        cr2 = np.sqrt((leverage**2).sum(axis=1)) / n
        middle = (p * u + 0.5) / (u + 1)
        logit, wide = np.log(middle / (1 - middle)), t * se / (middle * (1 - middle))
    alike = np.where(sure, u, n / (1 + (float((sizes**2).sum()) / n - 1) * _anova_icc(hits, sizes)))
    quantile = np.where(sure, Z95, t)
    return {
        "percentiles": unless_sure(low, high),
        "percentiles, spread": unless_sure(p + (low - p) * factor, p + (high - p) * factor),
        "BCa": unless_sure(*_bca(hits, sizes, replicates)),
        "bootstrap-t": unless_sure(*_bootstrap_t(hits, sizes, counts, replicates)),
        "CR2, t": unless_sure(p - student.ppf(0.975, u - 1) * cr2, p + student.ppf(0.975, u - 1) * cr2),
        "logit, t": unless_sure(1 / (1 + np.exp(-logit + wide)), 1 / (1 + np.exp(-logit - wide))),
        "Wilson, images": wilson_of(p, n),
        "Wilson, patients": all_alike,
        "Wilson, effective n": wilson_of(p, effective),
        "the same, t": wilson_of(p, effective, quantile),
        "Wilson, n by ICC, t": wilson_of(p, alike, quantile),
    }


def _anova_icc(hits: Reals, sizes: Reals) -> Reals:
    """Correlation within patients by analysis of variance (Donner 1986), cut to [0, 1], (R,)."""
    n, u = sizes.sum(), len(sizes)
    each = hits / sizes
    between = (sizes * (each - hits.sum(axis=1, keepdims=True) / n) ** 2).sum(axis=1) / (u - 1)
    within = (hits * (1 - each)).sum(axis=1) / max(n - u, 1)
    size = (n - (sizes**2).sum() / n) / (u - 1)
    with np.errstate(all="ignore"):
        icc = (between - within) / (between + (size - 1) * within)
    return np.clip(np.where(np.isfinite(icc), icc, 1.0), 0, 1)


def _bca(hits: Reals, sizes: Reals, replicates: Reals) -> Ends:
    """Bias-corrected and accelerated (Efron 1987), acceleration by leaving patients out."""
    value = hits.sum(axis=1) / sizes.sum()
    below = (replicates < value[:, None] - 1e-12).mean(axis=1)
    below += (np.abs(replicates - value[:, None]) <= 1e-12).mean(axis=1) / 2
    bias = norm.ppf(np.clip(below, 1e-3, 1 - 1e-3))
    left_out = (hits.sum(axis=1, keepdims=True) - hits) / (sizes.sum() - sizes)
    away = left_out.mean(axis=1, keepdims=True) - left_out
    with np.errstate(all="ignore"):
        acceleration = np.nan_to_num((away**3).sum(axis=1) / (6 * (away**2).sum(axis=1) ** 1.5))
    ordered, ends = np.sort(replicates, axis=1), []
    for z in (-Z95, Z95):
        level = norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
        place = np.clip((level * ordered.shape[1]).astype(int), 0, ordered.shape[1] - 1)
        ends.append(ordered[np.arange(len(ordered)), place])
    return ends[0], ends[1]


def _bootstrap_t(hits: Reals, sizes: Reals, counts: Reals, replicates: Reals) -> Ends:
    """Studentised by the variance of the ratio over patients, in each replicate its own."""
    value, total = hits.sum(axis=1), sizes @ counts
    squares = (hits**2) @ counts - 2 * replicates * ((hits * sizes) @ counts) + replicates**2 * ((sizes**2) @ counts)
    se = np.sqrt(np.maximum(squares, 0)) / total
    value = value / sizes.sum()
    own = np.sqrt(((hits - value[:, None] * sizes) ** 2).sum(axis=1)) / sizes.sum()
    with np.errstate(all="ignore"):
        ratios = np.where(se > 1e-9, (replicates - value[:, None]) / se, np.nan)
        ratios[:, 0] = np.where(np.isnan(ratios).all(axis=1), 0.0, ratios[:, 0])
        low, high = np.nanpercentile(ratios, [2.5, 97.5], axis=1)
    return value - high * own, value - low * own


def accuracy(units: int, mean: int, rho: float, chance: float, studies: int) -> dict[str, tuple[float, float]]:
    """(a) An accuracy: policy -> coverage, width."""
    rng = np.random.default_rng((1, units, mean, round(10 * rho), round(100 * chance)))
    who = Patients.of(units, mean, rho, rng)
    side = who.side("val")
    drawn = JointBootstrap.of(side, None, REPLICATES, 0).drawn
    counts = _by_patient(drawn.counts, drawn.units, who)
    right = who.images(who.chances(chance, studies, rng), rng)
    found = accuracy_policies(who.sums(right), who, counts)
    own = Units.of(side.labels, side.ids, side.patients)
    used = [share_estimate(row, own) for row in right]
    found["used"] = np.array([one.low for one in used]), np.array([one.high for one in used])
    return {name: held(ends, chance, 0, 1) for name, ends in found.items()}


def alike(units: int, mean: int, rho: float, chance: float, studies: int) -> dict[str, tuple[float, float]]:
    """(f) An accuracy by the effective number of images with one, two, three further units of images alike."""
    rng = np.random.default_rng((1, units, mean, round(10 * rho), round(100 * chance)))
    who = Patients.of(units, mean, rho, rng)
    side = who.side("val")
    own = Units.of(side.labels, side.ids, side.patients)
    right = who.images(who.chances(chance, studies, rng), rng)
    p = right.mean(axis=1)
    found = {str(more): np.array([effective_images(row, own, more) for row in right]) for more in (1, 2, 3)}
    return {more: held(wilson_of(p, effective), chance, 0, 1) for more, effective in found.items()}


def _by_patient(counts: NDArray[np.float32], units: Units, who: Patients) -> Reals:
    """Draws in the order of the patients, (u, B); units stand in the order of their names."""
    first = np.concatenate([[0], np.cumsum(who.sizes)[:-1]])
    return counts[units.unit[first]].astype(np.float64)


def held(ends: Ends, truth: float, least: float, most: float) -> tuple[float, float]:
    """Share of the intervals that hold the truth, and their mean width within what is possible."""
    low, high = np.maximum(ends[0], least), np.minimum(ends[1], most)
    return float(((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean()), float((high - low).mean())


def gap(units: tuple[int, int], mean: int, rho: float, chances: tuple[float, float], studies: int) -> dict[str, tuple]:
    """(b) A gap between two parts, in points: policy -> coverage, width."""
    rng = np.random.default_rng((2, *units, mean, round(10 * rho), *(round(100 * p) for p in chances)))
    parts = [Patients.of(u, mean, rho, rng) for u in units]
    sides = [who.side(name) for who, name in zip(parts, ("val", "test"), strict=True)]
    joint = JointBootstrap.of(sides[0], sides[1], REPLICATES, 0)
    right = [who.images(who.chances(p, studies, rng), rng) for who, p in zip(parts, chances, strict=True)]
    sums = [who.sums(one) for who, one in zip(parts, right, strict=True)]
    shares = [100 * one.mean(axis=1) for one in right]
    value = shares[0] - shares[1]
    replicates, ends = [], []
    for name, who, hits in zip(("val", "test"), parts, sums, strict=True):
        drawn = joint.resamples(name)
        counts = _by_patient(drawn.counts, drawn.units, who)
        replicates.append(100 * (hits @ counts) / (who.sizes @ counts))
        p = hits.sum(axis=1) / who.n
        ends.append([100 * end for end in wilson_of(p, who.u)])
    flat = np.any([np.ptp(one, axis=1) < 1e-9 for one in replicates], axis=0)
    (vl, vh), (tl, th) = ends
    joined = (value - np.hypot(shares[0] - vl, th - shares[1]), value + np.hypot(vh - shares[0], shares[1] - tl))
    low, high = np.percentile(replicates[0] - replicates[1], [2.5, 97.5], axis=1)
    se = np.sqrt(sum(spread_of_sums(s, v / 100, who) for s, v, who in zip(sums, shares, parts, strict=True)))
    t = 100 * student.ppf(0.975, min(units) - 2) * se
    own = [Units.of(side.labels, side.ids, side.patients) for side in sides]
    used = []
    for a, b in zip(*right, strict=True):
        used.append(gap_estimate(joint, a, b, share_estimate(a, own[0]), share_estimate(b, own[1])))
    found: dict[str, Ends] = {
        "percentiles": (np.where(flat, joined[0], low), np.where(flat, joined[1], high)),
        "cluster-robust, t": (np.where(flat, joined[0], value - t), np.where(flat, joined[1], value + t)),
        "square-and-add, patients": joined,
        "used": (np.array([one.low for one in used]), np.array([one.high for one in used])),
    }
    truth = 100 * (chances[0] - chances[1])
    return {name: held(one, truth, -100, 100) for name, one in found.items()}


def paired(units: int, mean: int, rho: float, chance: float, turned: tuple[float, float], studies: int) -> dict:
    """(c) Two runs on the same images: the second answers a share of them anew, and loses a share of what was right."""
    again, lost = turned
    rng = np.random.default_rng(
        (3, units, mean, round(10 * rho), round(100 * chance), *(round(100 * x) for x in turned))
    )
    who = Patients.of(units, mean, rho, rng)
    side = who.side("test")
    drawn = JointBootstrap.of(side, None, REPLICATES, 0).drawn
    counts = _by_patient(drawn.counts, drawn.units, who)
    chances = who.chances(chance, studies, rng)
    a = who.images(chances, rng)
    b = np.where(who.images(who.chances(again, studies, rng), rng), who.images(chances, rng), a)
    b &= rng.random(b.shape) >= lost
    sums = who.sums(a.astype(np.float64) - b)
    value = sums.sum(axis=1) / who.n
    replicates = (sums @ counts) / (who.sizes @ counts)
    flat = np.ptp(replicates, axis=1) < 1e-12
    low, high = np.percentile(replicates, [2.5, 97.5], axis=1)
    t = student.ppf(0.975, who.u - 2) * np.sqrt(spread_of_sums(sums, value, who))
    reach = unseen(who.u)
    used = [difference_estimate(x, y, drawn) for x, y in zip(a, b, strict=True)]
    found: dict[str, Ends] = {
        "percentiles": (np.where(flat, value - reach, low), np.where(flat, value + reach, high)),
        "cluster-robust, t": (value - np.where(flat, reach, t), value + np.where(flat, reach, t)),
        "used": (np.array([one.low for one in used]) / 100, np.array([one.high for one in used]) / 100),
    }
    ends = {name: (np.minimum(one[0], value), np.maximum(one[1], value)) for name, one in found.items()}
    return {name: held(one, chance * lost, -1, 1) for name, one in ends.items()}


def area(units: int, mean: int, rho: float, distance: float, studies: int) -> dict[str, tuple[float, float]]:
    """(d) An AUC: scores are a class mean plus a patient's share plus noise."""
    rng = np.random.default_rng((4, units, mean, round(10 * rho), round(10 * distance)))
    who = Patients.of(units, mean, rho, rng)
    side = who.side("test")
    drawn = JointBootstrap.of(side, None, REPLICATES, 0).drawn
    plain, used = [], []
    for _ in range(studies):
        score = distance * side.labels + np.sqrt(rho) * rng.normal(size=who.u)[who.patient]
        logits = np.stack([np.zeros(who.n), score + np.sqrt(1 - rho) * rng.normal(size=who.n)], axis=1)
        plain.append(percentile_interval(resampled_auc(side.labels, logits, drawn), auc(side.labels, logits) or 0.0))
        found = auc_estimate(side.labels, logits, drawn)
        assert found is not None
        used.append((found.low, found.high))
    truth = float(norm.cdf(distance / np.sqrt(2)))
    each = {"percentiles": np.array(plain).T, "used": np.array(used).T}
    return {name: held((ends[0], ends[1]), truth, 0, 1) for name, ends in each.items()}


def one_class_of_few(few: int, rho: float, uneven: bool, studies: int) -> dict[str, tuple[float, float]]:
    """(g) Sixty patients of one class beside few of another, who have most images: number -> coverage, width.

    Args:
        few: Patients of the rarer class, 100 images each; of the other class 60 have 5 each.
        rho: Correlation of two images of a patient.
        uneven: Whether the first of the few has half of their images.
        studies: R.
    """
    rng = np.random.default_rng((7, few, round(10 * rho), uneven))
    each = np.full(few, 100)
    if uneven:
        each = np.array([50 * few, *[50 * few // (few - 1)] * (few - 1)])
    who = Patients(np.concatenate([np.full(60, 5), each]), rho, np.repeat([0, 1], [60, few]))
    side = who.side("test")
    own, rare = Units.of(side.labels, side.ids, side.patients), side.labels == 1
    joint = JointBootstrap.of(who.side("val"), side, REPLICATES, 0)
    drawn = JointBootstrap.of(side, None, REPLICATES, 0).drawn
    found: dict[str, list[tuple[float, float]]] = {}

    def add(name: str, one: Estimate | None, scale: float = 1.0) -> None:
        assert one is not None
        found.setdefault(name, []).append((one.low / scale, one.high / scale))

    chances = who.chances(RIGHT, studies, rng)
    val, a = who.images(who.chances(RIGHT, studies, rng), rng), who.images(chances, rng)
    again = who.images(who.chances(0.3, studies, rng), rng)
    b = np.where(again, who.images(chances, rng), a)  # another run, which answers some images anew
    for before, right, other in zip(val, a, b, strict=True):
        both = share_estimate(before, own), share_estimate(right, own)
        add("accuracy", both[1])
        add("recall", share_estimate(right[rare], own.take(rare)))
        add("difference", difference_estimate(right, other, drawn), 100)
        add("gap", gap_estimate(joint, before, right, *both), 100)
        shares = joint.accuracies(before, right)
        low, high = percentile_interval(shares[0][1:] - shares[1][1:], shares[0][0] - shares[1][0])
        found.setdefault("gap, percentiles", []).append((low, high))
    for _ in range(studies // 5):
        score = side.labels + np.sqrt(rho) * rng.normal(size=who.u)[who.patient]
        logits = np.stack([np.zeros(who.n), score + np.sqrt(1 - rho) * rng.normal(size=who.n)], axis=1)
        add("AUC", auc_estimate(side.labels, logits, drawn))
    truth = {"accuracy": RIGHT, "recall": RIGHT, "AUC": float(norm.cdf(1 / np.sqrt(2)))}
    return {
        name: held((np.array(ends)[:, 0], np.array(ends)[:, 1]), truth.get(name, 0.0), -1, 1)
        for name, ends in found.items()
    }


def table(title: str, measure: Callable[..., dict], rows: dict[str, list[tuple]], studies: int) -> Iterator[str]:
    """A table: a row a number of patients, a column a policy."""
    yield f"\n{title}\n"
    lines, names = [], []
    for row, worlds in rows.items():
        found = [measure(*world, studies) for world in worlds]
        names = list(found[0])
        cells = []
        for name in names:
            coverage = [100 * one[name][0] for one in found]
            width = np.mean([one[name][1] for one in found])
            cells.append(f"{np.mean(coverage):.1f} ({min(coverage):.0f}), {width:.3g}")
        lines.append([row, *cells])
    yield markdown(["patients", *names], lines)


def all_right() -> Iterator[str]:
    """(e) What is said where all images are right, and how often all are at the accuracy of the lower end."""
    yield "\n(e) All images right: lower end, and the chance at that accuracy that all of so many patients are right\n"
    ends = {u: wilson(u, u)[0] for u in (*UNITS, MANY)}
    rows = [[str(u), f"{100 * low:.1f}", f"{100 * low**u:.1f}"] for u, low in ends.items()]
    yield markdown(["patients", "lower end, %", "chance, %"], rows)


def tables(studies: int) -> dict[str, Iterator[str]]:
    """Letter -> lines of a table; nothing is computed before a line is asked for."""
    single = {str(u): [(u, *p, a) for p, a in product(PER_PATIENT, ACCURACIES)] for u in (*UNITS, MANY)}
    both = ((0.9, 0.9), (0.97, 0.9), (0.9, 0.7), (0.97, 0.97))
    of_parts = [*((u, u) for u in UNITS), (12, 60)]
    gaps = {f"{u[0]} and {u[1]}": [(u, *p, a) for p, a in product(PER_PATIENT, both)] for u in of_parts}
    turned = ((0.1, 0.0), (0.3, 0.0), (0.1, 0.05), (0.3, 0.1))
    two = {str(u): [(u, *p, a, x) for p, a, x in product(PER_PATIENT, ACCURACIES, turned)] for u in UNITS}
    rare = {str(m): list(product((m,), (0.1, 0.5), (False, True))) for m in (2, 3, 4, 6, 20)}
    areas = {str(u): [(u, *p, d) for p, d in product(PER_PATIENT, (1.0, 2.0))] for u in UNITS}
    return {
        "a": table("(a) An accuracy", accuracy, single, studies),
        "b": table("(b) A gap, points", gap, gaps, studies // 2),
        "c": table("(c) A difference of two runs on the same images", paired, two, studies // 2),
        "d": table("(d) An AUC", area, areas, studies // 5),
        "e": all_right(),
        "f": table("(f) An accuracy, by the number of further patients", alike, single, studies),
        "g": table("(g) Few patients of one class beside 60 of the other", one_class_of_few, rare, studies),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = "studies a world; half of them for gaps and differences, a fifth for the AUC"
    parser.add_argument("--studies", type=int, default=1000, help=words)
    parser.add_argument("--tables", default="abcdefg", help="letters of the tables, as in docs/statistics.md")
    options = parser.parse_args()
    for letter, lines in tables(options.studies).items():
        for line in lines if letter in options.tables else ():
            print(line, flush=True)


if __name__ == "__main__":
    main()
