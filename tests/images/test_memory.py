"""Memory is shared: many small images side by side, large ones one after the other, none beyond the limit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from heldout.images import ImageError, memory
from heldout.images.memory import one_image, reserve


def test_an_image_beyond_the_limit_is_refused_with_it() -> None:
    with pytest.raises(ImageError, match="12000 × 12000 pixels") as caught:
        reserve(12_000, 12_000, 3, 1, "x.png")
    assert "384 MiB" in caught.value.expected
    with pytest.raises(ImageError):
        reserve(20_000, 20_000, 1, 1, "x.png")


def test_threads_take_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BUDGET", 100 * 2**20)
    monkeypatch.setattr(memory, "LARGE", 2**40)
    most, lock, waiting = 0, threading.Lock(), threading.Barrier(2, timeout=20)

    def work(number: int) -> None:
        nonlocal most
        with one_image():
            reserve(3000, 4000, 1, 1, "x")  # 46 MiB with its copies: two at a time
            with lock:
                most = max(most, memory._taken)
            if number < 2:
                waiting.wait()  # both were let in

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert memory._taken == 0 and 90 * 2**20 < most <= 100 * 2**20


def test_what_is_reserved_for_the_next_image_replaces_that_of_the_last() -> None:
    with one_image():
        for _ in range(50):
            reserve(10_000, 10_000, 1, 1, "x")
        assert memory._taken == memory.COPIES * 10**8
    assert memory._taken == 0
