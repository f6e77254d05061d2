"""Simulated cells as PNG files with a list: what the peers learn from. Run it in heldout's own environment.

python examples/any_model/make_images.py cells
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from heldout.cli import main


def run() -> int:
    """Make a phantom with a cause of a lower test score, and write its images one by one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=1200)
    parser.add_argument("--plant", default="contrast=0.6", help="cause of a lower test score: heldout plants")
    options = parser.parse_args()
    arrays = options.out / "phantom"
    words = ["phantom", str(arrays), "--n", str(options.n), "--patients", str(options.n // 4), "--image-size", "64"]
    status = main([*words, "--val", "--plant", options.plant])
    if status:
        return int(status)
    (options.out / "images").mkdir(parents=True, exist_ok=True)
    with (arrays / "metadata.csv").open(newline="") as file, (options.out / "images.csv").open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["path", "label", "split", "patient"])
        for number, row in enumerate(csv.DictReader(file)):
            split, name = row["file"].split("/")
            label = Path(name).stem.removeprefix(f"{split}_")
            path = f"{split}_{number:05d}.png"
            Image.fromarray(np.load(arrays / row["file"], mmap_mode="r")[int(row["row"])]).save(
                options.out / "images" / path
            )
            table.writerow([path, label, split, row["patient"]])
    print(f"{options.out / 'images.csv'} lists the images under {options.out / 'images'}")
    return 0


if __name__ == "__main__":
    sys.exit(run())
