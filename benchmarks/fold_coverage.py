"""How often 95 % intervals from a cross-validation hold the truth: of a difference of two learners, and of an accuracy.

    python benchmarks/fold_coverage.py                     # the tables of docs/statistics.md
    python benchmarks/fold_coverage.py --studies 40        # a first impression

A study: patients of two classes with 1 to 5 images of 40 features, each a class mean (the same for every feature), the
patient's share and the image's (correlation .5 of two images of a patient). Five folds by patient, drawn once or three
times. The truth of a learner is its mean accuracy on 5,000 fresh patients, others for each of 400 training sets of as
many patients as folds learn from (four fifths of the study's); `all` is how much more it has if it learns from all.
Learners are ridge regressions, of all features or of half of them, and the nearest training image.

Intervals: `corrected t` is `heldout.stats.folds`; `plain t` takes folds as independent; `patients` is the paired
bootstrap over out-of-fold predictions (of several repeats their mean), with patients as units, as `heldout compare` has
it of one split; `wider` reaches as far as either of corrected t and patients. Every cell: coverage in %, mean width in
points.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.planted_tables import markdown
from heldout.stats.bootstrap import Resamples, draw, percentile_interval
from heldout.stats.estimates import share_estimate
from heldout.stats.few import spread
from heldout.stats.folds import corrected_t

Reals = NDArray[np.float64]

FEATURES, APART, ALIKE, FOLDS = 40, 0.3, 0.5, 5
SIZES = (100, 300, 1000)
REPEATS = (1, 3)
REPLICATES = 500
TRUTH_SETS, TRUTH_IMAGES = 400, 5_000
FIRST, LAST = np.arange(FEATURES // 2), np.arange(FEATURES // 2, FEATURES)


@dataclass(frozen=True)
class Images:
    """Images of some patients: features (n, 40), class and patient of each image."""

    features: Reals
    labels: NDArray[np.int64]
    patient: NDArray[np.int64]

    def of(self, patients: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which images are of these patients."""
        return np.isin(self.patient, patients)


def images(sizes: NDArray[np.int64], rng: np.random.Generator) -> Images:
    """Images of patients of two classes in turn."""
    u = len(sizes)
    patient = np.repeat(np.arange(u), sizes)
    own = np.sqrt(ALIKE) * rng.normal(size=(u, FEATURES)) + APART * (np.arange(u) % 2)[:, None]
    noise = np.sqrt(1 - ALIKE) * rng.normal(size=(len(patient), FEATURES))
    return Images(own[patient] + noise, patient % 2, patient)


def patients_of(n: int) -> NDArray[np.int64]:
    """Sizes of so many patients that they have about n images, 1 to 5 each."""
    return np.resize([1, 2, 3, 4, 5], round(n / 3)).astype(np.int64)


def linear(pull: float, columns: NDArray[np.int64], seen: Images, asked: Reals) -> NDArray[np.int64]:
    """Answers of a ridge regression on −1 and 1 that sees some of the features.

    Args:
        pull: Weight of the penalty for each training image.
        columns: Features that it sees.
        seen: What it learns from.
        asked: Features of the images that it answers, (m, 40).
    """
    x, y = seen.features[:, columns], 2.0 * seen.labels - 1
    middle, level = x.mean(axis=0), y.mean()
    x = x - middle
    weights = np.linalg.solve(x.T @ x + pull * len(x) * np.eye(len(columns)), x.T @ (y - level))
    return ((asked[:, columns] - middle) @ weights + level > 0).astype(np.int64)


def nearest(seen: Images, asked: Reals) -> NDArray[np.int64]:
    """Answers of the nearest training image, which change much with what was learned from."""
    distance = (seen.features**2).sum(axis=1) - 2 * asked @ seen.features.T  # but for what is the same for all
    return seen.labels[distance.argmin(axis=1)]


ALL = np.arange(FEATURES)
LEARNERS: dict[str, Callable[[Images, Reals], NDArray[np.int64]]] = {
    "first half": partial(linear, 1.0, FIRST),
    "last half": partial(linear, 1.0, LAST),
    "shrunk": partial(linear, 1.0, ALL),
    "loose": partial(linear, 0.01, ALL),
    "nearest": nearest,
}
PAIRS = (("first half", "last half"), ("shrunk", "loose"), ("shrunk", "first half"), ("shrunk", "nearest"))


def truths(n: int, share: float) -> dict[str, tuple[float, float]]:
    """Learner -> its expected accuracy when it learns from a share of a study's patients, and its standard error."""
    rng = np.random.default_rng((n, round(100 * share)))
    found: dict[str, list[float]] = {name: [] for name in LEARNERS}
    for _ in range(TRUTH_SETS):
        sizes = patients_of(n)
        fresh = images(np.ones(TRUTH_IMAGES, dtype=np.int64), rng)
        seen = images(rng.permutation(sizes)[: round(share * len(sizes))], rng)
        for name, learn in LEARNERS.items():
            found[name].append(float((learn(seen, fresh.features) == fresh.labels).mean()))
    return {name: (float(np.mean(own)), float(np.std(own) / np.sqrt(TRUTH_SETS))) for name, own in found.items()}


def folds_of(who: Images, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each image: patients of each class are shuffled and dealt in turn."""
    u = int(who.patient.max()) + 1
    fold = np.empty(u, dtype=np.int64)
    for c in (0, 1):
        own = rng.permutation(np.flatnonzero(np.arange(u) % 2 == c))
        fold[own] = (np.arange(len(own)) + c) % FOLDS
    return fold[who.patient]


def out_of_fold(who: Images, rng: np.random.Generator) -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    """Fold of each image, and learner -> which images it got right when it had not seen their patients."""
    fold = folds_of(who, rng)
    right = {name: np.zeros(len(fold), dtype=bool) for name in LEARNERS}
    for k in range(FOLDS):
        out = fold == k
        seen = Images(who.features[~out], who.labels[~out], who.patient[~out])
        for name, learn in LEARNERS.items():
            right[name][out] = learn(seen, who.features[out]) == who.labels[out]
    return fold, right


Ends = tuple[float, float]


def intervals(folds: list[NDArray[np.int64]], values: list[Reals], who: Images, drawn: Resamples) -> dict[str, Ends]:
    """Policy -> ends of the interval of the mean of values (n,), one a repeat."""
    held_out = np.array([int((fold == k).sum()) for fold in folds for k in range(FOLDS)])
    each = np.array([own[fold == k].mean() for fold, own in zip(folds, values, strict=True) for k in range(FOLDS)])
    total = len(who.labels)
    corrected = corrected_t(each, total - held_out, held_out, held_out)
    j = len(each)
    half = student.ppf(0.975, j - 1) * each.std(ddof=1) / np.sqrt(j)
    mean = np.mean(values, axis=0)
    sums, counts = drawn.totals(np.stack([mean, np.ones(total)]))
    means = sums / counts
    by_patient = percentile_interval(spread(corrected.value, means, drawn.few.factor(means)), corrected.value)
    return {
        "corrected t": (corrected.low, corrected.high),
        "plain t": (corrected.value - half, corrected.value + half),
        "patients": by_patient,
        "wider": (min(corrected.low, by_patient[0]), max(corrected.high, by_patient[1])),
    }


def study(n: int, seed: int) -> dict[tuple[str, int], dict[str, Ends]]:
    """One study: (pair or learner, repeats) -> policy -> ends."""
    rng = np.random.default_rng((n, seed, 7))
    who = images(rng.permutation(patients_of(n)), rng)
    names = [str(i) for i in range(len(who.labels))]
    drawn = draw(who.labels, names, [f"p{i}" for i in who.patient], replicates=REPLICATES, seed=seed)
    made = [out_of_fold(who, rng) for _ in range(max(REPEATS))]
    found = {}
    for repeats in REPEATS:
        folds = [fold for fold, _ in made[:repeats]]
        for a, b in PAIRS:
            values = [right[a].astype(np.float64) - right[b] for _, right in made[:repeats]]
            found[f"{a} − {b}", repeats] = intervals(folds, values, who, drawn)
        for name in LEARNERS:
            values = [right[name].astype(np.float64) for _, right in made[:repeats]]
            found[name, repeats] = intervals(folds, values, who, drawn)
            if repeats == 1:
                used = share_estimate(made[0][1][name], drawn.units)
                found[name, repeats]["Wilson, effective n"] = (used.low, used.high)
    return found


def table(asked: dict[str, dict[int, Ends]], found: dict[int, list[dict]], policies: tuple[str, ...]) -> Iterator[str]:
    """A row a question, size and number of repeats.

    Args:
        asked: Question -> size -> its truth when learning from four fifths, and from all.
        found: Size -> studies.
        policies: Columns.
    """
    rows = []
    for (question, true), n, repeats in product(asked.items(), found, REPEATS):
        truth, more = true[n]
        cells = []
        for policy in policies:
            ends = [one[question, repeats].get(policy) for one in found[n]]
            if ends[0] is None:
                cells.append("–")
                continue
            low, high = np.array(ends).T
            held = 100 * np.mean((low <= truth + 1e-12) & (truth <= high + 1e-12))
            cells.append(f"{held:.1f}, {100 * np.mean(high - low):.1f}")
        rows.append([question, str(n), str(repeats), f"{100 * truth:.1f}", f"{100 * (more - truth):+.1f}", *cells])
    yield markdown(["", "images", "repeats", "truth", "all", *policies], rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="of each size")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images of a study")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        found = {n: list(pool.map(partial(study, n), range(options.studies), chunksize=20)) for n in options.sizes}
        fifths = dict(zip(found, pool.map(partial(truths, share=0.8), found), strict=True))
        whole = dict(zip(found, pool.map(partial(truths, share=1.0), found), strict=True))
    worst = max(error for one in (fifths, whole) for own in one.values() for _, error in own.values())
    pairs: dict[str, dict[int, Ends]] = {}
    for a, b in PAIRS:
        exchangeable = {a, b} == {"first half", "last half"}  # features are alike, and so is what the halves are worth
        pairs[f"{a} − {b}"] = {
            n: (0.0, 0.0) if exchangeable else tuple(own[n][a][0] - own[n][b][0] for own in (fifths, whole))
            for n in found
        }
    singles = {
        name: {n: (fifths[n][name][0], whole[n][name][0]) for n in found} for name in LEARNERS if name != "last half"
    }
    print(f"{options.studies} studies a size; standard error of a truth at most {100 * worst:.2f} points\n")
    for line in table(pairs, found, ("corrected t", "patients", "wider", "plain t")):
        print(line, flush=True)
    print()
    for line in table(singles, found, ("corrected t", "patients", "Wilson, effective n", "wider")):
        print(line, flush=True)


if __name__ == "__main__":
    main()
