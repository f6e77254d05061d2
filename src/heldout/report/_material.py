"""Everything the page is made from, read once: the study's files, the comparison, what the catalogue knows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from heldout.backbones import resolve
from heldout.records import (
    BackboneInfo,
    Cohort,
    Comparison,
    Diagnosis,
    PlanRecord,
    Recipe,
    RunRecord,
    RunRow,
    Split,
    StudyRecord,
)
from heldout.records.backbone import spoken_name
from heldout.report._diagnosis_files import read_diagnoses
from heldout.report._words import shortened
from heldout.runs.compare import compare_study
from heldout.runs.folder import read_study
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, TEST_EVALUATIONS, entries

COLOURS = 8
"""Colours in the palette of `templates/page.css`; a ninth group takes the first colour again, with another symbol."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagram", "cross")
"""Marks of plotly.js that stay apart when small; they tell seeds apart, and groups that share a colour."""


@dataclass(frozen=True)
class ReportedRun:
    """One run with its files and with the look it has all over the page.

    Attributes:
        row: Its row in the comparison.
        record: `run.json`.
        recipe: `recipe.json`.
        environment: `environment.json`.
        history: Rows of `progress.Epoch`.
        predictions: Columns id, split, label, predicted, logit_<k>.
        model: Short name of the backbone, one a backbone.
        label: Short name of the run, one a run.
        colour: Number of its colour; seeds of one model and strategy share it.
        symbol: Mark of plotly.js.
    """

    row: RunRow
    record: RunRecord
    recipe: Recipe
    environment: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame
    model: str
    label: str
    colour: int
    symbol: str

    @property
    def ink(self) -> str:
        """Role of its colour in a figure."""
        return f"@run{self.colour}"

    @property
    def spoken(self) -> str:
        """The label inside a sentence: `resnet34 (frozen, seed 2)`."""
        model, rest = self.two_lines
        return f"{model} ({rest.replace(' · ', ', ')})"

    @property
    def two_lines(self) -> tuple[str, str]:
        """The label broken after the model, for narrow axes."""
        return self.model, self.label.removeprefix(self.model).removeprefix(" · ")


@dataclass(frozen=True)
class Material:
    """A study as the report sees it.

    Attributes:
        folder: The study's folder.
        study: `study.json`: what it is of.
        plan: All that was planned on it.
        cohort: The images.
        split: Which are train, validation and test.
        comparison: Runs and pairs judged.
        runs: In the order of the comparison.
        catalogue: Full name of a backbone -> what the catalogue knows, or a sentence that says why it knows nothing.
        test_evaluations: How often any run's test images were scored in this study.
        diagnosis_evaluations: How often interventions of a diagnosis scored test images.
        missing: Planned runs that are not finished.
        diagnoses: Run id -> its diagnosis, or why it cannot be read; empty if nobody has asked for any.
    """

    folder: Path
    study: StudyRecord
    plan: PlanRecord
    cohort: Cohort
    split: Split
    comparison: Comparison
    runs: tuple[ReportedRun, ...]
    catalogue: dict[str, BackboneInfo | str]
    test_evaluations: int
    diagnosis_evaluations: int
    missing: tuple[str, ...]
    diagnoses: dict[str, Diagnosis | str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.cohort.classes

    def run(self, id_: str) -> ReportedRun:
        """The run of that id."""
        return next(run for run in self.runs if run.row.id == id_)

    @property
    def tested(self) -> tuple[ReportedRun, ...]:
        """Runs scored on test, best test accuracy first (ties: the order of the comparison)."""
        runs = [run for run in self.runs if run.row.test is not None]
        return tuple(sorted(runs, key=lambda run: -run.row.test.accuracy.value if run.row.test else 0.0))

    @property
    def judged(self) -> str:
        """The part that pairs of runs are judged on, in words."""
        return "test" if self.tested else "validation"

    @property
    def ranked(self) -> tuple[ReportedRun, ...]:
        """Best first, on the part that pairs are judged on."""
        return self.tested or tuple(sorted(self.runs, key=lambda run: -run.row.val.accuracy.value))

    @property
    def seeds_repeat(self) -> bool:
        """Whether some model and strategy was trained from several seeds."""
        return any(len(group.seeds) > 1 for group in self.comparison.groups)


def gather(folder: Path) -> Material:
    """Read a study.

    Raises:
        InputError: The folder is not a study, or holds no finished run.
    """
    study = read_study(folder)
    comparison = compare_study(study)
    stored = {run.record.id: run for run in study.runs}
    models = short_models([row.model for row in comparison.runs])
    labels = run_labels(comparison.runs, models)
    looks = run_looks(comparison.runs)
    return Material(
        folder=folder,
        study=study.record,
        plan=study.plan,
        cohort=study.cohort,
        split=study.split,
        comparison=comparison,
        runs=tuple(
            ReportedRun(
                row=row,
                record=stored[row.id].record,
                recipe=stored[row.id].recipe,
                environment=read_environment(stored[row.id].folder / "environment.json"),
                history=stored[row.id].history,
                predictions=stored[row.id].predictions,
                model=models[row.model],
                label=labels[row.id],
                colour=looks[row.id][0],
                symbol=looks[row.id][1],
            )
            for row in comparison.runs
        ),
        catalogue={model: look_up(model) for model in dict.fromkeys(row.model for row in comparison.runs)},
        test_evaluations=len(entries(folder, TEST_EVALUATIONS)),
        diagnosis_evaluations=len(entries(folder, DIAGNOSIS_EVALUATIONS)),
        missing=study.missing,
        diagnoses=read_diagnoses(folder),
    )


def look_up(model: str) -> BackboneInfo | str:
    """What the catalogue knows of a backbone, or why it knows nothing."""
    try:
        return resolve(model)
    except Exception as error:  # a report of finished runs does not depend on a catalogue that may have changed since
        return f"The catalogue does not know it here: {type(error).__name__}: {str(error).splitlines()[0][:200]}"


def read_environment(path: Path) -> dict[str, Any]:
    """`environment.json`, or nothing if it is gone: a report without it still says the rest."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {"environment": data}


def short_models(names: list[str]) -> dict[str, str]:
    """Full name of a backbone -> the shortest form that no other backbone of the study shares."""
    full = list(dict.fromkeys(names))

    def forms(name: str) -> list[str]:
        rest = name.partition(":")[2] or name
        if name.startswith("file:"):
            return [shortened(spoken_name(name), 32), shortened(rest, 40), name]
        return [spoken_name(name), rest, name]

    short = {}
    for name in full:
        others = [other for other in full if other != name]
        short[name] = next(
            form for form in forms(name) if form == name or all(form not in forms(other) for other in others)
        )
    return short


def run_labels(rows: tuple[RunRow, ...], models: dict[str, str]) -> dict[str, str]:
    """Id -> `resnet34 · frozen`, with the seed where seeds differ, and the end of the id where all that is equal."""
    several_seeds = len({row.seed for row in rows}) > 1
    labels = {
        row.id: f"{models[row.model]} · {row.strategy}" + (f" · seed {row.seed}" if several_seeds else "")
        for row in rows
    }
    times = Counter(labels.values())
    return {id_: label if times[label] == 1 else f"{label} · {id_.rpartition('-')[2]}" for id_, label in labels.items()}


def run_looks(rows: tuple[RunRow, ...]) -> dict[str, tuple[int, str]]:
    """Id -> (colour, symbol): one colour a model and strategy, one symbol a run of it."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.model, row.strategy), []).append(row.id)
    result = {}
    for number, ids in enumerate(groups.values()):
        for place, id_ in enumerate(ids):
            result[id_] = (number % COLOURS, SYMBOLS[(place + 3 * (number // COLOURS)) % len(SYMBOLS)])
    return result
