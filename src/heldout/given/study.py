"""Given predictions as an ordinary study folder without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from heldout._version import __version__
from heldout.errors import UsageError
from heldout.files import hash_of, whole_folder
from heldout.given.images import MEASURED
from heldout.given.tables import GivenRun, GivenTables
from heldout.records import PARTS, Cohort, InputMap, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.backbone import GIVEN as PREFIX
from heldout.records.codec import write_record, write_sealed
from heldout.records.cohort import TABLES, typed
from heldout.records.predictions import Predictions, to_table
from heldout.records.recipe import Fit, Setting
from heldout.records.run import GIVEN, Learning
from heldout.records.table_file import save_table
from heldout.replacing import REPORT, is_ours
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.sitting import checksums_in
from heldout.runs.write_study import begin_study, check_same, token_of

OURS = (
    *("study.json", "cohort.parquet", "split.parquet", "report.html", "diagnosis_evaluations.jsonl", "plans/*.json"),
    *("images/*/store.json", "images/*/pixels.npy", "features/*/about.json", "features/*/activations.npy"),
    *("quality/*.parquet", "quality/*.json", "diagnosis/*.json"),
)
"""What a study of tables writes and can make again from them; nothing else in its folder is touched."""

OF_A_RUN = (
    *("recipe.json", "predictions.parquet", "candidates.parquet", "run.json"),
    *("experiments/*.json", "experiments/*.parquet"),
)
"""The same of one run's folder."""

ARRAYS = "arrays"
"""Folder in the study of images that were given as arrays."""


@dataclass(frozen=True)
class About:
    """What a study of tables records of how it was called.

    Attributes:
        name: Title.
        data: The tables as they were typed, quoted for a shell; empty for data frames.
        options: Options of `heldout diagnose` by name.
        image_size: Side in pixels of the squares that images become; 0 without images.
        fit: How an image that is not square becomes square.
        interpolation: `bilinear` or `bicubic`.
        input_map: How values of images become 8 bits; None where they are.
    """

    name: str
    data: str
    options: dict[str, Setting]
    image_size: int = 0
    fit: Fit = "stretch"
    interpolation: str = "bilinear"
    input_map: InputMap | None = None


def make_cohort(tables: GivenTables, measured: pd.DataFrame, root: str, name: str) -> tuple[Cohort, Split]:
    """Cohort and split of tables.

    Args:
        tables: What they say.
        measured: The columns `MEASURED` of their images.
        root: Folder that the images' sources are relative to; empty without images.
        name: Title.
    """
    table = typed(pd.concat([tables.images.drop(columns="path"), measured[list(MEASURED)]], axis=1))
    cohort = Cohort(name, root, TABLES, tables.classes, table, notes=tables.notes)
    named = table[["patient", "split"]].drop_duplicates()
    grouped = cohort.patients_known and bool(named["patient"].is_unique)
    train, val, test = (tuple(tables.ids(part)) for part in PARTS)
    return cohort, Split(train, val, test, method="given", seed=None, grouped=grouped)


def refuse_trained(folder: Path) -> None:
    """Stop before a folder of another kind is worked on.

    Raises:
        UsageError: The folder holds a study that was trained.
    """
    if (folder / "study.json").exists():
        file = folder / "cohort.parquet"
        if not file.is_file() or Cohort.load(file).reader != TABLES:
            raise UsageError(f"{folder} holds a study that was trained here; expected none. Choose another --out.")


def clear_for(folder: Path, cohort: Cohort, split: Split) -> None:
    """Make room for a study of tables: an earlier one of other tables goes, since it can be made again from them.

    Raises:
        UsageError: The folder holds a study that was trained.
        InputError: It holds tables of the person's under the names of ours.
    """
    refuse_trained(folder)
    if not (folder / "study.json").exists():
        check_same(folder, cohort, split)
    elif (Cohort.load(folder / "cohort.parquet").hash, Split.load(folder / "split.parquet").hash) != (
        cohort.hash,
        split.hash,
    ):
        _remove(folder, (*OURS, *(f"runs/*/{name}" for name in OF_A_RUN)))


def write_given(
    folder: Path, about: About, cohort: Cohort, split: Split, runs: Sequence[GivenRun], answers: str
) -> StudyFiles:
    """Write the study, its models as runs; those of an earlier call with the same tables stay, others go.

    Args:
        folder: The study's; `clear_for` was called.
        about: How it was called.
        cohort: The images.
        split: Their parts.
        runs: The models.
        answers: What their answers were, for the record.
    """
    recipes = [_recipe(run, about, cohort, split, answers) for run in runs]
    token = token_of(folder)
    _remove(folder, ("study.json", "plans/*.json", "report.html"))
    wanted = {recipe.id for recipe in recipes}
    for place in folder.glob("runs/*/"):
        if place.name not in wanted:
            _remove(folder, (f"diagnosis/{place.name}.json",))
            _remove(place, OF_A_RUN)
    for run, recipe in zip(runs, recipes, strict=True):
        _write_run(folder / "runs" / recipe.id, run, recipe, cohort, split)
    plan = PlanRecord(
        cohort=cohort.hash,
        split=split.hash,
        models=tuple(dict.fromkeys(recipe.backbone for recipe in recipes)),
        strategies={PREFIX: {}},
        seeds=tuple(sorted({recipe.seed for recipe in recipes})),
        image_size=about.image_size,
        fit=about.fit,
        precision="no",
        runs=tuple(recipe.id for recipe in recipes),
        version=__version__,
        created=_now(),
    )
    record = StudyRecord(
        cohort.name,
        about.data,
        cohort.hash,
        split.hash,
        __version__,
        notes=cohort.notes,
        reading=about.options,
        token=token,
    )
    begin_study(folder, record, plan, cohort, split)
    return read_study(folder)


def _recipe(run: GivenRun, about: About, cohort: Cohort, split: Split, answers: str) -> Recipe:
    """Its hash is the run's id, so it holds all answers."""
    digest = hashlib.sha256(b"".join(run.logits[part].tobytes() for part in PARTS if part in run.logits))
    settings: dict[str, Setting] = {"answers": answers}
    if run.chosen is not None:
        rows = hash_of(run.candidates.to_numpy().tolist(), 16)
        settings |= {"chosen": run.chosen.name, "chosen_on": run.chosen.on, "candidates": rows}
    return Recipe(
        cohort=cohort.hash,
        split=split.hash,
        classes=cohort.classes,
        backbone=f"{PREFIX}:{run.name}",
        weights=digest.hexdigest()[:16],
        strategy=PREFIX,
        settings=settings,
        image_size=about.image_size,
        fit=about.fit,
        interpolation=about.interpolation,
        seed=run.seed,
        input_map=about.input_map,
    )


def _write_run(place: Path, run: GivenRun, recipe: Recipe, cohort: Cohort, split: Split) -> None:
    if (place / "run.json").is_file():
        return
    index = {name: k for k, name in enumerate(cohort.classes)}
    label_of = dict(zip(cohort.table["id"], cohort.table["label"], strict=True))
    parts = []
    for part, logits in run.logits.items():
        ids = split.part(part)
        labels = np.array([index[label_of[id_]] for id_ in ids], dtype=np.int64)
        parts.append(Predictions(part, ids, labels, logits.astype(np.float64)))
    with whole_folder(place) as temporary:
        save_table(to_table(parts), temporary / "predictions.parquet")
        if len(run.candidates):
            save_table(run.candidates, temporary / "candidates.parquet")
        write_record(temporary / "recipe.json", recipe)
        write_sealed(temporary / "run.json", replace(_record(run, recipe), files=checksums_in(temporary)))


def _record(run: GivenRun, recipe: Recipe) -> RunRecord:
    return RunRecord(
        id=recipe.id,
        backbone=recipe.backbone,
        strategy=recipe.strategy,
        seed=recipe.seed,
        classes=recipe.classes,
        epochs=None,
        kept_epoch=None,
        parameters=None,
        trainable_parameters=None,
        seconds_per_epoch=None,
        wall_seconds=None,
        device="not known",
        frozen=None,
        test_evaluations=None,
        learning=_learning(run),
        created=_now(),
        notes=_notes(run),
    )


def _learning(run: GivenRun) -> Learning:
    if run.chosen is None:
        return GIVEN
    return replace(GIVEN, chosen=(run.chosen.choice,), chosen_on=run.chosen.on)


def _notes(run: GivenRun) -> tuple[str, ...]:
    chosen = run.chosen
    if chosen is None:
        return ()
    how = f"the most accurate on {chosen.on}" if chosen.on else "by its name"
    return (f"The model is {chosen.name}, chosen {how} among {chosen.among} candidates.",)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _remove(folder: Path, names: Sequence[str]) -> None:
    """Delete files of ours by name or pattern, and folders that are empty then; what else is there stays."""
    emptied: set[Path] = set()
    for name in names:
        for place in folder.glob(name):
            if place.name == "report.html" and not is_ours(place, REPORT):
                continue
            if place.is_file() or place.is_symlink():
                place.unlink()
                emptied |= {parent for parent in place.parents if parent.is_relative_to(folder)}
    for parent in sorted(emptied, key=lambda path: -len(path.parts)):
        with suppress(OSError):  # it holds something else
            parent.rmdir()
