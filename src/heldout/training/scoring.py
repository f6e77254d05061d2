"""Scoring images with a network: by the engine of fixed features where there are enough to compile it for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.backbones import Network
from heldout.progress import Reporter
from heldout.training.device import Machine
from heldout.training.engine import Prefix, prefix_of
from heldout.training.predict import head_logits, run_stages

WORTH = 250 * 128**2
"""Pixels after which compiling has paid: an engine for other weights or statistics takes 0.4 s of processor time with
OpenVINO and saves 2 ms an image of EfficientNet-Lite0 at 128 pixels (benchmarks/speed_diagnose.py), which goes with
their area. The first of a network takes 1.2 s; what it was made from is used by all that follow."""

KEPT = 2
"""States of networks whose engines are kept: a run's own and one that is compared with it."""


@dataclass
class _State:
    """What is known of a network with certain weights: pixels (height times width) scored so far, and what runs it."""

    pixels: int = 0
    prefix: Prefix | None = None


@dataclass
class Scorer:
    """Logits of images, by PyTorch at first and by the machine's engine where many are asked of the same weights.

    An engine is made for weights and statistics as they are: those of a network that was changed in place are others,
    told by a hash of all tensors. It is used only where it agrees with PyTorch (`engine.prefix_of`), so logits differ
    by rounding alone, and not at all where few images are scored.

    Attributes:
        machine: Device, precision and engine.
    """

    machine: Machine
    _states: dict[str, _State] = field(default_factory=dict, repr=False)

    def logits(self, network: Network, pixels: NDArray[Any], reporter: Reporter | None = None) -> NDArray[np.float32]:
        """Logits (n, k) float32 of images (n, s, s, c), uint8 or floats in 0 … 1, in eval mode."""
        prefix = self._prefix(network, pixels)
        features = run_stages(prefix, pixels, 0, len(network.stages), self.machine, reporter)
        assert features is not None
        return head_logits(network, features, self.machine)

    def _prefix(self, network: Network, pixels: NDArray[Any]) -> Prefix:
        """What runs the network as it is now."""
        if self.machine.engine == "torch" or self.machine.device.type != "cpu":
            return network
        state = self._states.setdefault(fingerprint(network), _State())
        state.pixels += math.prod(pixels.shape[:3])
        if state.prefix is None and state.pixels >= WORTH:
            state.prefix, _ = prefix_of(self.machine.engine, network, len(network.stages), pixels)
            self._forget(state)
        return network if state.prefix is None else state.prefix

    def _forget(self, newest: _State) -> None:
        """Let go of engines: kept are the newest, which is about to score, and of the others those that scored most."""
        others = [state for state in self._states.values() if state.prefix is not None and state is not newest]
        for state in sorted(others, key=lambda state: -state.pixels)[KEPT - 1 :]:
            state.prefix, state.pixels = None, 0


def fingerprint(network: Network) -> str:
    """A hash of all weights and statistics of the stages."""
    digest = hashlib.sha256()
    for name, tensor in network.stages.state_dict().items():
        digest.update(name.encode())
        flat = tensor.detach().contiguous().reshape(-1)
        if flat.numel():
            digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()
