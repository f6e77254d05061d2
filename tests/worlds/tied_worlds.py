"""Made runs full of ties, and what is said of it: run under any kernel and number of threads, the answer is one.

    python -m tests.worlds.tied_worlds      # JSON: the BLAS libraries in use, and the answers

Logits lie on a grid, properties and candidates repeat, so that much is equal on paper that sums tell apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_info

from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.run_data import RunData
from heldout.images.copies import find_copies, small_grey
from heldout.images.perceptual import thumbnails
from heldout.records.codec import to_data
from heldout.records.run import Learning
from heldout.stats.keys import verify_key
from tests.worlds.made_runs import SOLVED, Reals, logits, made_run, margin, moved, parts, quality, with_scored

STEP = 0.5
"""Of the grid that logits are put on."""


def on_grid(values: Reals) -> Reals:
    return np.asarray(np.round(values / STEP) * STEP)


def gridded(made: RunData) -> RunData:
    """All logits on the grid: scores tie within and between the classes."""
    put = {part: one.with_logits(logits(on_grid(margin(one)))) for part, one in parts(made).items()}
    return replace(made, train=put["train"], val=put["val"], test=put["test"])


def strengths(made: RunData, *, search: bool = False) -> RunData:
    """Forty candidates that are equally sure of everything and right equally often, up to luck."""
    val = parts(made)["val"]
    right = np.random.default_rng(4).random((40, len(val))) < 0.85
    sign = np.where(val.labels == 1, 2.0, -2.0)
    margins = {(f"C={i}", "val"): np.asarray(sign * np.where(one, 1, -1)) for i, one in enumerate(right)}
    held = with_scored(made, "strengths", margins)
    if search:
        return replace(made, choices={"settings": held.scored["strengths"]})
    return replace(
        held, learning=replace(SOLVED, chosen=("strength",)), val=val.with_logits(logits(margins["C=0", "val"]))
    )


def with_interventions(made: RunData) -> RunData:
    """Qualities, cues, blends and pooled classifiers, some of them alike in what they do."""
    for intervention, variants in {
        "quality": ("sharpness", "contrast", "all"),
        "cues": ("only:border", "neutral:border", "swap:border", "same:border", "only:corners", "neutral:corners"),
        "batchnorm": ("alpha=0.25", "alpha=0.5", "alpha=1", "own-statistics"),
        "interpolation": ("alpha=0", "alpha=0.25", "alpha=0.75"),
        "probe": ("probe",),
        "pooled": ("balanced", "unbalanced", "source"),
    }.items():
        changed = {
            (variant, part): on_grid(moved(made, part, 0, 1.0 if part == "val" else -0.5, seed=number // 2, noise=0.8))
            for number, variant in enumerate(variants)
            for part in parts(made)
        }
        made = with_scored(made, intervention, changed)
    made = quality(made, {("sharpness", 0): -0.8, ("contrast", 0): -0.8})
    assert made.quality is not None
    return replace(made, quality=made.quality.round(1).assign(copied=made.quality["sharpness"].round(1)))


def wide_features(made: RunData) -> RunData:
    """Features of more dimensions than are kept, with copies among them."""
    rng = np.random.default_rng(9)
    features = {}
    for part, one in parts(made).items():
        columns = rng.standard_normal((len(one), 96))
        columns[:, 0] += 1.5 * ((one.labels == 0) & (part == "test"))
        columns[1::7] = columns[0::7][: len(columns[1::7])]
        features[part] = columns.astype(np.float32)
    return replace(made, features=features)


def reviewed(made: RunData) -> RunData:
    """A third of test read again with uneven probabilities: weights that are no whole numbers."""
    test = parts(made)["test"]
    rows = np.arange(0, len(test), 3)
    labels = np.where(rows % 5 == 0, 1 - test.labels[rows], test.labels[rows])
    table = pd.DataFrame(
        {"id": [test.ids[i] for i in rows], "label": [made.classes[k] for k in labels], "probability": 0.3}
    )
    return replace(made, review=table.assign(probability=np.where(rows % 2, 1.0, 1 / 3)))


def three_classes() -> RunData:
    """Logits of three classes that tie within an image."""
    made = made_run(240, 240, patients=1)
    rng = np.random.default_rng(2)
    put = {}
    for part, one in parts(made).items():
        labels = np.arange(len(one)) % 3
        z = np.round(rng.standard_normal((len(one), 3)) + (2.0 if part != "test" else 1.2) * np.eye(3)[labels])
        put[part] = replace(one, labels=labels, logits=z * 0.1)
    return replace(made, classes=("A", "B", "C"), train=put["train"], val=put["val"], test=put["test"])


BEST = Learning(backbone_trained=True, uses_seed=True, keeps="best", chosen=("epoch",))


def best_epoch(made: RunData) -> RunData:
    val = parts(made)["val"]
    right = np.random.default_rng(4).random((30, len(val))) < 0.85
    return replace(made, val_epochs=np.where(right, val.labels, 1 - val.labels), learning=BEST)


WORLDS: dict[str, Callable[[], RunData]] = {
    "strengths of a probe": lambda: strengths(made_run(100, 100, patients=1)),
    "a search for settings": lambda: strengths(gridded(made_run(120, 120, shift=2.0)), search=True),
    "the best epoch": lambda: best_epoch(gridded(made_run(200, 200, shift=2.0))),
    "interventions": lambda: with_interventions(gridded(made_run(160, 160, shift=1.5, patients=1, n_train=200))),
    "features": lambda: wide_features(made_run(240, 240, shift=2.0, patients=1, n_train=600)),
    "a review": lambda: reviewed(gridded(made_run(300, 300, shift=1.0))),
    "three classes": three_classes,
}


def of_pictures() -> dict[str, Any]:
    """Copies, keys and thresholds of sixty small pictures, each twice, some of them blank."""
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 255, (60, 40, 40)).astype(np.uint8)
    pictures[5] = 128
    pictures = np.repeat(pictures, 2, axis=0)
    vectors = thumbnails(pictures)
    copies = find_copies(np.stack([small_grey(picture) for picture in pictures]))
    key = verify_key([f"k{i // 4}" for i in range(120)], ["a"] * 120, vectors)
    return {
        "pairs": np.stack([copies.first, copies.second, copies.symmetry]).tolist(),
        "key": [key.accepted, key.p, key.effect],
    }


def answers() -> dict[str, Any]:
    """World -> what is said of it."""
    found: dict[str, Any] = {name: to_data(diagnose_run(make())) for name, make in WORLDS.items()}
    return found | {"pictures": of_pictures()}


if __name__ == "__main__":
    libraries = [(one["filepath"], one.get("architecture", ""), one["num_threads"]) for one in threadpool_info()]
    json.dump({"libraries": libraries, "answers": answers()}, sys.stdout)
