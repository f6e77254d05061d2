"""A model hub on this machine: the few answers that the hub's client asks for, with the headers of the real one."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Repository:
    """A repository of one commit.

    Attributes:
        commit: 40 hexadecimal digits.
        files: Name -> path of what it holds.
        gated: Whether its files are kept from those who have not accepted its licence.
        branches: That point to the commit.
    """

    commit: str
    files: dict[str, Path]
    gated: bool = False
    branches: tuple[str, ...] = ("main",)


@dataclass
class ServedHub:
    """The hub.

    Attributes:
        repositories: Name -> repository.
        token: What one who has accepted every licence sends.
        address: Where it answers.
        asked: Files that were asked for whole, `ORG/NAME/FILE`, in order.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    token: str = "hf_accepted"
    address: str = ""
    asked: list[str] = field(default_factory=list)


FILE = re.compile(r"/(?P<repository>[\w.-]+/[\w.-]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
LIST = re.compile(r"/api/models/(?P<repository>[\w.-]+/[\w.-]+)/tree/(?P<revision>[^/?]+)")


def _handler(hub: ServedHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _found(self, match: re.Match[str]) -> Repository | None:
            repository = hub.repositories.get(match["repository"])
            revision = match["revision"] or "main"
            if repository is None:
                self._refuse(401, "RepoNotFound")
            elif repository.gated and self.headers.get("Authorization") != f"Bearer {hub.token}":
                self._refuse(403, "GatedRepo")
            elif revision != repository.commit and revision not in repository.branches:
                self._refuse(404, "RevisionNotFound")
            else:
                return repository
            return None

        def _answer(self, whole: bool) -> None:
            match = FILE.fullmatch(self.path.partition("?")[0])
            if match is None:
                self._list(whole)
                return
            repository = self._found(match)
            if repository is None:
                return
            if match["file"] not in repository.files:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("X-Repo-Commit", repository.commit)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = repository.files[match["file"]].read_bytes()
            self.send_response(200)
            self.send_header("X-Repo-Commit", repository.commit)
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if whole:
                hub.asked.append(f"{match['repository']}/{match['file']}")
                self.wfile.write(body)

        def _list(self, whole: bool) -> None:
            match = LIST.fullmatch(self.path.partition("?")[0])
            repository = self._found(match) if match else self._refuse(404, "EntryNotFound")
            if repository is None or match is None:
                return
            listed = [{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in repository.files]
            body = json.dumps(listed).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if whole:
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self._answer(whole=False)

        def do_GET(self) -> None:
            self._answer(whole=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def served() -> Iterator[ServedHub]:
    """A hub that answers until the block ends."""
    hub = ServedHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
