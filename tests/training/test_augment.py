"""Augmentation: each preset does what it says, is drawn from the seed alone, and works from a cache in views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.progress import Silent
from heldout.runs.fit import learn_strategy
from heldout.strategies import Phase
from heldout.strategies.finetune import Finetune
from heldout.strategies.strategy import Augment
from heldout.training import ActivationCache, learn, machine
from heldout.training.augment import BLUR, BRIGHTNESS, CONTRAST, augmented, generator_of, views_of
from heldout.training.wide import DENSITY, LIGHT, MAGNIFICATION, SATURATION, SHIFT, widely_changed
from tests.training.tiny import tiny_network, tiny_part, tiny_task

PRESETS: tuple[Augment, ...] = ("mirror", "flips", "optical", "all", "wide")


def batch(count: int = 64, channels: int = 3, size: int = 12) -> torch.Tensor:
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (count, channels, size, size), dtype=np.uint8))
    return pixels.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_drawn_from_the_seed_alone_and_leaves_its_input(preset: Augment, channels: int) -> None:
    x = batch(channels=channels)
    before = x.clone()
    first, again, other = (augmented(x, preset, generator_of(*seed)) for seed in ((3, 1), (3, 1), (3, 2)))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(x, before) and not torch.equal(first, x)
    assert first.shape == x.shape and first.dtype == torch.uint8
    assert first.is_contiguous(memory_format=torch.channels_last)


def test_none_changes_nothing() -> None:
    assert torch.equal(augmented(batch(), "none", generator_of(0)), batch())


TURNS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as it is": lambda x: x,
    "mirrored": lambda x: x.flip(2),
    "upside down": lambda x: x.flip(1),
    "half turn": lambda x: x.flip(1, 2),
    "transposed": lambda x: x.transpose(1, 2),
    "quarter turn": lambda x: torch.rot90(x, 1, (1, 2)),
    "quarter turn back": lambda x: torch.rot90(x, -1, (1, 2)),
    "transposed the other way": lambda x: x.flip(1, 2).transpose(1, 2),
}


@pytest.mark.parametrize(("preset", "reached"), [("mirror", list(TURNS)[:2]), ("flips", list(TURNS))])
def test_flips_are_flips_each_as_often_as_another(preset: Augment, reached: list[str]) -> None:
    x = batch(400, 1, 6)
    y = augmented(x, preset, generator_of(1))
    found = [next(name for name, turn in TURNS.items() if torch.equal(turn(a), b)) for a, b in zip(x, y, strict=True)]
    assert set(found) == set(reached)
    expected = 400 / len(reached)
    assert all(abs(found.count(name) - expected) < 4 * expected**0.5 for name in reached)


def test_optical_changes_are_mild_and_keep_every_pixel_in_its_place() -> None:
    x = torch.full((300, 1, 16, 16), 100, dtype=torch.uint8)
    x[:, :, :, 8:] = 140
    y = augmented(x, "optical", generator_of(2)).float()
    left, right = y[..., :5].mean((1, 2, 3)), y[..., 11:].mean((1, 2, 3))
    assert ((right - left) > 0).all()
    level = (left + right) / 2 / 120
    assert level.min() > 1 - BRIGHTNESS - 0.05 and level.max() < 1 + BRIGHTNESS + 0.05 and level.std() > 0.05
    contrast = (right - left) / 40 / level
    assert contrast.min() > 1 - CONTRAST - 0.25 and contrast.max() < 1 + CONTRAST + 0.25 and contrast.std() > 0.05
    spread = y[..., :4].std((1, 2, 3))
    assert 0.2 < float((spread > 1.0).float().mean()) < 0.6  # the noisy ones, and some whose JPEG rings


def test_blur_is_a_gaussian_of_the_width_it_is_given() -> None:
    from heldout.training.augment import _blurred

    y = torch.zeros(2, 3, 33, 33)
    y[:, :, 16, 16] = 1.0
    blurred = _blurred(y, torch.tensor(BLUR).reshape(2, 1, 1, 1))
    places = torch.arange(33) - 16.0
    assert torch.allclose(blurred.sum((2, 3)), torch.ones(2, 3), atol=1e-5)
    variance = (blurred.sum(2) * places**2).sum(2)[:, 0]
    assert float(variance[1]) == pytest.approx(BLUR[1] ** 2, rel=0.05)
    assert float(variance[0]) < float(variance[1])


def test_views_are_the_image_itself_and_others_with_ids_of_their_own() -> None:
    part = tiny_part("p", 70, 0)
    first, *others = views_of(part, "all", 3, seed=5)
    assert first is part and len(others) == 2
    assert len({first.ids, *(other.ids for other in others)}) == 3
    a, b = others
    np.testing.assert_array_equal(a.pixels[64:70], a.pixels[64:128])  # the same however it is read
    assert not np.array_equal(a.pixels[0:64], b.pixels[0:64])
    assert not np.array_equal(a.pixels[0:64], views_of(part, "all", 3, seed=6)[1].pixels[0:64])
    assert views_of(part, "none", 3, seed=5) == (part,)


HEAD = Phase("head", "head", epochs=5, lr=0.1, augment="all", views=3)


def test_a_cached_phase_takes_its_views_in_turn(tmp_path: Path) -> None:
    def losses(phase: Phase, folder: Path | None) -> list[float]:
        steps = learn(
            tiny_network(), tiny_task(), [phase], seed=0, machine=machine("cpu"), cache=ActivationCache(folder)
        )
        return [step.epoch.train_loss for step in steps]

    found = losses(HEAD, tmp_path)
    assert len(list(tmp_path.glob("*/activations.npy"))) == 4  # three views of train, and validation as it is
    assert found == losses(HEAD, None) == losses(HEAD, tmp_path)
    plain = losses(replace(HEAD, augment="none"), None)
    assert plain[0] == found[0]  # the first view is the image itself
    assert plain[1] != found[1]


def test_training_on_changed_images_resumes_with_the_same_numbers(tmp_path: Path) -> None:
    """An epoch's changes depend on (seed, epoch) alone."""

    class Cut(Silent):
        def __init__(self, after: int) -> None:
            self.left = after

        def step(self, epoch=None) -> None:  # type: ignore[no-untyped-def]
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    strategy, place = Finetune(epochs=4, lr=0.01, augment="all"), machine("cpu")

    def run(reporter: Silent, file: Path | None):  # type: ignore[no-untyped-def]
        return learn_strategy(tiny_network(), tiny_task(), strategy, 0, place, ActivationCache(None), reporter, file)

    whole = run(Silent(), None)
    with pytest.raises(KeyboardInterrupt):
        run(Cut(2), tmp_path / "c.safetensors")
    resumed = run(Silent(), tmp_path / "c.safetensors")
    assert [row.train_loss for row in resumed.course.history] == [row.train_loss for row in whole.course.history]
    plain = learn_strategy(
        tiny_network(), tiny_task(), replace(strategy, augment="none"), 0, place, ActivationCache(None), Silent()
    )
    assert plain.course.history[0].train_loss != whole.course.history[0].train_loss


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 4])
def test_floats_are_changed_as_bytes_are_but_for_rounding(preset: Augment, channels: int) -> None:
    whole = torch.from_numpy(np.random.default_rng(0).integers(40, 200, (16, channels, 16, 16), dtype=np.uint8))
    real = whole.float() / 255
    before = real.clone()
    changed = augmented(real, preset, generator_of(3))
    assert torch.equal(real, before) and changed.dtype == torch.float32
    assert float(changed.min()) >= 0 and float(changed.max()) <= 1
    apart = (changed * 255 - augmented(whole, preset, generator_of(3)).float()).abs()
    assert float(apart.flatten(1).max(1).values.median()) <= 1
    if preset in ("mirror", "flips"):
        assert float(apart.max()) <= 0.01


def _wide(x: torch.Tensor, seed: int = 4) -> torch.Tensor:
    return widely_changed(x, generator_of(seed))


def test_wide_changes_stain_and_light_as_its_ranges_say() -> None:
    """Of one colour nothing is left but saturation, a power and a gain of each channel."""
    x = torch.full((500, 3, 8, 8), 0.5)
    y = _wide(x)
    assert torch.allclose(y, y[:, :, :1, :1].expand_as(y), atol=1e-6)
    level = y[:, :, 0, 0]
    low = (1 - LIGHT) * 0.5 ** np.exp(DENSITY)
    high = (1 + LIGHT) * 0.5 ** np.exp(-DENSITY)
    assert low <= float(level.min()) < low + 0.05 and high - 0.05 < float(level.max()) <= high
    assert float((level.max(1).values - level.min(1).values).mean()) > 0.05  # each channel for itself


def test_wide_saturation_goes_from_grey_to_more_than_there_was() -> None:
    x = torch.tensor([0.55, 0.5, 0.45]).reshape(1, 3, 1, 1).expand(800, 3, 8, 8).contiguous()
    density = [
        float(torch.log(_wide(x.clone(), seed)[:, 0] / _wide(x.clone(), seed)[:, 2]).mean()) for seed in range(3)
    ]
    kept = np.mean(SATURATION)
    assert np.mean(density) == pytest.approx(kept * np.log(0.55 / 0.45), abs=0.03)


def test_wide_magnification_and_shift_move_a_disc_as_their_ranges_say() -> None:
    size = 64
    rows, columns = np.mgrid[:size, :size]
    disc = ((rows - 31.5) ** 2 + (columns - 31.5) ** 2 < 12**2).astype(np.float32)
    y = _wide(torch.from_numpy(disc).expand(300, 1, size, size).contiguous())
    bright = (y > y.amax((2, 3), keepdim=True) / 2).float()
    diameter = 2 * (bright.sum((1, 2, 3)) / np.pi).sqrt()
    assert float(diameter.min()) == pytest.approx(24 * MAGNIFICATION[0], abs=1.0)
    assert float(diameter.max()) == pytest.approx(24 * MAGNIFICATION[1], abs=1.0)
    centre = (bright * torch.from_numpy(columns)).sum((1, 2, 3)) / bright.sum((1, 2, 3)) - 31.5
    assert 0.6 * SHIFT * size < float(centre.abs().max()) < 1.5 * SHIFT * size


def test_wide_keeps_grey_images_grey_and_bytes_bytes() -> None:
    grey = batch(8, 1)
    assert _wide(grey).dtype == torch.uint8 and _wide(grey).shape == grey.shape
    assert _wide(batch(8, 5)).shape[1] == 5
