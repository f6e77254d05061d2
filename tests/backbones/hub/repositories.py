"""Repositories of tiny random networks, saved by the libraries' own writers in the layout of the hub's cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers import SwiGLUPacked
from timm.models._hub import save_for_hf
from torch import nn

PREPARED = {
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.25, 0.3],
    "resample": 2,
    "do_resize": True,
    "size": {"height": 64, "width": 64},
}
CARD = "---\ntags:\n- vision\nlicense: apache-2.0\n---\n# A model card\nlicense: not this one\n"

VIT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
DINO = {
    name: VIT[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size")
}
TEXT = {**VIT, "num_hidden_layers": 1, "vocab_size": 50}
NAFLEX = {name: value for name, value in VIT.items() if name != "image_size"} | {"num_patches": 16}
STAGED = {"hidden_sizes": [8, 16, 32, 64], "depths": [1, 1, 2, 1]}
SWIN = {"image_size": 64, "embed_dim": 16, "depths": [1, 2], "num_heads": [2, 4], "window_size": 4}

FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "vit": ("ViTForImageClassification", "ViTConfig", VIT),
    "deit": ("DeiTModel", "DeiTConfig", VIT),
    "dinov2": ("Dinov2Model", "Dinov2Config", DINO),
    "dinov2_with_registers": (
        "Dinov2WithRegistersModel",
        "Dinov2WithRegistersConfig",
        {**DINO, "num_register_tokens": 4, "use_swiglu_ffn": True},
    ),
    "dinov3_vit": ("DINOv3ViTModel", "DINOv3ViTConfig", {**VIT, "num_register_tokens": 4, "pos_embed_rescale": 2.0}),
    "dinov3_convnext": ("DINOv3ConvNextModel", "DINOv3ConvNextConfig", STAGED),
    "clip": ("CLIPModel", "CLIPConfig", {"text_config": TEXT, "vision_config": VIT}),
    "clip_vision_model": ("CLIPVisionModel", "CLIPVisionConfig", VIT),
    "siglip": ("SiglipModel", "SiglipConfig", {"text_config": TEXT, "vision_config": VIT}),
    "siglip_vision_model": ("SiglipVisionModel", "SiglipVisionConfig", VIT),
    "siglip2": ("Siglip2Model", "Siglip2Config", {"text_config": TEXT, "vision_config": NAFLEX}),
    "convnext": ("ConvNextModel", "ConvNextConfig", STAGED),
    "convnextv2": ("ConvNextV2Model", "ConvNextV2Config", STAGED),
    "swin": ("SwinModel", "SwinConfig", SWIN),
    "swinv2": ("Swinv2Model", "Swinv2Config", SWIN),
}
"""`model_type` -> the class that is saved, its configuration and what that is given."""

TINY: dict[str, Any] = {"embed_dim": 32, "depth": 3, "num_heads": 2, "patch_size": 8, "img_size": 64}


def offline_cache(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no network."""
    patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("HELDOUT_CACHE", str(folder / "heldout"))
    return folder / "hub"


def commit_of(text: str) -> str:
    """A commit's 40 digits."""
    return hashlib.sha1(text.encode()).hexdigest()


def snapshot(cache: Path, repository: str, branch: str = "main", commit: str = "") -> Path:
    """A new, empty commit of a repository, to which a branch points."""
    commit = commit or commit_of(repository)
    folder = cache / ("models--" + repository.replace("/", "--"))
    place = folder / "snapshots" / commit
    place.mkdir(parents=True)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / branch).write_text(commit)
    return place


def shaken(model: Any) -> Any:
    """The model with every parameter moved, so that none is an identity or zero by initialisation."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


def save_transformers(cache: Path, family: str, repository: str = "", **settings: Any) -> Any:
    """Save a tiny network of a family of transformers, and return it."""
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    name, config, arguments = FAMILIES[family]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = shaken(getattr(transformers, name)(getattr(transformers, config)(**arguments)))
    place = snapshot(cache, repository or f"org/{family}")
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(place, **settings)
    transformers.utils.logging.enable_progress_bar()
    (place / "preprocessor_config.json").write_text(json.dumps(PREPARED))
    (place / "README.md").write_text(CARD)
    return model


def save_timm(cache: Path, architecture: str, repository: str, arguments: dict[str, Any]) -> Any:
    """Save a tiny network of timm by timm's own writer, and return it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = shaken(timm.create_model(architecture, **arguments))
    place = snapshot(cache, repository)
    save_for_hf(model, str(place), model_args=arguments, safe_serialization=True)
    (place / "README.md").write_text(CARD)
    return model


def save_gated(cache: Path, repository: str) -> Any:
    """As Virchow 2's repository is: config.json cannot hold the classes of the MLP, and `global_pool` is empty."""
    arguments = {**TINY, "reg_tokens": 4, "init_values": 1e-5, "mlp_ratio": 4.0, "global_pool": "", "num_classes": 0}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = shaken(
            timm.create_model("vit_huge_patch14_224", **arguments, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
        )
    place = snapshot(cache, repository)
    cfg = {"input_size": [3, 64, 64], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    config = {
        "architecture": "vit_huge_patch14_224",
        "model_args": arguments,
        "num_classes": 0,
        "global_pool": "",
        "pretrained_cfg": {**cfg, "interpolation": "bicubic"},
    }
    (place / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), place / "model.safetensors")
    return model


def save_open_clip(cache: Path, repository: str, pickled: bool = False) -> Any:
    """As BiomedCLIP's repository is: a timm tower within an OpenCLIP model beside a text encoder."""
    model = shaken(timm.create_model("test_vit", num_classes=0))
    place = snapshot(cache, repository)
    tower = {"timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "", "timm_proj": "linear"}
    prepared = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
    config = {"model_cfg": {"embed_dim": 8, "vision_cfg": {**tower, "image_size": 160}}, "preprocess_cfg": prepared}
    (place / "open_clip_config.json").write_text(json.dumps(config))
    tensors = {f"visual.trunk.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {"visual.head.proj.weight": torch.ones(8, 64), "text.transformer.weight": torch.ones(3, 3)}
    if pickled:
        torch.save(tensors, place / "open_clip_pytorch_model.bin")
    else:
        save_file(tensors, place / "open_clip_model.safetensors")
    return model
