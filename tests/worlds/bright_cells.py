"""A folder of images in the founding layout that any network separates: two classes that differ in brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def bright_cells(folder: Path, train: int = 24, test: int = 8, size: int = 32, seed: int = 0) -> Path:
    """Write `train/dark.npy`, `test/test_dark.npy`, … and metadata.csv with two images a patient."""
    rng = np.random.default_rng(seed)
    rows = []
    for split, count in (("train", train), ("test", test)):
        for label, level in (("dark", 70), ("light", 170)):
            name = f"{split}/{label}.npy" if split == "train" else f"{split}/test_{label}.npy"
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, np.clip(rng.normal(level, 40, (count, size, size)), 0, 255).astype(np.uint8))
            rows += [{"file": name, "row": k, "patient": f"{split}-{label}-{k // 2}"} for k in range(count)]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder
