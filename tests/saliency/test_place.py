"""Where maps are taken: the last place that answers to its own part of the image, whichever way it is written."""

from __future__ import annotations

import pytest
import torch
import torchvision
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from heldout import backbones
from heldout.backbones import Network, torchvision_stages
from heldout.backbones.network import Flat, Input
from heldout.backbones.timm_stages import stages_of
from heldout.backbones.torchvision_stages import without_classifier
from heldout.errors import UsageError
from heldout.saliency.place import Place, last_place
from tests.saliency.planted import SIZE, convolutions, transformer

INPUT = Input((0.5,) * 3, (0.25,) * 3)


def network(stages: dict[str, nn.Module], width: int) -> Network:
    return Network({"input": INPUT, **stages}, width, 2, 0)


@pytest.mark.parametrize(
    ("made", "place"),
    [
        (convolutions, Place("stages.two", "first", 0, 8)),
        (lambda: transformer("avg"), Place("stages.norm", "tokens", 0, 8)),
        (lambda: transformer("token"), Place("stages.blocks_0", "tokens", 1, 8)),
    ],
)
def test_the_last_map_that_the_answer_reads(made, place) -> None:  # type: ignore[no-untyped-def]
    """Behind the attention by which a class token reads the patches, their places reach no answer."""
    assert last_place(made(), SIZE, 3) == place


def test_registers_and_maps_with_channels_last() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vit = VisionTransformer(
            img_size=SIZE, patch_size=8, embed_dim=32, depth=2, num_heads=2, num_classes=0, reg_tokens=4
        )
        swin = SwinTransformer(
            img_size=SIZE, patch_size=4, window_size=4, embed_dim=16, depths=(2, 2), num_heads=(2, 2), num_classes=0
        )
    assert last_place(network(dict(stages_of(vit)), 32), SIZE, 3) == Place("stages.blocks_0", "tokens", 5, 8)
    assert last_place(network(dict(stages_of(swin)), 32), SIZE, 3) == Place("stages.norm", "last", 0, 8)


def test_a_trunk_of_one_stage_is_looked_into() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vit = without_classifier(torchvision.models.VisionTransformer(SIZE, 8, 3, 2, 32, 64))
    stages = torchvision_stages.stages_of(vit)
    assert [name for name, _ in stages] == ["trunk"]
    place = last_place(network(dict(stages), 32), SIZE, 3)
    assert place == Place("stages.trunk.encoder.layers.encoder_layer_1", "tokens", 1, 8)


class Turned(nn.Module):
    """Rows as columns."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(2, 3)


def test_a_map_in_another_order_is_passed_over() -> None:
    """Its shape says nothing of it."""
    stages = dict(convolutions().stages.items())
    straight = {name: stages[name] for name in ("stem", "one", "two")}
    found = last_place(network({**straight, "turned": Turned(), "pool": Flat()}, 24), SIZE, 3)
    assert found.layer == "stages.two"
    with pytest.raises(UsageError, match=r"^no spatial map"):
        last_place(network({"turned": nn.Sequential(*straight.values(), Turned()), "pool": Flat()}, 24), SIZE, 3)


def test_a_stem_is_not_the_network() -> None:
    dense = nn.Sequential(nn.Flatten(), nn.Linear(8 * 32 * 32, 16), nn.ReLU(), nn.Linear(16, 16))
    stages = {"stem": nn.Conv2d(3, 8, 3, 2, 1), "dense": dense, "more": nn.Linear(16, 16)}
    with pytest.raises(UsageError, match="second half of this network"):
        last_place(network(stages, 16), SIZE, 3)


def test_at_few_pixels_the_last_map_of_a_deep_network_is_none() -> None:
    """Of 2 × 2 places each sees the whole image: what lies before them is taken."""
    info = backbones.resolve("efficientnet_lite0")
    found = {size: last_place(backbones.build(info, 2, size, 0), size, 3).layer for size in (64, 128)}
    assert found == {64: "stages.blocks_5", 128: "stages.bn2"}
