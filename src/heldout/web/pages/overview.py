"""The overview: the answer first, the runs as a table that can be sorted and filtered, their curves, their costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from heldout.answer.gap import comparison_sentences
from heldout.answer.texts import number, percent, percent_range, points_range, signed
from heldout.errors import HeldoutError
from heldout.records import Estimate, RunRow
from heldout.report.blocks import Chart
from heldout.report.figures.accuracy_curves import draw as accuracy_curves
from heldout.report.first_screen import cautions, question
from heldout.report.material import Material
from heldout.runs.under_way import runs_now
from heldout.web.charts import cost_charts
from heldout.web.page import WebPage
from heldout.web.site import Site


@dataclass(frozen=True)
class Shown:
    """One figure of a run's row: what is read, what lies under it, and what it is sorted by."""

    text: str
    note: str
    sort: float | None


def routes(site: Site) -> Sequence[BaseRoute]:
    """The page, and how far its runs are."""

    def page(request: Request) -> Response:
        try:
            material: Material | None = site.material()
            reason = ""
        except HeldoutError as error:  # nothing is finished yet: what is in training can be watched all the same
            material, reason = None, str(error)
        values = {"reason": reason, "now": runs_now(site.folder), "material": material}
        return site.answer(request, "overview.html", {**values, **(of_material(material) if material else {})})

    def now(request: Request) -> Response:
        return JSONResponse([{**asdict(run), "state": run.state.value} for run in runs_now(site.folder)])

    return [Route("/overview", page), Route("/overview/now.json", now)]


def of_material(material: Material) -> dict[str, object]:
    """What the page says of the finished runs."""
    charts: list[Chart] = [*accuracy_curves(material), *cost_charts(material)]
    return {
        "question": question(material.metric, material.files.given),
        "sentences": comparison_sentences(material.comparison, material.names),
        "warnings": [one.text for one in cautions(material)],
        "columns": columns(material),
        "rows": [
            (row, material.names[row.id], material.marks[row.id], cells(material, row)) for row in material.ranked
        ],
        "charts": charts,
        "remarks": material.files.remarks,
    }


def columns(material: Material) -> tuple[str, ...]:
    """Headings of `cells`."""
    words = material.metric.words
    return (
        f"Validation {words}",
        f"Test {words}",
        "Gap, points",
        "AUC",
        "Seconds an epoch",
        "Parameters",
        "Evaluations",
    )


def cells(material: Material, row: RunRow) -> tuple[Shown, ...]:
    """The figures of one run."""
    judged = row.test or row.val
    return (
        fraction(row.val.score),
        fraction(row.test.score if row.test else None),
        points(row.gap_points),
        plain(judged.auc),
        whole(row.seconds_per_epoch, 2),
        Shown("–", "", None) if row.parameters is None else Shown(short(row.parameters), "", row.parameters),
        whole(row.test_evaluations, 0),
    )


def fraction(estimate: Estimate | None) -> Shown:
    """A score in percent with its interval."""
    return NOTHING if estimate is None else Shown(percent(estimate.value), percent_range(estimate), estimate.value)


def points(estimate: Estimate | None) -> Shown:
    """A difference in points with its interval."""
    return NOTHING if estimate is None else Shown(signed(estimate.value), points_range(estimate), estimate.value)


def plain(estimate: Estimate | None) -> Shown:
    """A fraction as it is, with its interval."""
    if estimate is None:
        return NOTHING
    ends = f"{number(estimate.low, 3)}–{number(estimate.high, 3)}"
    return Shown(number(estimate.value, 3), ends, estimate.value)


def whole(value: float | None, decimals: int) -> Shown:
    """A number that has no interval."""
    return NOTHING if value is None else Shown(number(value, decimals), "", value)


def short(parameters: int) -> str:
    """`3.4 M`."""
    return f"{number(parameters / 1e6)} M"


NOTHING = Shown("–", "", None)

PAGE = WebPage("overview", "Overview", 100, routes)
