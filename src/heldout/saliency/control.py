"""The control: the same network with nothing of what it learned."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from heldout.backbones import Network


def randomised(network: Network, seed: int) -> Network:
    """A copy of a network with random weights in every layer, from the head down to the first.

    This is the end of the cascading randomisation of Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018). A
    layer that can draw its weights anew does so (statistics of BatchNorm become those of a new layer); parameters
    of modules that cannot (position embeddings, class tokens, scales of layers) have their values shuffled, which
    keeps their size and nothing else.

    Args:
        network: Any; it stays as it is.
        seed: Of what is drawn. The global random state is left alone.

    Returns:
        In eval mode.
    """
    copied = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in reversed(list(copied.modules())):
            draw: Callable[[], None] | None = getattr(module, "reset_parameters", None)
            if callable(draw):
                draw()
                continue
            for parameter in module.parameters(recurse=False):
                _shuffle(parameter)
    return copied.eval()


def _shuffle(parameter: nn.Parameter) -> None:
    values = parameter.flatten()
    parameter.copy_(values[torch.randperm(len(values))].view_as(parameter))
