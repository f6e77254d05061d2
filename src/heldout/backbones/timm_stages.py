"""timm's networks cut into stages.

Most of timm's convolutional families, and some others, are a plain sequence of children up to the head. `SEQUENCES`
lists them with those children; which classes qualify was found by running every class once with perturbed weights,
and is checked again when a network is built (its stages must give what the library's own forward pass gives).
Plain vision transformers are cut at their blocks. Any other class runs as one stage.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from heldout.backbones.network import Flat, Part
from heldout.backbones.source import Stages

SEQUENCES: tuple[tuple[str, str], ...] = (
    (
        "stem stages",
        (
            "CPUBone CspNet CspNext EfficientVit EfficientVitLarge GlobalContextVit HighPerfGpuNet IFormer "
            "LCNetV2 LowFormer MambaOut MetaFormer MetaNeXt RepVit VovNet"
        ),
    ),
    ("stem stages norm", "EfficientFormer EfficientFormerV2 MaxxVit NextViT ResNetV2 Sequencer2d StarNet SwiftFormer"),
    ("patch_embed stages", "EfficientVitMsra FasterNet PyramidVisionTransformerV2 SHViT SwinTransformerV2Cr TinyVit"),
    ("features", "DPN DenseNet InceptionV4 VGG"),
    ("encoder", "DeepseekVitClassifier Gemma4VitClassifier Qwen3VitClassifier"),
    ("stem stages norm_pre", "ConvNeXt DaVit EdgeNeXt"),
    ("conv_stem bn1 act1 blocks", "GhostNet RepGhostNet"),
    ("patch_embed layers norm", "SwinTransformer SwinTransformerV2"),
    (
        (
            "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 Pool1 Conv2d_3b_1x1 Conv2d_4a_3x3 Pool2 Mixed_5b "
            "Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c"
        ),
        "InceptionV3",
    ),
    ("base_layer level0 level1 level2 level3 level4 level5", "DLA"),
    ("body", "TResNet"),
    (
        (
            "conv1 bn1 act1 conv2 bn2 act2 block1 block2 block3 block4 block5 block6 block7 block8 block9 "
            "block10 block11 block12 conv3 bn3 act3 conv4 bn4 act4"
        ),
        "Xception",
    ),
    ("conv1 bn1 act1 maxpool layer1 layer2 layer3 layer4", "ResNet"),
    (
        (
            "conv2d_1a conv2d_2a conv2d_2b maxpool_3a conv2d_3b conv2d_4a maxpool_5a mixed_5b repeat "
            "mixed_6a repeat_1 mixed_7a repeat_2 block8 conv2d_7b"
        ),
        "InceptionResnetV2",
    ),
    ("conv_stem bn1 blocks", "MobileNetV3"),
    ("conv_stem bn1 blocks conv_head bn2", "EfficientNet"),
    ("layer0 pool0 layer1 layer2 layer3 layer4", "SENet"),
    ("stem blocks", "ConvMixer"),
    ("stem blocks act", "XceptionAligned"),
    ("stem blocks norm", "MlpMixer"),
    ("stem dense_stages norm_pre", "RDNet"),
    ("stem features", "RexNet"),
    ("stem layers norm", "FocalNet"),
    ("stem s1 s2 s3 s4 final_conv", "RegNet"),
    ("stem stages final_conv", "ByobNet"),
    ("stem stages final_conv final_act", "NormFreeNet"),
    ("stem_dct stages", "CSATv2"),
)
"""Children in the order in which they run, and the classes of which this is true. All other children are the head's."""

CHILDREN = {name: children.split() for children, names in SEQUENCES for name in names.split()}

TRANSFORMERS = ("VisionTransformer", "VisionTransformerDistilled")
"""Patches and positions, then `blocks` and `norm`, then the head."""


class Encoder(nn.Module):
    """The features of any timm model by its own methods, pooled.

    Args:
        model: The model without its classifier.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.flat = Flat(getattr(model, "num_features", None))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, d)."""
        model: Any = self.model
        try:
            features = model.forward_head(model.forward_features(x), pre_logits=True)
        except (NotImplementedError, TypeError):
            features = model(x)  # image encoders of language models have no head; their own pooling is the output
        flat: torch.Tensor = self.flat(features)
        return flat


def stages_of(model: Any) -> Stages:
    """The stages of a model whose classifier was reset to none."""
    name = type(model).__name__
    if name in CHILDREN and all(hasattr(model, child) for child in CHILDREN[name]):
        return _sequence(model, CHILDREN[name])
    if name in TRANSFORMERS:
        return _transformer(model)
    return [("trunk", Encoder(model))]


def _expanded(name: str, child: nn.Module) -> Stages:
    if type(child) in (nn.Sequential, nn.ModuleList):
        return [(f"{name}_{key}", layer) for key, layer in child.named_children()]
    return [(name, child)]


def _head(model: nn.Module, trunk: list[str]) -> nn.Module:
    keep = [name for name, _ in model.named_children() if name not in trunk]
    return nn.Sequential(Part(model, "forward_head", keep, flags={"pre_logits": True}), Flat())


def _sequence(model: Any, children: list[str]) -> Stages:
    layers = [stage for name in children for stage in _expanded(name, getattr(model, name))]
    return [*layers, ("pool", _head(model, children))]


def _transformer(model: Any) -> Stages:
    """The first stage is the model with no blocks and no final norm: its `forward_features` only embeds."""
    trunk = ["patch_embed", "pos_drop", "patch_drop", "norm_pre", "blocks", "norm"]
    parameters = [name for name, _ in model.named_parameters(recurse=False)]
    empty = {"blocks": nn.Sequential(), "norm": nn.Identity()}
    embed = Part(model, "forward_features", trunk[:4], parameters, empty)
    head = _head(model, trunk)
    return [("embed", embed), *_expanded("blocks", model.blocks), ("norm", model.norm), ("pool", head)]
