"""The ladder of `--strategies auto`: what is tried, from what costs seconds to what trains the whole network.

Every rung lets more of the network learn. Settings are those that held up on images from elsewhere in
docs/strategies.md and in the literature that each strategy's manual entry names; a rung that trains weights of the trunk
has one recipe as plain as can be and one with changed images and averaged weights. Every image weighs alike in the loss,
as it does in what recipes are judged by, the share of validation images that are right: balanced class weights cost 6
to 11 points of that on the validation images of skin lesions and sperm heads (docs/strategies.md, docs/auto.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from heldout.strategies import Strategy, strategies

GENTLE: Mapping[str, Any] = {"augment": "all", "keep": "average"}

LADDER: tuple[tuple[tuple[str, Mapping[str, Any]], ...], ...] = (
    (("probe", {}), ("frozen", {})),
    (("last-block", {}), ("last-block", GENTLE)),
    (("finetune", {"layer_decay": 0.8, "warmup": 0.1}), ("finetune", GENTLE)),
)
"""Rungs of (name of a strategy, settings that differ from its defaults)."""


def rung(number: int, epochs: int | None, labels: str) -> Sequence[Strategy]:
    """The strategies of a rung.

    Args:
        number: Of the rung, from 0.
        epochs: For every strategy that has epochs; None leaves each its own.
        labels: Kind of labels that they must learn.
    """
    found = []
    for name, settings in LADDER[number]:
        strategy = strategies.get(name)()
        known = {field.name for field in dataclasses.fields(strategy)}
        own = dict(settings) | ({"epochs": epochs} if epochs is not None and "epochs" in known else {})
        if labels in strategy.labels:
            found.append(dataclasses.replace(strategy, **own))
    return found
