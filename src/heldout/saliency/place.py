"""Where in a network a map is taken: the last place at which activations still lie as the image does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from heldout.backbones import Network
from heldout.errors import UsageError

Layout = Literal["first", "last", "tokens"]

LEAST_BEFORE = 0.5
"""Share of the layers of weights that lie before a place, at least: what is said of a stem is not said of the network.
AlexNet, of all networks the one with the most layers behind its maps, has 5 of 7."""

OWN_SHARE = 0.3
"""Share of a change in one quarter of an image that is felt in the same quarter of a map, at least; 0.25 is chance, a
sixth more is asked. Measured: the last layer of EfficientNet-Lite0 with ImageNet weights has 0.70 at 224 pixels, 0.52
at 128 (4 × 4 places), and 0.25 at 64, where each of the 2 × 2 places sees the whole image: no map to look at."""

PREFIXES = (0, 1)
"""Tokens before the patches that are tried where the network states no number: none, or a class token."""


@dataclass(frozen=True)
class Place:
    """The output of one module, and how places of the image are found in it.

    Attributes:
        layer: Name of the module within the network.
        layout: `first` for maps (n, d, h, w), `last` for (n, h, w, d), `tokens` for (n, tokens, d), row by row.
        prefix: Tokens before those of the patches.
        side: h, which is w.
    """

    layer: str
    layout: Layout
    prefix: int
    side: int

    def map_of(self, out: torch.Tensor) -> torch.Tensor:
        """(n, d, h, w) of the module's output; class token and registers are left out."""
        if self.layout == "first":
            return out
        if self.layout == "last":
            return out.permute(0, 3, 1, 2)
        return out[:, self.prefix :].transpose(1, 2).reshape(len(out), -1, self.side, self.side)

    def output_of(self, maps: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """The module's output with other maps (n, d, h, w) in it."""
        if self.layout == "first":
            return maps
        if self.layout == "last":
            return maps.permute(0, 2, 3, 1)
        return torch.cat([out[:, : self.prefix], maps.flatten(2).transpose(1, 2)], dim=1)


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """Eval mode within the block; every module's mode is put back."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def last_place(network: Network, image_size: int, channels: int) -> Place:
    """The last place with a map, on which the pooled features depend.

    In a convolutional network that is its last map. In a transformer whose class token alone is read, it is what the
    last layer of attention reads: behind that, patches no longer reach the answer. Nothing is assumed of how a library
    writes its networks: a place counts if the features have a gradient there, and if a change of one quarter of an
    image of noise is felt in the same quarter.

    Args:
        network: Any; it stays as it is.
        image_size: Side of its input in pixels.
        channels: Of its images.

    Raises:
        UsageError: There is none; begins with `no spatial map`.
    """
    with evaluated(network):
        reached, layers = _reached(network, _noise(1, image_size, channels, seed=2))
        outputs = _outputs(network, _quarters_changed(image_size, channels))
    for name in reversed(reached):
        if name not in outputs or layers[name] < LEAST_BEFORE:
            continue
        for place in _layouts(name, outputs[name], _stated_prefix(network)):
            if _in_order(place.map_of(outputs[name])):
                return place
    raise UsageError(
        "no spatial map: found no layer in the second half of this network whose activations lie as the image does and "
        f"decide the answer, with images of {image_size} pixels; expected a map of 2 × 2 places or more that answer to "
        "their own part of the image. Train with larger images (--image-size), or take another network."
    )


def _noise(count: int, size: int, channels: int, seed: int) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def _quarters_changed(size: int, channels: int) -> torch.Tensor:
    """(2 · 5, c, s, s): an image of noise, and the same with other noise in one quarter each, row by row; twice."""
    images = []
    for seed in (0, 1):
        first, other = _noise(2, size, channels, seed)
        changed = first.repeat(5, 1, 1, 1)
        for quarter, (rows, columns) in enumerate(_quarters(size)):
            changed[quarter + 1, :, rows, columns] = other[:, rows, columns]
        images.append(changed)
    return torch.cat(images)


def _quarters(side: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each quarter; the middle line of an odd number belongs to none."""
    halves = (slice(0, side // 2), slice(side - side // 2, side))
    return [(rows, columns) for rows in halves for columns in halves]


def _in_order(maps: torch.Tensor) -> bool:
    """Whether maps (2 · 5, d, h, w) of `_quarters_changed` changed where the images did.

    The share of a change that is felt in its own quarter has to be above chance, and no other order of the quarters may
    fit better: a map whose rows are columns has two of its quarters right.
    """
    pairs = maps.reshape(2, 5, *maps.shape[1:])
    change = (pairs[:, 1:] - pairs[:, :1]).square().mean(dim=(0, 2))  # (4, h, w)
    felt = torch.stack([change[:, rows, columns].mean(dim=(1, 2)) for rows, columns in _quarters(maps.shape[2])], dim=1)
    shares = (felt / felt.sum(dim=1, keepdim=True)).numpy()  # (4, 4), rows sum to 1
    if not np.isfinite(shares).all() or np.trace(shares) < 4 * OWN_SHARE:
        return False
    return bool((linear_sum_assignment(shares, maximize=True)[1] == np.arange(4)).all())


def _layouts(name: str, out: torch.Tensor, stated: int | None) -> Iterator[Place]:
    """How an output may hold a map, the usual way first."""
    if out.ndim == 4:
        if out.shape[2] == out.shape[3] > 1:
            yield Place(name, "first", 0, out.shape[2])
        if out.shape[1] == out.shape[2] > 1:
            yield Place(name, "last", 0, out.shape[1])
    if out.ndim == 3:
        for prefix in PREFIXES if stated is None else dict.fromkeys((stated, *PREFIXES)):
            side = math.isqrt(max(out.shape[1] - prefix, 0))
            if side > 1 and side**2 + prefix == out.shape[1]:
                yield Place(name, "tokens", prefix, side)


def _stated_prefix(network: Network) -> int | None:
    """Tokens before the patches, as timm's networks and our own pooling of tokens state it."""
    for module in network.modules():
        for name in ("num_prefix_tokens", "prefix"):
            if isinstance(found := getattr(module, name, None), int):
                return found
    return None


def _candidates(network: Network) -> dict[str, nn.Module]:
    """Modules whose outputs follow one another through the trunk: its stages, or what a trunk of one stage consists of.

    What stands in a list of layers is not looked into: maps of attention within a block are not maps of the image.
    """
    stages = {f"stages.{name}": stage for name, stage in network.stages.items() if name != "input"}
    if len(stages) > 1:
        return stages
    return {inner: module for name, stage in stages.items() for inner, module in _parts(stage, name)}


def _parts(root: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Children; in place of a list of layers its members; of a child that has lists somewhere also its own parts."""
    for key, child in root.named_children():
        inner = f"{name}.{key}"
        if _is_list(child):
            yield from ((f"{inner}.{number}", member) for number, member in child.named_children())
            continue
        yield inner, child
        if any(_is_list(module) for module in child.modules()):
            yield from _parts(child, inner)


def _is_list(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)


@contextmanager
def _watched(modules: dict[str, nn.Module], told: Callable[[str, object], None]) -> Iterator[None]:
    """`told` hears of the output of every module that runs within the block."""

    def hook(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: told(name, output)

    handles = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _reached(network: Network, image: torch.Tensor) -> tuple[list[str], dict[str, float]]:
    """Candidates in the order in which they ran, where features have a gradient at more places than one.

    The gradient is that of a random mixture of the features, not of a class: a head may be of zeros.

    Returns:
        Their names, and name -> share of the layers of weights that had run before.
    """
    ran: list[tuple[str, torch.Tensor, int]] = []
    layers = {
        f"weights {name}": module
        for name, module in network.stages.named_modules()
        if isinstance(weight := getattr(module, "weight", None), nn.Parameter) and weight.ndim >= 2
    }
    passed = 0

    def told(name: str, output: object) -> None:
        nonlocal passed
        if name in layers:
            passed += 1
        elif isinstance(output, torch.Tensor):
            ran.append((name, output, passed))

    with torch.enable_grad(), _watched(layers | _candidates(network), told):
        features = network.features(image.requires_grad_())
        mixture = torch.randn(features.shape, generator=torch.Generator().manual_seed(3))
        outputs = [output for _, output, _ in ran]
        gradients = torch.autograd.grad((features * mixture).sum(), outputs, allow_unused=True)
    names = [name for name, _, _ in ran]
    found = [
        (name, before)
        for (name, _, before), gradient in zip(ran, gradients, strict=True)
        if names.count(name) == 1 and gradient is not None and _at_places(gradient)
    ]
    return [name for name, _ in found], {name: before / max(passed, 1) for name, before in found}


def _at_places(gradient: torch.Tensor) -> bool:
    """Whether a gradient (1, d, h, w), (1, h, w, d) or (1, tokens, d) is other than 0 at most of the places."""
    if gradient.ndim == 4:
        return bool((gradient != 0).any(dim=1).float().mean() > 0.5)
    return gradient.ndim == 3 and bool((gradient != 0).any(dim=2).float().mean() > 0.5)


@torch.no_grad()
def _outputs(network: Network, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Name -> output of each candidate for a batch of images."""
    found: dict[str, torch.Tensor] = {}

    def told(name: str, output: object) -> None:
        if isinstance(output, torch.Tensor) and len(output) == len(images):
            found[name] = output.clone()  # what comes next may work in place

    with _watched(_candidates(network), told):
        network.features(images)
    return found
