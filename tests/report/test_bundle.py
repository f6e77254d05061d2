"""The library that draws the figures: its bundle has every kind of trace, comes with its licence, and is small."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from heldout.report import figures as figures_package
from heldout.report.bundle import FOLDER, SCRIPT, TRACES, plotly_js
from heldout.report.material import Material
from heldout.report.page import compose
from tests.report.pages import every_chart

REPORT = Path(figures_package.__file__).parent.parent


def kinds_written(path: Path) -> set[str]:
    """Every `"type": "…"` of a dictionary that is a trace: one with a name beside that only traces have."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            pairs = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            kind = pairs.get("type")
            if isinstance(kind, ast.Constant) and {"x", "z", "mode", "orientation"} & set(pairs):
                found.add(kind.value)
    return found


def test_the_bundle_has_every_kind_of_trace_that_a_figure_draws(told: Material, evil: Material) -> None:
    drawn = {
        trace["type"]
        for page in map(compose, (told, evil))
        for chart in every_chart(page)
        for trace in chart.spec["data"]
    }
    written = set().union(*(kinds_written(path) for path in (*REPORT.glob("figures/*.py"), REPORT / "marks.py")))
    assert {"bar", "heatmap", "scatter"} <= drawn <= written
    assert written <= set(TRACES)


def test_the_bundle_is_that_of_npm_with_its_licence() -> None:
    about = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert about["main"] == SCRIPT.name and about["license"] == "MIT"
    assert f"plotly.js (cartesian - minified) v{about['version']}" in plotly_js()[:200]
    licence = (FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "Plotly" in licence and "Permission is hereby granted, free of charge" in licence
    assert SCRIPT.stat().st_size < 1_600_000
