"""What only an NVIDIA card can show; `benchmarks/gpu.sh` runs these there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.strategies import Phase
from heldout.training import ActivationCache, learn, logits_of, machine
from heldout.training.augment import augmented, generator_of
from heldout.training.predict import run_stages, to_tensor
from tests.training.tiny import tiny_network, tiny_task

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

ALL = Phase("all", "all", epochs=3, lr=1e-2, batch_size=16, augment="all")


def trained(precision: str = "no", seed: int = 0) -> tuple[list[float], np.ndarray]:
    place, task = machine("cuda", precision), tiny_task()  # type: ignore[arg-type]
    network = place.hold(tiny_network())
    steps = learn(network, task, [ALL], seed=seed, machine=place, cache=ActivationCache(None))
    return [step.epoch.train_loss for step in steps], logits_of(network, task.val.pixels, place)


def test_a_network_answers_as_on_the_processor() -> None:
    pixels = tiny_task().val.pixels
    there, here = (logits_of(machine(d).hold(tiny_network()), pixels, machine(d)) for d in ("cuda", "cpu"))
    np.testing.assert_allclose(there, here, atol=1e-3)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_equal_seeds_give_equal_numbers(precision: str) -> None:
    (losses, logits), (again, same), (other, _) = trained(precision), trained(precision), trained(precision, seed=1)
    assert losses == again and np.array_equal(logits, same) and losses != other


def test_inputs_on_the_card_give_the_numbers_of_those_that_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    there, logits = trained()
    monkeypatch.setattr("heldout.training.resident.free_bytes", lambda device: 0)
    copied, same = trained()
    assert there == copied and np.array_equal(logits, same)


def test_images_are_changed_on_the_card(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    x = to_tensor(pixels, torch.device("cuda"))
    first, again = (augmented(x, "all", generator_of(1)) for _ in range(2))
    assert first.is_cuda and first.dtype == torch.uint8 and torch.equal(first, again)
    here = augmented(x.cpu(), "all", generator_of(1))
    away = (first.cpu().float() - here.float()).abs()
    assert float((away > 40).float().mean()) < 0.02, "other noise, but the same turns, light and blur"


def test_a_pass_over_all_images_gives_all_features() -> None:
    place = machine("cuda")
    network, pixels = place.hold(tiny_network()), tiny_task().train.pixels
    found = run_stages(network, pixels, 0, len(network.stages), place)
    assert found is not None and len(found) == len(pixels) and np.isfinite(found).all()
