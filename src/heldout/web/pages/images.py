"""The images: a gallery of any number of them, filtered and sorted, and one image with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from heldout.images.quality import PROPERTIES
from heldout.records import PARTS, Diagnosis
from heldout.report.gallery import PARTS as PART_WORDS
from heldout.report.material import Material
from heldout.web.features import projected, projection_asked
from heldout.web.image_page import about_image
from heldout.web.image_table import FIXED, OUTCOMES, SORTS, Rows, cited_by, image_table, select
from heldout.web.page import WebPage
from heldout.web.polygon import MOST_CORNERS, corners_in, within
from heldout.web.query import OWN, query_of
from heldout.web.runs import run_asked, run_choices
from heldout.web.saliency_view import view
from heldout.web.site import Site

PAGE_ROWS = 200
"""Images that one request gives: a few screens."""


def routes(site: Site) -> Sequence[BaseRoute]:
    """The gallery, its rows, and an image's own page."""

    def page(request: Request) -> Response:
        material = site.material()
        run = run_asked(material, request.query_params)
        table = table_of(site, run)
        values = {"run": run, "runs": run_choices(material), "choices": choices(material, run, table)}
        asked = dict(request.query_params)
        return site.answer(request, "images.html", {**values, "asked": asked, "own": OWN, "parts": PART_WORDS})

    def rows(request: Request) -> Response:
        _, table, found = selected(site, request)
        start = _number(request, "offset")
        shown = found[start : start + PAGE_ROWS]
        return JSONResponse({"total": len(found), "offset": start, "rows": tiles(table, shown)})

    def image(request: Request) -> Response:
        run, table, found = selected(site, request)
        id_ = request.path_params["id"]
        if id_ not in set(table["id"]):
            raise HTTPException(404, "This image is not in the study's split.")
        ids = table["id"].to_numpy()[found].tolist()
        place = ids.index(id_) if id_ in ids else None
        before = ids[place - 1] if place else None
        after = ids[place + 1] if place is not None and place + 1 < len(ids) else None
        values = {"before": before, "after": after, "place": place, "total": len(ids), "asked": request.url.query}
        return site.answer(request, "image.html", {**values, **about_image(site, run, id_, table)})

    def saliency(request: Request) -> Response:
        return view(site, request)

    return [
        Route("/images", page),
        Route("/images/rows.json", rows),
        Route("/images/{id}", image),
        Route("/images/{id}/saliency.json", saliency),
    ]


def table_of(site: Site, run: str) -> pd.DataFrame:
    """The table of images of one run."""
    return site.kept(("images", run), lambda: image_table(site.material(), run))


def selected(site: Site, request: Request) -> tuple[str, pd.DataFrame, Rows]:
    """The run that is asked of, its table, and the rows that the address means."""
    material, asked = site.material(), request.query_params
    run = run_asked(material, asked)
    table = table_of(site, run)
    query = query_of(asked, measured(table), material.cohort.further)
    if asked.get("lasso"):
        query = replace(query, ids=in_lasso(site, run, asked["lasso"], projection_asked(asked)))
    return run, table, select(table, query, cited_by(material.diagnoses.get(run), query.cause))


def in_lasso(site: Site, run: str, text: str, by: str) -> frozenset[str]:
    """Ids of the images whose places on the map lie within a line.

    Raises:
        HTTPException: No such line or map.
    """
    corners = corners_in(text)
    if corners is None:
        raise HTTPException(400, f"lasso: expected 3 to {MOST_CORNERS} corners, x,y;x,y;…")
    known = projected(site, run, by)
    if known is None:
        return frozenset()
    features, places = known
    inside = within(places.astype(np.float64), corners)
    return frozenset(features.ids[k] for k in np.flatnonzero(inside))


def measured(table: pd.DataFrame) -> list[str]:
    """Names of the measured properties that the table has."""
    return [one.name for one in PROPERTIES if one.name in table.columns]


def choices(material: Material, run: str, table: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """What each filter offers: (value, words)."""
    diagnosis = material.diagnoses.get(run)
    cited = diagnosis.findings if isinstance(diagnosis, Diagnosis) else ()
    parts = set(table["part"])
    words = {one.name: one.words for one in PROPERTIES}
    found = {
        "part": [(part, PART_WORDS[part].removesuffix(" image").lower()) for part in PARTS if part in parts],
        "label": [(name, name) for name in material.classes],
        "predicted": [(name, name) for name in material.classes],
        "outcome": [(name, name) for name in OUTCOMES],
        "cause": [(one.code, one.cause) for one in cited if one.images],
        "site": [(name, name) for name in sorted(set(table["site"]) - {""})],
        "sort": [*SORTS.items(), *((name, words[name]) for name in measured(table))],
    }
    return {name: offered for name, offered in found.items() if offered}


def tiles(table: pd.DataFrame, rows: Rows) -> list[dict[str, object]]:
    """What the gallery shows of some images."""
    columns = [name for name in FIXED if name not in ("patient", "site", "label_probability")]
    shown = table.iloc[rows][columns]
    return [
        {str(name): None if isinstance(value, float) and np.isnan(value) else value for name, value in record.items()}
        for record in shown.to_dict("records")
    ]


def _number(request: Request, key: str) -> int:
    """A number of rows to begin at."""
    text = request.query_params.get(key, "0")
    if not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, f"{key}: found {text[:40]!r}, expected a whole number from 0 on.")
    return int(text)


PAGE = WebPage("images", "Images", 300, routes)
