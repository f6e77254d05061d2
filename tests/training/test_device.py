from __future__ import annotations

import ctypes
import sys

import pytest

from heldout.training import device
from heldout.training.device import keep_freed_memory, release_memory


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
