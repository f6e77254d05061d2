"""Who computes the features of a frozen prefix: PyTorch, PyTorch with BatchNorm folded, or OpenVINO.

A faster engine is used only after it agreed with PyTorch on some of the very images; else PyTorch does the work.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.backbones import Network
from heldout.computing import Engine
from heldout.optional import check
from heldout.training.folded import folded
from heldout.training.openvino_ import OpenVINO

AGREES = 1e-4
"""Largest difference from PyTorch's activations, relative to the largest of them, at which an engine may do the work:
float32 sums that are taken in another order differ by about 1e-5 in these networks. What is computed by different
engines differs by no more than this, so it does no harm where a cache or a study holds both."""

COMPARED = 8
"""Images on which the two are compared, spread over the set."""


Prefix = Network | OpenVINO
"""What runs the first stages of a network."""


def chosen(engine: Engine, device: torch.device, precision: str) -> str:
    """The engine that is meant, for the record: `torch`, `folded`, or `openvino 2026.4.1`.

    Args:
        engine: As asked for; `auto` takes OpenVINO if it is installed.
        device: Other engines than PyTorch's run on a CPU only.
        precision: And in float32 only (`no`).

    Raises:
        HeldoutError: OpenVINO is asked for and not installed.
    """
    if engine == "openvino":
        check("openvino", "openvino")
    if engine == "torch" or device.type != "cpu" or precision != "no":
        return "torch"
    if engine == "folded" or importlib.util.find_spec("openvino") is None:
        return "folded"
    return f"openvino {importlib.metadata.version('openvino')}"


def prefix_of(engine: str, network: Network, length: int, pixels: NDArray[Any]) -> tuple[Prefix, str]:
    """What runs the first stages, and why it is not what was meant; an empty reason if it is, or if none is needed.

    Args:
        engine: As `chosen` names it.
        network: On the CPU; not changed.
        length: Stages to run.
        pixels: (n, s, s, c), at least one; some of them are held up to both.
    """
    if engine == "torch":
        return network, ""
    rows = np.unique(np.linspace(0, len(pixels) - 1, COMPARED).astype(int))
    some = np.concatenate([pixels[row : row + 1] for row in rows])  # changed views can be read in slices only
    images = torch.from_numpy(some if some.dtype == np.uint8 else some.astype(np.float32)).permute(0, 3, 1, 2)
    try:
        made = OpenVINO(network, length, images) if engine != "folded" else folded(network, length, images[:1])
        if made is None:  # there is no BatchNorm
            return network, ""
        apart = difference(made, network, length, images)
    except Exception as error:  # of any kind: an operation that it lacks, a network that cannot be traced or copied
        said = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        return network, f"it cannot run this network ({said})"
    if not apart <= AGREES:
        return network, f"its activations differ by {apart:.1g} of the largest, more than {AGREES:.0e}"
    return made, ""


@torch.inference_mode()
def difference(prefix: Prefix, network: Network, length: int, images: torch.Tensor) -> float:
    """Largest difference from the network's own activations, relative to the largest of them; infinite for no number.

    Args:
        prefix: What is held up to the network.
        network: Put into eval mode and back.
        length: Stages to run.
        images: (n, c, s, s), uint8 or float32 in 0 … 1.

    Raises:
        ValueError: The shapes of the activations differ.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        expected = network.run_stages(images, 0, length)
        found = prefix.run_stages(images, 0, length)
    finally:
        for module, mode in modes.items():
            module.training = mode
    if found.shape != expected.shape:
        raise ValueError(f"its activations have the shape {tuple(found.shape)} instead of {tuple(expected.shape)}")
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
    return apart if np.isfinite(apart) else float("inf")
