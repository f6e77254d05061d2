"""From a name to a network: trunk, stages, head; checked before any training starts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import nn

from heldout.backbones.adapt import adapt_channels
from heldout.backbones.lookup import entry_of, source_of
from heldout.backbones.measure import weightless
from heldout.backbones.network import Input, Network
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.records import BackboneInfo

SIZES = (32, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 384, 448, 512)
"""Image sizes that are tried, where the one asked for does not work, to say which do."""

TOLERANCE = 1e-4
"""By how much stages and the library's own forward pass may differ, relative to the largest feature: float32 sums that
are taken in another order differ by about 1e-6."""


def build(
    info: BackboneInfo, classes: int, image_size: int, seed: int, pretrained: bool = True, channels: int = 3
) -> Network:
    """A pretrained trunk in stages with a new linear head.

    Args:
        info: Which weights.
        classes: Number of classes, at least 2.
        image_size: Side of the square input in pixels.
        seed: Seed of the head, and of the trunk where it is not pretrained. The global random state is left alone.
        pretrained: Load the weights; otherwise the architecture with random ones.
        channels: Of the images: grey and RGB go to 3; other numbers to a first layer that is adapted to them.

    Returns:
        The network in train mode, on the CPU, in float32.

    Raises:
        UsageError: The architecture cannot take images of that size (the text names sizes that it takes), or channels.
        HeldoutError: The weights are not here and cannot be fetched; the text says which file to put where.
        InputError: The weights file does not fit.
    """
    return build_with_trunk(info, classes, image_size, seed, pretrained, channels)[0]


def build_with_trunk(
    info: BackboneInfo, classes: int, image_size: int, seed: int, pretrained: bool = True, channels: int = 3
) -> tuple[Network, nn.Module]:
    """As `build`, and the library's model without its classifier, of whose tensors the network's stages are made."""
    if classes < 2:
        raise UsageError(f"Found {classes} classes; expected at least 2.")
    entry, source = entry_of(info), source_of(info)
    weights = source.fetch(entry) if pretrained else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk, features = _trunk(source, entry, image_size, weights)
    stages = _verified(source, entry, trunk, image_size, features)
    network = Network(
        {"input": Input(info.mean, info.std), **dict(stages)},
        feature_size=features.shape[1],
        classes=classes,
        seed=seed,
    )
    if channels != 3:
        adapt_channels(network, channels, image_size)
    return network.train(), trunk


def _probe(image_size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, image_size, image_size, generator=generator)


def _trunk(source: Source, entry: Entry, image_size: int, weights: Path | None) -> tuple[nn.Module, torch.Tensor]:
    """The trunk in eval mode and its features of one random image, (1, d)."""
    try:
        trunk = source.trunk(entry, image_size, weights).eval()
        with torch.no_grad():
            features = source.features(entry, trunk, _probe(image_size))
    except InputError as error:
        native = entry.info.input_size
        if image_size == native or not _fits(source, entry, native, weights):
            raise
        raise _wrong_size(entry, image_size, "its weights cannot be fitted to another size", (native,)) from error
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        works = sizes_that_work(source, entry)
        if image_size in works:
            raise  # the size is not the reason
        said = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        raise _wrong_size(entry, image_size, said, works) from error
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        raise HeldoutError(
            f"{entry.info.name} gives no pooled features (found {_shape(features)}; expected one row an image). "
            f"It is not a network for classification; choose another with `heldout models`."
        )
    return trunk, features


def _fits(source: Source, entry: Entry, image_size: int, weights: Path | None) -> bool:
    try:
        source.trunk(entry, image_size, weights)
    except (InputError, RuntimeError):
        return False
    return True


def _wrong_size(entry: Entry, image_size: int, said: str, works: tuple[int, ...]) -> UsageError:
    return UsageError(
        f"{entry.info.name} cannot take images of {image_size} pixels ({said}). "
        f"Sizes that work: {', '.join(map(str, works)) or 'none of those we tried'}. Choose one with --image-size."
    )


def _shape(features: object) -> str:
    return str(tuple(features.shape)) if isinstance(features, torch.Tensor) else type(features).__name__


def sizes_that_work(source: Source, entry: Entry) -> tuple[int, ...]:
    """Image sizes, of those in `SIZES` and the weights' own, that the architecture takes; tried without arithmetic."""
    works = []
    for size in sorted({*SIZES, entry.info.input_size}):
        try:
            trunk = weightless(partial(source.trunk, entry, size, None)).eval()
            with torch.no_grad():
                source.features(entry, trunk, torch.empty(1, 3, size, size, device="meta"))
        except Exception:  # any failure means the same: not this size
            continue
        works.append(size)
    return tuple(works)


def _verified(source: Source, entry: Entry, trunk: nn.Module, image_size: int, features: torch.Tensor) -> Stages:
    """The trunk's stages if they give what its own forward pass gives, else the trunk as one stage.

    A library may change how a family runs between its versions; a stage too few is slower, a wrong one is wrong.
    """
    stages = source.stages(entry, trunk)
    if covered(trunk, stages) and agrees(stages, _probe(image_size), features):
        return joined(stages, _probe(image_size))
    return [("trunk", Whole(source, entry, trunk))]


def covered(trunk: nn.Module, stages: Stages) -> bool:
    """Whether every parameter of the trunk is in some stage."""
    held = {id(parameter) for _, stage in stages for parameter in stage.parameters()}
    return all(id(parameter) in held for parameter in trunk.parameters())


def agrees(stages: Stages, images: torch.Tensor, features: torch.Tensor) -> bool:
    """Whether stages in a row give these features of these images."""
    x = images
    try:
        with torch.no_grad():
            for _, stage in stages:
                x = stage.eval()(x)
    except (RuntimeError, TypeError, AttributeError, ValueError):
        return False
    return x.shape == features.shape and bool((x - features).abs().max() <= TOLERANCE * features.abs().max())


def joined(stages: Stages, images: torch.Tensor) -> Stages:
    """Stages of which none but the first changes its input in place: one that does is joined to the one before it.

    Activations at a boundary are kept and used again; an in-place ReLU at the start of a stage would spoil them.
    """
    result: Stages = []
    x = images
    with torch.no_grad():
        for name, stage in stages:
            version = x._version  # counts the in-place operations on a tensor
            y = stage.eval()(x)
            if x._version != version and result:
                before, previous = result.pop()
                result.append((before, nn.Sequential(previous, stage)))
            else:
                result.append((name, stage))
            x = y
    return result


class Whole(nn.Module):
    """A trunk as one stage, run by its source's own forward pass."""

    def __init__(self, source: Source, entry: Entry, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self._source, self._entry = source, entry

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, d)."""
        return self._source.features(self._entry, self.trunk, x)
