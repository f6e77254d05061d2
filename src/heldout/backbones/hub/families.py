"""Families of transformers that are known here: the class of their image encoder, and how its output is pooled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One or more `model_type`s of `config.json`.

    Attributes:
        encoder: Class of transformers that is the image encoder alone.
        poolings: Those that its output allows, the family's own first.
        prefix: Tokens before the patches, registers not counted.
        told: What people call it.
    """

    encoder: str
    poolings: tuple[str, ...]
    prefix: int
    told: str


TOKENS = ("cls", "mean", "cls+mean")
MAPS = ("mean",)

VIT = Family("ViTModel", TOKENS, 1, "ViT")
CLIP = Family("CLIPVisionModel", TOKENS, 1, "CLIP")
SIGLIP = Family("SiglipVisionModel", ("map", "mean"), 0, "SigLIP and SigLIP 2")
SIGLIP2 = Family("Siglip2VisionModel", ("map", "mean"), 0, "SigLIP 2 of variable resolution (NaFlex)")

FAMILIES: dict[str, Family] = {
    "vit": VIT,
    "deit": Family("DeiTModel", TOKENS, 2, "DeiT"),
    "dinov2": Family("Dinov2Model", TOKENS, 1, "DINOv2"),
    "dinov2_with_registers": Family("Dinov2WithRegistersModel", TOKENS, 1, "DINOv2 with registers"),
    "dinov3_vit": Family("DINOv3ViTModel", TOKENS, 1, "DINOv3 ViT"),
    "dinov3_convnext": Family("DINOv3ConvNextModel", MAPS, 0, "DINOv3 ConvNeXt"),
    "clip": CLIP,
    "clip_vision_model": CLIP,
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
    "siglip2": SIGLIP2,
    "siglip2_vision_model": SIGLIP2,
    "convnext": Family("ConvNextModel", MAPS, 0, "ConvNeXt"),
    "convnextv2": Family("ConvNextV2Model", MAPS, 0, "ConvNeXt V2"),
    "swin": Family("SwinModel", MAPS, 0, "Swin"),
    "swinv2": Family("Swinv2Model", MAPS, 0, "Swin V2"),
}
"""`model_type` of `config.json` -> family."""


def told() -> str:
    """All of them in a sentence."""
    return ", ".join(dict.fromkeys(family.told for family in FAMILIES.values()))
