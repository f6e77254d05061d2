"""One S3 server for all tests here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.remote.s3 import S3, new_bucket, serving, use

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[S3]:
    with serving() as s3:
        yield s3


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The server, whole; and known to this process."""
    use(server, monkeypatch)
    server.heal()
    yield server
    server.heal()


@pytest.fixture
def bucket(s3: S3) -> str:
    """URL of a bucket with nothing in it."""
    return new_bucket(s3, f"bucket-{next(NUMBERS)}")
