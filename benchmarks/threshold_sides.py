"""The threshold term between sides of unequal size: how far off, how often its interval holds the truth, what is told.

    python benchmarks/threshold_sides.py --studies 100

Normal logits, the label's own raised by 1.8, every image a patient of its own. In half of the cells the test logits of
the first class are moved by 0.9 ("shifted"); the truth is what the best biases gain on 200,000 test images beyond what
they gain on as many that are not moved. Where a share is named, the second of two classes has so much of either side,
and the shift is away from it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from tests.worlds.made_runs import ids, names, of_parts

from benchmarks.planted_tables import markdown
from heldout.diagnosis.causes.threshold import CAUSE
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.run_data import RunData
from heldout.records import Finding
from heldout.records.predictions import Predictions
from heldout.stats.thresholds import best_biases, scored

SHIFT = 0.9
RAISED = 1.8
LARGE = 200_000


@dataclass(frozen=True)
class Cell:
    """One kind of study.

    Attributes:
        k: Number of classes.
        n_val: Validation images.
        n_test: Test images.
        shifted: Whether test is.
        share: Share of the second of two classes; None where classes are equally frequent.
    """

    k: int
    n_val: int
    n_test: int
    shifted: bool
    share: float | None = None

    def part(self, name: str, n: int, rng: np.random.Generator, moved: float) -> Predictions:
        """Images of one part."""
        labels = (
            np.arange(n) % self.k if self.share is None else (np.arange(n) < round(self.share * n)).astype(np.int64)
        )
        z = rng.standard_normal((n, self.k)) + RAISED * np.eye(self.k)[labels]
        z[:, 0] += moved
        return Predictions(name, ids(name, n), labels, z, names(name, n, 1))

    @property
    def moved(self) -> float:
        """What the first class's logits are moved by on test."""
        return 0.0 if not self.shifted else SHIFT if self.share is None else -SHIFT

    def truth(self) -> float:
        """Points."""
        gains = []
        for moved in (self.moved, 0.0):
            one = self.part("test", LARGE, np.random.default_rng(1), moved)
            weights = np.ones((1, LARGE), dtype=np.float32)
            best = scored(one.labels, one.logits, weights, best_biases(one.labels, one.logits, weights))[0] / LARGE
            gains.append(100 * float(best - one.right.mean()))
        return gains[0] - gains[1]

    def study(self, seed: int, bootstrap: int) -> RunData:
        """A run known by its answers."""
        rng = np.random.default_rng((7, seed))
        val, test = self.part("val", self.n_val, rng, 0.0), self.part("test", self.n_test, rng, self.moved)
        return replace(of_parts(val, test, bootstrap=bootstrap), bootstrap_seed=seed)


def cells() -> list[Cell]:
    """All of them."""
    sides = [
        (2, 1000, 60, None),
        (2, 1000, 100, None),
        (2, 1000, 300, None),
        (2, 1000, 100, 0.1),
        (2, 1000, 300, 0.1),
        (2, 100, 1000, 0.1),
        (3, 1000, 60, None),
        (5, 1000, 100, None),
        (5, 1000, 300, None),
        (5, 100, 1000, None),
        (8, 1000, 160, None),
        (8, 1000, 400, None),
    ]
    return [Cell(k, n_val, n_test, shifted, share) for k, n_val, n_test, share in sides for shifted in (False, True)]


def row(cell: Cell, studies: int, bootstrap: int) -> list[str]:
    """A row of the table."""
    true = cell.truth()
    found = [judged(cell.study(seed, bootstrap)) for seed in range(studies)]
    points = np.array([[one.points.value, one.points.low, one.points.high] for one in found if one.points is not None])
    told = Counter(f"{one.verdict} ({one.kind.value})" if one.verdict == "excluded" else one.verdict for one in found)
    error = points[:, 0].std() / np.sqrt(len(points))
    held = int(((points[:, 1] <= true) & (true <= points[:, 2])).sum())
    return [
        str(cell.k) if cell.share is None else f"{cell.k}, {cell.share:.0%}",
        f"{cell.n_val:,}",
        f"{cell.n_test:,}",
        f"{true:.1f}",
        f"{points[:, 0].mean():.1f} ± {error:.1f}",
        f"{(points[:, 2] - points[:, 1]).mean() / 2:.1f}",
        f"{held} of {len(points)}",
        ", ".join(f"{name} {number}" for name, number in told.most_common()),
    ]


def judged(made: RunData) -> Finding:
    """The finding."""
    return CAUSE.judge(cause_data(made))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--bootstrap", type=int, default=100)
    parser.add_argument("--cells", type=int, nargs="*", help="numbers of some cells, from 0 on; all by default")
    options = parser.parse_args()
    header = ["classes", "n_V", "n_T", "truth", "mean of the term", "half-width", "interval holds it", "told"]
    chosen = [cell for number, cell in enumerate(cells()) if not options.cells or number in options.cells]
    print(markdown(header, [row(cell, options.studies, options.bootstrap) for cell in chosen]))


if __name__ == "__main__":
    main()
