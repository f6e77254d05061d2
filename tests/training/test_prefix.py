"""Activations within the trunk: at which boundary they are kept, and when half precision is harmless."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from heldout import backbones
from heldout.backbones import Network
from heldout.records import Recipe
from heldout.strategies import Phase
from heldout.training import ActivationCache, learn, logits_of, machine
from heldout.training.augment import views_of
from heldout.training.phases import frozen_stages
from heldout.training.prefix import HARMLESS
from tests.training.test_phases import three_blocks
from tests.training.tiny import tiny_part, tiny_task

LAST = Phase("last", "last", epochs=3, lr=0.01, batch_size=16)
CPU = machine("cpu")


class Full(ActivationCache):
    """Keeps nothing: every epoch runs the whole network."""

    def boundary(self, network, frozen, part, machine):  # type: ignore[no-untyped-def]
        return 0


def train(network: Network, cache: ActivationCache) -> list[tuple[float, float]]:
    steps = learn(network, tiny_task(), [LAST], seed=0, machine=CPU, cache=cache)
    return [(step.epoch.train_loss, step.epoch.val_loss) for step in steps]


def test_cached_maps_give_what_the_full_pass_gives(tmp_path: Path) -> None:
    full, cached, memory = three_blocks(), three_blocks(), three_blocks()
    expected = train(full, Full(None))
    on_disk = train(cached, ActivationCache(tmp_path))
    np.testing.assert_allclose(on_disk, expected, rtol=2e-3)  # float16 rounds to one part in 2,048
    assert on_disk == train(memory, ActivationCache(None))
    kept = [np.load(file, mmap_mode="r") for file in tmp_path.glob("*/activations.npy")]
    assert {array.dtype for array in kept} == {np.dtype(np.float16)}
    assert {array.shape[1:] for array in kept} == {(6, 4, 4)}  # what the last block takes
    pixels = tiny_task().val.pixels
    a, b = (logits_of(network, pixels, CPU) for network in (full, cached))
    np.testing.assert_allclose(a, b, atol=5e-3)


def test_values_too_large_for_half_precision_are_kept_whole(tmp_path: Path) -> None:
    """In the first images, and in one that comes later than those that were held up."""
    network, part = three_blocks(), tiny_part("p", 150, 3)
    plain = ActivationCache(None).activations(network, 4, part, CPU)
    assert plain.dtype == np.float16
    with torch.no_grad():
        network.stages["two"][3].weight.mul_(1e6)
    large = ActivationCache(tmp_path / "a").activations(network, 4, part, CPU)
    assert large.dtype == np.float32 and large.max() > 70000

    network = three_blocks()
    network.stages["stem"] = torch.nn.Conv2d(3, 4, 4, stride=4, bias=False)
    with torch.no_grad():
        network.stages["stem"].weight.fill_(750.0)  # grey gives about 0, white 2 · 48 · 750 = 72,000
    pixels = np.full((150, 16, 16, 1), 128, dtype=np.uint8)
    grey = type(part)(part.ids, pixels.copy(), part.labels)
    pixels[140:] = 255
    late = type(part)(part.ids, pixels, part.labels)
    assert ActivationCache(tmp_path / "b").activations(network, 2, grey, CPU).dtype == np.float16
    kept = ActivationCache(tmp_path / "c").activations(network, 2, late, CPU)
    assert kept.dtype == np.float32 and kept.shape[0] == 150
    assert kept[:140].max() < 400 and kept[140:].min() > 71000
    np.testing.assert_array_equal(kept, ActivationCache(None).activations(network, 2, late, CPU))


def test_half_precision_is_refused_where_it_would_change_the_features() -> None:
    """A block that lives on small differences between large activations."""
    network, part = three_blocks(), tiny_part("p", 20, 3)
    with torch.no_grad():
        network.stages["two"][3].bias.add_(3000.0)  # float16 has steps of 2 there
        centre = network.stages["three"][0].weight[:, :, 1, 1].clone()
        network.stages["three"][0].weight.zero_()[:, :, 1, 1] = centre
        network.stages["three"][1].running_mean.add_(3000.0 * centre.sum(1))
    network.eval()
    assert ActivationCache(None).activations(network, 4, part, CPU).dtype == np.float32
    assert HARMLESS < 0.01


@pytest.mark.parametrize(("frozen", "kept"), [(7, 7), (5, 5), (3, 3), (2, 2), (1, 0), (0, 0)])
def test_the_last_small_boundary_is_kept(frozen: int, kept: int) -> None:
    assert ActivationCache(None).boundary(three_blocks(), frozen, tiny_part("p", 3, 0), CPU) == kept


def test_maps_larger_than_the_images_are_not_kept() -> None:
    network = three_blocks()
    network.stages["stem"] = torch.nn.Conv2d(3, 4, 3, padding=1)  # 4 × 16 × 16 > 3 × 16 × 16
    assert ActivationCache(None).boundary(network, 3, tiny_part("p", 3, 0), CPU) == 0


def test_real_weights_lose_nothing_by_half_precision() -> None:
    """EfficientNet-Lite0 with its ImageNet weights, cut before its last block."""
    network = backbones.build(backbones.resolve("efficientnet_lite0"), 2, 64, 0)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rng = np.random.default_rng(0)
    part = tiny_part("p", 16, 0)
    pixels = np.repeat(np.repeat(part.pixels, 4, 1), 4, 2) // 2 + rng.integers(0, 120, (16, 64, 64, 1), dtype=np.uint8)
    part = type(part)(part.ids, pixels, part.labels)
    length = ActivationCache(None).boundary(network, frozen_stages(network, LAST), part, CPU)
    assert list(network.stages)[length] == "blocks_6"
    assert ActivationCache(None).activations(network, length, part, CPU).dtype == np.float16


def test_runs_of_a_study_share_a_file_where_images_and_prefix_are_equal(tmp_path: Path) -> None:
    recipe = Recipe("c", "s", ("a", "b"), "timm:test", "random", "frozen", {}, 16, "stretch", "bilinear", seed=0)
    network, part = three_blocks(), tiny_part("p", 3, 0)

    def file(other: Recipe) -> Path:
        return ActivationCache.of_study(tmp_path, other, CPU).file(network, 4, part)

    cache = ActivationCache.of_study(tmp_path, recipe, CPU)
    assert not file(recipe).exists()
    found = cache.activations(network, 4, part, CPU)
    np.testing.assert_array_equal(np.load(file(recipe)), found)
    assert file(recipe).is_relative_to(tmp_path / "features")
    assert file(replace(recipe, seed=3, strategy="probe", weights="0" * 16)) == file(recipe)
    others = [
        replace(recipe, backbone="timm:other"),
        replace(recipe, image_size=32),
        replace(recipe, fit="crop"),
        replace(recipe, interpolation="bicubic"),
        replace(recipe, precision="bf16"),
    ]
    assert len({file(recipe), *map(file, others)}) == 6


def test_changed_views_go_through_an_engine_although_they_are_read_in_slices(tmp_path: Path) -> None:
    """Validation was cached by an earlier run, so that a view is the first that the engine is made for."""
    (view,) = views_of(tiny_part("p", 9, 0), "all", 2, seed=0)[1:]
    network = backbones.build(backbones.resolve("efficientnet_lite0"), 2, 32, seed=0, pretrained=False)
    length = len(network.stages) - 1
    by_engine = ActivationCache(tmp_path, engine="folded").activations(network, length, view, CPU)
    plain = ActivationCache(None).activations(network, length, view, CPU)
    np.testing.assert_allclose(by_engine, plain, atol=1e-2 * np.abs(plain).max())
