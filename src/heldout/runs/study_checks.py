"""The parts of a study's folder that all its runs share: its plans, and whether its files belong together."""

from __future__ import annotations

from pathlib import Path

from heldout.errors import InputError, Problem
from heldout.records import PARTS, Cohort, PlanRecord, Split, StudyRecord
from heldout.records.codec import read_record


def read_plans(folder: Path, record: StudyRecord, earlier: PlanRecord | None, doubts: list[str]) -> PlanRecord:
    """All plans of the study joined, the earliest first; one of other images, which was refused, does not count.

    Args:
        folder: The study's.
        record: `study.json`.
        earlier: The plan that 0.1.0 kept there.
        doubts: Is given a sentence for each plan that cannot be read.
    """
    found: list[PlanRecord] = []
    for file in sorted(folder.glob("plans/[!.]*.json")):
        try:
            found.append(read_record(PlanRecord, file))
        except InputError as error:
            doubts.append(f"A plan is left out, its runs are not: {error.problems[0]}")
    plans = [] if earlier is None else [earlier]
    plans += sorted(
        (plan for plan in found if (plan.cohort, plan.split) == (record.cohort, record.split)),
        key=lambda plan: plan.created,
    )
    joined = plans[0] if plans else PlanRecord(record.cohort, record.split, (), {}, (), 0, "stretch", "no", ())
    for plan in plans[1:]:
        joined = joined.joined(plan)
    return joined


def check_is_study(folder: Path) -> None:
    """Stop before a folder of something else is read.

    Raises:
        InputError: A file that every study has is not there.
    """
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


def check_belongs(folder: Path, record: StudyRecord, cohort: Cohort, split: Split) -> None:
    """Hold the files of a study against each other.

    Raises:
        InputError: They are of different studies; all that contradicts.
    """
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
