"""A study's folder as it is begun and planned on: no file is changed that another process may have written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from heldout._version import __version__
from heldout.errors import InputError, Problem, UsageError
from heldout.files import hash_of, json_text, write_once
from heldout.records import Cohort, PlanRecord, Split, StudyRecord
from heldout.records.codec import to_data
from heldout.runs.earlier import read_study_record
from heldout.runs.plan import PlannedRun, StudySpec, strategy_settings


def check_same(folder: Path, cohort: Cohort, split: Split) -> None:
    """Stop before a folder of something else is worked on.

    Raises:
        UsageError: The folder holds a study of other images or another split.
        InputError: It holds no study, but tables of the person's under the names of ours.
    """
    if not (folder / "study.json").exists():
        refuse_tables(folder, cohort, split)
        return
    record, _ = read_study_record(folder)
    if (record.cohort, record.split) != (cohort.hash, split.hash):
        what = "images" if record.cohort != cohort.hash else "split"
        raise UsageError(
            f"{folder} holds a study of other {what} (from {record.data}); expected the same ones, since "
            f"runs are only compared on the same images. Choose another --out, or remove that folder."
        )


def refuse_tables(folder: Path, cohort: Cohort, split: Split) -> None:
    """Stop before tables of the person's are written over; those of this study, which was cut off, are let be.

    Raises:
        InputError: `cohort.parquet` or `split.parquet` is there and is another one.
    """
    problems = []
    for name, own in (("cohort.parquet", cohort), ("split.parquet", split)):
        file = folder / name
        try:
            other = file.exists() and type(own).load(file).hash != own.hash
        except InputError:
            other = True
        if other:
            expected = "a folder without it, or one that holds this study"
            problems.append(
                Problem(str(file), "a table that this study did not write", expected, "Choose another --out.")
            )
    if problems:
        raise InputError(problems, f"{folder} cannot hold the study")


def write_study(folder: Path, spec: StudySpec, cohort: Cohort, split: Split, planned: Sequence[PlannedRun]) -> None:
    """Begin or go on with the study that a spec describes.

    Raises:
        UsageError: The folder holds a study of other images or another split.
    """
    record = StudyRecord(
        name=cohort.name,
        data=spec.data,
        cohort=cohort.hash,
        split=split.hash,
        version=__version__,
        notes=cohort.notes,
        reading=spec.reading.options(),
        token=token_of(folder),
    )
    begin_study(folder, record, _plan_record(spec, cohort, split, planned), cohort, split)


def token_of(folder: Path) -> str:
    """The token of the study in a folder; where there is none, or it has none, a new one."""
    try:
        there = read_study_record(folder)[0].token if (folder / "study.json").exists() else ""
    except InputError:  # told where it is read to be gone on with; tables given again write it anew
        there = ""
    return there or uuid.uuid4().hex


def begin_study(folder: Path, record: StudyRecord, plan: PlanRecord, cohort: Cohort, split: Split) -> None:
    """Write the plan into a file of its own, and `study.json`, cohort and split where they are not there.

    `study.json` comes after the plan, so that a study has one, and decides between processes that begin different
    studies here at once: the later one is refused before it writes cohort or split.

    Raises:
        UsageError: The folder holds a study of other images or another split.
    """
    _write_plan(folder, plan)
    if not write_once(folder / "study.json", json_text(to_data(record))):
        check_same(folder, cohort, split)
    cohort.save(folder / "cohort.parquet")  # again each time: images may have moved, and the hash is the same
    split.save(folder / "split.parquet")


def _plan_record(spec: StudySpec, cohort: Cohort, split: Split, planned: Sequence[PlannedRun]) -> PlanRecord:
    return PlanRecord(
        cohort=cohort.hash,
        split=split.hash,
        models=tuple(info.name for info in spec.models),
        strategies={strategy.name: strategy_settings(strategy) for strategy in spec.strategies},
        seeds=spec.seeds,
        image_size=spec.image_size,
        fit=spec.fit,
        precision=spec.precision,
        runs=tuple(run.recipe.id for run in planned),
        search=spec.search.options() if spec.search else {},
        intensity=spec.intensity or cohort.intensity,
        channels=spec.channels or cohort.channels,
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _write_plan(folder: Path, plan: PlanRecord) -> None:
    """A plan that was made before is in its file already, with the time at which it was made first."""
    data = to_data(plan)
    name = hash_of({key: value for key, value in data.items() if key not in ("version", "created")})
    write_once(folder / "plans" / f"{name}.json", json_text(data))
