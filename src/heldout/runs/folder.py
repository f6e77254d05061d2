"""Reading a study folder: the plan, the images, the split and every complete run, checked against one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from heldout.errors import InputError, Problem
from heldout.files import check_regular, sha256_of
from heldout.progress import Epoch
from heldout.records import PARTS, Cohort, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.codec import read_record
from heldout.records.label_predictions import LabelPredictions, LabelQuestion
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import VARIANT_KEYS
from heldout.records.predictions import Predictions, columns_of
from heldout.records.recipe import Setting
from heldout.records.run import FOLDS, INCOMPLETE, REDO, UNNEEDED
from heldout.records.table_file import load_table
from heldout.runs.earlier import read_run_record, read_study_record
from heldout.runs.ledger import (
    CALIBRATION_EVALUATIONS,
    CALIBRATION_QUESTIONS,
    DIAGNOSIS_EVALUATIONS,
    TEST_EVALUATIONS,
    evaluations_of,
    unreadable,
)
from heldout.runs.read_classes import class_predictions
from heldout.runs.read_labels import columns_of as label_columns
from heldout.runs.read_labels import label_predictions
from heldout.runs.recipes import differing_settings
from heldout.runs.study_checks import check_belongs, check_is_study, read_plans

T = TypeVar("T")

SHOWN = 3
"""Problems of a run that a sentence names; the rest are counted."""


@dataclass(frozen=True)
class RunFiles:
    """One complete run.

    Attributes:
        folder: Where it is.
        record: `run.json`.
        recipe: `recipe.json`.
        history: One row an epoch, columns as the fields of `progress.Epoch` that have no default (0.1.0 wrote no
            others; that a solver did not converge stands in the record's notes); empty for a given model.
        predictions: `train`, `val` and, where there are any, `test` -> its images in the order of the split, so that
            rows of two runs of a study belong to the same images. A given model may lack `train`.
        val_epochs: Columns `id`, `epoch`, `predicted`, ordered by epoch, then as the split's val ids; likewise. Empty
            of several labels.
        labelled: The same as `predictions` where an image has several labels; `predictions` is empty then.
        folds: Of a cross-validated run what each fold's network answered (`records.run.FOLDS`); else None.
        question: Of a run that is asked of one of several labels alone (`runs.one_label`), which; else None.
    """

    folder: Path
    record: RunRecord
    recipe: Recipe
    history: pd.DataFrame
    predictions: Mapping[str, Predictions]
    val_epochs: pd.DataFrame
    labelled: Mapping[str, LabelPredictions] = field(default_factory=dict)
    question: LabelQuestion | None = None
    folds: pd.DataFrame | None = None

    @property
    def network(self) -> Path:
        """Folder of the run whose network it is."""
        return self.folder if self.question is None else self.folder.parents[1]


@dataclass(frozen=True)
class SetAside:
    """A run that cannot be used; all others can.

    Attributes:
        run: Name of its folder.
        problems: Why, at least one.
    """

    run: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        shown = " ".join(map(str, self.problems[:SHOWN]))
        more = f" (and {len(self.problems) - SHOWN} more problems)" if len(self.problems) > SHOWN else ""
        return f"The run {self.run} is set aside: {shown}{more}"


@dataclass(frozen=True)
class StudyFiles:
    """A study folder as it is now.

    Attributes:
        folder: Where it is.
        record: `study.json`: what the study is of.
        plan: All that was planned on it, in the order in which it was.
        cohort: The images.
        split: Their parts.
        runs: Complete runs: the planned ones in the order of the plan, then others of the same cohort and split by id.
        missing: Ids of planned runs that are not complete.
        foreign: Ids of runs in the folder that the plan does not name and that were made on another cohort or split;
            they are left out, since their images are not these.
        set_aside: Complete runs that are damaged or diverged, with the reasons; nothing of them is used.
        doubts: Sentences on records that contradict each other or cannot be read.
        label: The one of several labels that this is asked of (`runs.one_label`); empty for the study itself.
        label_folder: Its name as a folder.
    """

    folder: Path
    record: StudyRecord
    plan: PlanRecord
    cohort: Cohort
    split: Split
    runs: tuple[RunFiles, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    set_aside: tuple[SetAside, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is wrong with the folder and was gone on without, a sentence each."""
        return (*map(str, self.set_aside), *self.doubts)

    label: str = ""
    label_folder: str = ""

    @property
    def differs(self) -> dict[str, dict[str, Setting]]:
        """Run -> its settings that are not those of all runs of its model and strategy (`recipes`)."""
        return differing_settings({run.record.id: run.recipe for run in self.runs})

    @property
    def diagnoses(self) -> Path:
        """Folder of the diagnoses."""
        whole = self.folder / "diagnosis"
        return whole / "labels" / self.label_folder if self.label else whole

    @property
    def given(self) -> bool:
        """Whether all its models came with their predictions, and none was trained here."""
        return bool(self.runs) and all(run.record.learning.given for run in self.runs)

    def patients(self, part: str) -> list[str]:
        """The patient of each image of a part, in the order of the split; empty where not known."""
        by_id = dict(zip(self.cohort.table["id"], self.cohort.table["patient"], strict=True))
        return [str(by_id[id_]) for id_ in self.split.part(part)]


def read_study(folder: Path) -> StudyFiles:
    """Read the study and all its complete runs.

    A run is complete when it has its `run.json`, which is written last.

    One that is damaged, or diverged, is set aside and named; so are plans and lines of ledgers.

    Raises:
        InputError: The folder is no study, or its parts do not belong together; all at once.
    """
    folder = Path(folder)
    check_is_study(folder)
    record, earlier = read_study_record(folder)
    doubts = [
        f"{where} cannot be read and does not count: a power cut tore it, or it was changed by hand."
        for ledger in (TEST_EVALUATIONS, DIAGNOSIS_EVALUATIONS, CALIBRATION_EVALUATIONS, CALIBRATION_QUESTIONS)
        for where in unreadable(folder, ledger)
    ]
    plan = read_plans(folder, record, earlier, doubts)
    cohort = Cohort.load(folder / "cohort.parquet")
    split = Split.load(folder / "split.parquet")
    check_belongs(folder, record, cohort, split)
    found = {path.parent.name for path in folder.glob("runs/*/run.json")}
    complete = {name for name in found if not name.startswith(".") and INCOMPLETE not in name}
    planned = [run for run in plan.runs if run in complete]
    runs: list[RunFiles] = []
    foreign: list[str] = []
    aside: list[SetAside] = []
    for name in [*planned, *sorted(complete - set(planned))]:
        try:
            recipe = read_record(Recipe, folder / "runs" / name / "recipe.json", REDO)
            if name not in planned and (recipe.cohort, recipe.split) != (record.cohort, record.split):
                foreign.append(name)
                continue
            runs.append(_counted(read_run(folder / "runs" / name, cohort, split), folder, doubts))
        except InputError as error:
            aside.append(SetAside(name, error.problems))
    missing = tuple(run for run in plan.runs if run not in complete)
    return StudyFiles(
        folder, record, plan, cohort, split, tuple(runs), missing, tuple(foreign), tuple(aside), tuple(doubts)
    )


def _counted(run: RunFiles, folder: Path, doubts: list[str]) -> RunFiles:
    """The run with the number of its test evaluations held against the study's ledger; the larger one counts."""
    said = run.record.test_evaluations
    if said is None:
        return run
    counted = max(
        said,
        len(evaluations_of(folder, TEST_EVALUATIONS, run.record.id)),
        int("test" in run.predictions or "test" in run.labelled),
    )
    if counted == said:
        return run
    doubts.append(
        f"{run.folder / 'run.json'} tells of {said} evaluations on test, the scores and the ledger of {counted}, which "
        f"is what counts."
    )
    return replace(run, record=replace(run.record, test_evaluations=counted))


def read_run(folder: Path, cohort: Cohort, split: Split) -> RunFiles:
    """Read one complete run and check it against the cohort and the split it was made on.

    Args:
        folder: `runs/<run id>` of a study.
        cohort: The study's images.
        split: Their parts.

    Raises:
        InputError: A file is missing or damaged, or its images are not those of the split; every problem of the run.
    """
    problems: list[Problem] = []

    def attempt(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except InputError as error:
            problems.extend(error.problems)
            return otherwise

    record = read_run_record(folder)
    recipe = read_record(Recipe, folder / "recipe.json", REDO)
    problems += _changed(folder, record)
    if not folder.name == record.id == recipe.id:
        found = f"id {record.id} in run.json, {recipe.id} by recipe.json"
        problems.append(Problem(str(folder), found, f"the folder's name {folder.name} in both", REDO))
    asked = (record.backbone, record.strategy, record.seed, record.classes)
    if asked != (recipe.backbone, recipe.strategy, recipe.seed, recipe.classes):
        problems.append(Problem(str(folder / "run.json"), f"{asked}", "backbone to classes as in recipe.json", REDO))
    if record.classes != cohort.classes:
        problems.append(Problem(str(folder / "run.json"), f"classes {record.classes}", f"{cohort.classes}", REDO))
    given = record.learning.given
    nothing: dict[str, Predictions] = {}
    none_labelled: dict[str, LabelPredictions] = {}
    answers, labelled, one = folder / "predictions.parquet", none_labelled, cohort.labelling is SINGLE
    predictions = attempt(lambda: _read_predictions(answers, cohort, split, given), nothing) if one else nothing
    if not one:
        labelled = attempt(lambda: _read_labels(answers, cohort, split, record.thresholds), none_labelled)
    history, val_epochs = pd.DataFrame(), pd.DataFrame(columns=["id", "epoch", "predicted"])
    if not given:
        history = attempt(lambda: _read_history(folder / "history.csv"), history)
    if not given and one and not (split.folds and not split.test):  # nested: epochs are those of other images
        val_epochs = attempt(lambda: _read_val_epochs(folder / "val_epochs.parquet", split), val_epochs)
        if len(history) and record.epochs != len(history):
            found = f"{record.epochs} epochs in run.json, {len(history)} in history.csv"
            problems.append(Problem(str(folder), found, "as many in both", REDO))
    folds = attempt(lambda: _table(folder / FOLDS, list(VARIANT_KEYS), more=True), None) if record.members else None
    if problems:
        raise InputError(problems, title=f"The run {folder.name} is damaged")
    return RunFiles(folder, record, recipe, history, predictions, val_epochs, labelled, folds=folds)


READ = ("predictions.parquet", "val_epochs.parquet", "history.csv")
"""Files of a run whose readers say that they are missing."""


def _changed(folder: Path, record: RunRecord) -> list[Problem]:
    """Files that are not what the run wrote; weights, which only a prediction needs, are checked there."""
    problems = []
    for name, wanted in record.files.items():
        file, expected = folder / name, f"SHA-256 {wanted[:12]}…, as in run.json"
        if name.endswith(".safetensors"):
            continue
        if not file.is_file():
            told = name in READ or name in UNNEEDED
            problems += [] if told else [Problem(str(file), "no such file", expected, REDO)]
        elif sha256_of(file) != wanted:
            problems.append(Problem(str(file), "other content than the run wrote", expected, REDO))
    return problems


def _table(path: Path, columns: list[str], more: bool = False) -> pd.DataFrame:
    """A CSV or Parquet table that has at least these columns; those alone, unless more are asked for."""
    expected = f"a table with {', '.join(columns)}"
    if path.suffix == ".csv":
        try:
            check_regular(path)
            frame = pd.read_csv(path)
        except (OSError, ValueError) as error:
            found = "no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"[:120]
            raise InputError([Problem(str(path), found, expected, REDO)]) from error
    else:
        frame = load_table(path, expected, REDO)
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise InputError([Problem(str(path), f"no column {', '.join(absent)}", expected, REDO)])
    return frame if more else frame[columns]


def _read_history(path: Path) -> pd.DataFrame:
    required = [field.name for field in fields(Epoch) if field.default is MISSING]
    frame = _table(path, required)
    epochs = frame["epoch"].tolist()
    if epochs != list(range(1, len(epochs) + 1)) or not epochs:
        raise InputError([Problem(str(path), f"epochs {epochs[:5]} …", "one row an epoch: 1, 2, 3, …", REDO)])
    return frame


def _wrong_ids(path: Path, ids: pd.Series[str], expected: tuple[str, ...], part: str) -> Problem | None:
    """What is off with the images of a part, or None when they are exactly those of the split."""
    have, want = set(ids), set(expected)
    if have == want and len(ids) == len(want):
        return None
    found = f"{len(want - have)} images missing, {len(have - want)} not of this part, {len(ids) - len(have)} twice"
    return Problem(f"{path}, {part}", found, f"the {len(want)} ids of split.parquet, once each", REDO)


def _read_predictions(path: Path, cohort: Cohort, split: Split, given: bool) -> dict[str, Predictions]:
    frame = _table(path, columns_of(len(cohort.classes)))
    silent = given or bool(split.folds)  # nothing is known of training images, or each fold's study knows it
    parts = [part for part in PARTS if not (silent and part == "train" and (frame["split"] != part).all())]
    checks = (_wrong_ids(path, frame.loc[frame["split"] == part, "id"], split.part(part), part) for part in parts)
    problems = [problem for problem in checks if problem]
    if problems:
        raise InputError(problems)
    return class_predictions(path, frame, cohort, [id_ for part in parts for id_ in split.part(part)])


def _read_labels(
    path: Path, cohort: Cohort, split: Split, thresholds: tuple[float, ...]
) -> dict[str, LabelPredictions]:
    frame = _table(path, label_columns(len(cohort.classes)))
    checks = (_wrong_ids(path, frame.loc[frame["split"] == part, "id"], split.part(part), part) for part in PARTS)
    problems = [problem for problem in checks if problem]
    if problems:
        raise InputError(problems)
    return label_predictions(path, frame, cohort, split, thresholds)


def _read_val_epochs(path: Path, split: Split) -> pd.DataFrame:
    frame = _table(path, ["id", "epoch", "predicted"])
    for epoch, rows in frame.groupby("epoch"):
        problem = _wrong_ids(path, rows["id"], split.val, f"epoch {epoch}")
        if problem:
            raise InputError([problem])
    position = {id_: i for i, id_ in enumerate(split.val)}
    order = np.lexsort((frame["id"].map(position).to_numpy(), frame["epoch"].to_numpy()))
    return frame.iloc[order].reset_index(drop=True)
