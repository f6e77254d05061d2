"""Repositories whose network timm builds, OpenCLIP's towers around one included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from heldout.backbones.hub.described import Description
from heldout.backbones.hub.pooling import TokenPooling
from heldout.backbones.quiet import quiet
from heldout.backbones.source import Stages
from heldout.backbones.timm_stages import TRANSFORMERS, Encoder, stages_of
from heldout.errors import HeldoutError, InputError, Problem, UsageError

GATED = ("blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.weight")
"""If the first gives twice what the second takes, the block gates one half with the other (SwiGLU, packed)."""

OWN = ("own", "map")
"""Poolings that timm does itself."""


def make(
    description: Description, pooling: str, image_size: int, weights: Path | None, shapes: Mapping[str, tuple[int, ...]]
) -> nn.Module:
    """The network without its classifier, the weights in it, its position embeddings resized to the image size.

    Args:
        description: What the repository says of it.
        pooling: One that it allows.
        image_size: Side of the square input in pixels.
        weights: A safetensors file; None for random ones.
        shapes: Of the tensors of the repository's weights; nothing where they are not here.

    Raises:
        HeldoutError: timm has no such architecture.
        InputError: The file does not fit.
        UsageError: The network has no tokens that could be pooled so.
    """
    import timm

    if not timm.is_model(description.architecture):
        raise HeldoutError(
            f"The architecture {description.architecture} is none of timm {timm.__version__}; a newer timm may have "
            f"it, or it is its publisher's own."
        )
    model: Any
    try:
        with quiet():
            model = timm.create_model(**_arguments(description, image_size, weights, shapes))
    except RuntimeError as error:
        if weights is None:
            raise
        raise _unfit(description, weights, error) from error
    model.reset_classifier(0)
    _check(model, description, pooling)
    if pooling not in OWN and getattr(model, "attn_pool", None) is not None:
        model.attn_pool = None
    trunk: nn.Module = model
    return trunk


def _arguments(
    description: Description, image_size: int, weights: Path | None, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """For timm.create_model, as the repository, its card and the shapes of its weights say."""
    from timm.layers import SwiGLUPacked
    from timm.models import get_pretrained_cfg

    known: Any = get_pretrained_cfg(description.architecture)
    side = description.input_size
    cfg: dict[str, Any] = {
        "architecture": description.architecture,
        "input_size": (3, side, side),
        "num_classes": description.classes,
        "classifier": known.classifier,
        "first_conv": known.first_conv,
    }
    arguments: dict[str, Any] = {"num_classes": description.classes, **description.arguments}
    if arguments.pop("gated", False) or _is_gated(shapes):
        arguments |= {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU}
    if known.fixed_input_size:
        arguments["img_size"] = image_size
    if weights is not None:
        cfg |= {"file": str(weights), "source": "file"}
    return {
        "model_name": description.architecture,
        "pretrained": weights is not None,
        "pretrained_cfg": cfg,
        **arguments,
    }


def _is_gated(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the MLP is one that a JSON file cannot name (UNI 2, Virchow), told by the shapes of the weights."""
    first, second = (next((shapes[name] for name in shapes if name.endswith(end)), ()) for end in GATED)
    return len(first) == len(second) == 2 and first[0] == 2 * second[1]


def _unfit(description: Description, weights: Path, error: RuntimeError) -> InputError:
    """What torch says: it lists every missing, unexpected and misshapen tensor, one a line after the first."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    wanted = f"the tensors of {description.architecture}"
    return InputError(
        [Problem(str(weights), line, wanted, "Is it the right file?") for line in (lines[1:] or lines)],
        title=f"The weights do not fit {description.architecture}",
    )


def _check(model: Any, description: Description, pooling: str) -> None:
    """See that there are tokens to pool."""
    if pooling in OWN or (pooling == "mean" and getattr(model, "num_prefix_tokens", None) is None):
        return
    if getattr(model, "num_prefix_tokens", None) is None:
        raise _unpoolable(description, pooling, "has no tokens", "mean or own")
    if "cls" in pooling and getattr(model, "cls_token", None) is None:
        raise _unpoolable(description, pooling, "has no class token", "mean or own")


def _unpoolable(description: Description, pooling: str, found: str, expected: str) -> UsageError:
    return UsageError(
        f"Found the pooling '{pooling}', and the network {description.architecture} {found}; expected {expected}."
    )


def _token_pooling(model: Any, pooling: str) -> TokenPooling | None:
    """What pools its tokens; None where timm does it itself."""
    if pooling in OWN or getattr(model, "num_prefix_tokens", None) is None:
        return None
    return TokenPooling(pooling, model.num_prefix_tokens, getattr(model, "fc_norm", None))


def features(trunk: nn.Module, pooling: str, images: torch.Tensor) -> torch.Tensor:
    """Pooled features by timm's own forward pass, (n, d)."""
    model: Any = trunk
    pool = _token_pooling(model, pooling)
    pooled: torch.Tensor = Encoder(model)(images) if pool is None else pool(model.forward_features(images))
    return pooled


class Tokens(nn.Module):
    """A network of one stage, its tokens pooled.

    Args:
        model: timm's network without its classifier.
        pooling: How.
    """

    def __init__(self, model: nn.Module, pooling: str) -> None:
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, d)."""
        return features(self.model, self.pooling, x)


class Rotated(nn.Module):
    """A block that is given the rotary position embedding of the size that the network was built for.

    It is that of evaluation in training too: no shift, jitter or rescaling of positions is drawn.

    Args:
        block: The block.
        rope: What it takes as `rope`.
    """

    rope: torch.Tensor

    def __init__(self, block: nn.Module, rope: torch.Tensor) -> None:
        super().__init__()
        self.block = block
        self.register_buffer("rope", rope.detach().clone(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, d) -> the same."""
        y: torch.Tensor = self.block(x, rope=self.rope)
        return y


class Embedded(nn.Module):
    """The tokens of an Eva network before its first block.

    Args:
        model: timm's network; its blocks are not kept.
    """

    KEEP = ("patch_embed", "pos_drop", "norm_pre")

    def __init__(self, model: Any) -> None:
        super().__init__()
        from heldout.backbones.network import Part

        parameters = [name for name, _ in model.named_parameters(recurse=False)]
        self.tokens = Part(model, "_pos_embed", (*self.KEEP, "rope"), parameters)
        self.patches = model.patch_embed
        self.norm = model.norm_pre

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, tokens, d)."""
        y: torch.Tensor = self.norm(self.tokens(self.patches(x))[0])
        return y


def stages(trunk: nn.Module, pooling: str) -> Stages:
    """Embedding, blocks, norm, pooling; other families as the source `timm` cuts them."""
    model: Any = trunk
    pool = _token_pooling(model, pooling)
    name = type(model).__name__
    if name in TRANSFORMERS:
        cut = stages_of(model)
        return cut if pool is None else [*cut[:-1], ("pool", pool)]
    if name == "Eva" and pool is not None and not getattr(model, "rope_mixed", False):
        rope = None if model.rope is None else model.rope.get_embed(shape=model.patch_embed.grid_size)
        blocks = [
            (f"blocks_{i}", block if rope is None else Rotated(block, rope)) for i, block in enumerate(model.blocks)
        ]
        return [("embed", Embedded(model)), *blocks, ("norm", model.norm), ("pool", pool)]
    return stages_of(model) if pool is None else [("trunk", Tokens(model, pooling))]
