"""Ours: the whole command `heldout run`, with the same words as a person would type.

It does more than the others: it scores the training images as well, writes weights, predictions and proofs, and
compares.
STRATEGY may be several, with commas, and so MODEL: all runs are of one study.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import heldout
from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment


def name_of(folder: Path, model: str) -> str:
    """The name under which our catalogue knows the weights."""
    weights = folder / f"{model}.pth"
    return f"file:{weights}@{model}" if weights.exists() else model


def words(folder: Path, models: str, strategies: str, epochs: int, study: Path) -> list[str]:
    """The command line."""
    names = ",".join(name_of(folder, model) for model in models.split(","))
    size = json.loads((folder / "settings.json").read_text())["image_size"]
    said = ["run", str(folder / "data"), "--models", names, "--strategies", strategies, "--out", str(study), "--json"]
    said += ["--image-size", str(size)]
    return said + (["--epochs", str(epochs)] if epochs else [])


def run(*more: str) -> None:
    """Carry out the command, with more words behind it, and print what it found, a run each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    parser.add_argument("strategy")
    parser.add_argument("epochs", type=int)
    options = parser.parse_args()
    study = Path(tempfile.mkdtemp(dir=options.folder))
    out = io.StringIO()
    said = [*words(options.folder, options.model, options.strategy, options.epochs, study), *more]
    status = main(said, Environment(stdout=out))
    if status != ExitStatus.OK:
        raise SystemExit(f"heldout run ended with {status}")
    found = json.loads(out.getvalue())["runs"]
    seconds = [pd.read_csv(study / "runs" / one["id"] / "history.csv")["seconds"].tolist() for one in found]
    environment = json.loads((study / "runs" / found[0]["id"] / "environment.json").read_text())
    shutil.rmtree(study)
    runs = [
        {"model": one["model"], "strategy": one["strategy"], "epoch_seconds": epochs}
        | {part: one[part]["accuracy"]["value"] for part in ("val", "test")}
        for one, epochs in zip(found, seconds, strict=True)
    ]
    first = runs[0]
    whole = {"val": float(np.mean([one["val"] for one in runs])), "test": float(np.mean([one["test"] for one in runs]))}
    version = f"heldout {heldout.__version__}, engine {environment['engine']}"
    print(json.dumps({"epoch_seconds": first["epoch_seconds"], **whole, "version": version, "runs": runs}))


if __name__ == "__main__":
    run()
