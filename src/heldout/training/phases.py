"""From a phase to what it means for a network: which tensors may move, which must not, and proof of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from heldout.backbones import Network
from heldout.strategies import Phase


def trainable_names(network: Network, phase: Phase) -> frozenset[str]:
    """Names of the parameters that a phase trains."""
    names = (name for name, _ in network.named_parameters())
    if phase.trainable == "all":
        return frozenset(names)
    return frozenset(name for name in names if name.startswith("head."))


def frozen_stages(network: Network, phase: Phase) -> int:
    """Length of the longest leading run of stages in which nothing moves in this phase.

    A stage counts as frozen when none of its parameters is trained and none of its buffers can move: with
    `bn="train"` a stage that holds BatchNorm moves although it has no trained parameter.
    """
    trained = trainable_names(network, phase)
    length = 0
    for name, stage in network.stages.items():
        if any(f"stages.{name}.{parameter}" in trained for parameter, _ in stage.named_parameters()):
            break
        if phase.bn == "train" and any(isinstance(module, _BatchNorm) for module in stage.modules()):
            break
        length += 1
    return length


def set_modes(network: Network, phase: Phase) -> None:
    """Training mode for the stages in which something learns, eval mode for the rest.

    Dropout and stochastic depth of frozen stages are off: a fixed feature extractor gives fixed features. BatchNorm
    layers whose own parameters are not trained follow `phase.bn`, wherever they stand.
    """
    trained = trainable_names(network, phase)
    network.head.train()
    for name, stage in network.stages.items():
        prefix = f"stages.{name}."
        stage.train(any(parameter.startswith(prefix) for parameter in trained))
        for path, module in stage.named_modules(prefix=f"stages.{name}"):
            if isinstance(module, _BatchNorm) and not any(f"{path}.{kind}" in trained for kind in ("weight", "bias")):
                module.train(phase.bn == "train")


def moving_names(network: Network, phases: Iterable[Phase]) -> frozenset[str]:
    """Names of all parameters and buffers that may move in any of the phases, intended or not."""
    plan = tuple(phases)
    trained = frozenset[str]().union(*(trainable_names(network, phase) for phase in plan))
    moving = {name for name in network.state_dict() if name in trained or _follows_a_trained_module(name, trained)}
    if any(phase.bn == "train" for phase in plan):
        for path, module in network.named_modules():
            if isinstance(module, _BatchNorm):
                moving.update(f"{path}.{name}" for name, _ in module.named_buffers(recurse=False))
    return frozenset(moving)


def set_requires_grad(network: Network, names: Iterable[str]) -> list[nn.Parameter]:
    """Let exactly these parameters learn; returns them in the order of the network."""
    wanted = frozenset(names)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in wanted)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def hash_tensors(network: Network, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each named parameter or buffer, over its bytes."""
    state = network.state_dict()
    return {name: _digest(state[name]) for name in sorted(names)}


def _digest(tensor: torch.Tensor) -> str:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"").hexdigest()


@dataclass(frozen=True)
class FrozenProof:
    """Hashes taken before training, to be compared with those after it.

    Attributes:
        before: Name -> SHA-256 of every parameter and buffer that no phase may move.
    """

    before: dict[str, str]

    @classmethod
    def take(cls, network: Network, phases: Iterable[Phase]) -> FrozenProof:
        """Hash what should not move: parameters no phase trains, and buffers of modules in which nothing is trained."""
        trained = frozenset[str]().union(*(trainable_names(network, phase) for phase in phases))
        state = network.state_dict()
        still = [name for name in state if name not in trained and not _follows_a_trained_module(name, trained)]
        return cls(hash_tensors(network, still))

    def moved(self, network: Network) -> tuple[str, ...]:
        """Names whose bytes are others than before."""
        now = hash_tensors(network, self.before)
        return tuple(name for name, digest in self.before.items() if now[name] != digest)


def _follows_a_trained_module(name: str, trained: frozenset[str]) -> bool:
    """Whether a buffer (`….running_mean`) belongs to a module whose own parameters are trained."""
    module = name.rpartition(".")[0]
    return any(other.rpartition(".")[0] == module for other in trained)
