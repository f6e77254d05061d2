"""How wrong a run is among the images that it answers, as it answers more of them."""

from __future__ import annotations

from heldout.answer.calibration import rate_name
from heldout.answer.texts import percent
from heldout.records.calibration import Calibration, JudgedRule, Rule
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, label, plotly_text, spec
from heldout.report.marks import legend_entry
from heldout.report.material import Material
from heldout.report.sections.calibration import calibrations

MOST = 8
"""Curves that are drawn; the sheet holds all."""


def draw(material: Material) -> list[Chart]:
    """A curve a run and rule of answering, on test."""
    found, _ = calibrations(material)
    curves = [
        (id_, record, rule, rule.on_test)
        for id_, record in found.items()
        for rule in record.rules
        if rule.on_test is not None and rule.on_test.curve
    ]
    if not curves:
        return []
    traces: list[Trace] = []
    names = []
    for id_, record, rule, on_test in curves[:MOST]:
        name = f"{label(material.names[id_])}: {plotly_text(rate_name(rule, record.positive))}"
        mark = material.marks[id_]
        names.append(name)
        traces += [_curve(on_test, mark.ink, name), _chosen(on_test, mark.ink, mark.symbol, name)]
        traces.append(legend_entry(name, colour=mark.ink, symbol=mark.symbol))
    layout = {
        "xaxis": {"title": {"text": "answered, % of test images"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "wrong among them, %"}, "rangemode": "tozero"},
        "hovermode": "closest",
    }
    allowed = ", ".join(dict.fromkeys(percent(rule.alpha) for _, _, rule, _ in curves))
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "A line: every candidate threshold, from strict to lax; the mark: the one that was shown to keep what was "
            f"allowed ({allowed}), with 95 % intervals. Every patient counts the same.",
            "Share of wrong answers over the share of images that are answered, on test.",
            spec(traces, layout, 360, names),
            sheet(
                ["run", "rule", "threshold", "coverage", "coverage_low", "coverage_high", "loss", "low", "high"],
                [row for id_, record, rule, on_test in curves for row in _rows(id_, record, rule, on_test)],
            ),
        )
    ]


def _curve(on_test: JudgedRule, colour: str, name: str) -> Trace:
    steps = [step for step in on_test.curve if step.loss is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [100 * step.coverage.value for step in steps],
        "y": [100 * step.loss.value for step in steps if step.loss is not None],
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": f"{name}<br>%{{x:.0f}} % answered, %{{y:.1f}} % wrong<extra></extra>",
        "showlegend": False,
    }


def _chosen(on_test: JudgedRule, colour: str, symbol: str, name: str) -> Trace:
    coverage, loss = on_test.coverage, on_test.loss
    if loss is None:
        return {"type": "scatter", "x": [], "y": [], "showlegend": False}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * coverage.value],
        "y": [100 * loss.value],
        "marker": {"color": colour, "symbol": symbol, "size": 9},
        "error_x": _bar(100 * coverage.value, 100 * coverage.low, 100 * coverage.high, colour),
        "error_y": _bar(100 * loss.value, 100 * loss.low, 100 * loss.high, colour),
        "hovertemplate": f"{name}<br>chosen: %{{x:.0f}} % answered, %{{y:.1f}} % wrong<extra></extra>",
        "showlegend": False,
    }


def _bar(value: float, low: float, high: float, colour: str) -> Trace:
    ends = {"array": [high - value], "arrayminus": [value - low]}
    return {"type": "data", "symmetric": False, **ends, "thickness": 1.2, "width": 0, "color": colour}


def _rows(id_: str, record: Calibration, rule: Rule, on_test: JudgedRule) -> list[list[Raw]]:
    rows: list[list[Raw]] = []
    for step in on_test.curve:
        loss: tuple[Raw, ...] = (None, None, None)
        if step.loss is not None:
            loss = (step.loss.value, step.loss.low, step.loss.high)
        covered = step.coverage
        rows.append([id_, rule.kind, step.threshold, covered.value, covered.low, covered.high, *loss])
    return rows


FIGURE = Figure("coverage", "How wrong, for how many answered", "calibration", 0, draw, ("single",))
