"""What heldout 0.1.0 wrote, brought up to date as it is read; nothing on disk is changed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from heldout.errors import HeldoutError
from heldout.records import Recipe, RunRecord
from heldout.records.codec import from_data, read_data, read_record, to_data
from heldout.records.run import Keep, Learning
from heldout.records.tuning import Tuning
from heldout.strategies import strategies


def read_run_record(folder: Path) -> RunRecord:
    """`run.json` of a run's folder.

    Records of 0.1.0 do not say what was trained, chosen and kept: their strategy and its settings do, and the study's
    searches for settings.

    Raises:
        InputError: A file is missing, is no JSON, or does not fit.
    """
    file = folder / "run.json"
    data = read_data(RunRecord, file)
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
