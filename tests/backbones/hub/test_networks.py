"""Networks of the model hub: what the libraries compute, cut into stages, for every family that is said to work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from heldout.backbones import Network, build, resolve
from heldout.backbones.assemble import Whole
from heldout.backbones.hub import families
from heldout.backbones.hub.with_transformers import in_patches
from heldout.errors import UsageError
from tests.backbones.hub.repositories import (
    FAMILIES,
    TINY,
    VIT,
    save_gated,
    save_open_clip,
    save_timm,
    save_transformers,
)

SIZE = 64


def images(size: int = SIZE) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def built(name: str, size: int = SIZE, channels: int = 3) -> Network:
    return build(resolve(name), classes=4, image_size=size, seed=0, channels=channels).eval()


def normalised(network: Network, size: int = SIZE) -> torch.Tensor:
    return network.stages["input"](images(size))  # type: ignore[no-any-return]


def check(network: Network, expected: torch.Tensor, size: int = SIZE) -> None:
    """Features are what the library gives, no partition was given up, and every stage can begin from the one before."""
    with torch.no_grad():
        found = network.features(images(size))
        assert found.shape == expected.shape == (2, network.feature_size)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
        assert not any(isinstance(stage, Whole) for stage in network.stages.values()), "the partition was given up"
        x: Any = images(size)
        for index in range(len(network.stages)):
            before = x.clone()
            y = network.run_stages(x, index, index + 1)
            assert torch.equal(x, before), f"stage {index} changes its input"
            x = y
        assert torch.equal(x, found)


@torch.no_grad()
def published(model: Any, family: str, pooling: str, pixels: torch.Tensor) -> torch.Tensor:
    """Features as a user of transformers would take them from a model's documented output; patch tokens written out."""
    tower = getattr(model, "vision_model", None) or getattr(model, "vit", model)
    if family == "siglip2":
        patches, shapes = in_patches(pixels, VIT["patch_size"])
        output = tower(patches, torch.ones(patches.shape[:2], dtype=torch.long), shapes)
    else:
        resized = {} if "dino" in family or "convnext" in family else {"interpolate_pos_encoding": True}
        output = tower(pixels, **resized)
    if pooling == "map" or family in ("swin", "swinv2") or "convnext" in family:
        return output.pooler_output  # type: ignore[no-any-return]
    tokens = output.last_hidden_state
    if "clip" in family and "siglip" not in family:
        tokens = tower.post_layernorm(tokens)
    count = (pixels.shape[-1] // VIT["patch_size"]) ** 2
    mean = tokens[:, -count:].mean(1)
    both = {"cls": [tokens[:, 0]], "mean": [mean], "cls+mean": [tokens[:, 0], mean]}
    return torch.cat(both[pooling], 1)


CASES = [(family, pooling) for family in FAMILIES for pooling in families.FAMILIES[family].poolings]


def test_every_family_that_is_said_to_work_is_tried() -> None:
    assert set(FAMILIES) | {"siglip2_vision_model"} == set(families.FAMILIES)


@pytest.mark.parametrize(("family", "pooling"), CASES)
def test_features_are_those_of_transformers(cache: Path, family: str, pooling: str) -> None:
    model = save_transformers(cache, family)
    network = built(f"hub:org/{family}:{pooling}")
    check(network, published(model, family, pooling, normalised(network)))
    blocks = [name for name in network.stage_names if name.startswith(("blocks_", "stage_"))]
    assert len(blocks) == (2 if family.startswith("swin") else 4 if "convnext" in family else 3)
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not _reached(network, name)
    ]
    assert all("mask_token" in name for name in without), without


def _reached(network: Network, name: str) -> bool:
    if not hasattr(network, "_gradients"):
        network.zero_grad()
        network(images()).square().sum().backward()
        network._gradients = {key for key, one in network.named_parameters() if one.grad is not None}  # type: ignore[assignment]
    return name in network._gradients  # type: ignore[operator]


@pytest.mark.parametrize(
    "family", ["vit", "dinov2", "dinov2_with_registers", "dinov3_vit", "clip", "siglip", "siglip2", "swin"]
)
@pytest.mark.parametrize("size", [32, 48, 80])
def test_position_embeddings_are_resized_to_the_image(cache: Path, family: str, size: int) -> None:
    model = save_transformers(cache, family)
    network = built(f"hub:org/{family}", size)
    pooling = families.FAMILIES[family].poolings[0]
    check(network, published(model, family, pooling, normalised(network, size)), size)


def test_the_weights_are_those_of_the_file_and_not_random(cache: Path) -> None:
    model = save_transformers(cache, "dinov2")
    network = built("hub:org/dinov2")
    own = network.stages["embed"].embeddings.patch_embeddings.projection.weight  # type: ignore[union-attr]
    assert torch.equal(own, model.embeddings.patch_embeddings.projection.weight)
    random = build(resolve("hub:org/dinov2"), 4, SIZE, seed=0, pretrained=False)
    assert not torch.equal(own, random.stages["embed"].embeddings.patch_embeddings.projection.weight)  # type: ignore[union-attr,arg-type]
    again = build(resolve("hub:org/dinov2"), 4, SIZE, seed=0, pretrained=False)
    assert all(
        torch.equal(a, b) for a, b in zip(random.state_dict().values(), again.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("family", ["vit", "dinov2", "dinov3_vit", "clip", "siglip", "convnext", "swin"])
def test_grey_and_other_numbers_of_channels(cache: Path, family: str) -> None:
    save_transformers(cache, family)
    network = built(f"hub:org/{family}")
    grey = images()[:, :1]
    with torch.no_grad():
        torch.testing.assert_close(network.features(grey), network.features(grey.expand(-1, 3, -1, -1).contiguous()))
    wide = built(f"hub:org/{family}", channels=5)
    wide(torch.rand(2, 5, SIZE, SIZE)).sum().backward()


def test_patches_that_a_linear_layer_takes_have_no_first_convolution(cache: Path) -> None:
    save_transformers(cache, "siglip2")
    with pytest.raises(UsageError, match="first layer cannot be adapted"):
        built("hub:org/siglip2", channels=5)


def test_patches_are_those_that_transformers_cuts(cache: Path) -> None:
    module = pytest.importorskip("transformers.models.siglip2.image_processing_siglip2", reason="the extra `hub`")
    pixels = torch.rand(2, 3, 24, 40)
    patches, shapes = in_patches(pixels, 8)
    assert shapes.tolist() == [[3, 5], [3, 5]]
    for own, image in zip(patches, pixels, strict=True):
        assert torch.equal(own, module.convert_image_to_patches(image, 8))


@pytest.mark.parametrize(
    ("family", "pooling", "expected"),
    [("dinov2", "map", "cls, mean"), ("siglip", "cls", "map, mean"), ("swin", "cls", "mean")],
)
def test_a_pooling_that_a_family_has_not(cache: Path, family: str, pooling: str, expected: str) -> None:
    save_transformers(cache, family)
    with pytest.raises(UsageError, match=f"Found the pooling '{pooling}'.*expected one of {expected}"):
        resolve(f"hub:org/{family}:{pooling}")


TIMM = {
    "token": ("vit_tiny_patch16_224", TINY),
    "average": ("vit_tiny_patch16_224", {**TINY, "global_pool": "avg"}),
    "attention": ("vit_base_patch16_siglip_224", TINY),
    "rotary": ("vit_small_patch16_dinov3", {**TINY, "num_classes": 0}),
    "map": ("test_convnext", {}),
}


@torch.no_grad()
@pytest.mark.parametrize(
    ("case", "pooling", "told"),
    [
        ("token", "", "cls"),
        ("token", "mean", "mean"),
        ("token", "cls+mean", "cls+mean"),
        ("average", "", "mean"),
        ("average", "cls", "cls"),
        ("attention", "", "map"),
        ("attention", "mean", "mean"),
        ("rotary", "", "mean"),
        ("rotary", "cls+mean", "cls+mean"),
        ("map", "", "mean"),
    ],
)
def test_features_are_those_of_timm(cache: Path, case: str, pooling: str, told: str) -> None:
    architecture, arguments = TIMM[case]
    model = save_timm(cache, architecture, "org/net", arguments)
    network = built("hub:org/net" + (f":{pooling}" if pooling else ""))
    assert resolve("hub:org/net" + (f":{pooling}" if pooling else "")).name.endswith(f":{told}")
    pixels = normalised(network)
    if case == "map" or not pooling:
        check(network, model.forward_head(model.forward_features(pixels), pre_logits=True))
        return
    tokens = model.forward_features(pixels)
    norm = model.fc_norm
    mean, cls = norm(tokens[:, model.num_prefix_tokens :].mean(1)), norm(tokens[:, 0])
    check(network, torch.cat([{"cls": cls, "mean": mean}[part] for part in told.split("+")], 1))
    assert len(network.stages) == 7, "input, embed, three blocks, norm, pool"


@torch.no_grad()
@pytest.mark.parametrize("size", [48, 64])
def test_a_timm_network_of_another_size_is_what_timm_makes_of_it(cache: Path, size: int) -> None:
    import timm

    model = save_timm(cache, "vit_tiny_patch16_224", "org/net", TINY)
    network = built("hub:org/net", size)
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    own = timm.create_model(f"local-dir:{place}", pretrained=True, img_size=size).eval()
    expected = own.forward_head(own.forward_features(normalised(network, size)), pre_logits=True)
    check(network, expected, size)
    assert torch.equal(own.head.weight, model.head.weight)


@torch.no_grad()
def test_a_gated_mlp_that_json_cannot_name_is_told_by_its_shapes(cache: Path) -> None:
    model = save_gated(cache, "org/virchow-like")
    network = built("hub:org/virchow-like:cls+mean")
    tokens = model.forward_features(normalised(network))
    check(network, torch.cat([tokens[:, 0], tokens[:, 5:].mean(1)], 1))  # one class token and four registers
    assert resolve("hub:org/virchow-like").name.endswith(":cls")


@torch.no_grad()
def test_the_timm_tower_of_an_open_clip_model(cache: Path) -> None:
    model = save_open_clip(cache, "org/biomedclip-like")
    info = resolve("hub:org/biomedclip-like")
    assert info.mean == (0.48145466, 0.4578275, 0.40821073) and info.input_size == 160 and info.name.endswith(":own")
    network = built(info.name, 160)
    check(network, model.forward_head(model.forward_features(normalised(network, 160)), pre_logits=True), 160)


def test_tokens_that_a_timm_network_has_not(cache: Path) -> None:
    save_timm(cache, "test_convnext", "org/net", {})
    with pytest.raises(UsageError, match=r"has no tokens; expected mean or own"):
        built("hub:org/net:cls")
    save_timm(cache, "vit_base_patch16_siglip_224", "org/siglip", TINY)
    with pytest.raises(UsageError, match=r"has no class token; expected mean or own"):
        built("hub:org/siglip:cls+mean")
