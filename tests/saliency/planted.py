"""Images whose class is told by one corner alone, and networks small enough to learn that in seconds."""

from __future__ import annotations

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.backbones.timm_stages import stages_of

SIZE = 64
TOKEN = 16
MARGIN = 8


def corner_images(count: int, seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """(n, s, s, 1) noise with a token of stripes in each corner, and (n,) classes.

    In the upper left corner stripes lie across in class 0 and stand upright in class 1. The tokens of the other corners
    are chequered, of the same grey levels: whoever looks for contrast finds four corners alike.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.normal(128, 15, (count, size, size))
    scale = size // SIZE
    row, column = np.indices((TOKEN * scale, TOKEN * scale)) // (2 * scale)
    across, upright, chequered = (60 * (pattern % 2 * 2 - 1) for pattern in (row, column, row + column))
    low, high = MARGIN * scale, size - (MARGIN + TOKEN) * scale
    for image, label in zip(images, labels, strict=True):
        for y, x in ((low, low), (low, high), (high, low), (high, high)):
            token = (upright if label else across) if (y, x) == (low, low) else chequered
            image[y : y + TOKEN * scale, x : x + TOKEN * scale] += token
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)[..., None], labels.astype(np.int64)


def convolutions(seed: int = 0) -> Network:
    """Three convolutions with BatchNorm, as a ResNet begins: a map of 8 × 8 places."""

    def layer(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stages = {"stem": layer(3, 12), "one": layer(12, 16), "two": layer(16, 24), "pool": Flat()}
    return Network({"input": Input((0.5,) * 3, (0.25,) * 3), **stages}, 24, 2, seed)


def transformer(pooling: str, seed: int = 0, mixing: bool = False) -> Network:
    """Two blocks on patches of 8 pixels, a map of 8 × 8 places.

    Args:
        pooling: `token` reads a class token alone, `avg` the mean of the patches.
        seed: Of the weights.
        mixing: Whether patches exchange what they hold; without, it stays where it is in the image until it is read.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VisionTransformer(
            img_size=SIZE,
            patch_size=8,
            embed_dim=32,
            depth=2,
            num_heads=2,
            num_classes=0,
            class_token=pooling == "token",
            global_pool=pooling,
        )
    for block in () if mixing else model.blocks[: 1 if pooling == "token" else 2]:
        nn.init.zeros_(block.attn.proj.weight).requires_grad_(False)
        nn.init.zeros_(block.attn.proj.bias).requires_grad_(False)
    return Network({"input": Input((0.5,) * 3, (0.25,) * 3), **dict(stages_of(model))}, 32, 2, seed)


def trained(network: Network, steps: int, rate: float = 3e-3) -> Network:
    """A network that was trained on images of corners, in eval mode."""
    pixels, labels = corner_images(128, seed=1)
    images, truth = torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(labels)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(0)
    network.train()
    for _ in range(steps):
        rows = torch.randperm(len(images), generator=generator)[:32]
        loss = F.cross_entropy(network(images[rows]), truth[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def share_in_corner(maps: np.ndarray) -> np.ndarray:
    """(n, m): the part of a map's mass that lies in the upper left quarter; of the area it is a quarter."""
    half = maps.shape[2] // 2
    return maps[:, :, :half, :half].sum(axis=(2, 3)) / np.maximum(maps.sum(axis=(2, 3)), 1e-12)


def highest_in_corner(maps: np.ndarray) -> np.ndarray:
    """(n, m): whether a map is greatest somewhere in the upper left quarter."""
    side = maps.shape[2]
    row, column = np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(axis=2), side)
    return (row < side // 2) & (column < side // 2)
