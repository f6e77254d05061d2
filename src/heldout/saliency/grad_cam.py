"""Grad-CAM by captum, at any place where activations lie as the image does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heldout.backbones import Network
from heldout.errors import HeldoutError
from heldout.optional import require
from heldout.saliency.maps import GRAD_CAM, WITHOUT_AVERAGE, Maps
from heldout.saliency.place import Place, evaluated
from heldout.training.predict import to_tensor

EXTRA = "saliency"

BATCH = 8
"""Images at a time: a gradient is taken through all that lies behind the place, whose activations are kept for it."""


def captum() -> Any:
    """The library's attribution methods.

    Raises:
        HeldoutError: It is not installed; the text says how to get it.
    """
    return require("captum.attr", EXTRA)


def method_of(place: Place) -> str:
    """What maps of a place are made by."""
    return WITHOUT_AVERAGE if place.layout == "tokens" else GRAD_CAM


def grad_cam(network: Network, place: Place, pixels: NDArray[Any], targets: Sequence[int]) -> Maps:
    """The places of the images that speak for each class, (n, m, h, w), none below 0.

    In maps a channel weighs what the class's logit gains on average over all places where it grows; a place has the sum
    of its channels by these weights, and where it speaks against the class it has 0 (Selvaraju et al., Grad-CAM: Visual
    Explanations from Deep Networks via Gradient-based Localization, ICCV 2017). Tokens are weighed by their own
    gradient, without the average (Draelos & Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of
    convolutional neural networks, 2020): a class token reads some patches and not others, and an average over those
    that it does not read says nothing of those that it does. Where the mean of the tokens is read by a linear layer,
    the two are one.

    Args:
        network: On the CPU; it stays as it is, its mode included.
        place: Of `last_place`.
        pixels: (n, s, s, c), uint8 or floats in 0 … 1.
        targets: (m,) numbers of the classes.

    Raises:
        HeldoutError: captum is not installed, or the network gives no numbers.
    """
    library = captum()
    maps = np.empty((len(pixels), len(targets), place.side, place.side), dtype=np.float32)
    with evaluated(network), _marked(network, place) as marker:
        averaged = method_of(place) == GRAD_CAM
        method = (library.LayerGradCam if averaged else library.LayerGradientXActivation)(network, marker)
        for start in range(0, len(pixels), BATCH):
            images = to_tensor(np.asarray(pixels[start : start + BATCH]), torch.device("cpu"))
            for column, target in enumerate(targets):
                found = method.attribute(images, target=target).detach()  # (b, 1 or d, h, w)
                maps[start : start + BATCH, column] = found.sum(dim=1).clamp(min=0).numpy()
    if not np.isfinite(maps).all():
        raise HeldoutError("The maps of this network are not finite: its weights or its answers are not either.")
    return maps


@contextmanager
def _marked(network: Network, place: Place) -> Iterator[nn.Module]:
    """A module through which the map of a place passes as (n, d, h, w), whichever way the network writes it.

    What lies before it is cut off: no gradient is taken there.
    """
    marker = nn.Identity()

    def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        before = output.detach()
        return place.output_of(marker(place.map_of(before)), before)

    handle = network.get_submodule(place.layer).register_forward_hook(hook)
    try:
        yield marker
    finally:
        handle.remove()
