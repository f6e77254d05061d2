from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn

from heldout.backbones import Network, build, find, resolve, weights_hash, weights_here
from heldout.backbones.assemble import SIZES, agrees, covered, joined
from heldout.backbones.lookup import entry_of, source_of
from heldout.backbones.network import Flat, Input
from heldout.backbones.timm_stages import CHILDREN
from heldout.errors import HeldoutError, UsageError


@pytest.fixture(scope="module")
def lite() -> Network:
    return build(resolve("efficientnet_lite0"), classes=2, image_size=128, seed=0)


def test_the_input_stage_normalises_as_written_out() -> None:
    stage = Input((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    image = torch.tensor([[0, 255], [128, 51]], dtype=torch.uint8)
    y = stage(image[None, None])
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        for row in range(2):
            for column in range(2):
                expected = (image[row, column].item() / 255 - mean) / std
                assert y[0, channel, row, column].item() == pytest.approx(expected, abs=1e-6)
    assert y.dtype == torch.float32
    assert stage(image[None, None].double() / 255).dtype == torch.float32


def test_the_input_stage_keeps_channels_last() -> None:
    stage = Input((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    last = torch.zeros(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert stage(last).is_contiguous(memory_format=torch.channels_last)
    assert stage(torch.zeros(2, 3, 8, 8)).is_contiguous()
    with pytest.raises(HeldoutError, match="expected \\(n, c, h, w\\) with c = 1 or 3"):
        stage(torch.zeros(2, 4, 8, 8))


def test_the_offline_weights_know_what_they_see() -> None:
    # The founding choice between timm's two Lite networks: with the right one the temple is a palace.
    from PIL import Image
    from sklearn.datasets import load_sample_images

    palace = 698  # index of "palace, castle" in ImageNet-1K
    temple = Image.fromarray(load_sample_images().images[0][:, 106:533]).resize((240, 240), Image.Resampling.BICUBIC)
    x = torch.frombuffer(bytearray(temple.tobytes()), dtype=torch.uint8).view(240, 240, 3).permute(2, 0, 1)[None]
    entry = entry_of(resolve("efficientnet_lite1"))
    source = source_of(entry.info)
    model = timm.create_model("tf_efficientnet_lite1")
    file = source.here(entry)
    assert file is not None
    model.load_state_dict(source.state(entry, file))
    with torch.no_grad():
        shares = model.eval()(Input(entry.info.mean, entry.info.std)(x)).softmax(1)[0]
    assert shares.argmax() == palace and shares[palace] > 0.4
    other = timm.create_model("efficientnet_lite1")
    other.load_state_dict(source.state(entry, file))
    with torch.no_grad():
        assert other.eval()(Input(entry.info.mean, entry.info.std)(x)).softmax(1)[0, palace] < shares[palace]


def test_pretrained_weights_are_loaded_and_random_ones_are_not(lite: Network) -> None:
    entry = entry_of(resolve("efficientnet_lite0"))
    file = weights_here(entry.info)
    assert file is not None
    raw = torch.load(file, weights_only=True)
    stem = lite.stages["conv_stem"].weight
    assert torch.equal(stem, raw["_conv_stem.weight"])
    random = build(entry.info, classes=2, image_size=64, seed=0, pretrained=False)
    assert not torch.equal(random.stages["conv_stem"].weight, stem)
    assert weights_hash(random) != weights_hash(lite)
    again = build(entry.info, classes=7, image_size=96, seed=5)
    assert weights_hash(again) == weights_hash(lite), "neither head nor image size are part of the weights"


def test_a_copy_of_a_network_is_its_own(lite: Network) -> None:
    other = copy.deepcopy(lite)
    with torch.no_grad():
        other.stages["blocks_0"][0].conv_dw.weight.zero_()
    assert weights_hash(other) != weights_hash(lite)
    x = torch.rand(1, 3, 64, 64)
    assert not torch.equal(other.eval()(x), lite.eval()(x))


def test_saved_and_loaded_into_a_random_network(lite: Network, tmp_path: object) -> None:
    from safetensors.torch import load, save

    other = build(resolve("efficientnet_lite0"), classes=2, image_size=128, seed=9, pretrained=False)
    other.load_state_dict(load(save(lite.state_dict())))
    x = torch.rand(2, 1, 128, 128)
    with torch.no_grad():
        assert torch.equal(other.eval()(x), lite.eval()(x))


def test_a_size_that_does_not_work_is_told_before_training() -> None:
    with pytest.raises(UsageError, match=r"cannot take images of 100 pixels .*Sizes that work: 224, 448"):
        build(resolve("torchvision:maxvit_t"), classes=2, image_size=100, seed=0, pretrained=False)
    with pytest.raises(UsageError, match=r"cannot take images of 50 pixels .*Sizes that work: 96, .*224"):
        build(resolve("torchvision:inception_v3"), classes=2, image_size=50, seed=0, pretrained=False)
    assert 224 in SIZES


def test_one_class_is_no_task() -> None:
    with pytest.raises(UsageError, match="Found 1 classes"):
        build(resolve("resnet18"), classes=1, image_size=64, seed=0, pretrained=False)


@pytest.mark.parametrize(
    "name", ["timm:vit_tiny_patch16_224", pytest.param("torchvision:vit_b_32", marks=pytest.mark.slow)]
)
def test_transformers_take_other_sizes_with_their_positions_interpolated(
    name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    entry = entry_of(resolve(name))
    source = source_of(entry.info)
    assert isinstance(tmp_path, Path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        original = source.model(entry, 224)
    file = tmp_path / "weights.pth"
    torch.save(original.state_dict(), file)
    monkeypatch.setattr(type(source), "here", lambda self, entry: file)
    small = build(entry.info, classes=2, image_size=128, seed=0)
    assert small(torch.zeros(1, 1, 128, 128)).shape == (1, 2)
    same = build(entry.info, classes=2, image_size=224, seed=0).eval()
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        stripped = source.trunk(entry, 224, file).eval()
        assert torch.allclose(same.features(x), source.features(entry, stripped, same.stages["input"](x)), atol=1e-5)
    positions = [tensor for key, tensor in small.state_dict().items() if "pos_embed" in key]
    patch = 32 if "32" in name else 16
    assert positions[0].shape[1] == (128 // patch) ** 2 + 1


class InPlace(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu_()


def test_a_stage_that_changes_its_input_is_joined_to_the_one_before() -> None:
    stages = [("a", nn.Conv2d(3, 4, 1)), ("b", InPlace()), ("c", nn.Conv2d(4, 4, 1))]
    images = torch.randn(1, 3, 4, 4)
    result = joined(stages, images)
    assert [name for name, _ in result] == ["a", "c"]
    x = images
    for _, stage in result:
        x = stage(x)
    expected = stages[2][1](stages[0][1](images).relu())
    assert torch.allclose(x, expected)


def test_a_wrong_partition_is_noticed() -> None:
    conv, norm = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
    trunk = nn.Sequential(conv, norm)
    images = torch.randn(1, 3, 4, 4)
    features = trunk(images).mean((2, 3)).detach()
    right = [("a", conv), ("b", norm), ("pool", Flat())]
    assert covered(trunk, right) and agrees(right, images, features)
    assert not covered(trunk, right[:1])
    assert not agrees([right[0], right[2]], images, features)
    assert not agrees([right[1], right[0], right[2]], images, features), "a stage that fails is no agreement"


def test_pooling_by_hand() -> None:
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    assert Flat()(maps).tolist() == [[5.5, 17.5]]
    assert torch.equal(Flat(2)(maps.permute(0, 2, 3, 1)), Flat()(maps))
    assert Flat()(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])).tolist() == [[2.0, 4.0]]


@pytest.mark.slow
def test_every_small_sequence_of_timm_is_cut_as_timm_runs_it() -> None:
    """All architectures under half a GFLOP whose class is listed as a sequence, with every weight perturbed, so that no
    zero or one of the initialisation hides a stage that was left out."""
    seen: set[str] = set()
    wrong: list[str] = []
    for info in find("timm:"):
        if info.architecture in seen or (info.gflops or 9) > 0.5:
            continue
        seen.add(info.architecture)
        source, entry = source_of(info), entry_of(info)
        trunk = source.trunk(entry, info.input_size, None).eval()
        if type(trunk).__name__ not in CHILDREN:
            continue
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for tensor in [*trunk.parameters(), *(b for b in trunk.buffers() if b.is_floating_point())]:
                tensor.add_(0.02 * torch.rand(tensor.shape, generator=generator))
            images = torch.randn(1, 3, info.input_size, info.input_size, generator=generator)
            stages = source.stages(entry, trunk)
            if (
                len(stages) < 3
                or not covered(trunk, stages)
                or not agrees(stages, images, source.features(entry, trunk, images))
            ):
                wrong.append(f"{info.architecture} ({type(trunk).__name__})")
    assert len(seen) > 50
    assert wrong == []
