"""Every strategy on three kinds of real images: the table of docs/strategies.md.

    python benchmarks/strategies.py run --out strategies       # chest X-rays, white blood cells, sperm cells
    python benchmarks/strategies.py table --out strategies
    python benchmarks/strategies.py run --image-size 224 --data wbc,xrays --strategies probe,lora --out strategies224

`run` calls `heldout run` as a person would, one study a data set, all strategies, three seeds, EfficientNet-Lite0, with
each strategy's own defaults. `table` reads the studies: test accuracy is the mean over seeds, its interval a bootstrap
over test patients (images where patients are not known) of that mean; the difference to `probe` is paired on the same
images and draws; the range of a column is that of the seeds.

* X-rays: 400 images a class of the Kermany training part, its official test set, 96 pixels, patients from the names.
* WBC: 300 cells of one laboratory, tested on 100 of another, five types, 96 pixels.
* MHSMA: 1000 sperm cells, official validation and test, normal or abnormal head, 64 pixels.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted_tables import markdown
from benchmarks.pools import KERMANY
from heldout.cli import main as heldout
from heldout.runs.folder import RunFiles, read_study
from heldout.stats.bootstrap import Resamples, draw, percentile_interval
from heldout.stats.scores import auc

DATA = KERMANY.parent
SEEDS, EPOCHS = 3, 10
STRATEGIES = "probe,knn,frozen,last-block,first-block,norm,bias,gradual,finetune,lp-ft,l2-sp,wise,soup,lora,scratch"
PATIENT = r"((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))"
"""Of the X-rays' file names; the number of a person alone is no patient, it restarts for bacteria and virus."""

Reals = NDArray[np.float64]


def commands(out: Path) -> dict[str, list[str]]:
    """Data set -> the words after `heldout run`."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    from other_data import make_manifest

    mhsma = make_manifest(DATA / "mhsma64", out)
    return {
        "xrays": [str(KERMANY), "--image-size", "96", "--per-class", "400", "--patient", PATIENT],
        "wbc": [str(DATA / "wbc_two_labs" / "manifest.csv"), "--image-size", "96"],
        "mhsma": [str(mhsma), "--image-size", "64"],
    }


def run(out: Path, names: list[str], strategies: str, seeds: int, size: int | None) -> None:
    """The studies, one after the other; what is finished is not done again."""
    for name in names:
        words = ["run", *commands(out)[name], "--models", "efficientnet_lite0", "--strategies", strategies]
        if size is not None:
            words[words.index("--image-size") + 1] = str(size)
        words += ["--epochs", str(EPOCHS), "--seeds", str(seeds), "--out", str(out / name)]
        print("heldout " + " ".join(words), flush=True)
        heldout(words)


def table(study: Path) -> str:
    """One row a strategy, the best first."""
    files = read_study(study)
    groups: dict[str, list[RunFiles]] = {}
    for one in files.runs:
        groups.setdefault(one.record.strategy, []).append(one)
    labels = files.runs[0].predictions["test"].labels
    draws = draw(labels, files.split.part("test"), files.patients("test"), replicates=2000, seed=0)
    base = mean_right(groups["probe"], "test")
    rows = {name: _row(name, runs, labels, draws, base) for name, runs in groups.items()}
    order = sorted(rows, key=lambda name: -float(mean_right(groups[name], "test").mean()))
    header = ["strategy", "seeds", "test accuracy, %", "− probe, points", "test AUC", "validation, %", "gap, points"]
    return markdown([*header, "seconds a run"], [rows[name] for name in order])


def _row(name: str, runs: list[RunFiles], labels: NDArray[np.int64], draws: Resamples, base: Reals) -> list[str]:
    right = mean_right(runs, "test")
    accuracy, lift = 100 * right.mean(), 100 * (right - base).mean()
    low, high = interval(100 * right, accuracy, draws)
    words = "–"
    if name != "probe":
        below, above = interval(100 * (right - base), lift, draws)
        words = f"{lift:+.1f} [{below:+.1f}, {above:+.1f}]"
    aucs = [found for one in runs if (found := auc(labels, one.predictions["test"].logits)) is not None]
    val = [100 * mean_right([one], "val").mean() for one in runs]
    gaps = [v - 100 * mean_right([one], "test").mean() for v, one in zip(val, runs, strict=True)]
    seconds = sorted(one.record.wall_seconds for one in runs)
    return [
        f"`{name}`",
        str(len(runs)),
        f"{accuracy:.1f} [{low:.1f}, {high:.1f}]",
        words,
        f"{np.mean(aucs):.3f} ({min(aucs):.3f}–{max(aucs):.3f})" if aucs else "–",
        f"{np.mean(val):.1f}",
        f"{np.mean(gaps):.1f} ({min(gaps):.1f} to {max(gaps):.1f})",
        f"{seconds[len(seconds) // 2]:.0f}",
    ]


def mean_right(runs: list[RunFiles], part: str) -> Reals:
    """(n,) share of the seeds that are right on each image."""
    return np.mean([one.predictions[part].right for one in runs], axis=0)


def interval(values: Reals, value: float, draws: Resamples) -> tuple[float, float]:
    """95 % percentile interval of the mean of (n,) values over drawn patients."""
    replicates = draws.totals(values) / draws.totals(np.ones(len(values)))
    return percentile_interval(replicates, value)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", default="wbc,mhsma,xrays")
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--image-size", type=int, help="pixels, in place of each set's own")
    parser.add_argument("--out", type=Path, default=Path("strategies"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.data.split(",")
    if options.what == "run":
        run(options.out, names, options.strategies, options.seeds, options.image_size)
        return
    for name in names:
        print(f"### {name}\n\n{table(options.out / name)}\n")


if __name__ == "__main__":
    main()
