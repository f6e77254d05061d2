"""What a repository says of its network: architecture, input, pooling, licence; read from its own files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from heldout.backbones.hub.families import FAMILIES, told
from heldout.backbones.hub.snapshots import Snapshot
from heldout.errors import HeldoutError, UsageError

RESAMPLINGS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, which transformers writes into preprocessor_config.json."""

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""What OpenCLIP normalises with where a repository's preprocess_cfg states nothing (open_clip/constants.py)."""

OPEN_CLIP_SIZE = 224
"""Input side of OpenCLIP's towers where none is stated."""

TIMM_POOLINGS = {"token": "cls", "avg": "mean", "map": "map", "": "cls"}
"""timm's `global_pool` -> pooling. Empty means that the model gives tokens and pooling is left to its user; the class
token is then the default (Virchow 2's card joins the mean of the patches: write `:cls+mean`)."""

CARD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "MahmoodLab/UNI2-h": {
        "img_size": 224,
        "patch_size": 14,
        "depth": 24,
        "num_heads": 24,
        "init_values": 1e-5,
        "embed_dim": 1536,
        "mlp_ratio": 2.66667 * 2,
        "no_embed_class": True,
        "reg_tokens": 8,
        "gated": True,
    },
    "paige-ai/Virchow": {"gated": True},
    "paige-ai/Virchow2": {"gated": True},
}
"""What the model card has one pass to timm.create_model, in repositories whose config.json does not hold it. `gated`
stands for mlp_layer=SwiGLUPacked and act_layer=SiLU, which are classes."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Description:
    """What is known of a network before it is built.

    Attributes:
        library: What builds it.
        architecture: timm's name, or transformers' `model_type`.
        input_size: Side of the square input in pixels that it was evaluated at.
        mean: On the scale 0 to 1.
        std: Likewise.
        interpolation: `bilinear` or `bicubic`.
        licence: As the model card's header states it, or empty.
        poolings: Those it allows, its own first.
        arguments: For timm.create_model.
        classes: Outputs of the classifier that the weights hold; 0 without one.
        stands_for: Names of fields that the repository states otherwise or not at all.
    """

    library: Literal["timm", "transformers"]
    architecture: str
    input_size: int
    mean: Triple
    std: Triple
    interpolation: str
    licence: str
    poolings: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    classes: int = 0
    stands_for: tuple[str, ...] = ()

    def pooling(self, wanted: str) -> str:
        """The pooling that was asked for, or the network's own.

        Raises:
            UsageError: It has no such tokens.
        """
        if wanted and wanted not in self.poolings:
            raise UsageError(
                f"Found the pooling '{wanted}' for the architecture {self.architecture}; expected one of "
                f"{', '.join(self.poolings)}."
            )
        return wanted or self.poolings[0]


def described(snapshot: Snapshot) -> Description:
    """Read the files of a repository that describe it.

    Raises:
        HeldoutError: Its architecture is not supported, or it does not say how images are normalised.
        InputError: A file is no JSON.
    """
    config, clip = snapshot.data("config.json"), snapshot.data("open_clip_config.json")
    if "architecture" in config:
        return _of_timm(snapshot, config)
    if config.get("model_type") in FAMILIES:
        return _of_transformers(snapshot, config)
    if clip.get("model_cfg", {}).get("vision_cfg", {}).get("timm_model_name"):
        return _of_open_clip(snapshot, clip)
    found = config.get("model_type") or ", ".join(config.get("architectures", [])) or "none that its files name"
    raise HeldoutError(
        f"The architecture of {snapshot.repository} is not supported: found {found}; expected a timm network "
        f"(`architecture` in config.json), an OpenCLIP network around one, or one of transformers' {told()}."
    )


def licence_of(snapshot: Snapshot) -> str:
    """The licence in the header of the model card, or empty."""
    path = snapshot.folder / "README.md"
    card = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    header = card.split("\n---", 1)[0] if card.startswith("---") else ""
    stated = {}
    for line in header.splitlines():
        key, _, value = line.partition(":")
        stated[key] = value.partition("#")[0].strip().strip("'\"")
    return stated.get("license_name") or stated.get("license") or ""


def _of_timm(snapshot: Snapshot, config: dict[str, Any]) -> Description:
    stated = config.get("pretrained_cfg", config)
    arguments = {**CARD_ARGUMENTS.get(snapshot.repository, {}), **config.get("model_args", {})}
    own = arguments.get("global_pool", config.get("global_pool"))
    pooling = TIMM_POOLINGS.get(own, "own") if isinstance(own, str) else "own"
    size = stated.get("input_size") or (3, 224, 224)
    return Description(
        library="timm",
        architecture=str(config["architecture"]),
        input_size=int(max(size[1:])),
        mean=_triple(stated.get("mean") or (0.0,) * 3),
        std=_triple(stated.get("std") or (1.0,) * 3),
        interpolation=_interpolation(stated.get("interpolation")),
        licence=licence_of(snapshot) or str(stated.get("license") or ""),
        poolings=_poolings(pooling),
        arguments={name: value for name, value in arguments.items() if name != "num_classes"},
        classes=int(config.get("num_classes", stated.get("num_classes", 1000)) or 0),
        stands_for=_unstated(stated, "input_size", "mean", "std", "interpolation"),
    )


def _of_open_clip(snapshot: Snapshot, clip: dict[str, Any]) -> Description:
    tower, prepared = clip["model_cfg"]["vision_cfg"], clip.get("preprocess_cfg", {})
    pooling = TIMM_POOLINGS.get(tower.get("timm_pool") or "own", "own")
    size = tower.get("image_size", OPEN_CLIP_SIZE)
    return Description(
        library="timm",
        architecture=str(tower["timm_model_name"]),
        input_size=int(max(size) if isinstance(size, list) else size),
        mean=_triple(prepared.get("mean") or CLIP_MEAN),
        std=_triple(prepared.get("std") or CLIP_STD),
        interpolation=_interpolation(prepared.get("interpolation")),
        licence=licence_of(snapshot),
        poolings=_poolings(pooling),
        stands_for=_unstated(prepared, "mean", "std", "interpolation"),
    )


def _of_transformers(snapshot: Snapshot, config: dict[str, Any]) -> Description:
    family = FAMILIES[config["model_type"]]
    tower = config.get("vision_config", config)
    prepared = snapshot.data("preprocessor_config.json") or snapshot.data("processor_config.json")
    prepared = prepared.get("image_processor", prepared)
    if not prepared:
        raise HeldoutError(
            f"{snapshot.repository} does not say how images are normalised: found no preprocessor_config.json in "
            f"{snapshot.folder}; fetch it, or write one with image_mean, image_std, resample and size."
        )
    poolings = family.poolings
    if "map" in poolings and not tower.get("vision_use_head", True):
        poolings = tuple(pooling for pooling in poolings if pooling != "map")
    mean, std = _normalisation(prepared)
    return Description(
        library="transformers",
        architecture=str(config["model_type"]),
        input_size=_side(prepared, tower),
        mean=mean,
        std=std,
        interpolation=RESAMPLINGS.get(prepared.get("resample") or 0, "bicubic"),
        licence=licence_of(snapshot),
        poolings=poolings,
        stands_for=() if prepared.get("resample") in RESAMPLINGS else ("interpolation",),
    )


def _poolings(own: str) -> tuple[str, ...]:
    """All that a timm network may allow, its own first; whether it has such tokens is seen when it is built."""
    return tuple(dict.fromkeys((own, "cls", "mean", "cls+mean", "own")))


def _normalisation(prepared: dict[str, Any]) -> tuple[Triple, Triple]:
    """Mean and std on the scale 0 to 1 of an image processor: it takes 0 to 255, rescales, then normalises."""
    factor = 255.0 * (1.0 if prepared.get("do_rescale") is False else prepared.get("rescale_factor") or 1 / 255)
    mean, std = (0.0,) * 3, (1.0,) * 3
    if prepared.get("do_normalize") is not False:  # some write null for what they leave as it is
        mean, std = prepared.get("image_mean") or mean, prepared.get("image_std") or std
    return _triple(tuple(value / factor for value in mean)), _triple(tuple(value / factor for value in std))


def _side(prepared: dict[str, Any], tower: dict[str, Any]) -> int:
    """The square that an image processor makes; where it names none (NaFlex), as many patches as it allows."""
    cropped = prepared.get("do_center_crop") and prepared.get("crop_size")
    for stated in (cropped, prepared.get("size"), tower.get("image_size")):
        if isinstance(stated, int) and stated:
            return stated
        if isinstance(stated, dict) and stated:
            return int(max(value for value in stated.values() if isinstance(value, int)))
    patches = prepared.get("max_num_patches") or tower.get("num_patches") or 256
    return int(math.isqrt(int(patches)) * int(tower.get("patch_size", 16)))


def _interpolation(stated: object) -> str:
    return str(stated) if stated in ("bilinear", "bicubic") else "bicubic"


def _triple(values: Any) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _unstated(stated: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    wrong = {name for name in names if stated.get(name) is None}
    if stated.get("interpolation") not in ("bilinear", "bicubic"):
        wrong.add("interpolation")
    return tuple(name for name in names if name in wrong)
