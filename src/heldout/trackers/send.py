"""A study's finished runs, sent to a tracker that was named as `NAME[:PLACE]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from heldout.answer.names import names_in
from heldout.files import hash_of, sha256_of
from heldout.records import Comparison, Estimate, RunRow, Scores
from heldout.records.codec import read_record
from heldout.records.tuning import Trial, Tuning
from heldout.runs.compare import compare_study
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.strategies import strategies
from heldout.trackers._shelf import trackers
from heldout.trackers.tracker import Limits, Sent, TrackedRun, TrackedSearch, TrackedStudy, TrackedTrial, Tracker

CURVES = {"train/loss": "train_loss", "train/accuracy": "train_accuracy", "val/loss": "val_loss"}
CURVES |= {"val/accuracy by epoch": "val_accuracy", "learning rate": "lr"}
"""Name of a curve -> the column of a run's history. `val/accuracy` is that of the network that was kept."""

REPORT = "report.html"


def trackers_of(words: Sequence[str]) -> tuple[tuple[Tracker, str], ...]:
    """The trackers that a person named, and the place of each.

    Args:
        words: `NAME` or `NAME:PLACE`, each once.

    Raises:
        UsageError: There is no such tracker.
    """
    return tuple(
        (trackers.get(name), place) for name, _, place in (word.partition(":") for word in dict.fromkeys(words))
    )


def send(folder: Path, named: Sequence[tuple[Tracker, str]], comparison: Comparison | None = None) -> tuple[Sent, ...]:
    """Send the finished runs of a study to trackers; what is there already is not sent again.

    Args:
        folder: The study's folder, of which nothing is changed.
        named: Trackers and places (`trackers_of`).
        comparison: How the runs compare, where that is known already; it is made anew if it lacks one.

    Raises:
        InputError: The folder is no study, or holds no finished run.
        HeldoutError: A tracker is not installed, or its place cannot be reached.
    """
    files = read_study(folder)
    compared = set() if comparison is None else {row.id for row in comparison.runs}
    if comparison is None or not compared >= {run.record.id for run in files.runs}:  # another process finished one
        comparison = compare_study(files)
    study = tracked(files, comparison)
    return tuple(tracker.send(study, place) for tracker, place in named)


def tracked(files: StudyFiles, comparison: Comparison) -> TrackedStudy:
    """A study as trackers take it."""
    rows, names = {row.id: row for row in comparison.runs}, names_in(comparison)
    runs = tuple(_run(run, rows[run.record.id], names[run.record.id].label) for run in files.runs)
    report = files.folder / REPORT
    there = report if report.is_file() else None
    return TrackedStudy(
        _id_of(files), files.folder, files.folder.resolve().name, runs, there, searches_of(files.folder)
    )


def _id_of(files: StudyFiles) -> str:
    """Its token; of a study that was begun before there were any, what it is of and the first run that it finished."""
    if files.record.token:
        return files.record.token
    first = min(((run.record.created, run.record.id, run.record.wall_seconds) for run in files.runs), default=())
    return hash_of([files.record.cohort, files.record.split, files.record.data, list(first)], 32)


def searches_of(folder: Path) -> tuple[TrackedSearch, ...]:
    """The searches for settings of a study that had something to search.

    Raises:
        InputError: A record is damaged.
        UsageError: A strategy is not installed here.
    """
    files = sorted((folder / "tuning").glob("[!.]*.json"))
    found = {file.stem: read_record(Tuning, file) for file in files}
    return tuple(_search(id_, tuning) for id_, tuning in found.items() if tuning.trials and tuning.trials[0].settings)


def _search(id_: str, tuning: Tuning) -> TrackedSearch:
    kind, present = strategies.get(tuning.strategy), tuning.trials[0].settings
    space = replace(kind(), **present).space()  # what is searched is around the settings as they were
    limits = {name: Limits(space[name].low, space[name].high, space[name].log) for name in present}
    trials = tuple(map(_trial, tuning.trials))
    return TrackedSearch(id_, f"{tuning.backbone}, {tuning.strategy}, seed {tuning.seed}", limits, trials)


def _trial(trial: Trial) -> TrackedTrial:
    settings = {name: float(value) for name, value in trial.settings.items() if isinstance(value, int | float)}
    told = {"val_accuracy": trial.val_accuracy, "val_loss": trial.val_loss, "seconds": trial.seconds}
    return TrackedTrial(hash_of([settings, told]), settings, trial.value, told)


def _run(run: RunFiles, row: RunRow, name: str) -> TrackedRun:
    recipe, record = run.recipe, run.record
    settings: dict[str, object] = {
        "model": recipe.backbone,
        "weights": recipe.weights,
        "strategy": recipe.strategy,
        "seed": recipe.seed,
        "image size": recipe.image_size,
        "fit": recipe.fit,
        "precision": recipe.precision,
        "split": recipe.split,
        "images": recipe.cohort,
    }
    settings |= {f"{recipe.strategy}.{key}": value for key, value in recipe.settings.items()}
    seconds, scores = record.wall_seconds or 0.0, _scores(row)
    files = tuple(sorted(file for file in run.folder.iterdir() if file.is_file() and not file.name.startswith(".")))
    return TrackedRun(
        id=record.id,
        hash=hash_of([scores, {file.name: sha256_of(file) for file in files}]),
        name=name,
        settings={key: str(value) for key, value in settings.items()},
        scores=scores,
        curves={
            name: tuple(map(float, run.history[column])) for name, column in CURVES.items() if column in run.history
        },
        began=datetime.fromisoformat(record.created).astimezone(UTC) - timedelta(seconds=seconds),
        seconds=seconds,
        files=files,
    )


def _scores(row: RunRow) -> dict[str, float]:
    """Every score of a run with the ends of its interval; what was not measured is left out."""
    found: dict[str, Estimate | None] = {"gap_points": row.gap_points}
    for part in ("train", "val", "test"):
        scores: Scores | None = getattr(row, part)
        if scores is None:
            continue
        found |= {f"{part}/accuracy": scores.accuracy, f"{part}/auc": scores.auc}
        found |= {f"{part}/{name}": value for name, value in scores.scores.items()}
        found |= {f"{part}/recall of {name}": value for name, value in scores.recall.items()}
    told: dict[str, float] = {}
    for name, estimate in found.items():
        if estimate is not None:
            told |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    plain = {"parameters": row.parameters, "seconds an epoch": row.seconds_per_epoch}
    return told | {name: float(value) for name, value in plain.items() if value is not None}
