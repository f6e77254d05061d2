"""Memory is shared: many small images side by side, large ones one after the other, none beyond the limit."""

from __future__ import annotations

import threading

import pytest

from heldout.images import ImageError, memory
from heldout.images.memory import one_image, reserve


def test_an_image_beyond_the_limit_is_refused_with_it() -> None:
    with pytest.raises(ImageError, match="12000 × 12000 pixels") as caught:
        reserve(12_000, 12_000, 3, 1, "x.png")
    assert "384 MiB" in caught.value.expected
    with pytest.raises(ImageError):
        reserve(20_000, 20_000, 1, 1, "x.png")


def test_a_thread_waits_until_there_is_memory_for_its_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BUDGET", 100 * 2**20)
    monkeypatch.setattr(memory, "LARGE", 2**40)
    entered, leave = [threading.Event() for _ in range(3)], [threading.Event() for _ in range(3)]

    def work(number: int) -> None:
        with one_image():
            reserve(3000, 4000, 1, 1, "x")  # 46 MiB with its copies: two at a time
            entered[number].set()
            leave[number].wait(20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread, event in zip(threads[:2], entered, strict=False):
        thread.start()
        assert event.wait(20)
    threads[2].start()
    assert not entered[2].wait(0.2)
    leave[0].set()
    assert entered[2].wait(20)
    leave[1].set()
    leave[2].set()
    for thread in threads:
        thread.join(20)
    assert memory._taken == 0


def test_what_is_reserved_for_the_next_image_replaces_that_of_the_last() -> None:
    with one_image():
        for _ in range(50):
            reserve(10_000, 10_000, 1, 1, "x")
        assert memory._taken == memory.COPIES * 10**8
    assert memory._taken == 0
