"""Why test is lower: the answer, its terms and causes; every number opens what it is made of, down to the images."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from heldout.answer.texts import points_range, signed
from heldout.answer.why import EXPLORATORY, facts, headline, why_lower
from heldout.records import Diagnosis
from heldout.report.material import Material
from heldout.web.page import WebPage
from heldout.web.query import OWN, address
from heldout.web.runs import run_asked, run_choices
from heldout.web.site import Site
from heldout.web.why_page import CLASS_HEADINGS, cards, class_rows, term_page, waterfall

SHOWN_GROUPS = 12
"""Groups of images that are listed, those that lose most first."""


def routes(site: Site) -> Sequence[BaseRoute]:
    """The page, and a page a term."""

    def page(request: Request) -> Response:
        material = site.material()
        run = run_asked(material, request.query_params)
        values = {"run": run, "runs": run_choices(material), "name": material.names[run]}
        known = material.diagnoses.get(run)
        if isinstance(known, Diagnosis):
            return site.answer(
                request, "why.html", {**values, "known": True, **of_diagnosis(site.base, material, known)}
            )
        return site.answer(request, "why.html", {**values, "known": False, "reason": known or ""})

    def term(request: Request) -> Response:
        material = site.material()
        run = run_asked(material, request.query_params)
        known = material.diagnoses.get(run)
        made = term_page(site.base, known, request.path_params["term"]) if isinstance(known, Diagnosis) else None
        if made is None or not isinstance(known, Diagnosis):
            raise HTTPException(404, "This run's diagnosis has no such term.")
        rows = class_rows(site.base, known, request.path_params["term"]) if made.by_class else []
        headings = (*CLASS_HEADINGS, "Points lost")
        values = {"run": run, "name": material.names[run], "term": made, "rows": rows, "headings": headings}
        return site.answer(request, "term.html", values)

    return [Route("/why", page), Route("/why/{term}", term)]


def of_diagnosis(base: str, material: Material, diagnosis: Diagnosis) -> dict[str, object]:
    """What the page says of one run's diagnosis."""
    told, others = cards(base, diagnosis)
    why = why_lower(diagnosis)
    groups = sorted(
        (one for one in diagnosis.groups if one.points), key=lambda one: -(one.points.value if one.points else 0)
    )
    return {
        "diagnosis": diagnosis,
        "headline": headline(diagnosis, material.names[diagnosis.run].spoken),
        "facts": facts(diagnosis),
        "bars": waterfall(base, diagnosis) if diagnosis.explained else [],
        "told": told,
        "others": others,
        "remedies": [(one, signed(one.gain_points.value), points_range(one.gain_points)) for one in why.remedies],
        "exploratory": EXPLORATORY,
        "groups": [
            (
                one,
                signed(one.points.value),
                points_range(one.points),
                group_address(base, diagnosis, one.columns, one.name),
            )
            for one in groups[:SHOWN_GROUPS]
            if one.points
        ],
    }


def group_address(base: str, diagnosis: Diagnosis, columns: tuple[str, ...], name: str) -> str:
    """The gallery of a group's test images; empty where its name is a range or a common part, which no filter means."""
    if len(columns) != 1 or not name.startswith(f"{columns[0]} "):
        return ""
    value = name.removeprefix(f"{columns[0]} ")
    key = columns[0] if columns[0] in ("site", "patient") else f"{OWN}{columns[0]}"
    return address(base, {"run": diagnosis.run, "part": "test", key: value})


PAGE = WebPage("why", "Why", 200, routes)
