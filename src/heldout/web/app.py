"""The application: the guard, the pages on the shelf, pictures and files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from heldout.errors import HeldoutError
from heldout.language import said_by
from heldout.report.bundle import SCRIPT
from heldout.report.material import Wanted
from heldout.report.page import STYLES
from heldout.report.page import TEMPLATES as REPORT_TEMPLATES
from heldout.web.guard import Guard
from heldout.web.in_language import InLanguage, chosen
from heldout.web.pages import pages
from heldout.web.pictures import SIDES, picture
from heldout.web.site import Link, Site

STATIC = Path(__file__).parent / "static"

KEPT = {"Cache-Control": "private, max-age=3600"}
"""Of what an address always gives alike while the server runs: its token is drawn anew each time."""


def build(folder: Path, token: str, wanted: Wanted | None = None, lang: str = "") -> Starlette:
    """The application of one study.

    Args:
        folder: The study's folder.
        token: What every address begins with; whoever has it may look and review.
        wanted: By what the study is judged; None for what its diagnoses were made by.
        lang: Language that the page opens in; a reader may choose another.
    """
    shelf = sorted(pages, key=lambda page: (page.order, page.name))
    menu = tuple(Link(page.name, page.title) for page in shelf)
    site = Site(folder, token, replace(wanted or Wanted(), further=False), menu)
    with suppress(HeldoutError):  # said on the page; runs under way can be watched all the same
        site.material()  # now, so that the first page comes at once
    first = f"{site.base}/{shelf[0].name}"

    def start(request: Request) -> Response:
        return RedirectResponse(first)

    def shown(request: Request) -> Response:
        side = request.query_params.get("side", str(SIDES[0]))
        if side not in map(str, SIDES):
            raise HTTPException(404, f"Found the side {side[:20]}; expected one of {SIDES}.")
        found = picture(site, request.path_params["id"], int(side))
        if found is None:
            raise HTTPException(404, "The pixels of this image are not in the study's folder.")
        return Response(found, media_type="image/jpeg", headers=KEPT)

    def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 409
        text = error.detail if isinstance(error, HTTPException) else str(error)
        return site.answer(request, "fault_page.html", {"text": text, "title": "Not to be shown"}, status)

    routes = [
        Route("/", start),
        Route("/language", chosen(site)),
        Route("/picture/{id}", shown),
        Route("/static/plotly.js", lambda request: FileResponse(SCRIPT, headers=KEPT)),
        Route("/static/report/{name}", report_file),
        Mount("/static", StaticFiles(directory=STATIC)),
        *(route for page in shelf for route in page.routes(site)),
    ]
    return Starlette(
        routes=[Mount(site.base, routes=routes)],
        middleware=[Middleware(Guard, token=token), Middleware(InLanguage, site=site, lang=lang, said=said_by_pages())],
        exception_handlers={HTTPException: failed, HeldoutError: failed},
    )


def said_by_pages() -> tuple[str, ...]:
    """What the scripts of the pages say, as the catalogue knows it."""
    scripts = [*sorted(STATIC.glob("*.js")), REPORT_TEMPLATES / "figures.js"]
    return said_by("\n".join(script.read_text(encoding="utf-8") for script in scripts))


def report_file(request: Request) -> Response:
    """The report's own styles and the script that draws its figures."""
    name = request.path_params["name"]
    if name not in (*STYLES, "figures.js"):
        raise HTTPException(404, "No such file.")
    return FileResponse(REPORT_TEMPLATES / name, headers=KEPT)
