"""Everything the page is made from, read once: the study's files, the comparison, what the catalogue knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heldout.answer.best import JUDGED, judged_part, ranked
from heldout.answer.names import RunName, names_in
from heldout.backbones import resolve
from heldout.records import (
    BackboneInfo,
    Cohort,
    Comparison,
    Diagnosis,
    Metric,
    PlanRecord,
    RunRow,
    Split,
    StudyRecord,
    Unit,
)
from heldout.records.labelling import SINGLE
from heldout.records.predictions import Predictions
from heldout.report.diagnosis_files import read_diagnoses
from heldout.runs.compare import compare_study
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.judging import Judging, asking_of, metric_of, unit_of
from heldout.runs.ledger import CALIBRATION_EVALUATIONS, DIAGNOSIS_EVALUATIONS, TEST_EVALUATIONS, entries
from heldout.runs.one_label import metric_of_question, of_label, questions
from heldout.runs.recipes import RecipeKey, recipe_key
from heldout.stats.decisions import decided

COLOURS = 8
"""Colours in the palette of `templates/page.css`; a ninth group takes the first colour again, with another symbol."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagram", "cross")
"""Marks of plotly.js that stay apart when small; they tell seeds apart, and groups that share a colour."""


@dataclass(frozen=True)
class RunMark:
    """How a run is drawn all over the page.

    Attributes:
        colour: Number of its colour; seeds of one recipe share it.
        symbol: Mark of plotly.js.
    """

    colour: int
    symbol: str

    @property
    def ink(self) -> str:
        """Role of its colour in a figure."""
        return f"@run{self.colour}"


@dataclass(frozen=True)
class Material:
    """A study as the report sees it: what sections and figures are given.

    Attributes:
        files: The study's folder as it was read.
        comparison: Runs and pairs judged.
        names: Id of a run -> what it is called.
        marks: Id of a run -> its colour and symbol.
        environments: Id of a run -> `environment.json`.
        catalogue: Full name of a backbone -> what the catalogue knows, or a sentence that says why it knows nothing.
        test_evaluations: How often any run's test images were scored in this study, runs since removed included.
        diagnosis_evaluations: How often interventions of a diagnosis scored test images.
        diagnoses: Run id -> its diagnosis, or why it cannot be read or shown; empty if nobody has asked for any.
        decided: Run id -> part -> its answers with a row a unit; empty where rows are images.
        label_diagnoses: Of several labels an image: label -> the same as `diagnoses` of that label.
        calibration_evaluations: How often `heldout calibrate` judged rules by test images.
        about: Run whose diagnosis is featured; empty for that of the best run.
    """

    files: StudyFiles
    comparison: Comparison
    names: dict[str, RunName]
    marks: dict[str, RunMark]
    environments: dict[str, dict[str, Any]]
    catalogue: dict[str, BackboneInfo | str]
    test_evaluations: int
    diagnosis_evaluations: int
    diagnoses: dict[str, Diagnosis | str] = field(default_factory=dict)
    decided: dict[str, dict[str, Predictions]] = field(default_factory=dict)
    label_diagnoses: dict[str, dict[str, Diagnosis | str]] = field(default_factory=dict)
    calibration_evaluations: int = 0
    about: str = ""

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.files.folder

    @property
    def study(self) -> StudyRecord:
        """`study.json`."""
        return self.files.record

    @property
    def plan(self) -> PlanRecord:
        """All that was planned on the study."""
        return self.files.plan

    @property
    def cohort(self) -> Cohort:
        """The images."""
        return self.files.cohort

    @property
    def split(self) -> Split:
        """Which images are train, validation and test."""
        return self.files.split

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.cohort.classes

    @property
    def runs(self) -> tuple[RunRow, ...]:
        """All runs, in the order of the comparison."""
        return self.comparison.runs

    @property
    def ranked(self) -> tuple[RunRow, ...]:
        """Best first, on the part that pairs are judged on."""
        return ranked(self.comparison)

    @property
    def tested(self) -> tuple[RunRow, ...]:
        """Runs scored on test, best test accuracy first."""
        return self.ranked if judged_part(self.comparison) == "test" else ()

    @property
    def judged(self) -> str:
        """The part that pairs of runs are judged on, in words."""
        return JUDGED[judged_part(self.comparison)]

    @property
    def seeds_repeat(self) -> bool:
        """Whether some recipe was trained from several seeds."""
        return any(len(group.seeds) > 1 for group in self.comparison.groups)

    @property
    def diagnosed(self) -> tuple[Diagnosis, ...]:
        """The diagnoses that can be read, best run first; the page tells the first at length."""
        order = (*self.ranked, *(row for row in self.runs if row not in self.ranked))
        found = (self.diagnoses.get(row.id) for row in order)
        return tuple(diagnosis for diagnosis in found if isinstance(diagnosis, Diagnosis))

    @property
    def main(self) -> Diagnosis | None:
        """The diagnosis of the best run that has one; None without any."""
        return next(iter(self.diagnosed), None)

    @property
    def featured(self) -> Diagnosis | None:
        """The diagnosis that is spoken of: `main`, or that of the run `about`; None without any."""
        return next((one for one in self.diagnosed if one.run == self.about), None) if self.about else self.main

    @property
    def explained(self) -> tuple[Diagnosis, ...]:
        """The diagnoses of runs that have a gap, best run first."""
        return tuple(one for one in self.diagnosed if one.explained)

    @property
    def told(self) -> Diagnosis | None:
        """The same where there is a gap to explain; what covers 0 is not explained, and has no evidence drawn."""
        known = self.featured
        return known if known is not None and known.explained else None

    def anchor(self, diagnosis: Diagnosis, name: str) -> str:
        """Id of an element on a diagnosis: one a page, so folded runs carry their own id in it."""
        return f"why-{name}" if diagnosis is self.main else f"why-{name}-{diagnosis.run}"

    def row(self, id_: str) -> RunRow:
        """The run of that id in the comparison."""
        return next(row for row in self.runs if row.id == id_)

    def run(self, id_: str) -> RunFiles:
        """The files of the run of that id."""
        return next(run for run in self.files.runs if run.record.id == id_)

    def predictions(self, id_: str, part: str) -> Predictions:
        """What a run made of the images of a part, in the order of the split."""
        return self.run(id_).predictions[part]

    def decisions(self, id_: str, part: str) -> Predictions:
        """What a run decided on a part: a row an image, or a patient where that is the unit."""
        return self.decided[id_][part] if id_ in self.decided else self.predictions(id_, part)

    @property
    def metric(self) -> Metric:
        """What runs are judged by."""
        return self.comparison.metric

    @property
    def unit(self) -> Unit:
        """Who one decision is made on."""
        return self.comparison.unit


@dataclass(frozen=True)
class Wanted:
    """By what the report is asked to judge; an empty text takes what the diagnoses were made by.

    Attributes:
        metric: As `--metric` takes it.
        unit: As `--unit` takes it.
        by: As `--by` takes it.
        label: One of several labels, of which the report is to be as of two classes; empty for the whole study.
        order: As `--order` takes it; empty for what was said when the study was made.
        further: Whether the scores beside metric and AUC are wanted too; of many images they take most of the time.
    """

    metric: str = ""
    unit: str = ""
    by: str = ""
    label: str = ""
    order: str = ""
    further: bool = True

    def judging(self, files: StudyFiles, diagnoses: Iterable[Diagnosis | str]) -> Judging:
        """Metric and unit of the report: those asked for, else those that all diagnoses share, else the usual ones.

        Raises:
            UsageError: An unknown name.
            InputError: A file of costs that does not fit.
        """
        made = [one for one in diagnoses if isinstance(one, Diagnosis)]
        first = (
            made[0] if made and all((one.metric, one.unit) == (made[0].metric, made[0].unit) for one in made) else None
        )
        classes, labelling = files.cohort.classes, files.cohort.labelling
        usual = metric_of_question(files) if labelling is SINGLE else labelling.metric
        asked = self.metric or first is None
        metric = metric_of(self.metric or usual, classes, labelling) if asked or first is None else first.metric
        named = unit_of(self.unit or "image", self.by or "mean") if self.unit or first is None else first.unit
        if self.by and not self.unit:
            named = unit_of(named.name, self.by)
        said = files.record.reading.get("order")
        asking = asking_of(classes, order=self.order, recorded=None if files.label else said, labelling=labelling)
        return Judging(metric, named, asking, self.further)


def gather(folder: Path, wanted: Wanted | None = None) -> Material:
    """Read a study.

    Args:
        folder: The study's folder.
        wanted: Metric and unit; None for those of the diagnoses.

    Raises:
        InputError: The folder is not a study, or holds no finished run; costs or patients that do not fit.
        UsageError: An unknown metric or unit.
    """
    wanted = wanted or Wanted()
    whole = read_study(folder)
    files = of_label(whole, wanted.label) if wanted.label else whole
    diagnoses = read_diagnoses(files.diagnoses)
    judging = wanted.judging(files, diagnoses.values())
    comparison = compare_study(files, judging=judging)
    return Material(
        files=files,
        comparison=comparison,
        names=names_in(comparison),
        marks=run_marks(comparison.runs),
        environments={run.record.id: read_environment(run.network / "environment.json") for run in files.runs},
        catalogue={model: look_up(model) for model in _catalogued(files)},
        test_evaluations=len(entries(folder, TEST_EVALUATIONS)),
        diagnosis_evaluations=len(entries(folder, DIAGNOSIS_EVALUATIONS)),
        calibration_evaluations=len(entries(folder, CALIBRATION_EVALUATIONS)),
        diagnoses={id_: _fitting(one, judging) for id_, one in diagnoses.items()},
        decided={
            run.record.id: decided(dict(run.predictions), judging.unit, files.cohort.classes)
            for run in files.runs
            if run.predictions
        },
        label_diagnoses=_of_labels(files),
    )


def _of_labels(files: StudyFiles) -> dict[str, dict[str, Diagnosis | str]]:
    """Label -> run -> its diagnosis; empty where images have one class."""
    if files.cohort.labelling is SINGLE:
        return {}
    return {one.label: read_diagnoses(one.diagnoses) for one in questions(files)}


def _fitting(diagnosis: Diagnosis | str, judging: Judging) -> Diagnosis | str:
    """The diagnosis, or why it is not that of this report: made by another metric or unit."""
    if isinstance(diagnosis, str) or (diagnosis.metric, diagnosis.unit) == (judging.metric, judging.unit):
        return diagnosis
    made, asked = (
        f"{metric.words} ({unit.told or 'one decision an image'})"
        for metric, unit in ((diagnosis.metric, diagnosis.unit), (judging.metric, judging.unit))
    )
    again = f"heldout diagnose STUDY --metric {judging.metric.option}"
    if judging.unit.name == "patient":
        again += f" --unit patient --by {judging.unit.by}"
    return f"it is of {made}, and this report of {asked}; `{again}` makes it anew"


def _catalogued(files: StudyFiles) -> dict[str, None]:
    """Full names of the backbones that were trained here; of a given model no catalogue knows anything."""
    return dict.fromkeys(run.record.backbone for run in files.runs if not run.record.learning.given)


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


def run_marks(rows: tuple[RunRow, ...]) -> dict[str, RunMark]:
    """Id -> its mark: one colour a recipe, one symbol a run of it."""
    groups: dict[RecipeKey, list[str]] = {}
    for row in rows:
        groups.setdefault(recipe_key(row.model, row.strategy, row.differs), []).append(row.id)
    result = {}
    for number, ids in enumerate(groups.values()):
        for place, id_ in enumerate(ids):
            result[id_] = RunMark(number % COLOURS, SYMBOLS[(place + 3 * (number // COLOURS)) % len(SYMBOLS)])
    return result
