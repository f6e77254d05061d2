"""Charts and tables of studies, and what a PDF is made of, for the tests of a paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pypdf
from pypdf.generic import DictionaryObject

from heldout.report.blocks import Chart
from heldout.report.figures import figures
from heldout.report.material import Material


def charts_of(material: Material) -> list[tuple[str, Chart]]:
    """The first chart that each figure of the shelf draws of a study."""
    kind = material.cohort.labels
    return [
        (figure.name, chart) for figure in figures if kind in figure.labels for chart in list(figure.draw(material))[:1]
    ]


def opened(content: bytes) -> pypdf.PageObject:
    """The only page of a PDF."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert len(reader.pages) == 1
    return reader.pages[0]


def objects(page: pypdf.PageObject) -> Iterator[DictionaryObject]:
    """Everything that a page reaches, forms within forms too."""
    todo: list[Any] = [page.get("/Resources")]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        one = one.get_object() if hasattr(one, "get_object") else one
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            if isinstance(one, DictionaryObject):
                yield one
            todo += [value for key, value in one.items() if key != "/Parent"]
        elif isinstance(one, list):
            todo += one
