"""The map: images as the pretrained network sees them, near each other where they look alike to it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from heldout.report.gallery import PARTS as PART_WORDS
from heldout.report.material import Material
from heldout.web.features import projected, projection_asked
from heldout.web.image_table import image_table
from heldout.web.page import WebPage
from heldout.web.runs import run_asked, run_choices
from heldout.web.site import Site

MOST_VALUES = 8
"""Values of a column that are told apart by colour; the rest share one."""

NAMES = {"pca": "principal components", "umap": "UMAP"}


def routes(site: Site) -> Sequence[BaseRoute]:
    """The page, and the points on it."""

    def page(request: Request) -> Response:
        material = site.material()
        run, by = run_asked(material, request.query_params), projection_asked(request.query_params)
        table = site.kept(("images", run), lambda: image_table(material, run))
        values = {
            "run": run,
            "runs": run_choices(material),
            "by": by,
            "names": NAMES,
            "colours": list(colourings(table)),
        }
        return site.answer(request, "map.html", {**values, "known": projected(site, run, by) is not None})

    def points(request: Request) -> Response:
        material = site.material()
        run, by = run_asked(material, request.query_params), projection_asked(request.query_params)
        known = projected(site, run, by)
        if known is None:
            raise HTTPException(404, "The pretrained network's features are not kept for this run.")
        features, places = known
        table = site.kept(("images", run), lambda: image_table(material, run)).set_index("id").loc[list(features.ids)]
        found = {
            "ids": features.ids,
            "x": [round(float(x), 4) for x in places[:, 0]],
            "y": [round(float(y), 4) for y in places[:, 1]],
            "labels": told(material, table),
            "colours": {name: coded(values) for name, values in colourings(table).items()},
        }
        return JSONResponse(found)

    return [Route("/map", page), Route("/map/points.json", points)]


def told(material: Material, table: pd.DataFrame) -> list[str]:
    """What is said of a point under the pointer."""
    return [
        f"{PART_WORDS[part].lower()}, is {label}" + (f", called {predicted}" if predicted else "")
        for part, label, predicted in zip(table["part"], table["label"], table["predicted"], strict=True)
    ]


def colourings(table: pd.DataFrame) -> dict[str, list[str]]:
    """By what points can be coloured -> the value of each image; a column with one value tells nothing."""
    outcome = ["–" if right is None else "right" if right else "wrong" for right in table["right"]]
    found = {
        "part": list(table["part"]),
        "class": list(table["label"]),
        "outcome": outcome,
        "site": list(table["site"]),
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1 or name == "part"}


def coded(values: list[str]) -> dict[str, object]:
    """The values as numbers of a short list: the commonest first, the rest as `others`."""
    counts = pd.Series(values).value_counts()
    names = [str(name) for name in counts.index[:MOST_VALUES]]
    place = {name: k for k, name in enumerate(names)}
    shown = [*names, *(["others"] if len(counts) > MOST_VALUES else [])]
    return {"names": [name or "not known" for name in shown], "of": [place.get(value, MOST_VALUES) for value in values]}


PAGE = WebPage("map", "Map", 400, routes)
