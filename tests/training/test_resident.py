"""Inputs held on the device: the numbers are those of inputs that are read for each step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from heldout.strategies import Phase
from heldout.training import ActivationCache, learn, logits_of, machine
from heldout.training.predict import input_of
from heldout.training.resident import Resident, free_bytes, held
from heldout.training.task import rows_of
from tests.training.tiny import tiny_network, tiny_task

PHASES = {
    "pixels": Phase("all", "all", epochs=2, lr=1e-2, batch_size=16, augment="all"),
    "features": Phase("head", "head", epochs=2, lr=1e-1, batch_size=16, augment="flips", views=2),
}


def trained(phase: Phase) -> list[Any]:
    network, task = tiny_network(), tiny_task()
    steps = learn(network, task, [phase], seed=2, machine=machine("cpu"), cache=ActivationCache(None))
    rows = [(step.epoch.train_loss, step.epoch.val_loss) for step in steps]
    return [rows, logits_of(network, task.val.pixels, machine("cpu")).tolist()]


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
def test_training_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch, phase: Phase) -> None:
    as_they_are, asked = trained(phase), []
    monkeypatch.setattr("heldout.training.resident.free_bytes", lambda device: asked.append(device) or 2**40)
    assert trained(phase) == as_they_are
    assert len(asked) == (3 if phase.trainable == "head" else 2), "validation, and the images as they are or every view"


def test_what_does_not_fit_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((10, 4, 4, 1), dtype=np.uint8)
    for free, there in ((319, False), (320, True)):
        monkeypatch.setattr("heldout.training.resident.free_bytes", lambda device, free=free: free)
        assert isinstance(held(pixels, machine("cpu")), Resident) is there


def test_a_cpu_holds_nothing_twice() -> None:
    pixels = np.zeros((10, 4, 4, 1), dtype=np.uint8)
    assert free_bytes(torch.device("cpu")) == 0 and held(pixels, machine("cpu")) is pixels


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize(("first", "shape"), [(0, (12, 5, 6, 3)), (2, (12, 3, 4, 4)), (4, (12, 7))])
def test_rows_become_what_a_stage_takes(
    monkeypatch: pytest.MonkeyPatch, first: int, shape: tuple[int, ...], dtype: str
) -> None:
    monkeypatch.setattr("heldout.training.resident.free_bytes", lambda device: 2**40)
    whole: NDArray[Any] = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    some = rows_of(whole, np.arange(12)[::-1].copy())
    for inputs in (whole, some):
        resident = held(inputs, machine("cpu"))
        for rows in (slice(2, 7), np.array([4, 0, 4])):
            mine = input_of(cast(Resident, resident)[rows], first, torch.device("cpu"))
            plain = input_of(inputs[rows], first, torch.device("cpu"))
            assert mine.dtype == plain.dtype and torch.equal(mine, plain)
            assert mine.is_contiguous(memory_format=torch.channels_last) or mine.ndim == 2


def test_a_card_is_asked_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (123, 456))
    assert free_bytes(cast(torch.device, SimpleNamespace(type="cuda"))) == 123
