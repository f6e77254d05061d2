"""An S3 server on loopback (moto's) whose requests can be made to fail, and machines that share it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import fsspec
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from heldout.files import read_json, sha256_of
from heldout.remote import store
from heldout.remote.travel import travels
from heldout.remote.working_copy import WorkingCopy

Kind = Literal["refused", "cut", "unanswered", "silent", "forbidden"]
KINDS: tuple[Kind, ...] = ("refused", "cut", "unanswered", "silent")

ERRORS = {"refused": ("503 Service Unavailable", "SlowDown"), "forbidden": ("403 Forbidden", "AccessDenied")}

PATIENCE = 20.0
"""Seconds that a client here waits for an answer: the machine may be busy."""

SLOW = 0.2
"""Seconds that a server says nothing before it is gone."""


@dataclass(frozen=True)
class Fault:
    """A request that fails.

    Attributes:
        at: Which one, from 1.
        kind: `refused`: 503; `cut`: the connection ends in the middle of what is sent or fetched; `unanswered`: it is
            done, and then no answer comes; `silent`: nothing is done or said for a while, and then the connection ends;
            `forbidden`: 403.
        lasting: Whether all that follow fail alike, until the server is healed.
    """

    at: int
    kind: Kind
    lasting: bool = False


@dataclass
class S3:
    """The server.

    Attributes:
        port: On 127.0.0.1.
        fault: What fails; None for nothing.
        count: Requests since `heal`.
    """

    app: Callable[..., Iterable[bytes]]
    port: int = 0
    fault: Fault | None = None
    count: int = 0
    struck: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def heal(self, fault: Fault | None = None) -> None:
        """Count anew, with another fault or none."""
        with self._lock:
            self.fault, self.count, self.struck = fault, 0, 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.count += 1
            fault = self.fault
            strikes = fault is not None and (self.count == fault.at or (fault.lasting and self.count > fault.at))
            self.struck += strikes
        if fault is None or not strikes:
            return self.app(environ, start)
        return self._failed(fault.kind, environ, start)

    def _failed(self, kind: Kind, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if kind in ERRORS:
            status, code = ERRORS[kind]
            environ["wsgi.input"].read(size)
            start(status, [("Content-Type", "application/xml")])
            body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        if kind == "silent":
            time.sleep(SLOW)
        elif kind == "unanswered":
            b"".join(self.app(environ, lambda *_: None))
        elif size:  # cut: half of what is sent arrives
            environ["wsgi.input"].read(size // 2)
        else:  # half of what is asked for
            return self._half(environ, start)
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    def _half(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        body = b"".join(self.app(environ, start))
        yield body[: len(body) // 2]
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing is said."""


@contextmanager
def serving() -> Iterator[S3]:
    """The server, until the block ends."""
    s3 = S3(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, s3, threaded=True, request_handler=_Quiet)
    s3.port = server.port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use(s3: S3, patch: pytest.MonkeyPatch, patience: float = PATIENCE) -> None:
    """Have this process know the server and no other, and try only twice."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{s3.port}",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)
    config = {"connect_timeout": PATIENCE, "read_timeout": patience, "retries": {"total_max_attempts": 1}}
    patch.setitem(fsspec.config.conf, "s3", {"config_kwargs": config})
    store._file_system.cache_clear()
    fs: Any = store._file_system("s3", store.os.getpid())
    patch.setattr(type(fs), "retries", 2)


def new_bucket(s3: S3, name: str) -> str:
    """Make a bucket; its URL."""
    s3.heal()
    fs: Any = store._file_system("s3", store.os.getpid())
    fs.mkdir(name)
    return f"s3://{name}"


@contextmanager
def machine(cache: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the block, this process is a machine with a cache of its own."""
    with patch.context() as own:
        own.setenv("HELDOUT_CACHE", str(cache))
        yield


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a study that travels, with its content."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(found.items()) if travels(name)}


def objects_of(copy: WorkingCopy) -> dict[str, bytes]:
    """Every object of a study, with its content."""
    return {name: copy.store.read(name) for name in sorted(copy.store.list()) if travels(name)}


def assert_whole(folder: Path) -> int:
    """Every run that has its record has all its files as they were written; how many have."""
    records = sorted(folder.glob("runs/*/run.json"))
    for record in records:
        for name, wanted in read_json(record)["files"].items():
            assert sha256_of(record.parent / name) == wanted, (record, name)
    return len(records)
