"""Whether a strategy can be carried out with a network, asked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

from heldout.backbones import Network
from heldout.strategies import Phase
from heldout.training.adapters import adaptable_layers
from heldout.training.phases import trainable_names


def check_applies(network: Network, phases: Iterable[Phase]) -> None:
    """Every phase finds in the network what it trains.

    Raises:
        UsageError: It runs as one piece, or has no layers of the kind that a phase trains.
    """
    for phase in phases:
        trainable_names(network, phase)
        if phase.trainable == "lora":
            adaptable_layers(network)
