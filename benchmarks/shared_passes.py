"""What planted studies have in common is computed once: passes of the frozen pretrained network over equal images.

Studies of one world and seed differ by their plant. With fixed features their network is one pretrained trunk under
a head of their own, and most of their images are the same: a plant of test leaves train and validation as they are, and
interventions on validation then make the same images again. Within `shared` the trunk sees an image once; equal pixels
get the features that it gave then. Shared are the features of that trunk (`ActivationCache` and `Scorer`), its compiled
engine, and how alike random halves of the same training images are (the null of appearance). Not shared, and done in
every study: reading, squares, training the head, passes of a network whose weights or statistics were changed
(`batchnorm`), every other regression, and the whole diagnosis.

Features are those of one pass in float32; in another batch their last bits may differ.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.remembered import remembered
from heldout.backbones import Network
from heldout.diagnosis import appearance
from heldout.progress import Reporter
from heldout.training import Machine, Part
from heldout.training.engine import Prefix, prefix_of
from heldout.training.prefix import ActivationCache
from heldout.training.scoring import Scorer, fingerprint

MOST = 150_000
"""Images whose features are kept (5 KB each); then the older half is forgotten."""


class Remembered(nn.Module):
    """The stages of a frozen network that look at an image only once.

    Args:
        inner: What computes features.
        known: Digest of an image -> its features, shared by all studies.
    """

    def __init__(self, inner: Prefix, known: dict[bytes, torch.Tensor]) -> None:
        super().__init__()
        self.inner, self.known, self.asked, self.computed = inner, known, 0, 0

    def run_stages(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """(n, c, s, s) uint8 -> (n, d) features after all stages."""
        pixels = x.permute(0, 2, 3, 1).contiguous().numpy()
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
        new = [row for row, key in enumerate(keys) if key not in self.known]
        if new:
            some = x[torch.tensor(new)].contiguous(memory_format=torch.channels_last)
            for row, features in zip(new, self.inner.run_stages(some, first, last), strict=True):
                self.known[keys[row]] = features.clone()
        self.asked, self.computed = self.asked + len(keys), self.computed + len(new)
        result = torch.stack([self.known[key] for key in keys])
        if len(self.known) > MOST:
            for key in list(self.known)[: MOST // 2]:
                del self.known[key]
        return result


@dataclass
class Passes:
    """Trunks that were seen, each by the hash of its weights.

    Attributes:
        trunks: Hash of all tensors of the stages and side of the images -> what runs them.
    """

    trunks: dict[tuple[str, int], Remembered] = field(default_factory=dict)

    def of(self, network: Network, engine: str, pixels: NDArray[np.uint8]) -> Remembered:
        """What runs a frozen trunk; made when it is seen first."""
        key = (fingerprint(network), pixels.shape[1])
        if key not in self.trunks:
            inner, _ = prefix_of(engine, network, len(network.stages), pixels)
            own = copy.deepcopy(network) if inner is network else inner  # what a study changes is its own
            self.trunks[key] = Remembered(own, {})
        return self.trunks[key]


@contextmanager
def shared(passes: Passes) -> Iterator[Passes]:
    """Within the block, frozen trunks look at an image only once."""
    plain_cache, plain_scorer = ActivationCache._prefix, Scorer._prefix

    def of_cache(
        self: ActivationCache, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter
    ) -> tuple[Prefix, str]:
        if length != len(network.stages):
            return plain_cache(self, network, length, part, machine, reporter)
        return passes.of(network, self.engine, part.pixels), self.engine

    def of_scorer(self: Scorer, network: Network, pixels: NDArray[np.uint8]) -> Prefix:
        known = passes.trunks.get((fingerprint(network), pixels.shape[1]))
        return plain_scorer(self, network, pixels) if known is None else known

    null = remembered(appearance.null_domain_aucs)
    patches = ((ActivationCache, "_prefix", of_cache), (Scorer, "_prefix", of_scorer))
    with ExitStack() as stack:
        for place, name, answer in (*patches, (appearance, "null_domain_aucs", null)):
            stack.enter_context(mock.patch.object(place, name, answer))
        yield passes
