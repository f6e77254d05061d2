from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest
import torch
from torch import nn

from heldout.training import device
from heldout.training.device import keep_freed_memory, machine, release_memory


def test_freed_memory_is_kept_where_glibc_is(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, parameter: int, value: int) -> int:
            calls.append((parameter, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_freed_memory()
    assert calls == [(device.M_MMAP_THRESHOLD, device.KEPT), (device.M_TRIM_THRESHOLD, device.KEPT)]


def test_freed_memory_is_given_back_where_glibc_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Library:
        def malloc_trim(self, pad: int) -> int:
            asked.append(pad)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    monkeypatch.setattr(sys, "platform", "linux")
    assert release_memory() and asked == [0]


def test_another_system_or_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory() and not release_memory()
    monkeypatch.setattr(sys, "platform", "linux")

    def missing(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not keep_freed_memory() and not release_memory()


def test_a_network_is_held_in_place_with_its_channels_last() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    weight = network[0].weight.detach().clone()
    place = machine("cpu")
    assert place.hold(network) is network
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(network[0].weight, weight) and network[0].weight.device == place.device


def test_an_array_on_a_cpu_is_a_view_unless_it_may_not_be_written_to() -> None:
    place = machine("cpu")
    values = np.arange(6).reshape(2, 3)
    view = place.tensor(values)
    assert view.dtype == torch.int64 and view.tolist() == values.tolist()
    values[0, 0] = 9
    assert view[0, 0] == 9
    values.flags.writeable = False
    copy = place.tensor(values)
    copy[0, 0] = 5
    assert values[0, 0] == 9
    assert place.tensor(values.T).tolist() == values.T.tolist()
