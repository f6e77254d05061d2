"""Repositories whose network transformers builds: the image encoder alone, cut at its blocks."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from heldout.backbones.hub.described import Description
from heldout.backbones.hub.families import CLIP, FAMILIES
from heldout.backbones.hub.pooling import TokenPooling
from heldout.backbones.hub.snapshots import INDEX, Snapshot
from heldout.backbones.quiet import quiet
from heldout.backbones.source import Stages
from heldout.errors import HeldoutError, InputError, Problem
from heldout.optional import require

BLOCKS = ("layers", "layer", "stages")
"""What the list of blocks is called, in the network or in a child of it."""

NORMS = ("layernorm", "post_layernorm", "norm", "layer_norm")
"""What the last norm is called."""

ROTARY = "dinov3_vit"
"""Its positions are computed for the image size, not learned."""

UNUSED = ("pooler", "mask_token")
"""Parts that no feature depends on; a file may lack them."""

TOWERS = ("vision_model.", "model.")
"""In front of the names of an image encoder's tensors in a file that holds more than it."""


def make(
    snapshot: Snapshot, description: Description, pooling: str, image_size: int, weights: Path | None
) -> nn.Module:
    """The image encoder with the weights in it; nothing of the repository is run as code.

    Args:
        snapshot: The repository.
        description: What it says of its network.
        pooling: One that the network allows.
        image_size: Side of the square input in pixels. Position embeddings are resized in the forward pass.
        weights: A safetensors file, or the index of several; None for random ones.

    Raises:
        HeldoutError: transformers is not installed, or too old.
        InputError: The file does not fit.
    """
    encoder = _class(FAMILIES[description.architecture].encoder)
    head = {"add_pooling_layer": False} if _takes(encoder.__init__, "add_pooling_layer") else {}
    with quiet():
        config = encoder.config_class.from_pretrained(snapshot.folder)
        if description.architecture == ROTARY:
            config.image_size = image_size
        model = encoder(config, **head) if weights is None else _loaded(encoder, config, head, weights)
    tower: Any = getattr(model, "vision_model", model)  # one level down in the first releases of transformers 5
    if pooling != "map" and getattr(tower, "use_head", False):
        tower.use_head, tower.head = False, None
    trunk: nn.Module = tower
    return trunk


def _class(name: str) -> Any:
    found = getattr(require("transformers", "hub"), name, None)
    if found is None:
        raise HeldoutError(
            f"The installed transformers has no {name}; install a newer one: pip install -U transformers"
        )
    return found


def _takes(function: Any, argument: str) -> bool:
    return argument in inspect.signature(function).parameters


def _loaded(encoder: Any, config: Any, head: dict[str, bool], weights: Path) -> Any:
    """The encoder with the weights of a file, every tensor of its own found in it.

    Raises:
        InputError: A tensor is missing or has another shape, or there are blocks that the network has not.
    """
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, said = encoder.from_pretrained(
            None,
            config=config,
            state_dict=_tensors(weights),
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, with all else that is wrong
            **head,
        )
    finally:
        if bars:
            logging.enable_progress_bar()
    wrong = [f"no tensor {key}" for key in sorted(said["missing_keys"]) if not any(part in key for part in UNUSED)]
    wrong += [f"{key} of shape {tuple(found)}, not {tuple(own)}" for key, found, own in sorted(said["mismatched_keys"])]
    wrong += [
        f"a tensor {key}, which the network has not" for key in sorted(said["unexpected_keys"]) if _own(model, key)
    ]
    if wrong:
        problems = [Problem(str(weights), found, "those of config.json", "Is it the right file?") for found in wrong]
        raise InputError(problems, title=f"The weights do not fit {encoder.__name__}")
    return model


def _tensors(weights: Path) -> dict[str, torch.Tensor]:
    """All tensors of a file, or of the files that an index lists.

    Raises:
        InputError: A file cannot be read.
    """
    from heldout.backbones.weights import read_tensors

    if weights.name != INDEX:
        return read_tensors(weights)
    parts = sorted(set(json.loads(weights.read_text(encoding="utf-8"))["weight_map"].values()))
    return {name: tensor for part in parts for name, tensor in read_tensors(weights.parent / part).items()}


def _own(model: Any, key: str) -> bool:
    """Whether a tensor that found no place is of a part that the encoder has, not of a head or a text tower."""
    for tower in (f"{model.base_model_prefix}.", *TOWERS):
        key = key.removeprefix(tower)
    first = key.partition(".")[0]
    children = dict(getattr(model, "vision_model", model).named_children())
    return first not in UNUSED and first != "head" and first in children


def _blocks(model: Any) -> list[nn.Module]:
    """The blocks, wherever this version of transformers keeps their list."""
    for part in (model, *(child for child in model.children() if not isinstance(child, nn.ModuleList))):
        for name in BLOCKS:
            if isinstance(getattr(part, name, None), nn.ModuleList):
                return list(getattr(part, name))
    return []


def _is_map(description: Description) -> bool:
    """Whether its last block gives a map, (n, d, h, w); tokens otherwise."""
    return "convnext" in description.architecture


def _norm(model: Any) -> nn.Module:
    found: nn.Module = next(getattr(model, name) for name in NORMS if isinstance(getattr(model, name, None), nn.Module))
    return found


def _prefix(model: Any, description: Description) -> int:
    """Tokens before the patches: class token, distillation token, registers."""
    return FAMILIES[description.architecture].prefix + int(getattr(model.config, "num_register_tokens", 0))


def features(trunk: nn.Module, description: Description, pooling: str, images: torch.Tensor) -> torch.Tensor:
    """Pooled features by transformers' own forward pass, (n, d)."""
    model: Any = trunk
    family = FAMILIES[description.architecture]
    output = model(**_inputs(model, images))
    if pooling == "map" or _is_map(description):
        pooled: torch.Tensor = output.pooler_output
        return pooled
    tokens = output.last_hidden_state
    if family is CLIP:  # the one family that normalises after its output
        tokens = model.post_layernorm(tokens)
    return TokenPooling(pooling, _prefix(model, description)).forward(tokens)


def _inputs(model: Any, images: torch.Tensor) -> dict[str, Any]:
    """What the forward pass takes: images, or patches in rows with their numbers down and across (NaFlex)."""
    if _takes(model.forward, "spatial_shapes"):
        patches, shapes = in_patches(images, model.config.patch_size)
        mask = next(name for name in ("pixel_attention_mask", "attention_mask") if _takes(model.forward, name))
        return {"pixel_values": patches, "spatial_shapes": shapes, mask: None}
    resized = {"interpolate_pos_encoding": True} if _takes(model.forward, "interpolate_pos_encoding") else {}
    return {"pixel_values": images, **resized}


def in_patches(images: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Square patches row by row, each flattened as (row, column, channel).

    Args:
        images: (n, c, h, w); what is over at the bottom and right is left out.
        side: Of a patch in pixels.

    Returns:
        (n, patches, side² c), and (n, 2) their numbers down and across.
    """
    n, c, h, w = images.shape
    down, across = h // side, w // side
    cut = images[:, :, : down * side, : across * side].reshape(n, c, down, side, across, side)
    shapes = torch.tensor([[down, across]], device=images.device).expand(n, 2)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, down * across, side * side * c), shapes


class Embedding(nn.Module):
    """Tokens, or a map, from images: transformers' own embedding, its positions resized to the image.

    Args:
        embeddings: The module of that name.
        side: Side of a patch in pixels, where it takes patches; else 0.
        norm: What follows it (CLIP).
    """

    def __init__(self, embeddings: nn.Module, side: int = 0, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.embeddings, self.side = embeddings, side
        self.norm = norm or nn.Identity()
        self.resized = (
            {"interpolate_pos_encoding": True} if _takes(embeddings.forward, "interpolate_pos_encoding") else {}
        )
        # Some families refuse images of another number of channels than config.json has; a first layer that was adapted
        # to them (`adapt_channels`) takes them.
        self.counting: list[Any] = [module for module in embeddings.modules() if hasattr(module, "num_channels")]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, tokens, d) or (n, d, h', w')."""
        for module in self.counting:
            module.num_channels = x.shape[1]
        y = self.embeddings(*in_patches(x, self.side)) if self.side else self.embeddings(x, **self.resized)
        embedded: torch.Tensor = self.norm(y[0] if isinstance(y, tuple) else y)
        return embedded


class Block(nn.Module):
    """A block with what it takes beside its input.

    DINOv3's rotary position embeddings are those of evaluation in training too: no shift, jitter or rescaling of
    positions is drawn.

    Args:
        block: A block, or a stage of several (Swin, ConvNeXt).
        rotation: Cosine and sine of the rotary embedding of the size that the network was built for (DINOv3).
    """

    def __init__(self, block: nn.Module, rotation: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
        super().__init__()
        self.block = block
        self.wants = [name for name in ("input_dimensions", "attention_mask") if _takes(block.forward, name)]
        for name, part in zip(("cos", "sin"), rotation or (), strict=False):
            self.register_buffer(name, part.detach().clone(), persistent=False)
        self.rotated = rotation is not None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the block takes and gives."""
        beside: dict[str, Any] = {}
        if "attention_mask" in self.wants:
            beside["attention_mask"] = None
        if "input_dimensions" in self.wants:
            side = math.isqrt(x.shape[1])
            beside["input_dimensions"] = (side, side)
        if self.rotated:
            beside["position_embeddings"] = (self.cos, self.sin)
        y = self.block(x, **beside)
        out: torch.Tensor = y[0] if isinstance(y, tuple) else y
        return out


class MapPooling(nn.Module):
    """The mean over a map, normalised (ConvNeXt)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d, h, w) -> (n, d)."""
        y: torch.Tensor = self.norm(x.mean(dim=(2, 3)))
        return y


def stages(trunk: nn.Module, description: Description, pooling: str) -> Stages:
    """Embedding, blocks, norm, pooling."""
    model: Any = trunk
    blocks, norm = _blocks(model), _norm(model)
    if _is_map(description):
        first = [("embed", Embedding(model.embeddings))] if hasattr(model, "embeddings") else []
        return [*first, *((f"stage_{i}", Block(block)) for i, block in enumerate(blocks)), ("pool", MapPooling(norm))]
    rotation = None
    if hasattr(model, "rope_embeddings"):
        side = model.config.image_size
        with torch.no_grad():
            rotation = model.rope_embeddings.eval()(torch.empty(1, 3, side, side))
    side = model.config.patch_size if _takes(model.forward, "spatial_shapes") else 0
    pool = model.head if pooling == "map" else TokenPooling(pooling, _prefix(model, description))
    return [
        ("embed", Embedding(model.embeddings, side, getattr(model, "pre_layrnorm", None))),
        *((f"blocks_{i}", Block(block, rotation)) for i, block in enumerate(blocks)),
        ("norm", norm),
        ("pool", pool),
    ]
