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
from heldout.saliency.maps import Maps
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


def grad_cam(network: Network, place: Place, pixels: NDArray[Any], targets: Sequence[int]) -> Maps:
    """The places of the images that speak for each class, (n, m, h, w), none below 0.

    A channel weighs what the class's logit gains on average over all places where it grows; a place has the sum of its
    channels by these weights, and where it speaks against the class it has 0 (Selvaraju et al., Grad-CAM: Visual
    Explanations from Deep Networks via Gradient-based Localization, ICCV 2017).

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
        method = library.LayerGradCam(network, marker)
        for start in range(0, len(pixels), BATCH):
            images = to_tensor(np.asarray(pixels[start : start + BATCH]), torch.device("cpu"))
            for column, target in enumerate(targets):
                found = method.attribute(images, target=target, relu_attributions=True)  # (b, 1, h, w)
                maps[start : start + BATCH, column] = found.detach()[:, 0].numpy()
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
