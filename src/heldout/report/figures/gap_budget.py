"""From validation down to test, a bar a term of the gap budget."""

from __future__ import annotations

from heldout.answer.texts import number, percent
from heldout.answer.why import status_words
from heldout.records import BudgetTerm, Diagnosis, Estimate
from heldout.records.terms import TERM_TITLES
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, spec
from heldout.report.marks import dots, row_axis
from heldout.report.material import Material

COLOURS = {"lowers": "@lost", "raises": "@gained", "ranking": "@grey"}


def draw(material: Material) -> list[Chart]:
    """The waterfall of the featured run; none where there is nothing to explain."""
    diagnosis = material.told
    if diagnosis is None or not diagnosis.budget:
        return []
    val, test = diagnosis.val_accuracy, diagnosis.test_accuracy
    if val is None or test is None:
        return []
    starts, csv = levels(diagnosis, 100 * val.value), rows_of(diagnosis, val, test)
    last = len(diagnosis.budget) + 1
    traces = [bars(diagnosis, starts), dots([val], [0], ["validation"], colour="@ink", scale=100, size=11)]
    traces += [dots([test], [last], ["test"], colour="@ink", scale=100, size=11)]
    traces += nothing(diagnosis, starts)
    ends = [*starts[1:], 100 * test.value]
    layout = {
        "xaxis": {"title": {"text": f"{diagnosis.metric.words}, %"}},
        "yaxis": row_axis(ticks(diagnosis, val, test)),
        "hovermode": "closest",
        "bargap": 0.35,
        "shapes": [step(at, row) for row, at in enumerate([100 * val.value, *ends[: last - 1]])],
    }
    said = "; ".join(f"{TERM_TITLES[t.term]} {said_of(t)}" for t in diagnosis.budget)
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Read from the top: a bar to the left takes points from test, one to the right gives some back. Thin line: "
            "95 % interval; where it reaches back across the bar's beginning, the term may be nothing. Grey: what no "
            "shift of the line between the classes mends.",
            f"From validation {percent(val.value)} to test {percent(test.value)}: {said}.",
            spec(traces, layout, 80 + 40 * (last + 1)),
            sheet(
                [
                    "run",
                    "step",
                    "title",
                    f"{diagnosis.metric.name}_from",
                    f"{diagnosis.metric.name}_to",
                    "points",
                    "low",
                    "high",
                    "n",
                    "method",
                ],
                csv,
            ),
        )
    ]


def levels(diagnosis: Diagnosis, at: float) -> list[float]:
    """Accuracy in percent at which each term begins."""
    found = []
    for term in diagnosis.budget:
        found.append(at)
        at -= term.points.value
    return found


def colour(term: BudgetTerm) -> str:
    """Role of a bar's colour."""
    if term.term == "ranking":
        return COLOURS["ranking"]
    return COLOURS["lowers" if term.points.value >= 0 else "raises"]


def bars(diagnosis: Diagnosis, starts: list[float]) -> Trace:
    """The terms as floating bars, the whisker at the end that is reached."""
    budget = diagnosis.budget
    points = [term.points for term in budget]
    return {
        "type": "bar",
        "orientation": "h",
        "base": starts,
        "x": [-e.value for e in points],
        "y": list(range(1, len(budget) + 1)),
        "marker": {"color": [colour(term) for term in budget]},
        "customdata": [[TERM_TITLES[term.term], said_of(term), term.points.n] for term in budget],
        "hovertemplate": "%{customdata[0]}: <b>%{customdata[1]}</b> points, n = %{customdata[2]}<extra></extra>",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [e.value - e.low for e in points],
            "arrayminus": [e.high - e.value for e in points],
            "thickness": 1.6,
            "width": 3,
            "color": "@ink",
        },
        "showlegend": False,
    }


def nothing(diagnosis: Diagnosis, starts: list[float]) -> list[Trace]:
    """A thin upright mark where a term is exactly 0 and has no bar."""
    rows = [row for row, term in enumerate(diagnosis.budget) if term.points.value == 0]
    if not rows:
        return []
    mark = {"symbol": "line-ns-open", "size": 20, "color": "@muted", "line": {"width": 2}}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [starts[row] for row in rows],
            "y": [row + 1 for row in rows],
            "marker": mark,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]


def step(at: float, row: int) -> dict[str, object]:
    """The thin line from one row's end down to the next row's beginning."""
    line = {"color": "@muted", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": at, "x1": at, "y0": row, "y1": row + 1, "line": line, "layer": "below"}


def said_of(term: BudgetTerm) -> str:
    """What it takes or gives; `not measured` where that is not known."""
    return status_words(term) if term.known is None else taken(term.known)


def taken(points: Estimate) -> str:
    """`takes 6.2 [3.1, 9.3]`, `gives 1.5 [0.6, 2.4]`, `0.0 [0.0, 2.1]`."""
    if points.value < 0:
        return f"gives {number(-points.value)} [{number(-points.high)}, {number(-points.low)}]"
    verb = "takes " if float(f"{points.value:.1f}") else ""
    return f"{verb}{number(points.value)} [{number(points.low)}, {number(points.high)}]"


def ticks(diagnosis: Diagnosis, val: Estimate, test: Estimate) -> list[str]:
    """Rows: what it is, and its number beneath."""
    middle = [f"{TERM_TITLES[t.term]}<br>{said_of(t)}" for t in diagnosis.budget]
    return [f"<b>validation</b><br>{percent(val.value)}", *middle, f"<b>test</b><br>{percent(test.value)}"]


def rows_of(diagnosis: Diagnosis, val: Estimate, test: Estimate) -> list[list[Raw]]:
    """The data drawn: accuracies as fractions, points and their intervals as points lost."""
    rows: list[list[Raw]] = []
    for name, e in (("validation", val), ("test", test)):
        rows.append([diagnosis.run, name, name, None, e.value, None, e.low, e.high, e.n, e.method])
    at = val.value
    middle: list[list[Raw]] = []
    for term in diagnosis.budget:
        e = term.points
        end = at - e.value / 100
        title = TERM_TITLES[term.term]
        middle.append([diagnosis.run, term.term, title, at, end, e.value, e.low, e.high, e.n, e.method])
        at = end
    return [rows[0], *middle, rows[1]]


FIGURE = Figure("gap-budget", "From validation to test", "why", 0, draw, ("single",), each_run=True)
