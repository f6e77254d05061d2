"""Runs with several labels an image made up by hand: logits of each label from its truth, and whole studies of them.

A label's logit is ±2 by its truth plus noise, so that about 95 % of its answers are right at 0. What is planted is
planted on the test images of one label: its share, an offset of its logits, or truths that are turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.diagnosis.run_data import RunData
from heldout.files import hash_of, write_json
from heldout.records import PARTS, Cohort, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.codec import write_record
from heldout.records.cohort import typed
from heldout.records.label_predictions import Indices, LabelPredictions
from heldout.records.labelling.several import joined, question_classes
from heldout.records.run import Learning
from heldout.runs.answers import ANSWER_TABLES, Scored
from heldout.stats.label_thresholds import label_thresholds

LABELS = ("disc", "bar", "stripes")


@dataclass(frozen=True)
class Plant:
    """What is changed in the test images of one label.

    Attributes:
        label: Its number.
        share: Share of images that have it; None leaves it as it is.
        offset: Added to the logits.
        flips: Share of its truths that are turned.
        blur: Further noise on the logits.
    """

    label: int = 0
    share: float | None = None
    offset: float = 0.0
    flips: float = 0.0
    blur: float = 0.0


NOTHING = Plant()


def label_part(
    name: str, n: int, seed: int = 0, plant: Plant = NOTHING, shares: Sequence[float] = (0.4, 0.3, 0.3)
) -> LabelPredictions:
    """A part of n images, two a patient."""
    rng = np.random.default_rng((seed, len(name), n))
    k = len(shares)
    own = list(shares)
    if plant.share is not None:
        own[plant.label] = plant.share
    truth = (rng.random((n, k)) < own).astype(np.int64)
    logits = np.where(truth == 1, 2.0, -2.0) + 1.2 * rng.standard_normal((n, k))
    logits[:, plant.label] += plant.offset + plant.blur * rng.standard_normal(n)
    turned = rng.random(n) < plant.flips
    truth[turned, plant.label] = 1 - truth[turned, plant.label]
    ids = tuple(f"{name}-{i:05d}" for i in range(n))
    patients = tuple(f"{name}-p{i // 2}" for i in range(n))
    return LabelPredictions(name, ids, truth, logits, np.zeros(k), patients)


def label_runs(plant: Plant, n: int = 500, cut: float | None = None) -> dict[str, RunData]:
    """Label -> the run asked of it alone, with all its test labels reviewed.

    Args:
        plant: What is planted in test; validation, on which thresholds are set, has nothing planted.
        n: Images a part.
        cut: The threshold of every label, in place of the one that is set.
    """
    val, test = label_part("val", n), label_part("test", n, plant=plant)
    true = label_part("test", n, plant=replace(plant, flips=0.0)).labels
    cuts = label_thresholds(val.labels, val.logits) if cut is None else np.full(val.k, cut)
    val, test = val.with_thresholds(cuts), test.with_thresholds(cuts)
    return {
        name: RunData(
            run="net-probe-s0",
            model="offline:net",
            strategy="probe",
            seed=0,
            classes=question_classes(name),
            train=None,
            val=val.question(c),
            test=test.question(c),
            learning=Learning(backbone_trained=False, uses_seed=False),
            review=_review(test.ids, true[:, c], name),
            bootstrap=100,
        )
        for c, name in enumerate(LABELS)
    }


def _review(ids: Sequence[str], truth: Indices, name: str) -> pd.DataFrame:
    """Every image read by somebody who knows the truth."""
    absent, present = question_classes(name)
    names = np.where(truth == 1, present, absent)
    return pd.DataFrame({"id": list(ids), "label": names, "probability": 1.0})


def make_label_study(
    folder: Path, plants: Sequence[Plant] = (NOTHING, Plant(blur=3.0)), n: int = 120, labels: Sequence[str] = LABELS
) -> Path:
    """Write a study without images: a run a plant, all on the same images."""
    parts = {part: label_part(part, n, seed=5) for part in PARTS}
    rows = [
        {"id": id_, "content": id_, "source": f"{id_}.png", "patient": patient, "split": part, "row": -1}
        | {"label": joined([name for name, has in zip(labels, own, strict=True) if has])}
        | {"width": 8, "height": 8, "channels": 1, "bits": 8}
        for part, side in parts.items()
        for id_, patient, own in zip(side.ids, side.patients, side.labels, strict=True)
    ]
    cohort = Cohort("made labels", "", "tables", tuple(labels), typed(pd.DataFrame(rows)), labels="several")
    split = Split(*(parts[part].ids for part in PARTS), method="given", seed=None, grouped=True)
    folder.mkdir(parents=True, exist_ok=True)
    cohort.save(folder / "cohort.parquet")
    split.save(folder / "split.parquet")
    write_record(folder / "study.json", StudyRecord("made labels", "made up", cohort.hash, split.hash, "0.2.0"))
    recipes = [_recipe(cohort, split, seed) for seed in range(len(plants))]
    for recipe, plant in zip(recipes, plants, strict=True):
        _write_run(folder / "runs" / recipe.id, recipe, plant, parts)
    write_record(
        folder / "plans" / "made.json",
        PlanRecord(
            cohort.hash, split.hash, ("offline:efficientnet_lite0",), {"probe": {}}, tuple(range(len(plants))), 64,
            "stretch", "no", tuple(recipe.id for recipe in recipes),
        ),
    )  # fmt: skip
    return folder


def _recipe(cohort: Cohort, split: Split, seed: int) -> Recipe:
    return Recipe(
        cohort.hash, split.hash, cohort.classes, "offline:efficientnet_lite0", hash_of("w", 16), "probe", {}, 64,
        "stretch", "bicubic", seed, labels="several",
    )  # fmt: skip


def _write_run(folder: Path, recipe: Recipe, plant: Plant, parts: dict[str, LabelPredictions]) -> None:
    folder.mkdir(parents=True)
    scored = {}
    for part, side in parts.items():
        rng = np.random.default_rng((recipe.seed, len(part), 9))
        logits = side.logits.copy()
        if part == "test":
            logits[:, plant.label] += plant.offset + plant.blur * rng.standard_normal(len(side))
        scored[part] = Scored(side.ids, side.labels, logits.astype(np.float32))
    tables = ANSWER_TABLES["several"]
    cuts = tables.thresholds(scored["val"])
    tables.predictions(scored, cuts).to_parquet(folder / "predictions.parquet", index=False)
    val = parts["val"]
    tables.epoch(val.ids, 1, (val.logits > 0).astype(np.int16)).to_parquet(folder / "val_epochs.parquet", index=False)
    history = {"epoch": 1, "phase": "probe", "seconds": 0.1, "lr": 0.0, "train_loss": 0.1, "train_accuracy": 0.95}
    pd.DataFrame([{**history, "val_loss": 0.1, "val_accuracy": 0.95}]).to_csv(folder / "history.csv", index=False)
    write_record(folder / "recipe.json", recipe)
    write_json(folder / "environment.json", {"format": 1, "device": "cpu"})
    learning = Learning(backbone_trained=False, uses_seed=False, chosen=("strength",), tried=(0.1, 1.0))
    write_record(
        folder / "run.json",
        RunRecord(
            recipe.id, recipe.backbone, recipe.strategy, recipe.seed, recipe.classes, 1, 1, 1000, 10, 0.1, 1.0, "cpu",
            None, 1, learning, "2026-01-01T00:00:00+00:00", thresholds=cuts,
        ),
    )  # fmt: skip
