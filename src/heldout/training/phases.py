"""From a phase to what it means for a network: which tensors may move, which must not, and proof of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from heldout.backbones import Network
from heldout.errors import UsageError
from heldout.strategies import Phase
from heldout.training.blocks import blocks_of


def trainable_names(network: Network, phase: Phase) -> frozenset[str]:
    """Names of the parameters that a phase trains.

    Raises:
        UsageError: The network has no such parameters, or cannot be cut into blocks.
    """
    names = {name for name, _ in network.named_parameters()}
    head = frozenset(name for name in names if name.startswith("head."))
    if phase.trainable == "all":
        return frozenset(names)
    if phase.trainable == "head":
        return head
    if phase.trainable in ("first", "last"):
        return head | _in_blocks(network, phase)
    if phase.trainable == "lora":
        return head | {name for name in names if ".lora_" in name}
    chosen = _norm_names(network) if phase.trainable == "norm" else {n for n in names if n.endswith("bias")}
    if not chosen - head:
        kind = "normalisation layers" if phase.trainable == "norm" else "biases"
        raise UsageError(f"This network has no {kind}; expected some to train in '{phase.name}'. Use another strategy.")
    return head | chosen


def _in_blocks(network: Network, phase: Phase) -> frozenset[str]:
    blocks = blocks_of(network)
    if len(blocks) < 2:
        raise UsageError(
            f"This network runs as one piece ({', '.join(network.stages)}), so that '{phase.name}' cannot train a part "
            f"of it; expected one that is cut into blocks. Use finetune, frozen, norm or bias with it."
        )
    chosen = blocks[: phase.blocks] if phase.trainable == "first" else blocks[-phase.blocks :]
    stages = {name for block in chosen for name in block}
    return frozenset(name for name, _ in network.named_parameters() if stage_of(name) in stages)


def stage_of(name: str) -> str | None:
    """`stages.layer1.0.weight` -> `layer1`; None for the head's."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "stages" else None


def _norm_names(network: Network) -> frozenset[str]:
    """Weights and biases of normalisation layers: all that libraries name so, whatever they inherit from."""
    return frozenset(
        f"{path}.{name}"
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) or "norm" in type(module).__name__.lower()
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.ndim == 1
    )


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
    layers whose own parameters are not trained follow `phase.bn`, wherever they stand; the others `phase.statistics`.
    """
    trained = trainable_names(network, phase)
    network.head.train()
    for name, stage in network.stages.items():
        prefix = f"stages.{name}."
        stage.train(any(parameter.startswith(prefix) for parameter in trained))
        for path, module in stage.named_modules(prefix=f"stages.{name}"):
            if isinstance(module, _BatchNorm):
                learns = any(f"{path}.{kind}" in trained for kind in ("weight", "bias"))
                module.train(module.training and phase.statistics == "follow" if learns else phase.bn == "train")


def moving_names(network: Network, phases: Iterable[Phase]) -> frozenset[str]:
    """Names of all parameters and buffers that may move in any of the phases, intended or not."""
    plan = tuple(phases)
    trained = frozenset[str]().union(*(trainable_names(network, phase) for phase in plan))
    moving = trained | _following(network, plan)
    if any(phase.bn == "train" for phase in plan):
        for path, module in network.named_modules():
            if isinstance(module, _BatchNorm):
                moving |= {f"{path}.{name}" for name, _ in module.named_buffers(recurse=False)}
    return moving


def moving_tensors(network: Network, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Copies, on the CPU, of the named parameters and buffers."""
    state = network.state_dict()
    return {name: state[name].detach().cpu().clone().contiguous() for name in sorted(names)}


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
        plan = tuple(phases)
        trained = frozenset[str]().union(*(trainable_names(network, phase) for phase in plan))
        return cls(hash_tensors(network, network.state_dict().keys() - trained - _following(network, plan)))

    def moved(self, network: Network) -> tuple[str, ...]:
        """Names whose bytes are others than before."""
        now = hash_tensors(network, self.before)
        return tuple(name for name, digest in self.before.items() if now[name] != digest)


def _following(network: Network, phases: Iterable[Phase]) -> frozenset[str]:
    """Buffers (`….running_mean`) of modules some of whose own parameters are trained, where statistics follow."""
    trains = (trainable_names(network, phase) for phase in phases if phase.statistics == "follow")
    modules = {name.rpartition(".")[0] for names in trains for name in names}
    parameters = {name for name, _ in network.named_parameters()}
    return frozenset(n for n in network.state_dict() if n.rpartition(".")[0] in modules and n not in parameters)
