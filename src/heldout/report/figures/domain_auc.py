"""How well a classifier tells validation from test images of a class, held against chance."""

from __future__ import annotations

from heldout.answer.texts import number, shortened
from heldout.diagnosis.rules import RULES
from heldout.records import Diagnosis
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, plotly_text, spec
from heldout.report.marks import legend_entry, row_axis
from heldout.report.material import Material

CHANCE = (
    "Grey: what the same classifier reaches on random halves of the training patients, from its mean to its maximum. "
    "Rows without grey were not held against chance."
)

Row = tuple[str, str, float, float | None, float | None]
"""Class, kind of evidence, domain AUC, mean and maximum of the null (None where there is none)."""


def rows_of(diagnosis: Diagnosis, classes: tuple[str, ...]) -> list[Row]:
    """Every domain AUC of the record: those of the lenses, else the one that the finding was judged from."""
    found: list[Row] = []
    for lens in diagnosis.lenses:
        if "domain_auc" in lens.numbers:
            null = lens.numbers
            found.append((lens.group, lens.basis, null["domain_auc"], null.get("null_mean"), null.get("null_max")))
    for finding in diagnosis.findings if not found else ():
        null = finding.numbers
        if finding.code == "covariate-shift" and "domain_auc" in null:
            place = int(null.get("class", -1))
            name = classes[place] if 0 <= place < len(classes) else ""
            found.append((name, "", null["domain_auc"], null.get("null_mean"), null.get("null_max")))
    return found


def chance(rows: list[Row]) -> Trace:
    """From the mean of the null to its maximum, as a grey bar."""
    known = [(place, mean, most) for place, (_, _, _, mean, most) in enumerate(rows) if mean is not None and most]
    return {
        "type": "bar",
        "orientation": "h",
        "base": [mean for _, mean, _ in known],
        "x": [max(most - mean, 0.002) for _, mean, most in known],
        "y": [place for place, _, _ in known],
        "width": 0.34,
        "marker": {"color": "@grey"},
        "customdata": [[mean, most] for _, mean, most in known],
        "hovertemplate": "by chance %{customdata[0]:.2f} on average, at most %{customdata[1]:.2f}<extra></extra>",
        "showlegend": False,
    }


def draw(material: Material) -> list[Chart]:
    """One row a class and kind of evidence."""
    known = material.told
    rows = rows_of(known, material.classes) if known else []
    if known is None or not rows:
        return []
    dots: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [auc for _, _, auc, _, _ in rows],
        "y": list(range(len(rows))),
        "hovertemplate": "AUC <b>%{x:.2f}</b><extra></extra>",
        "marker": {"size": 10, "color": "@lost", "line": {"width": 2, "color": "@lost"}},
        "showlegend": False,
    }
    ticks = [
        "<br>".join(plotly_text(shortened(text, 34)) for text in (name or "all", basis) if text)
        for name, basis, *_ in rows
    ]
    lowest = min([0.5, *(auc for _, _, auc, _, _ in rows)])
    rule = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    layout = {
        "xaxis": {"title": {"text": "domain AUC"}, "range": [lowest - 0.04, 1.02]},
        "yaxis": row_axis(ticks),
        "hovermode": "closest",
        "shapes": [
            {**rule, "x0": at, "x1": at, "line": {"color": "@muted", "width": 1.5, "dash": "dot"}}
            for at in (0.5, RULES.max_domain_auc)
        ],
    }
    csv: list[list[Raw]] = [[known.run, *row] for row in rows]
    said = "; ".join(f"{name or 'all'} {basis} {number(auc, 2)}".replace("  ", " ") for name, basis, auc, _, _ in rows)
    held = any(most for *_, most in rows)
    names = ["validation against test", *(["chance"] if held else [])]
    legend = [legend_entry(name, colour=ink) for name, ink in zip(names, ("@lost", "@grey"), strict=False)]
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "How well a classifier tells validation from test images of one class. At 0.5 (left line) they "
            f"resemble each other; above {RULES.max_domain_auc} (right line) they have so little in common that what "
            "it costs cannot be told. "
            + (CHANCE if held else "None was held against chance, which does not give exactly 0.5."),
            f"Domain AUC by class: {said}.",
            spec([chance(rows), dots, *legend], layout, 110 + 44 * len(rows), names),
            sheet(["run", "class", "by", "domain_auc", "null_mean", "null_max"], csv),
        )
    ]


FIGURE = Figure(
    "domain-auc", "Can a classifier tell test from validation?", "evidence", 3, draw, ("single",), each_run=True
)
