"""Diagnoses made by hand on the studies of `tests.worlds.made_study`: every verdict, every kind of block."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.files import hash_of, write_json
from heldout.images.quality import PROPERTIES
from heldout.records import (
    PARTS,
    BudgetTerm,
    ClassRow,
    Cohort,
    Diagnosis,
    Estimate,
    Finding,
    Lens,
    Remedy,
    RunRecord,
    Split,
    Subgroup,
    Term,
)
from heldout.records.codec import write_record
from heldout.runs.earlier import read_run_record

METHOD = "patient bootstrap, 47 patients"
POINTS: dict[Term, tuple[float, float, float]] = {
    "selection": (0.8, -0.1, 1.7),
    "leakage": (0.0, 0.0, 0.0),
    "prior": (-1.5, -2.4, -0.6),
    "labels": (0.0, 0.0, 2.1),
    "threshold": (6.2, 3.1, 9.3),
}
"""Points, low, high of the terms of the made budget; ranking closes the sum."""


def estimate(value: float, low: float, high: float, n: int = 320) -> Estimate:
    return Estimate(value, low, high, n, METHOD)


def budget(gap: float) -> tuple[BudgetTerm, ...]:
    """Terms that sum to the gap."""
    terms = [BudgetTerm(term, estimate(*points), f"how {term} was measured") for term, points in POINTS.items()]
    rest = gap - sum(term.points.value for term in terms)
    return (*terms, BudgetTerm("ranking", estimate(rest, rest - 4, rest + 4), "what remains"))


def findings(ids: tuple[str, ...]) -> tuple[Finding, ...]:
    """One of every verdict."""
    return (
        Finding(
            "threshold",
            "The line between the classes",
            "established",
            estimate(6.2, 3.1, 9.3),
            "On test the line between the classes lies too far on the side of normal; moved back on half of the test "
            "patients it puts right 6.2 of 100 images of the other half.",
            images=ids[:30],
            remedy="Set the threshold again on a small sample of target images.",
            priority=6.2,
            numbers={"best_cut": 1.37, "ece_test": 0.14},
        ),
        Finding(
            "image-quality",
            "Image quality",
            "suggested",
            estimate(2.2, 0.3, 4.1),
            "Test images of normal are blurrier than validation images of normal.",
            images=ids[30:40],
            remedy="Train with blur as strong as that of test.",
            priority=2.2,
            numbers={"sharpness": 2.2},
        ),
        Finding(
            "covariate-shift",
            "Images look different",
            "suggested",
            estimate(3.0, 0.9, 5.0),
            "A classifier tells validation from test images of normal.",
            remedy="Collect images like those of test.",
            priority=1.0,
            numbers={"domain_auc": 0.81, "class": 0.0, "null_mean": 0.52, "null_max": 0.58},
        ),
        Finding(
            "wrong-labels",
            "Wrong labels in test",
            "not identifiable",
            estimate(0.0, 0.0, 2.1),
            "Cannot be told; it needs 62 test images read again.",
            reason="needs 62 test images read again by two blind readers",
        ),
        Finding(
            "overfitting",
            "Learned by heart",
            "excluded",
            estimate(0.2, -0.8, 1.1),
            "It did not lower test.",
            reason="because its interval lies within ±1.5 points",
        ),
        Finding(
            "batchnorm",
            "BatchNorm statistics",
            "not applicable",
            None,
            "Not applicable, because the network has no BatchNorm layers.",
            reason="because the network has no BatchNorm layers",
        ),
        Finding("shortcut", "A shortcut", "failed", None, "It failed: ValueError: no cue image.", reason="no cue"),
    )


def made_diagnosis(run: RunRecord, cohort: Cohort, split: Split, predictions: pd.DataFrame) -> Diagnosis:
    """A diagnosis whose accuracies are those of the run."""
    test = predictions[predictions["split"] == "test"]
    val = predictions[predictions["split"] == "val"]
    a_v, a_t = ((part["predicted"] == part["label"]).mean() for part in (val, test))
    gap = 100 * float(a_v - a_t)
    wrong = tuple(test.loc[test["predicted"] != test["label"], "id"])
    ids = (*wrong, *(id_ for id_ in split.test if id_ not in set(wrong)))
    half = 0.5 * gap
    return Diagnosis(
        run=run.id,
        model=run.backbone,
        strategy=run.strategy,
        seed=run.seed,
        val_accuracy=estimate(float(a_v), float(a_v) - 0.03, min(float(a_v) + 0.03, 1), len(val)),
        test_accuracy=estimate(float(a_t), float(a_t) - 0.06, min(float(a_t) + 0.06, 1), len(test)),
        gap_points=estimate(gap, gap - 3.5, gap + 3.5),
        explained=gap > 3.5,
        summary=f"Test is {gap:.1f} points lower than validation. Most of it is the line between the classes, which "
        "lies in the wrong place for these images; a small part is that test images are blurrier.",
        budget=budget(gap),
        classes=tuple(
            ClassRow(
                name,
                1 / len(cohort.classes),
                1 / len(cohort.classes),
                estimate(0.95, 0.9, 0.98, 100) if k else None,
                estimate(0.8, 0.7, 0.9, 60),
                estimate(half, half - 3, half + 3) if k else None,
            )
            for k, name in enumerate(cohort.classes)
        ),
        lenses=(
            Lens(
                "appearance",
                "What is in the images",
                cohort.classes[0],
                {
                    "known appearance, more frequent on test": estimate(2.0, 0.4, 3.6),
                    "same appearance, still worse": estimate(1.0, -1.0, 3.0),
                    "appearance that validation lacks": estimate(3.0, 1.0, 5.0),
                },
                f"Images of {cohort.classes[0]} on test look unlike any of validation.",
                {"domain_auc": 0.81, "null_mean": 0.52, "null_max": 0.58, "effective_val": 88.0},
                "the pretrained network's features",
            ),
            Lens(
                "appearance",
                "What is in the images",
                cohort.classes[1],
                {},
                "What that costs cannot be told, because there is no overlap.",
                {"domain_auc": 0.97},
                "measured image properties",
            ),
            Lens(
                "learnable",
                "What would fix it",
                "",
                {
                    "harder on test for anyone": estimate(1.0, -2.0, 4.0),
                    "learnable from target data": estimate(5.0, 2.0, 8.0),
                },
                "Most of what remains could be learned from target images.",
            ),
        ),
        findings=findings(ids),
        remedies=(
            Remedy("threshold set on half of the test patients", estimate(6.0, 2.0, 10.0, 60), False, "threshold"),
            Remedy("trained with blur", estimate(1.2, -1.0, 3.4, 120), True, "image-quality"),
        ),
        review={id_: 1.0 if i < 12 else 0.1 for i, id_ in enumerate(ids[:62])},
        limits=("Whether labels of test are wrong: review these 62 images.", "Site is not known."),
        bootstrap=1000,
        bootstrap_seed=7,
    )


def diagnose_study(folder: Path, *, quality: bool = True, pixels: bool = True, evil: str = "") -> tuple[Diagnosis, ...]:
    """Put a made diagnosis of every run into a made study, with a property table and pixels; `evil` ends every text."""
    cohort, split = Cohort.load(folder / "cohort.parquet"), Split.load(folder / "split.parquet")
    made = []
    for path in sorted(folder.glob("runs/*/run.json")):
        predictions = pd.read_parquet(path.parent / "predictions.parquet")
        made.append(spoiled(made_diagnosis(read_run_record(path.parent), cohort, split, predictions), evil))
        write_record(folder / "diagnosis" / f"{made[-1].run}.json", made[-1])
    rng = np.random.default_rng(3)
    if quality:
        write_properties(folder / "quality" / "64-stretch-bicubic.parquet", split, rng)
    if pixels:
        for part in PARTS:
            write_store(folder / "images" / hash_of(part, 16), split.part(part), rng)
    return tuple(made)


def spoiled(diagnosis: Diagnosis, evil: str) -> Diagnosis:
    """The same with a trap at the end of every free text."""
    replace = dataclasses.replace
    return replace(
        diagnosis,
        summary=diagnosis.summary + evil,
        budget=tuple(replace(t, detail=t.detail + evil) for t in diagnosis.budget),
        lenses=tuple(
            replace(lens, title=lens.title + evil, sentence=lens.sentence + evil, basis=lens.basis + evil)
            for lens in diagnosis.lenses
        ),
        findings=tuple(
            replace(f, cause=f.cause + evil, sentence=f.sentence + evil, remedy=f.remedy + evil, reason=f.reason + evil)
            for f in diagnosis.findings
        ),
        remedies=tuple(replace(r, name=r.name + evil) for r in diagnosis.remedies),
        limits=tuple(limit + evil for limit in diagnosis.limits),
    )


def write_properties(path: Path, split: Split, rng: np.random.Generator) -> None:
    """Noise in every property, test blurrier, no colour."""
    ids = [id_ for part in PARTS for id_ in split.part(part)]
    moved = np.isin(ids, split.test)
    columns = {p.name: rng.normal(size=len(ids)) - 1.5 * moved * (p.name == "sharpness") for p in PROPERTIES}
    columns["colour"] = np.zeros(len(ids))
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame({"id": ids, **columns}).to_parquet(path, index=False)


def write_store(place: Path, ids: tuple[str, ...], rng: np.random.Generator) -> None:
    """Squares of 64 pixels, a ramp with noise, as `build_store` leaves them."""
    place.mkdir(parents=True)
    ramp = np.linspace(0, 200, 64)[None, :, None] + rng.normal(0, 20, size=(len(ids), 64, 64))
    np.save(place / "pixels.npy", np.clip(ramp, 0, 255).astype(np.uint8)[..., None])
    about = {"format": 1, "size": 64, "fit": "stretch", "interpolation": "bicubic", "ids": list(ids)}
    write_json(place / "store.json", about)


def with_groups(diagnosis: Diagnosis) -> Diagnosis:
    """The same with groups: one that stands out, others, one that only test has, a common part of two."""

    def group(columns: tuple[str, ...], name: str, more: float, reach: float) -> Subgroup:
        share, score = 0.25, estimate(0.9, 0.8, 0.95, 80)
        return Subgroup(
            columns,
            name,
            80,
            60,
            score,
            estimate(0.8, 0.7, 0.9, 60),
            estimate(more + 4, more, more + 8),
            estimate(more, more - reach, more + reach),
            estimate(share * more, share * (more - reach), share * (more + reach)),
            estimate(0.1, -0.1, 0.3),
            0.01 if more > reach else 0.6,
        )

    groups = (
        group(("sex",), "sex female", -2.0, 9.0),
        group(("sex",), "sex male", 2.0, 9.0),
        group(("device",), "device new", -12.0, 14.0),
        group(("device",), "device old", 14.0, 9.0),
        Subgroup(("site",), "site <b>south</b>", 0, 25, None, estimate(0.5, 0.3, 0.7, 25)),
        group(("sex", "device"), "sex male, device old", 9.0, 12.0),
    )
    left = {"accession": "60 different values: ids or free text"}
    return dataclasses.replace(diagnosis, groups=groups, columns_left_out=left)


def without_gap(diagnosis: Diagnosis) -> Diagnosis:
    """The same where the interval of the gap covers 0."""
    return dataclasses.replace(
        diagnosis,
        gap_points=estimate(1.2, -2.0, 4.4),
        explained=False,
        summary="Validation and test cannot be told apart; there is nothing to explain.",
    )
