"""Answers in the language that a reader chose: pages and the texts of JSON are translated on their way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.cookies import SimpleCookie

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heldout.errors import HeldoutError
from heldout.language import ENGLISH, languages, translated_data, translated_page, translator
from heldout.report.proper_names import proper_names
from heldout.web.site import SPOKEN, Site

COOKIE = "heldout-language"
"""What a browser keeps of the reader's choice; below the token's address, and until it is closed."""

WORDS = ("error", "told", "said", "labels", "names")
"""Keys of our JSON beneath which stand words: `labels` of the map's points, `names` of its colours."""


class InLanguage:
    """Translates what leaves.

    Args:
        app: What answers in English.
        site: The study; its names stay as they are.
        lang: The language where nobody chose one; empty for English.
        said: What the scripts of the pages say.
    """

    def __init__(self, app: ASGIApp, site: Site, lang: str, said: Sequence[str]) -> None:
        self.app, self.site, self.lang, self.said = app, site, lang or ENGLISH.lang, said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the language that its reader chose."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        lang = asked(Headers(scope=scope)) or self.lang
        scope[SPOKEN] = lang
        if lang == ENGLISH.lang:
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, _Held(send, lambda kind, body: self.said_in(lang, kind, body)))

    def said_in(self, lang: str, kind: str, body: bytes) -> bytes:
        """A body in a language; `kind` is its media type."""
        made = self.site.kept(("translator", lang), lambda: translator(lang, self.names()))
        if kind == "text/html":
            return translated_page(body.decode(), made, self.said).encode()
        return json.dumps(translated_data(json.loads(body), made, WORDS), ensure_ascii=False).encode()

    def names(self) -> frozenset[str]:
        """Names that stay; where no run is finished, that of the study."""
        with suppress(HeldoutError):
            return proper_names(self.site.material())
        return frozenset({self.site.folder.resolve().name})


class _Held:
    """Holds back a page or JSON until it is whole, and sends it translated; anything else passes."""

    def __init__(self, send: Send, said: Callable[[str, bytes], bytes]) -> None:
        self.send, self.said = send, said
        self.start: Message | None = None
        self.kind, self.body = "", b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.kind = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0]
            if self.kind in ("text/html", "application/json"):
                self.start = message
                return
        if self.start is None:
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = await run_in_threadpool(self.said, self.kind, self.body) if self.body else b""
        MutableHeaders(scope=self.start)["content-length"] = str(len(body))
        await self.send(self.start)
        await self.send({"type": "http.response.body", "body": body})


def asked(headers: Headers) -> str:
    """The language that a browser kept; empty where it kept none that there is."""
    cookies = SimpleCookie()
    with suppress(Exception):  # whatever else this machine keeps in the browser
        cookies.load(headers.get("cookie", ""))
    found = cookies[COOKIE].value if COOKIE in cookies else ""
    return found if found in languages() else ""


def chosen(site: Site) -> Callable[[Request], Response]:
    """Keeps a reader's choice, and leads back to where it was made."""

    def answer(request: Request) -> Response:
        lang, back = request.query_params.get("to", ""), request.query_params.get("back", "")
        answered = RedirectResponse(f"{site.base}/{back.lstrip('/')}", 303)  # always below our own address
        if lang in languages():
            answered.set_cookie(COOKIE, lang, path=site.base, httponly=True, samesite="strict")
        return answered

    return answer
