"""Weights of torchvision: every classification network, with the figures that `Weights.meta` states."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from heldout.backbones.caches import torch_hub_file, torch_hub_folder
from heldout.backbones.constructor import Argument, Constructor
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

FOUNDING_TAG = "IMAGENET1K_V1"
"""What a short name means, where there is one: the weights of the founding experiment; and the V2 recipes (label
smoothing, mixup, long schedules) score higher on ImageNet but are known to transfer worse as fixed features
(Kornblith et al. 2021, "Why Do Better Loss Functions Lead to Less Transferable Features?")."""

FEATURES_TAG = "IMAGENET1K_FEATURES"
"""VGG weights without a classifier (torchvision's file has nan in its place): their features are the averaged maps."""


class Torchvision(Source):
    """The classification networks of torchvision."""

    name: ClassVar[str] = "torchvision"
    rank: ClassVar[int] = 1
    library: ClassVar[str] = "torchvision"

    def here(self, entry: Entry) -> Path | None:
        """The file in torch.hub's cache."""
        return torch_hub_file(entry.file)

    def stored(self, entry: Entry) -> Path | None:
        """torch.hub's cache, so that torchvision itself finds it too."""
        return torch_hub_folder() / entry.file

    def listed(self, known: Mapping[str, Entry]) -> Iterator[Entry]:
        """Every tag of every classification network; all figures are those of `Weights.meta`."""
        import torchvision

        for architecture in torchvision.models.list_models(module=torchvision.models):
            tags = torchvision.models.get_model_weights(architecture)
            chosen = FOUNDING_TAG if FOUNDING_TAG in tags.__members__ else getattr(tags, "DEFAULT", None)
            for weights in tags:
                yield _row(architecture, weights, default=chosen in (weights.name, weights))

    def download(self, entry: Entry) -> Path:
        """Into torch.hub's cache, its hash checked."""
        from heldout.backbones.download import download

        return download(entry, torch_hub_folder() / entry.file)

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The file's tensors; names of old DenseNet files (`norm.1.weight`) become those of today."""
        import re

        from heldout.backbones.weights import read_tensors

        tensors = read_tensors(file)
        if entry.info.architecture.startswith("densenet"):
            old = re.compile(
                r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
            )
            tensors = {old.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}
        return tensors

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The network as torchvision builds it."""
        return _model(entry, image_size)

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The network with its weights, its auxiliary classifiers off; `Network.head` replaces the last layer."""
        from torch import nn

        from heldout.backbones.torchvision_stages import without_classifier
        from heldout.backbones.weights import load_strictly

        model: Any = _model(entry, image_size)
        if not entry.classes:
            without_classifier(model)  # a file that holds the trunk only
        if weights is not None:
            tensors = self.state(entry, weights)
            if entry.info.architecture.startswith("vit"):
                tensors = _resized(model, tensors, image_size)
            load_strictly(model, tensors, weights, entry.info.name)
        if entry.info.tag == FEATURES_TAG:
            model.avgpool = nn.AdaptiveAvgPool2d(1)
            model.classifier = nn.Sequential(nn.Identity())
        if hasattr(model, "aux_logits"):
            # They are for training from scratch; with them the network returns a tuple in train mode.
            model.aux_logits = False
            for name in ("aux1", "aux2", "AuxLogits"):
                if hasattr(model, name):
                    setattr(model, name, None)
        stripped: nn.Module = without_classifier(model)
        return stripped

    def constructor(self, entry: Entry, image_size: int, classes: int, channels: int) -> Constructor | None:
        """`torchvision.models.get_model`, without auxiliary classifiers; it makes no input of other channels."""
        architecture = entry.info.architecture
        if channels != 3:
            return None
        arguments: dict[str, Argument] = {"name": architecture, "num_classes": classes, **_settings(entry, image_size)}
        if "aux_logits" in arguments:
            arguments["aux_logits"] = False
        return Constructor("torchvision.models", "get_model", arguments)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """What the model gives with the identity in the place of its last layer."""
        features: Tensor = trunk(images)
        return features

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """By family; a family we do not know runs as one stage."""
        from heldout.backbones.torchvision_stages import stages_of

        return stages_of(trunk)


SOURCE = Torchvision()


def _row(architecture: str, weights: Any, default: bool) -> Entry:
    meta = weights.meta
    transforms = weights.transforms()
    scores: dict[str, float] = next(iter(meta["_metrics"].values()), {})
    size = transforms.crop_size[0]
    info = BackboneInfo(
        name=f"torchvision:{architecture}.{weights.name}",
        source="torchvision",
        architecture=architecture,
        tag=weights.name,
        acc1=_stated(scores.get("acc@1")),
        acc5=_stated(scores.get("acc@5")),
        params=meta["num_params"],
        gflops=meta["_ops"],
        file_mb=meta["_file_size"],
        input_size=size,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        interpolation=transforms.interpolation.value,
        licence=meta.get("license", ""),
        recipe=meta.get("recipe", ""),
    )
    return Entry(
        info=info,
        default=default,
        file=weights.url.rsplit("/", 1)[-1],
        url=weights.url,
        measured=f"{size}x{size}",
    )


def _stated(value: float | None) -> float | None:
    """Torchvision writes nan for weights that were never a classifier."""
    return None if value is None or math.isnan(value) else value


def _settings(entry: Entry, image_size: int) -> dict[str, Argument]:
    """What the library must be told of an architecture besides its number of classes."""
    architecture = entry.info.architecture
    if architecture.startswith("vit"):
        return {"image_size": image_size}
    if architecture.startswith("maxvit"):
        return {"input_size": (image_size, image_size)}
    if architecture in ("googlenet", "inception_v3"):
        # Their weights were ported from networks that see (x − 0.5) / 0.5; the model itself turns one into the other.
        return {"transform_input": True, "aux_logits": True, "init_weights": False}
    return {}


def _model(entry: Entry, image_size: int) -> nn.Module:
    import torchvision

    architecture = entry.info.architecture
    settings = _settings(entry, image_size)
    with warnings.catch_warnings():
        # densenet, inception and googlenet warn of the time their random initialisation takes, or of its future.
        warnings.simplefilter("ignore")
        model: nn.Module = torchvision.models.get_model(
            architecture, weights=None, num_classes=entry.classes or 1000, **settings
        )
    return model


def _resized(model: nn.Module, tensors: dict[str, Tensor], image_size: int) -> dict[str, Tensor]:
    """Position embeddings of a vision transformer, interpolated where the size differs from the one of the weights."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    wanted = model.state_dict()["encoder.pos_embedding"].shape
    if tensors["encoder.pos_embedding"].shape == wanted:
        return tensors
    resized: dict[str, Tensor] = interpolate_embeddings(image_size, model.patch_size, tensors)
    return resized
