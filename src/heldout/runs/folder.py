"""Reading a study folder: the plan, the images, the split and every complete run, checked against one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pyarrow import ArrowException

from heldout.errors import InputError, Problem
from heldout.progress import Epoch
from heldout.records import PARTS, Cohort, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.codec import read_record
from heldout.records.label_predictions import LabelPredictions, LabelQuestion
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import logits_in
from heldout.records.predictions import Predictions, columns_of, from_table
from heldout.runs.earlier import read_run_record, read_study_record
from heldout.runs.read_labels import columns_of as label_columns
from heldout.runs.read_labels import label_predictions

T = TypeVar("T")

REDO = "Delete this run's folder and call the same `heldout run` again: it makes only what is missing."


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

    @property
    def network(self) -> Path:
        """Folder of the run whose network it is."""
        return self.folder if self.question is None else self.folder.parents[1]


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
    label: str = ""
    label_folder: str = ""

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

    Raises:
        InputError: The folder is no study, its parts do not belong together, or a run is damaged; all at once.
    """
    folder = Path(folder)
    _check_is_study(folder)
    record, earlier = read_study_record(folder)
    plan = _read_plans(folder, record, earlier)
    cohort = Cohort.load(folder / "cohort.parquet")
    split = Split.load(folder / "split.parquet")
    _check_belongs(folder, record, cohort, split)
    complete = {path.parent.name for path in folder.glob("runs/*/run.json") if not path.parent.name.startswith(".")}
    planned = [run for run in plan.runs if run in complete]
    runs: list[RunFiles] = []
    foreign: list[str] = []
    problems: list[Problem] = []
    for name in [*planned, *sorted(complete - set(planned))]:
        try:
            recipe = read_record(Recipe, folder / "runs" / name / "recipe.json")
            if name not in planned and (recipe.cohort, recipe.split) != (record.cohort, record.split):
                foreign.append(name)
                continue
            runs.append(read_run(folder / "runs" / name, cohort, split))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems, title=f"Runs of {folder} cannot be used")
    missing = tuple(run for run in plan.runs if run not in complete)
    return StudyFiles(folder, record, plan, cohort, split, tuple(runs), missing, tuple(foreign))


def _read_plans(folder: Path, record: StudyRecord, earlier: PlanRecord | None) -> PlanRecord:
    """All plans of the study joined, the earliest first; one of other images, which was refused, does not count."""
    found = [read_record(PlanRecord, file) for file in sorted(folder.glob("plans/[!.]*.json"))]
    plans = [] if earlier is None else [earlier]
    plans += sorted(
        (plan for plan in found if (plan.cohort, plan.split) == (record.cohort, record.split)),
        key=lambda plan: plan.created,
    )
    joined = plans[0] if plans else PlanRecord(record.cohort, record.split, (), {}, (), 0, "stretch", "no", ())
    for plan in plans[1:]:
        joined = joined.joined(plan)
    return joined


def _check_is_study(folder: Path) -> None:
    expected = ("study.json", "cohort.parquet", "split.parquet")
    absent = [name for name in expected if not (folder / name).is_file()]
    if not absent:
        return
    if folder.is_dir():
        near = sorted(path.parent.name for path in folder.glob("*/study.json"))
        found = f"a folder without {' and '.join(absent)}"
    else:
        near, found = [], "a file" if folder.exists() else "no such folder"
    hint = f"Did you mean {folder / near[0]}?" if near else "Make one with: heldout run DATA --out STUDY"
    raise InputError(
        [Problem(str(folder), found, "the folder of a study, as `heldout run` or `heldout demo` writes it", hint)],
        title="This is not a study",
    )


def _check_belongs(folder: Path, record: StudyRecord, cohort: Cohort, split: Split) -> None:
    problems = [
        Problem(str(folder / file), f"hash {found}", f"hash {expected} as in study.json", "Make the study anew.")
        for file, found, expected in (
            ("cohort.parquet", cohort.hash, record.cohort),
            ("split.parquet", split.hash, record.split),
        )
        if found != expected
    ]
    strangers = {id_ for part in PARTS for id_ in split.part(part)} - set(cohort.table["id"])
    if strangers:
        problems.append(
            Problem(
                str(folder / "split.parquet"),
                f"{len(strangers)} ids that are not in the cohort, such as {min(strangers)}",
                "ids of cohort.parquet only",
                "The two files come from different studies; make the study anew.",
            )
        )
    if problems:
        raise InputError(problems, title=f"The files of {folder} do not belong together")


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
    recipe = read_record(Recipe, folder / "recipe.json")
    if not folder.name == record.id == recipe.id:
        found = f"id {record.id} in run.json, {recipe.id} by recipe.json"
        problems.append(Problem(str(folder), found, f"the folder's name {folder.name} in both", REDO))
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
    if not given and one:
        val_epochs = attempt(lambda: _read_val_epochs(folder / "val_epochs.parquet", split), val_epochs)
    if problems:
        raise InputError(problems, title=f"The run {folder.name} is damaged")
    return RunFiles(folder, record, recipe, history, predictions, val_epochs, labelled)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A CSV or Parquet table that has at least these columns."""
    try:
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, ArrowException) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"[:120]
        raise InputError([Problem(str(path), found, f"a table with {', '.join(columns)}", REDO)]) from error
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise InputError(
            [Problem(str(path), f"no column {', '.join(absent)}", f"a table with {', '.join(columns)}", REDO)]
        )
    return frame[columns]


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
    parts = [part for part in PARTS if not (given and part == "train" and (frame["split"] != part).all())]
    checks = (_wrong_ids(path, frame.loc[frame["split"] == part, "id"], split.part(part), part) for part in parts)
    problems = [problem for problem in checks if problem]
    if problems:
        raise InputError(problems)
    order = [id_ for part in parts for id_ in split.part(part)]
    frame = frame.set_index("id").loc[order].reset_index()
    index = {name: k for k, name in enumerate(cohort.classes)}
    images = cohort.table.set_index("id")
    truth = images["label"].map(index).loc[order].to_numpy()
    off = frame["label"].to_numpy() != truth
    if off.any():
        found = f"{int(off.sum())} labels that are not those of the cohort, such as that of {frame['id'][off.argmax()]}"
        problems.append(Problem(str(path), found, "the labels of cohort.parquet", REDO))
    values = logits_in(frame)
    if not np.isfinite(values).all():
        found = f"{int((~np.isfinite(values)).any(axis=1).sum())} images whose logits are not finite"
        problems.append(Problem(str(path), found, "numbers: the training diverged", "Lower the learning rate."))
    if not frame["predicted"].isin(range(len(index))).all():
        problems.append(Problem(str(path), "predicted classes out of range", f"0 … {len(index) - 1}", REDO))
    if problems:
        raise InputError(problems)
    names = ("patient", "site", *cohort.further)
    texts = {name: dict(zip(cohort.table["id"], cohort.table[name], strict=True)) for name in names}
    further = {name: texts[name] for name in cohort.further}
    return from_table(frame, texts["patient"], texts["site"], further)


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
