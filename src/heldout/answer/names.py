"""What a run is called: its backbone, its strategy, and no more than tells it from the study's other runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heldout.answer.texts import shortened
from heldout.records import Comparison
from heldout.records.backbone import spoken_name
from heldout.records.recipe import Setting

LONGEST_FILE = 32
LONGEST_PATH = 40
"""Characters kept of the name and of the path of a file of weights."""

COMMIT = re.compile(r"@([0-9a-f]{7})[0-9a-f]{33}\b")
"""A commit of the model hub, of which seven digits are shown."""


@dataclass(frozen=True)
class RunIdentity:
    """What a run's name is made from.

    Attributes:
        id: Id of the run.
        model: Full name of its backbone.
        strategy: Name of its strategy.
        seed: Its seed.
    """

    id: str
    model: str
    strategy: str
    seed: int


@dataclass(frozen=True)
class RunName:
    """The name of one run, as terminal and report write it.

    Attributes:
        model: Short name of the backbone, one a backbone.
        details: Strategy; seed where seeds differ; the end of the id where all that is equal.
    """

    model: str
    details: tuple[str, ...]

    @property
    def label(self) -> str:
        """In a table or a legend: `resnet34 · frozen · seed 2`."""
        return " · ".join((self.model, *self.details))

    @property
    def spoken(self) -> str:
        """Inside a sentence: `resnet34 (frozen, seed 2)`."""
        return f"{self.model} ({', '.join(self.details)})"

    @property
    def lines(self) -> tuple[str, str]:
        """Broken after the model, for narrow columns and axes."""
        return self.model, " · ".join(self.details)


def run_names(runs: Sequence[RunIdentity]) -> dict[str, RunName]:
    """Id -> name, one a run.

    Args:
        runs: All runs of the study; the name of one depends on the others.

    >>> made = run_names([RunIdentity("a", "timm:resnet34.a1_in1k", "frozen", 0)])
    >>> made["a"].label, made["a"].spoken
    ('resnet34 · frozen', 'resnet34 (frozen)')
    """
    models = short_models([run.model for run in runs])
    several_seeds = len({run.seed for run in runs}) > 1
    names = {
        run.id: RunName(models[run.model], (run.strategy, f"seed {run.seed}") if several_seeds else (run.strategy,))
        for run in runs
    }
    times = Counter(names.values())
    return {
        id_: name if times[name] == 1 else RunName(name.model, (*name.details, id_.rpartition("-")[2]))
        for id_, name in names.items()
    }


def names_in(comparison: Comparison) -> dict[str, RunName]:
    """Id -> name of every run of a comparison."""
    return run_names([RunIdentity(row.id, row.model, row.strategy, row.seed) for row in comparison.runs])


def with_settings(strategy: str, settings: Mapping[str, Setting]) -> str:
    """A strategy and the settings that are to be told.

    >>> with_settings("finetune", {"lr": 0.01, "epochs": 5}), with_settings("probe", {})
    ('finetune (lr=0.01, epochs=5)', 'probe')
    """
    told = settings_told(settings)
    return f"{strategy} ({told})" if told else strategy


def settings_told(settings: Mapping[str, Setting]) -> str:
    """Settings in a line: `lr=0.01, epochs=5`."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def short_models(names: Sequence[str]) -> dict[str, str]:
    """Full name of a backbone -> the shortest form that no other backbone of the study shares."""
    full = list(dict.fromkeys(names))
    short = {}
    for name in full:
        others = [other for other in full if other != name]
        short[name] = next(
            form for form in _forms(name) if form == name or all(form not in _forms(other) for other in others)
        )
    return short


def _forms(name: str) -> tuple[str, str, str]:
    """A backbone's names, the shortest first, its full name last."""
    rest = name.partition(":")[2] or name
    if name.startswith("file:"):
        return shortened(spoken_name(name), LONGEST_FILE), shortened(rest, LONGEST_PATH), name
    return spoken_name(name), COMMIT.sub(r"@\1", rest), name
