"""A classifier as plain data and back: what its pickle and its joblib file hold.

Texts, numbers, lists, arrays and, of a fitted one, the network's tensors as a safetensors blob; no object of torch, of
timm, or of this package but the classifier itself. The images it learned from are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import safetensors.torch

from heldout import backbones
from heldout.backbones import Network
from heldout.backbones.label_neighbours import fitting_head
from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.progress import Epoch
from heldout.records import BackboneInfo, Frozen, InputMap
from heldout.records.codec import from_data, to_data
from heldout.strategies import Strategy, strategies

FORMAT = 1
"""Of the data; a later one is refused, not guessed at."""

WHERE = "a saved TransferClassifier"


def to_plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a classifier as plain data.

    Args:
        state: Name -> value, as `vars` has it. A strategy that is no plug-in has no name to be found by again, and
            stays the object it is.
    """
    plain = {**state, "format": FORMAT, "strategy": _plain_strategy(state["strategy"])}
    if "network_" in state:
        network: Network = state["network_"]
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        plain |= {
            "network_": safetensors.torch.save(tensors),
            "info_": to_data(state["info_"]),
            "input_map_": None if state["input_map_"] is None else to_data(state["input_map_"]),
            "frozen_": to_data(state["frozen_"]),
            "history_": [asdict(epoch) for epoch in state["history_"]],
        }
    return plain


def from_plain(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data as attributes; the network is on the CPU, in eval mode.

    Raises:
        InputError: Data of a later version, or such as cannot have been written here.
        HeldoutError: The strategy or the source of the architecture is a plug-in that is not installed here.
    """
    found = plain.get("format")
    if found != FORMAT:
        remedy = "Save it with the version that is installed here, or install the one that wrote it."
        raise InputError([Problem(WHERE, f"format {found}", f"format {FORMAT}", remedy)])
    state = {name: value for name, value in plain.items() if name != "format"}
    state["strategy"] = _strategy(plain["strategy"])
    if "network_" in plain:
        rule = plain["input_map_"]
        state |= {
            "info_": from_data(BackboneInfo, plain["info_"], WHERE),
            "input_map_": None if rule is None else from_data(InputMap, rule, WHERE),
            "frozen_": from_data(Frozen, plain["frozen_"], WHERE),
            "history_": tuple(Epoch(**row) for row in plain["history_"]),
        }
        state["network_"] = _network(state, plain["network_"])
    return state


def _plain_strategy(strategy: object) -> object:
    """Name and settings of a strategy with settings of its own, if the name leads back to it."""
    if not isinstance(strategy, Strategy):
        return strategy
    try:
        known = strategies.get(strategy.name)
    except (UsageError, HeldoutError):
        return strategy
    return {"name": strategy.name, "settings": to_data(strategy)} if known is type(strategy) else strategy


def _strategy(plain: object) -> object:
    if not isinstance(plain, dict):
        return plain
    return from_data(strategies.get(plain["name"]), plain["settings"], f"{WHERE}, strategy {plain['name']}")


def _network(state: Mapping[str, Any], blob: bytes) -> Network:
    """The network as it was: the architecture without its pretrained weights, then the kept tensors."""
    rule = state["input_map_"]
    network = backbones.build(
        state["info_"],
        len(state["classes_"]),
        state["image_size"],
        state["seed"],
        pretrained=False,
        channels=rule.of if rule is not None and rule.adapted else 3,
    )
    tensors = safetensors.torch.load(blob)
    fitting_head(network, tensors)
    network.load_state_dict(tensors)
    return network.eval()
