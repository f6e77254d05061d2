"""The door of the page: only this machine, only with the token, only what the page itself asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from heldout.web.guard import HEADERS, MOST_BYTES, refusal
from tests.web.conftest import ORIGIN, TOKEN

HOST = "127.0.0.1:8756"
JSON = {"host": HOST, "origin": ORIGIN, "content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", f"/{TOKEN}/overview", {"host": HOST}, None),
        ("GET", f"/{TOKEN}/overview", {"host": "localhost:9000"}, None),  # a port that is forwarded
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "origin": ORIGIN}, None),
        ("POST", f"/{TOKEN}/overview", JSON, None),
        ("GET", f"/{TOKEN}/overview", {"host": "evil.example"}, 421),
        ("GET", f"/{TOKEN}/overview", {"host": "127.0.0.1.evil.example"}, 421),
        ("GET", f"/{TOKEN}/overview", {"host": "evil.example#127.0.0.1"}, 421),
        ("GET", f"/{TOKEN}/overview", {"host": "127.0.0.1@evil.example"}, 421),
        ("GET", f"/{TOKEN}/overview", {}, 421),
        ("GET", "/overview", {"host": HOST}, 403),
        ("GET", "/", {"host": HOST}, 403),
        ("GET", "", {"host": HOST}, 403),
        ("GET", f"/{TOKEN[:-1]}/overview", {"host": HOST}, 403),
        ("GET", f"/{TOKEN}x/overview", {"host": HOST}, 403),
        ("GET", "/ä/overview", {"host": HOST}, 403),
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "origin": "http://evil.example"}, 403),
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "origin": "null"}, 403),
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "origin": "http://127.0.0.1:1234"}, 403),
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "sec-fetch-site": "cross-site"}, 403),
        ("GET", f"/{TOKEN}/overview", {"host": HOST, "sec-fetch-site": "same-site"}, 403),
        ("POST", f"/{TOKEN}/overview", {"host": HOST, "content-type": "application/json"}, 403),
        ("POST", f"/{TOKEN}/overview", {**JSON, "content-type": "text/plain"}, 415),
        ("POST", f"/{TOKEN}/overview", {**JSON, "content-length": str(MOST_BYTES + 1)}, 413),
        ("POST", f"/{TOKEN}/overview", {**JSON, "content-length": "-1"}, 413),
        ("PUT", f"/{TOKEN}/overview", JSON, 405),
        ("DELETE", f"/{TOKEN}/overview", JSON, 405),
    ],
)
def test_who_may_ask(method: str, path: str, headers: dict[str, str], status: int | None) -> None:
    found = refusal(method, path, Headers(headers), TOKEN)
    assert (found.status if found else None) == status


def test_two_hosts_are_none() -> None:
    headers = Headers(raw=[(b"host", HOST.encode()), (b"host", b"evil.example")])
    found = refusal("GET", f"/{TOKEN}/overview", headers, TOKEN)
    assert found is not None and found.status == 421


def test_every_answer_has_the_headers_refused_ones_too(client: TestClient) -> None:
    for path in (f"/{TOKEN}/overview", f"/{TOKEN}/nothing", "/without-the-token", f"/{TOKEN}/static/web.css"):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS), path
    assert client.get(f"/{TOKEN}/overview").headers["cache-control"] == "no-store"


def test_a_body_that_does_not_tell_its_length_is_cut_off(study: Path) -> None:
    """The guard counts what comes, since nobody has to send a true length."""

    async def reads_all(scope: object, receive: object, send: object) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        body = await Request(scope, receive).body()  # type: ignore[arg-type]
        await PlainTextResponse(str(len(body)))(scope, receive, send)  # type: ignore[arg-type]

    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount

    from heldout.web.guard import Guard

    app = Starlette(routes=[Mount("/", app=reads_all)], middleware=[Middleware(Guard, token=TOKEN)])
    asking = TestClient(app, base_url=ORIGIN)

    def pieces(count: int) -> Iterator[bytes]:
        yield from (b"x" * 1000 for _ in range(count))

    headers = {"origin": ORIGIN, "content-type": "application/json"}
    assert asking.post(f"/{TOKEN}/", content=pieces(10), headers=headers).text == "10000"
    assert asking.post(f"/{TOKEN}/", content=pieces(MOST_BYTES // 1000 + 1), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "static/../app.py",
        "static/%2e%2e/app.py",
        "static/..%2f..%2fcli/app.py",
        "static/%5c..%5capp.py",
        "static/report/..%2fpage.py",
        "static/report/page.html",
        "static//etc/passwd",
        "picture/..%2f..%2fstudy.json",
        "picture/%00",
        "images/..%2fstudy.json",
    ],
)
def test_no_path_leads_out(client: TestClient, path: str) -> None:
    assert client.get(f"/{TOKEN}/{path}").status_code in (400, 404)
