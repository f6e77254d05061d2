"""How surely the benchmark itself knows what a planted prior costs, and what that does to the coverage of the term.

    python benchmarks/prior_truth.py --world kermany

The truth of `prior` is (change of the class shares) · (difference of the recalls), and the recalls are measured on the
patients that a study leaves over: of the 5216 X-rays a few hundred normals. Their sampling error (by patient) widens
the distance between term and truth though the term's interval is right. The table holds the term against its own
interval, and against one that is widened by the truth's error; the studies of a seed at three severities share their
draws, so the mild one stands for all.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.planted import POOL_IMAGES
from benchmarks.planted_tables import markdown
from benchmarks.plants_in_runs import PRIORS
from benchmarks.pools import Pool, pool_of
from benchmarks.studies import draw_study
from heldout.stats.intervals import Z95


def truth_error(pool: Pool, seed: int, n_test: int) -> float:
    """Standard error of the truth of the mild plant in points, patients being the units."""
    b = draw_study(pool, seed, n_test, (0.8, PRIORS[0]))
    rows = np.concatenate([b.drawn.rest, b.drawn.test])
    errors = []
    for k in (0, 1):
        mine = rows[pool.labels[rows] == k]
        right = b.right(mine)
        by_patient = np.bincount(pd.factorize(pool.patients[mine])[0], right - right.mean())
        errors.append(float(np.sqrt((by_patient**2).sum()) / len(mine)))
    change = abs(float(pool.labels[b.drawn.val].mean() - pool.labels[b.drawn.test].mean()))
    return 100 * change * float(np.hypot(*errors))


def table(pool: Pool, frame: pd.DataFrame) -> str:
    """Coverage by number of test images, and of all together."""
    frame = frame[(frame["plant"] == "prior") & (frame["severity"] == 0)].copy()
    frame["error"] = [
        truth_error(pool, int(seed), int(n)) for seed, n in zip(frame["seed"], frame["n_test"], strict=True)
    ]
    own = (frame["prior_high"] - frame["prior_low"]) / 2 / Z95
    frame["inside"] = (frame["prior_low"] <= frame["truth_prior"]) & (frame["truth_prior"] <= frame["prior_high"])
    distance = (frame["prior"] - frame["truth_prior"]).abs()
    frame["both"] = distance <= Z95 * np.hypot(own, frame["error"])
    frame["own"] = own
    rows = []
    for name, cell in [*((str(n), cell) for n, cell in frame.groupby("n_test")), ("all", frame)]:
        rows.append([name, str(len(cell)), f"{cell['own'].mean():.2f}", f"{cell['error'].mean():.2f}"])
        rows[-1] += [f"{cell['inside'].mean():.2f}", f"{cell['both'].mean():.2f}"]
    header = ["n_T", "studies", "standard error of the term", "of the truth", "coverage", "with the truth's error"]
    return markdown(header, rows)


def main() -> None:
    """The command line; needs what `planted.py budget` left in `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=list(POOL_IMAGES), default="kermany")
    parser.add_argument("--out", type=Path, default=Path("planted"))
    options = parser.parse_args()
    pool = pool_of(options.world, options.out / "pools", POOL_IMAGES[options.world])
    print(table(pool, pd.read_parquet(options.out / f"budget-{options.world}.parquet")))


if __name__ == "__main__":
    main()
