r"""Automatic shift identification (Roschewitz et al. 2025) on planted studies: which kind of shift its own code finds.

Roschewitz, Mehta, Jones, Glocker, "Automatic dataset shift identification to support safe deployment of medical imaging
AI", MICCAI 2025 (arXiv 2411.07940). Their code (github.com/biomedia-mira/shift_identification, MIT) is no dependency
and not part of this project: it is imported from a checkout, in an environment of its own.

    git clone https://github.com/biomedia-mira/shift_identification
    python -m venv si
    si/bin/pip install torch scikit-learn scipy pandas tqdm "abstention==0.1.3.1"
    python benchmarks/planted.py export --features --world phantoms --seeds 6 --severities 1,2 --out planted
    si/bin/python benchmarks/peer_shift_identification.py planted/export-phantoms --checkout shift_identification

It is given what `run_shift_identification` asks for: the model's probabilities and validation's labels, and features of
the encoder (here those of the pretrained network, which our causes see too). It answers with one of four categories and
no points; a category is translated as below. Of validation and of test `--most` images each are taken at random: its
permutation test goes through 1,000 permutations of all pairs of images, twice.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {
    "No shift": "",
    "Prevalence shift": "prior",
    "Covariate only": "covariate-shift",
    "Covariate + Prevalence": "covariate-shift",
}
"""What its answer would be taken for."""


def judge(folder: Path, most: int) -> dict[str, Any]:
    """What it says of one study."""
    import torch
    from shift_identification_detection.shift_identification import run_shift_identification

    about = json.loads((folder / "about.json").read_text())
    started = time.perf_counter()
    np.random.seed(about["seed"])  # it draws from the global generators
    torch.manual_seed(about["seed"])
    with np.load(folder / "arrays.npz") as arrays:
        given = {name: torch.from_numpy(arrays[name].astype(np.float64)) for name in arrays.files}
    chosen = {
        part: np.sort(np.random.permutation(len(given[f"{part}_probabilities"]))[:most]) for part in ("val", "test")
    }
    task = {part: {"probas": given[f"{part}_probabilities"], "y": given[f"{part}_labels"].long()} for part in chosen}
    encoder = {part: {"feats": given[f"{part}_features"]} for part in chosen}
    with contextlib.redirect_stdout(io.StringIO()):
        found = run_shift_identification(
            task, encoder, chosen["test"], chosen["val"], num_classes=given["val_probabilities"].shape[1]
        )
    answer = str(found["final_identified_shift"])
    return {**about, "answer": answer, "first": NAMES[answer], "seconds": time.perf_counter() - started}


def main() -> None:
    """Judge every exported study, as far as there is time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkout", type=Path, required=True, help="where their code is")
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no study later; call again to go on")
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    file = options.folder / "shift_identification.json"
    rows = json.loads(file.read_text()) if file.is_file() else []
    done = {(row["plant"], row["severity"], row["seed"]) for row in rows}
    end = time.monotonic() + 60 * options.minutes
    for path in sorted(options.folder.glob("*/about.json")):
        about = json.loads(path.read_text())
        if (about["plant"], about["severity"], about["seed"]) in done or time.monotonic() > end:
            continue
        rows.append(judge(path.parent, options.most))
        file.write_text(json.dumps(rows))
    for plant, severity in sorted({(row["plant"], row["severity"]) for row in rows}):
        cell = [row for row in rows if (row["plant"], row["severity"]) == (plant, severity)]
        first = f"{np.mean([row['first'] == row['cause'] for row in cell]):.0%}" if cell[0]["cause"] else "–"
        answers = ", ".join(f"{answer} {number}" for answer, number in Counter(row["answer"] for row in cell).items())
        print(f"| {plant} | {severity} | {len(cell)} | {first} | {answers} |")


if __name__ == "__main__":
    main()
