"""The same command on two other kinds of images: white blood cells of two laboratories, and human sperm cells.

    python examples/other_data.py --data ../shared/data --out other

White blood cells (Zheng et al. 2018): five classes in colour, trained on one laboratory's images of about 120×120
pixels and tested on another's of 300×300. Sperm cells (MHSMA, Javadi & Mirroshandel 2019): grey, 64×64, imbalanced,
with its official validation set; the question is whether the head is abnormal.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from heldout.cli import main


def make_manifest(folder: Path, out: Path, target: str = "head") -> Path:
    """A manifest of MHSMA's arrays: one line an image, its file and row, its label and its official part."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"mhsma_{target}.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "row", "label", "split"])
        for split in ("train", "valid", "test"):
            path = (folder / f"x_64_{split}.npy").resolve()
            for row, value in enumerate(np.load(folder / f"y_{target}_{split}.npy")):
                table.writerow([path, row, ("normal", "abnormal")[int(value)], split])
    return file


def run() -> int:
    """Both data sets, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with wbc_two_labs, mhsma64")
    parser.add_argument("--out", type=Path, default=Path("other"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strategies", default="finetune,frozen,probe")
    options = parser.parse_args()
    data = {
        "wbc": (options.data / "wbc_two_labs" / "manifest.csv", 128),
        "mhsma": (make_manifest(options.data / "mhsma64", options.out), 64),
    }
    status = 0
    for name, (source, size) in data.items():
        study = str(options.out / name)
        words = ["run", str(source), "--models", "efficientnet_lite0", "--strategies", options.strategies]
        words += ["--epochs", str(options.epochs), "--image-size", str(size), "--out", study]
        print("\nheldout " + " ".join(words))
        status = status or int(main(words)) or int(main(["report", study]))
    return status


if __name__ == "__main__":
    sys.exit(run())
