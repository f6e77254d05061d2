"""Tensors of an image encoder in an ONNX file that transformers' DINOv2 was exported to, under timm's names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heldout.errors import InputError, Problem
from heldout.optional import require

if TYPE_CHECKING:
    from torch import Tensor

ENCODER = "backbone."
"""In front of the names of the encoder's tensors; the rest of the file is a decoder."""

LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")

RENAMED = {
    "embeddings.cls_token": "cls_token",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
}
"""transformers' names -> timm's, without `.weight` and `.bias`."""

JOINED = ("query", "key", "value")
"""Three layers of transformers that are one of timm's, in this order."""


def dinov2_tensors(file: Path, extra: str) -> dict[str, Tensor]:
    """The encoder's tensors under the names of timm's VisionTransformer; nothing in the file is run.

    Exporting folds constants: weights of linear layers stand transposed under numbers, and are told by the bias that is
    added to their product; the position embedding stands apart for the class token and for the patches.

    Args:
        file: The ONNX file.
        extra: That installs `onnx`.

    Raises:
        HeldoutError: `onnx` is not installed.
        InputError: The file is no such encoder.
    """
    import torch

    onnx: Any = require("onnx", extra)
    graph = onnx.load(str(file)).graph
    held = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    own = {name.removeprefix(ENCODER): held[name] for name in held if name.startswith(ENCODER)}
    own |= {name.removeprefix(ENCODER): weight for name, weight in _linear_weights(graph, held).items()}
    width = own["embeddings.cls_token"].shape[-1] if "embeddings.cls_token" in own else 0
    unnamed = [held[name] for name in held if name.startswith("onnx::") and held[name].shape[0::2] == (1, width)]
    positions = sorted(unnamed, key=lambda part: part.shape[1])
    if not own or len(positions) != 2:
        problem = Problem(str(file), f"{len(own)} tensors of an encoder", "those of a DINOv2 network", "Reinstall it.")
        raise InputError([problem], title="The weights cannot be read")
    tensors = {"pos_embed": torch.cat(positions, dim=1)}
    for name in sorted(own):
        tensors |= _placed(name, own)
    return tensors


def _linear_weights(graph: Any, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the encoder's linear layers, by the name of the bias that is added to their product."""
    added = {node.input[i]: node.input[1 - i] for node in graph.node if node.op_type == "Add" for i in (0, 1)}
    found = {}
    for node in graph.node:
        weight = next((name for name in node.input if name in held), None)
        bias = added.get(node.output[0], "")
        if node.op_type == "MatMul" and weight and bias.startswith(ENCODER) and bias.endswith(".bias"):
            found[bias.removesuffix("bias") + "weight"] = held[weight].T.contiguous()
    return found


def _placed(name: str, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """A tensor under its new name; of three that are joined the first brings them all, the others nothing."""
    import torch

    block = LAYER.fullmatch(name)
    prefix, inner = (f"blocks.{block[1]}.", block[2]) if block else ("", name)
    stem, _, kind = inner.rpartition(".")
    if inner.startswith("attention.attention."):
        if JOINED[0] not in inner:
            return {}
        parts = [own[name.replace(JOINED[0], part)] for part in JOINED]
        return {f"{prefix}attn.qkv.{kind}": torch.cat(parts)}
    renamed = RENAMED.get(inner) or f"{RENAMED.get(stem, stem)}.{kind}"
    return {f"{prefix}{renamed}": own[name]}
