"""A complete study folder written without torch: made-up logits whose accuracies are planted exactly.

How the logits come about: every image has a difficulty (its patient's share, its own, and a little that differs from
run to run); the hardest images of a part are the wrong ones, as many as the planted accuracy says. So patients
cluster, runs agree on hard images as real ones do, and every accuracy is known to the image: `round(accuracy · n) /
n`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.files import hash_of, write_json
from heldout.records import PARTS, Cohort, Frozen, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.codec import write_record
from heldout.records.cohort import typed
from heldout.records.predictions import Predictions, to_table
from heldout.records.recipe import Setting
from heldout.records.run import Learning

MODELS = {"efficientnet_lite0": 3_400_000, "efficientnet_lite1": 4_200_000}
SETTINGS: dict[str, dict[str, str | int | float | bool | None]] = {
    "finetune": {"epochs": 12, "lr": 1e-3, "bn": "train"},
    "frozen": {"epochs": 12, "lr": 1e-3, "bn": "eval"},
}


@dataclass(frozen=True)
class Planted:
    """One run to make: what it is, the accuracy it shall have on each part, and settings other than `SETTINGS`."""

    model: str
    strategy: str
    seed: int = 0
    train: float = 0.99
    val: float = 0.95
    test: float = 0.80
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def backbone(self) -> str:
        return f"offline:{self.model}"


RUNS = (
    Planted("efficientnet_lite0", "finetune", 0, 0.995, 0.96, 0.80),
    Planted("efficientnet_lite0", "frozen", 0, 0.970, 0.94, 0.85),
    Planted("efficientnet_lite1", "finetune", 0, 1.000, 0.97, 0.75),
    Planted("efficientnet_lite1", "frozen", 0, 0.960, 0.93, 0.90),
)


def make_study(
    folder: Path,
    *,
    runs: Sequence[Planted] = RUNS,
    n_train: int = 300,
    n_val: int = 200,
    n_test: int = 120,
    classes: tuple[str, ...] = ("normal", "pneumonia"),
    patients: bool = True,
    seed: int = 0,
    epochs: int = 12,
) -> Path:
    """Write a whole study into `folder` and return it. `n_test=0` makes a study without a test set."""
    rng = np.random.default_rng(seed)
    cohort, split = _cohort(rng, {"train": n_train, "val": n_val, "test": n_test}, classes, patients)
    folder.mkdir(parents=True, exist_ok=True)
    cohort.save(folder / "cohort.parquet")
    split.save(folder / "split.parquet")
    difficulty = pd.Series(rng.normal(size=len(cohort)), index=cohort.table["id"])
    if patients:
        names = cohort.table["patient"].to_numpy()
        share = dict(zip(np.unique(names), rng.normal(size=len(np.unique(names))), strict=True))
        difficulty += np.array([share[name] for name in names])
    recipes = [_recipe(planted, cohort, split) for planted in runs]
    for planted, recipe in zip(runs, recipes, strict=True):
        _write_run(folder / "runs" / recipe.id, planted, recipe, cohort, split, difficulty, rng, epochs)
    write_record(
        folder / "study.json",
        StudyRecord(
            name="made study",
            data="made up",
            cohort=cohort.hash,
            split=split.hash,
            version="0.1.0",
        ),
    )
    write_record(
        folder / "plans" / "made.json",
        PlanRecord(
            cohort=cohort.hash,
            split=split.hash,
            models=tuple(dict.fromkeys(planted.backbone for planted in runs)),
            strategies={planted.strategy: SETTINGS.get(planted.strategy, {}) for planted in runs},
            seeds=tuple(dict.fromkeys(planted.seed for planted in runs)),
            image_size=64,
            fit="stretch",
            precision="no",
            runs=tuple(recipe.id for recipe in recipes),
            version="0.1.0",
        ),
    )
    return folder


def _cohort(
    rng: np.random.Generator, sizes: dict[str, int], classes: tuple[str, ...], patients: bool
) -> tuple[Cohort, Split]:
    rows = []
    number = 0
    for part, size in sizes.items():
        labels = np.sort(np.arange(size) % len(classes))  # balanced; consecutive images share patient and class
        left = 0
        for i, k in enumerate(labels):
            if left == 0 or labels[i - 1] != k:
                number, left = number + 1, int(rng.integers(1, 5))
            left -= 1
            name = f"{part}/{classes[k]}/{i:05d}.png"
            patient = f"p{number:05d}" if patients else ""
            id_ = hash_of(name, 16)
            rows.append(
                {"id": id_, "content": id_, "source": name, "label": classes[k], "patient": patient, "split": part}
                | {"row": -1, "width": 64, "height": 64, "channels": 1, "bits": 8}
            )
    table = typed(pd.DataFrame(rows))
    ids = {part: tuple(table.loc[table["split"] == part, "id"]) for part in PARTS}
    cohort = Cohort("made study", "", "folder", classes, table)
    return cohort, Split(ids["train"], ids["val"], ids["test"], method="given", seed=None, grouped=patients)


def _recipe(planted: Planted, cohort: Cohort, split: Split) -> Recipe:
    return Recipe(
        cohort=cohort.hash,
        split=split.hash,
        classes=cohort.classes,
        backbone=planted.backbone,
        weights=hash_of(planted.model, 16),
        strategy=planted.strategy,
        settings={**SETTINGS.get(planted.strategy, {}), **planted.settings},
        image_size=64,
        fit="stretch",
        interpolation="bicubic",
        seed=planted.seed,
    )


def _right(hardness: NDArray[np.float64], accuracy: float) -> NDArray[np.bool_]:
    """The `round(accuracy · n)` easiest images."""
    right = np.zeros(len(hardness), dtype=bool)
    right[np.argsort(hardness)[: round(accuracy * len(hardness))]] = True
    return right


def _answers(
    labels: NDArray[np.int64], right: NDArray[np.bool_], k: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The label where right, another class where wrong."""
    return np.where(right, labels, (labels + rng.integers(1, k, size=len(labels))) % k)


def _write_run(
    folder: Path,
    planted: Planted,
    recipe: Recipe,
    cohort: Cohort,
    split: Split,
    difficulty: pd.Series[float],
    rng: np.random.Generator,
    epochs: int,
) -> None:
    folder.mkdir(parents=True)
    index = {name: k for k, name in enumerate(cohort.classes)}
    truth = cohort.table.set_index("id")["label"].map(index)
    parts = []
    for part in PARTS:
        ids = list(split.part(part))
        labels = truth.loc[ids].to_numpy(dtype=np.int64)
        hardness = difficulty.loc[ids].to_numpy() + 0.7 * rng.normal(size=len(ids))
        right = _right(hardness, getattr(planted, part))
        predicted = _answers(labels, right, len(index), rng)
        logits = rng.normal(size=(len(ids), len(index)))
        chosen = np.arange(len(ids)), predicted
        logits[chosen] = logits.max(axis=1, initial=-9.0) + 0.1 + rng.gamma(2.0, np.where(right, 1.5, 0.5))
        parts.append((Predictions(part, tuple(ids), labels, logits), hardness))
    to_table(scored for scored, _ in parts).to_parquet(folder / "predictions.parquet", index=False)
    _write_epochs(folder, planted, parts[1][0], parts[1][1], len(index), rng, epochs)
    write_record(folder / "recipe.json", recipe)
    write_json(folder / "environment.json", {"format": 1, "heldout": "0.1.0", "python": "3.11", "device": "cpu"})
    write_record(folder / "run.json", _record(planted, recipe, epochs, bool(split.test)))


def _write_epochs(
    folder: Path,
    planted: Planted,
    val: Predictions,
    hardness: NDArray[np.float64],
    k: int,
    rng: np.random.Generator,
    epochs: int,
) -> None:
    """History and validation predictions that rise to the planted accuracies and end exactly there."""
    labels = val.labels
    rows, frames = [], []
    for epoch in range(1, epochs + 1):
        last = epoch == epochs
        noise = 0.0 if last else rng.normal(0, 0.03 if planted.strategy == "finetune" else 0.005)
        accuracy = float(np.clip(planted.val - 0.2 * np.exp(-epoch / 2.0) * (not last) + noise, 0.3, 1.0))
        predicted = val.predicted if last else _answers(labels, _right(hardness, accuracy), k, rng)
        frames.append(pd.DataFrame({"id": val.ids, "epoch": epoch, "predicted": predicted}))
        rows.append(
            {
                "epoch": epoch,
                "phase": planted.strategy,
                "seconds": 1.0 if planted.strategy == "finetune" else 0.1,
                "lr": 1e-3 * (1 - epoch / (epochs + 1)),
                "train_loss": 0.02 + 0.6 * np.exp(-epoch / 3.0),
                "train_accuracy": planted.train - 0.2 * np.exp(-epoch / 2.0),
                "val_loss": 0.2 + 0.5 * np.exp(-epoch / 2.0) + abs(noise),
                "val_accuracy": float((predicted == labels).mean()),
            }
        )
    pd.DataFrame(rows).to_csv(folder / "history.csv", index=False)
    pd.concat(frames, ignore_index=True).to_parquet(folder / "val_epochs.parquet", index=False)


def _record(planted: Planted, recipe: Recipe, epochs: int, has_test: bool) -> RunRecord:
    parameters = MODELS.get(planted.model, 5_000_000)
    frozen = planted.strategy != "finetune"
    return RunRecord(
        id=recipe.id,
        backbone=planted.backbone,
        strategy=planted.strategy,
        seed=planted.seed,
        classes=recipe.classes,
        epochs=epochs,
        kept_epoch=epochs,
        parameters=parameters,
        trainable_parameters=1281 * len(recipe.classes) if frozen else parameters,
        seconds_per_epoch=0.1 if frozen else 1.0,
        wall_seconds=3.0 if frozen else 1.2 * epochs,
        device="cpu",
        frozen=Frozen(frozen, "eval", ("stem", "blocks"), "212 tensors unchanged")
        if frozen
        else Frozen(False, "none", (), "nothing is frozen"),
        test_evaluations=1 if has_test else 0,
        learning=Learning(backbone_trained=not frozen, uses_seed=planted.strategy != "probe"),
        created="2025-01-01T00:00:00+00:00",
    )
