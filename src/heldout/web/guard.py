"""Who may ask the page for what: every request passes here first, and every answer leaves through here.

The page listens on this machine alone, but other pages in the same browser can send requests to it, and a name can be
made to point here (DNS rebinding). So a request must name this machine as its host, must bear the token that only the
terminal printed, and what changes something must come from the page itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine; any port, so that one that is forwarded (ssh -L) works too."""

READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

MOST_BYTES = 1_000_000
"""Of the body of a request; the largest that the page sends, a list of readings, has a few thousand."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere, and no script runs that is no file of ours; plotly.js sets styles of its own."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    Attributes:
        status: HTTP status.
        text: For the person who looks at it.
    """

    status: int
    text: str


def refusal(method: str, path: str, headers: Headers, token: str) -> Refusal | None:
    """Why a request is refused; None where it may pass.

    Args:
        method: `GET`, `POST` …
        path: Of its address, from the first `/` on.
        headers: As they came.
        token: What the first part of the path must be.
    """
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or named(host) not in HOSTS:
        return Refusal(421, "This page answers to 127.0.0.1 and localhost only.")
    if not hmac.compare_digest(path.split("/")[1].encode() if path.startswith("/") else b"", token.encode()):
        return Refusal(403, "Open the whole address that `heldout serve` printed: the long word in it is the key.")
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return Refusal(403, "Another page asked; this one answers to itself only.")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return Refusal(403, "Another page asked; this one answers to itself only.")
    if method in READING:
        return None
    if method != "POST":
        return Refusal(405, f"Found the method {method[:20]}; expected GET, HEAD or POST.")
    if origin is None:
        return Refusal(403, "Found no Origin with something that is to be changed; a browser sends it.")
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return Refusal(415, "Expected JSON.")
    if not headers.get("content-length", "0").isdecimal() or int(headers.get("content-length", "0")) > MOST_BYTES:
        return Refusal(413, f"Expected a body of at most {MOST_BYTES} bytes.")
    return None


def named(host: str) -> str:
    """The name in a `Host`, without its port; empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """The page's door.

    Args:
        app: What answers the requests that may pass.
        token: The first part of every address.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = refusal(scope["method"], scope["path"], Headers(scope=scope), self.token)
        answer: ASGIApp = self.app
        if refused is not None:
            answer = PlainTextResponse(refused.text, refused.status)
        await answer(scope, _limited(receive), _with_headers(send))


def _limited(receive: Receive) -> Receive:
    """The same body, but an error once more of it came than was allowed: a length need not be told, or be true."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise HTTPException(413, f"Expected a body of at most {MOST_BYTES} bytes.")
        return message

    return limited


def _with_headers(send: Send) -> Send:
    """The same answer with the headers that every answer has."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sent
