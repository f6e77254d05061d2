"""Optuna: a study of it for every search for settings, in a journal that several people and programs may share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError
from heldout.optional import require
from heldout.system_errors import told
from heldout.trackers._places import path_of
from heldout.trackers.tracker import Sent, TrackedSearch, TrackedStudy, TrackedTrial

FILE = "optuna.journal"
"""The journal in the study's folder if no place was named."""

HASH = "heldout.hash"
"""Attribute of a trial: tells whether it is the one that was sent before."""


class Optuna:
    """Trials with their settings; the value is what the search compares them by."""

    name = "optuna"
    what = "the trials of --tune, in Optuna's JournalStorage; a place is a file, by default STUDY/optuna.journal"

    def send(self, study: TrackedStudy, place: str) -> Sent:
        """Add the trials that are not there.

        Raises:
            HeldoutError: Optuna is not installed, the place cannot be written or is no journal, or it holds other
                trials under the name of a search.
            UsageError: The place is a URL.
        """
        optuna: Any = require("optuna", "tune")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        file = path_of(place, study.folder / FILE, self.name, "a file")
        new: list[str] = []
        known: list[str] = []
        if study.searches:
            storage = _opened(file)
            for search in study.searches:
                (new if _send(optuna, storage, f"{study.name}: {search.name}", search, file) else known).append(
                    search.id
                )
        return Sent(self.name, str(file), tuple(new), tuple(known), f"optuna-dashboard {file}", "search")


TRACKER = Optuna()


def _opened(file: Path) -> Any:
    journal: Any = require("optuna.storages.journal", "tune")
    storages: Any = require("optuna.storages", "tune")
    try:
        if file.exists() and not _is_journal(file):  # Optuna would write behind whatever it is
            raise HeldoutError(f"Found {file}, which is no journal of Optuna; expected one, or no such file.")
        file.parent.mkdir(parents=True, exist_ok=True)
        return storages.JournalStorage(journal.JournalFileBackend(str(file)))
    except OSError as error:
        raise told(error) or error from error


def _is_journal(file: Path) -> bool:
    """Whether the first line is an operation (optuna.storages.journal.JournalOperation), or there is none."""
    with file.open("rb") as lines:
        first = lines.readline()
    try:
        return not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        return False


def _send(optuna: Any, storage: Any, name: str, search: TrackedSearch, file: Path) -> bool:
    """Whether trials were added."""
    there = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    sent = [trial.user_attrs.get(HASH) for trial in there.get_trials(deepcopy=False)]
    own = [trial.hash for trial in search.trials]
    if sent != own[: len(sent)]:
        raise HeldoutError(
            f"Found other trials under '{name}' in {file}; expected those of this study. Name another place: "
            "optuna:FILE."
        )
    for trial in search.trials[len(sent) :]:
        there.add_trial(_trial(optuna, search, trial))
    return len(own) > len(sent)


def _trial(optuna: Any, search: TrackedSearch, trial: TrackedTrial) -> Any:
    """A trial of Optuna's; a setting outside of what is searched, as it was before, stands among the attributes."""
    kinds = {
        name: optuna.distributions.FloatDistribution(limits.low, limits.high, log=limits.log)
        for name, limits in search.space.items()
        if limits.low <= trial.settings[name] <= limits.high
    }
    return optuna.trial.create_trial(
        value=trial.value,
        params={name: trial.settings[name] for name in kinds},
        distributions=kinds,
        user_attrs={HASH: trial.hash, **trial.told, **{name: trial.settings[name] for name in trial.settings}},
    )
