"""Models and strategies as a person names them, from the command line or in Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from heldout import backbones
from heldout.errors import UsageError
from heldout.runs.plan import AutoBudget
from heldout.settings import with_settings
from heldout.strategies import Strategy, strategies


def models_of(names: Sequence[str]) -> tuple[backbones.BackboneInfo, ...]:
    """Backbones by name, each once.

    Raises:
        UsageError: An unknown name.
    """
    return tuple(backbones.resolve(name) for name in dict.fromkeys(names))


def plan_strategies(
    names: Sequence[str | Strategy], epochs: int | None, settings: Mapping[str, Mapping[str, str]]
) -> tuple[Strategy, ...]:
    """Strategies by name with their settings from text.

    Raises:
        UsageError: An unknown strategy or setting, or settings for a strategy that is not in the study.
    """
    chosen = [strategies.get(item)() if isinstance(item, str) else item for item in dict.fromkeys(names)]
    unused = sorted(set(settings) - {strategy.name for strategy in chosen})
    if unused:
        raise UsageError(
            f"Found settings for {', '.join(unused)}; expected one of the study's strategies: "
            f"{', '.join(strategy.name for strategy in chosen)}."
        )
    ready = []
    for strategy in chosen:
        own = dict(settings.get(strategy.name, {}))
        fields = {field.name for field in dataclasses.fields(strategy)}
        if epochs is not None and "epochs" in fields:
            own.setdefault("epochs", str(epochs))
        ready.append(with_settings(strategy, own, strategy.name))
    return tuple(ready)


AUTO = "auto"
"""Name that stands for strategies where they are to be chosen."""


def asked_strategies(
    names: Sequence[str | Strategy],
    epochs: int | None,
    settings: Mapping[str, Mapping[str, str]],
    minutes: float | None,
) -> tuple[tuple[Strategy, ...], AutoBudget | None]:
    """Strategies by name, or the budget by which they are to be chosen.

    Raises:
        UsageError: An unknown strategy or setting; `auto` beside others or with settings; minutes without it.
    """
    if AUTO not in names:
        if minutes is not None:
            raise UsageError(f"Found --budget-minutes {minutes:g} without --strategies auto; expected both or neither.")
        return plan_strategies(names, epochs, settings), None
    if len(set(map(str, names))) > 1 or settings:
        other = "settings (--set)" if settings else "other strategies"
        raise UsageError(f"Found --strategies auto beside {other}; expected it alone: it chooses both.")
    budget = AutoBudget(epochs=epochs) if minutes is None else AutoBudget(minutes, epochs)
    if not budget.minutes > 0:  # nan is no number of minutes, and would never be over
        raise UsageError(f"Found --budget-minutes {budget.minutes:g}; expected a number above 0.")
    return (), budget
