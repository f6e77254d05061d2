"""The experiment this project grew out of, in one command: two pretrained models, fine-tuned and as fixed features.

Chest X-rays of children, normal or pneumonia (Kermany, Zhang & Goldbaum 2018), 1000 + 1000 images to learn from and
200 + 200 held out, stored as the founding notebook had them: one `.npy` file a class. A sidecar `metadata.csv` keeps
which patient an image is of, so that the 20 % validation images are of other patients than the training images.

    python examples/founding_experiment.py --data ../shared/data/kermany224 --out founding

The four runs take under 60 minutes on two cores. docs/founding-experiment.md tells what came out.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from heldout.cli import main

CLASSES = {"NORMAL": "normal", "PNEUMONIA": "pneumonia"}
COUNTS = {"train": 1000, "test": 200}


def patient_of(name: str) -> str:
    """Patient of a file of the Kermany set.

    Normal images are `IM-<n>-…` or `NORMAL2-IM-<n>-…`; pneumonias `person<n>_<bacteria or virus>_<k>`. The number alone
    is no patient: it restarts for bacteria and virus, and for NORMAL2.
    """
    match = re.match(r"((?:NORMAL2-)?IM-\d+)|(person\d+_(?:bacteria|virus))", name)
    if match is None:
        raise ValueError(f"no patient in the file name {name}")
    return match.group(0)


def make_arrays(data: Path, out: Path, seed: int) -> Path:
    """Write the founding layout: `train/normal.npy`, `test/test_normal.npy`, … uint8, and `metadata.csv`."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, str | int]] = []
    for split, count in COUNTS.items():
        for folder, label in CLASSES.items():
            files = sorted((data / split / folder).glob("*.jpeg"))
            chosen = [files[k] for k in sorted(rng.choice(len(files), size=count, replace=False))]
            name = f"{split}/{label}.npy" if split == "train" else f"{split}/{split}_{label}.npy"
            pixels = np.stack([np.asarray(Image.open(file).convert("L")) for file in chosen])  # the content is grey
            (out / split).mkdir(parents=True, exist_ok=True)
            np.save(out / name, pixels)
            rows += [
                {"file": name, "row": row, "patient": patient_of(file.name), "original": file.name}
                for row, file in enumerate(chosen)
            ]
    pd.DataFrame(rows).to_csv(out / "metadata.csv", index=False)
    return out


def run() -> int:
    """Make the arrays, then call the command line as anyone would."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/kermany224"), help="folder with train, test")
    parser.add_argument("--out", type=Path, default=Path("founding"), help="where arrays, study and report go")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of images")
    parser.add_argument("--models", default="efficientnet_lite0,efficientnet_lite1")
    parser.add_argument("--strategies", default="finetune,frozen")
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"--data: {options.data} is not there; expected the folder with train/NORMAL, train/PNEUMONIA, …")
    arrays = make_arrays(options.data, options.out / "arrays", options.seed)
    study = str(options.out / "study")
    words = ["run", str(arrays), "--models", options.models, "--strategies", options.strategies]
    words += ["--epochs", str(options.epochs), "--image-size", str(options.image_size), "--out", study]
    print("heldout " + " ".join(words))
    status = main(words)
    return int(status) or int(main(["report", study]))


if __name__ == "__main__":
    sys.exit(run())
