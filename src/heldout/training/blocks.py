"""The trunk in blocks: what `the last block` of any network means."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from heldout.backbones import Network


def blocks_of(network: Network) -> tuple[tuple[str, ...], ...]:
    """Names of the stages of each block, from the input to the pooled features.

    A stage with two layers of weights or more (a residual block, a group of them, a transformer layer) begins a block.
    Stages with fewer (stem, a lone normalisation, a last 1×1 convolution, pooling) belong to the block before them, or
    to the first. Where no two stages have two layers of weights (VGG), each one with weights begins a block.
    """
    names = list(network.stages)
    layers = [_weight_layers(stage) for stage in network.stages.values()]
    for min_layers in (2, 1):
        begins = [number for number, count in enumerate(layers) if count >= min_layers]
        if len(begins) > 1:
            break
    edges = [0, *begins[1:], len(names)]
    return tuple(tuple(names[first:last]) for first, last in pairwise(edges))


def depth_of(network: Network) -> dict[str, int]:
    """Stage -> how many blocks stand behind its own, the head counted: 1 for the last block."""
    blocks = blocks_of(network)
    return {name: len(blocks) - number for number, block in enumerate(blocks) for name in block}


def _weight_layers(stage: nn.Module) -> int:
    weights = (getattr(module, "weight", None) for module in stage.modules())
    return sum(isinstance(weight, nn.Parameter) and weight.ndim >= 2 for weight in weights)
