"""What heldout 0.1.0 wrote, brought up to date as it is read; nothing on disk is changed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args

from heldout.errors import HeldoutError
from heldout.records import PlanRecord, Recipe, RunRecord, StudyRecord
from heldout.records.codec import from_data, read_data, read_record, to_data
from heldout.records.run import REDO, Keep, Learning
from heldout.records.tuning import Tuning
from heldout.strategies import strategies

SEARCH = ("tune", "tune-minutes", "tune-at-once")
"""Options of a search, which 0.1.0 recorded among those of reading."""


def read_study_record(folder: Path) -> tuple[StudyRecord, PlanRecord | None]:
    """`study.json`, and the plan in it.

    In 0.1.0 one file held what the study is of and what was planned on it; today plans are files of their own, and the
    plan is None.

    Raises:
        InputError: The file is missing, is no JSON, or does not fit.
    """
    file = folder / "study.json"
    data = read_data(StudyRecord, file)
    if not isinstance(data, dict) or "runs" not in data:
        return from_data(StudyRecord, data, str(file)), None
    reading = dict(data.get("reading", {}))
    search = {name: reading.pop(name) for name in SEARCH if name in reading}
    of_study, of_plan = ({field.name for field in fields(kind)} - {"format"} for kind in (StudyRecord, PlanRecord))
    study = {name: value for name, value in data.items() if name in of_study}
    plan = {name: value for name, value in data.items() if name in of_plan}
    return (
        from_data(StudyRecord, {**study, "reading": reading}, str(file)),
        from_data(PlanRecord, {**plan, "search": search}, str(file)),
    )


def read_run_record(folder: Path) -> RunRecord:
    """`run.json` of a run's folder.

    Records of 0.1.0 do not say what was trained, chosen and kept: their strategy and its settings do, and the study's
    searches for settings.

    Raises:
        InputError: A file is missing, is no JSON, or does not fit.
    """
    file = folder / "run.json"
    data = read_data(RunRecord, file, REDO)
    if isinstance(data, dict) and "learning" not in data:
        recipe = read_record(Recipe, folder / "recipe.json")
        learning = learning_of(recipe)
        if was_searched(folder.parent.parent, recipe):
            learning = learning.after_search()
        data = {**data, "learning": to_data(learning)}
    return from_data(RunRecord, data, str(file))


def learning_of(recipe: Recipe) -> Learning:
    """What a recipe's strategy declares; where it is not there, or takes other settings now, what the settings tell."""
    settings: dict[str, object] = dict(recipe.settings)
    try:
        return strategies.get(recipe.strategy)(**settings).learning()
    except (HeldoutError, TypeError, ValueError):
        keeps: Keep = next((keep for keep in get_args(Keep) if keep == settings.get("keep")), "last")
        return Learning(True, True, keeps, ("epoch",) if keeps == "best" else ())


def was_searched(study: Path, recipe: Recipe) -> bool:
    """Whether a search of the study's found the recipe's settings."""
    searches = (read_record(Tuning, file) for file in sorted((study / "tuning").glob("*.json")))
    return any(
        len(search.trials) > 1
        and (search.backbone, search.strategy) == (recipe.backbone, recipe.strategy)
        and all(recipe.settings.get(name) == value for name, value in search.best.settings.items())
        for search in searches
    )
