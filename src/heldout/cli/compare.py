"""`heldout compare STUDY`: task D, all runs judged on the same images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import (
    OUTPUT,
    SCORES,
    ByOption,
    MetricOption,
    OrderOption,
    Overwrite,
    StudyArgument,
    UnitOption,
)
from heldout.cli.values import choice

if TYPE_CHECKING:
    from heldout.records import Comparison, Estimate, RunRow

SORTS = ("test", "val", "train", "gap", "time", "plan")


Sort = Annotated[
    str,
    typer.Option(
        "--sort",
        help=f"Order of the runs: {', '.join(SORTS)}. Best first; `time`: fastest first.",
        rich_help_panel=OUTPUT,
    ),
]
AllScores = Annotated[
    bool, typer.Option("--all-scores", help="Show every further score, not a few.", rich_help_panel=SCORES)
]
Ordered = Annotated[
    bool,
    typer.Option(
        "--ordered",
        help="The classes are grades, in their order: adds quadratic-weighted kappa. As --order classes.",
        rich_help_panel=SCORES,
    ),
]
Positive = Annotated[
    str,
    typer.Option(
        "--positive",
        metavar="CLASS",
        help="Class that F1, sensitivity … are of; the second of two by default.",
        rich_help_panel=SCORES,
    ),
]
At = Annotated[
    float,
    typer.Option("--at", help="Specificity at which sensitivity is told, and the reverse.", rich_help_panel=SCORES),
]
Bootstrap = Annotated[
    int | None,
    typer.Option(
        "--bootstrap",
        help="Replicates behind the intervals; by default those of the study's diagnoses, else 1000.",
        rich_help_panel=OUTPUT,
    ),
]
Csv = Annotated[
    Path | None, typer.Option("--csv", help="Also write the table of runs to this CSV file.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def compare(
    context: typer.Context,
    study: StudyArgument,
    metric: MetricOption = "",
    unit: UnitOption = "image",
    by: ByOption = "mean",
    all_scores: AllScores = False,
    ordered: Ordered = False,
    order: OrderOption = "",
    positive: Positive = "",
    at: At = 0.9,
    sort: Sort = "test",
    bootstrap: Bootstrap = None,
    csv: Csv = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compare the runs of a study: accuracy with intervals, gap between validation and test, restlessness, speed.

    With --metric runs are judged by balanced accuracy, or by what a missed image of each class costs; with --unit
    patient one decision is made a patient. A run that does no better than always answering the commonest class
    is told so first. Intervals are 95 % and draw whole patients where patients are known. Every pair of runs is tested
    on the same images (sign flips by patient where patients have several images, else McNemar's exact test; Holm's
    correction over all pairs); two runs are called distinguishable only where that test and the paired bootstrap over
    patients agree. The AUCs of a pair are compared by DeLong's test, patients as units. Formulas and reasons:
    docs/statistics.md.
    """
    import dataclasses

    from heldout.cli.views.compare import show_comparison
    from heldout.records.codec import to_data
    from heldout.replacing import RUNS_CSV, refuse_replacing
    from heldout.runs.compare import compare_study
    from heldout.runs.folder import read_study
    from heldout.runs.judging import CLASSES, asking_of, judging_of

    env = environment(context)
    choice("--sort", sort, SORTS)
    if csv is not None:
        refuse_replacing(csv, RUNS_CSV, overwrite)
    files = read_study(study)
    asking = asking_of(
        files.cohort.classes,
        order=order or (CLASSES if ordered else ""),
        recorded=files.record.reading.get("order"),
        positive=positive,
        at=at,
        labelling=files.cohort.labelling,
    )
    judging = judging_of(files.cohort.classes, metric, unit, by, asking, files.cohort.labelling)
    found = compare_study(files, judging=judging, bootstrap=bootstrap)
    found = dataclasses.replace(found, runs=tuple(sorted(found.runs, key=_order(sort))))
    if csv is not None:
        from heldout.files import write_text

        write_text(csv, _csv(found))
    for remark in files.remarks:
        env.error(remark)
    if files.missing:
        env.error(f"Not finished yet, and left out: {', '.join(files.missing)}. `heldout run` goes on from there.")
    if files.foreign:
        env.error(f"Made on other images or another split, and left out: {', '.join(files.foreign)}.")
    if as_json:
        env.json(to_data(found))
        return
    show_comparison(found, env, all_scores)


def _order(sort: str) -> Callable[[RunRow], float]:
    """Key by which runs stand in the table; runs that are equal keep the order of the plan."""

    def key(row: RunRow) -> float:
        test = row.test or row.val
        gap = row.gap_points.value if row.gap_points else 0.0
        return {
            "test": -test.score.value,
            "val": -row.val.score.value,
            "train": -row.train.score.value if row.train else 0.0,
            "gap": gap,
            "time": row.seconds_per_epoch or 0.0,
            "plan": 0.0,
        }[sort]

    return key


def _csv(comparison: Comparison) -> str:
    """The runs as CSV: identity, every column, and every estimate with its ends; fractions and points, not rounded."""
    import pandas as pd

    from heldout.shown import cell

    rows = []
    for row in comparison.runs:
        cells: dict[str, object] = {
            name: getattr(row, name)
            for name in ("id", "model", "strategy", "seed", "epochs", "trainable_parameters", "parameters")
        }
        cells |= {name: getattr(row, name) for name in ("seconds_per_epoch", "wall_seconds", "device")}
        estimates: dict[str, Estimate | None] = {"gap_points": row.gap_points}
        for part, scores in (("train", row.train), ("val", row.val), ("test", row.test)):
            estimates[f"{part}_accuracy"] = scores.accuracy if scores else None
            estimates[f"{part}_auc"] = scores.auc if scores else None
            if comparison.metric.name != "accuracy":
                estimates[f"{part}_{comparison.metric.name}"] = scores.by_metric if scores else None
            estimates |= {f"{part}_{name}": value for name, value in (scores.scores if scores else {}).items()}
            for label, one in (scores.labels if scores else {}).items():
                own = {"auc": one.auc, "sensitivity": one.sensitivity, "specificity": one.specificity, **one.scores}
                estimates |= {f"{part}_{name}[{label}]": value for name, value in own.items()}
        estimates["over_baseline_points"] = row.over_baseline_points
        for name, estimate in estimates.items():
            cells |= {name: estimate and estimate.value}
            cells |= {f"{name}_low": estimate and estimate.low, f"{name}_high": estimate and estimate.high}
        cells["reversals"] = row.oscillation and row.oscillation.reversals
        cells["roughness_points"] = row.oscillation and row.oscillation.roughness_points
        cells |= {"overfit_epoch": row.overfit_epoch, "test_evaluations": row.test_evaluations}
        rows.append({name: cell(value) if isinstance(value, str) else value for name, value in cells.items()})
    return pd.DataFrame(rows).to_csv(index=False)


COMMAND = compare
