"""Which places of an image speak for a class, beside what a network of random weights shows: for an image's page."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heldout.answer.texts import number
from heldout.errors import HeldoutError
from heldout.report.material import Material
from heldout.saliency import ClassMaps, class_maps, overlay
from heldout.web.pictures import squares_of
from heldout.web.runs import run_asked
from heldout.web.site import Site

ALIKE = 0.5
"""Rank correlation of a map and its control from which on the page warns: Adebayo et al. (2018) call methods whose maps
stay correlated when weights are random unfit, and name no number; ours is half of what no difference would be."""


def view(site: Site, request: Request) -> Response:
    """Maps of the answer and of the label as pictures, or why there are none."""
    material, id_ = site.material(), request.path_params["id"]
    run = run_asked(material, request.query_params)
    classes = classes_of(material, run, id_)
    pixels = square(site, run, id_)
    try:
        found = class_maps(material.run(run), pixels[None], classes)
    except HeldoutError as error:
        return JSONResponse({"error": str(error)})
    except FileNotFoundError:  # weights take room, and a person may have removed them
        return JSONResponse({"error": "The run's weights are no longer in its folder."})
    told = f"{found.method}, layer {found.layer}."
    if found.of_tokens:
        told += " A transformer mixes its patches before this layer, so the map may lie anywhere: trust it less."
    return JSONResponse({"said": told, "maps": shown(found, pixels)})


def square(site: Site, run: str, id_: str) -> NDArray[Any]:
    """(s, s, c) the image as the run's network sees it.

    Raises:
        HTTPException: It is not in the study's folder, or only as runs of another size see it.
    """
    kept = squares_of(site, run).places.get(id_)
    if kept is None or kept[0].shape[1] != site.material().run(run).recipe.image_size:
        raise HTTPException(404, "The pixels of this image, as this run saw it, are not in the study's folder.")
    return np.asarray(kept[0][kept[1]])


def classes_of(material: Material, run: str, id_: str) -> list[str]:
    """The class that the run answers, then the label's where that is another.

    Raises:
        HTTPException: The run has no answer for the image.
    """
    for answers in material.run(run).predictions.values():
        if id_ in answers.ids:
            row = answers.ids.index(id_)
            return list(dict.fromkeys(material.classes[k] for k in (answers.predicted[row], answers.labels[row])))
    raise HTTPException(404, "The run has no answer for this image.")


def shown(found: ClassMaps, pixels: NDArray[Any]) -> list[dict[str, object]]:
    """A row a class: the map, its control, and what their likeness says."""
    rows: list[dict[str, object]] = []
    for place, name in enumerate(found.classes):
        likeness = float(found.similarity[0, place])
        rows.append(
            {
                "class": name,
                "map": picture(pixels, found.maps[0, place]),
                "control": picture(pixels, found.control[0, place]),
                "said": said(likeness, float(found.maxima[0, place])),
            }
        )
    return rows


def said(likeness: float, most: float) -> str:
    """What the likeness of a map and its control means."""
    if most == 0:
        return "No place of the image speaks for this class."
    if math.isnan(likeness):
        return "The map cannot be compared with its control: one of them is the same everywhere."
    told = f"Rank correlation with the control: {number(likeness, 2)}."
    if likeness >= ALIKE:
        return f"{told} A network that has learned nothing shows nearly the same: the map says little of it."
    return f"{told} The map depends on what the network has learned."


def picture(pixels: NDArray[Any], values: NDArray[np.float32]) -> str:
    """A map over its image, as a `data:` address."""
    return f"data:image/png;base64,{base64.b64encode(overlay(pixels, values)).decode('ascii')}"
