"""What a library only logs when it should have raised."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Ear(logging.Handler):
    """Keeps what is logged by the thread that listens."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._mine = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        heard = getattr(self._mine, "heard", None)
        if heard is not None:
            heard.append(record.getMessage())

    @contextmanager
    def listen(self) -> Iterator[None]:
        heard: list[str] = []
        self._mine.heard = heard
        try:
            yield
        finally:
            self._mine.heard = None
        if heard:
            raise ValueError(heard[0])


_ears: dict[str, _Ear] = {}
_lock = threading.Lock()


@contextmanager
def errors_raised(logger: str) -> Iterator[None]:
    """Raise what a library logs as an error in this thread: a damaged tag is left out, and other pixels come.

    Args:
        logger: Name of the library's logger.

    Raises:
        ValueError: Something was logged as an error; raised at the end, if nothing else was raised before.
    """
    with _lock:
        if logger not in _ears:
            _ears[logger] = _Ear()
            logging.getLogger(logger).addHandler(_ears[logger])
    with _ears[logger].listen():
        yield
