"""Every figure of the shelf as a vector PDF: its width, its fonts, its text, nothing cut, nothing on something else."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from heldout.paper.drawing.chart import MM, draw_chart, pdf, style, svg
from heldout.paper.drawing.diagram import draw_flow
from heldout.paper.drawing.marks import UndrawnError
from heldout.paper.drawing.palette import coloured, light
from heldout.paper.drawing.text import lines, without_glyph, wrapped
from heldout.paper.flow import flow_of, mermaid
from heldout.report.blocks import Chart, sheet
from heldout.report.figure import spec
from heldout.report.figures import figures
from heldout.report.material import Material, gather
from tests.paper.pages import charts_of, objects, opened


@pytest.fixture(scope="session")
def charts(crossed: Material, told: Material, evil: Material, stressed: Path, calibrated: Material) -> dict[str, Chart]:
    """Figure -> a chart of it, with hostile names where a study has these, and many runs."""
    found: dict[str, Chart] = {}
    for material in (evil, crossed, told, gather(stressed), calibrated):
        found |= {name: chart for name, chart in charts_of(material) if name not in found}
    return found


def inside(figure: Figure) -> None:
    """Nothing that is drawn reaches beyond the paper."""
    with style():
        figure.draw_without_rendering()
    page, drawn = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    for low, high in ((page.x0 - drawn.x0, drawn.x1 - page.x1), (page.y0 - drawn.y0, drawn.y1 - page.y1)):
        assert low < 0.5 and high < 0.5, "something is cut"


def apart(figure: Figure) -> None:
    """Labels of one axis do not touch each other, nor the legend the axes."""
    axes = figure.axes[0]
    upright = [label for label in axes.get_xticklabels() if label.get_text() and not label.get_rotation()]
    for labels in (upright, [label for label in axes.get_yticklabels() if label.get_text()]):
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: (box.x0, box.y0))
        for a, b in pairwise(sorted(boxes, key=lambda box: box.x0 if labels is upright else box.y0)):
            assert not overlap(a, b), "two labels lie on each other"
    for legend in figure.legends:
        assert not overlap(legend.get_window_extent(), axes.get_window_extent()), "the legend lies on the axes"


def overlap(a: Bbox, b: Bbox) -> bool:
    return min(a.x1, b.x1) - max(a.x0, b.x0) > 0.6 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.6


def test_every_figure_of_the_shelf_is_among_them(charts: dict[str, Chart]) -> None:
    assert charts.keys() == {figure.name for figure in figures}


def fits(figure: Figure, width: int) -> None:
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    inside(figure)
    apart(figure)
    frame = figure.axes[0].get_position()
    assert frame.width > 0.2 and frame.height > 0.25, "the axes are squeezed"


def test_every_figure_fits_a_column(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        fits(draw_chart(chart, 85), 85)


@pytest.mark.parametrize("name", ["overview", "confusion", "gap-budget", "loss-curves", "threshold-curve", "seconds"])
def test_a_page_of_every_kind_of_figure_is_vectors_alone(charts: dict[str, Chart], name: str) -> None:
    chart = charts[name]
    figure = draw_chart(chart, 170)
    fits(figure, 170)
    page = opened(pdf(figure, chart.title))
    assert float(page.mediabox.width) == pytest.approx(170 * MM, abs=0.01)
    assert "/Image" not in [str(one.get("/Subtype")) for one in objects(page)]
    fonts = [one for one in objects(page) if one.get("/Type") == "/Font"]
    assert fonts and all(one["/Subtype"] in ("/Type0", "/CIDFontType2", "/TrueType") for one in fonts)
    assert any("/FontFile2" in one for one in objects(page)), "the font is not embedded as TrueType"
    title = chart.spec["layout"]["xaxis"]["title"]["text"]
    assert "".join(lines(title)[0].split()) in "".join(page.extract_text().split())


def test_equal_figures_are_equal_files_and_nobody_elses_settings_change(told: Material) -> None:
    before = dict(matplotlib.rcParams)
    _, chart = charts_of(told)[0]
    assert pdf(draw_chart(chart, 85), "a") == pdf(draw_chart(chart, 85), "a")
    assert svg(draw_chart(chart, 85), "a") == svg(draw_chart(chart, 85), "a")
    assert dict(matplotlib.rcParams) == before


TRACE = {"type": "scatter", "mode": "markers", "x": [1, 2], "y": [1, 2]}


def made(traces: list[dict[str, object]], layout: dict[str, object] | None = None) -> Chart:
    return Chart("own-figure", "T", "", "", spec(traces, layout or {}, 200), sheet(["x"], []))


@pytest.mark.parametrize(
    ("traces", "layout", "told"),
    [
        ([{"type": "violin"}], {}, "a trace of type 'violin', expected one of scatter, bar, heatmap"),
        ([{**TRACE, "mode": "text"}], {}, "a scatter trace of mode 'text'"),
        ([{**TRACE, "marker": {"symbol": "octagon"}}], {}, "marker symbol 'octagon'"),
        ([{**TRACE, "mode": "lines", "line": {"dash": "5px"}}], {}, "line dash '5px'"),
        ([{**TRACE, "mode": "lines", "line": {"shape": "spline"}}], {}, "line shape 'spline'"),
        ([{**TRACE, "error_x": {"type": "percent", "value": 3}}], {}, "error bars of type 'percent'"),
        ([{"type": "bar", "x": [1], "y": [1]}], {"barmode": "relative"}, "'relative'"),
        ([TRACE], {"annotations": [{}]}, "a layout with annotations"),
        ([TRACE], {"shapes": [{"type": "circle"}]}, "a shape 'circle'"),
        ([TRACE], {"xaxis": {"type": "date"}}, "an axis of type 'date'"),
        ([{"type": "heatmap", "z": [[1]], "x": [0], "y": [0]}], {}, "a scale beside it"),
    ],
)
def test_what_is_not_drawn_is_one_error_that_names_the_figure(
    traces: list[dict[str, object]], layout: dict[str, object], told: str
) -> None:
    with pytest.raises(UndrawnError) as error:
        draw_chart(made(traces, layout), 85)
    assert "'own-figure'" in str(error.value) and told in str(error.value)


def test_what_is_drawn_is_the_data_in_the_colours_of_the_page() -> None:
    traces = [
        {"type": "bar", "orientation": "h", "base": [90, 80], "x": [-10, 5], "y": [0, 1], "marker": {"color": "@lost"}},
        {**TRACE, "marker": {"color": "@run1", "size": 10}, "error_x": {"type": "data", "array": [1, 1]}},
    ]
    axes = draw_chart(made(traces), 85).axes[0]
    bars = [(patch.get_x(), patch.get_width(), patch.get_y() + patch.get_height() / 2) for patch in axes.patches]
    assert bars == [(90, -10, 0), (80, 5, 1)]
    assert matplotlib.colors.to_hex(axes.patches[0].get_facecolor()) == light()["lost"]
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    assert dots.get_xydata().tolist() == [[1, 1], [2, 2]] and dots.get_markerfacecolor() == light()["run1"]
    (whisker,) = [c for c in axes.collections if len(c.get_segments()) == 2]  # type: ignore[attr-defined]
    assert whisker.get_segments()[0].tolist() == [[0, 1], [2, 1]]  # type: ignore[attr-defined]


def test_bars_of_several_traces_stand_side_by_side() -> None:
    traces = [{"type": "bar", "orientation": "h", "x": [3], "y": [0], "name": n} for n in "abc"]
    patches = draw_chart(made(traces, {"barmode": "group", "bargap": 0.1}), 85).axes[0].patches
    middles = [patch.get_y() + patch.get_height() / 2 for patch in patches]
    assert middles == pytest.approx([-0.3, 0.0, 0.3]) and patches[0].get_height() == pytest.approx(0.3)


def test_roles_and_markup() -> None:
    assert coloured({"a": ["@ink", "@nobody", "ink"]}) == {"a": [light()["ink"], "@nobody", "ink"]}
    assert lines("a&lt;b&gt;<br><b>c</b> %&#123;x}") == ["a<b>", "c %{x}"]
    assert len(wrapped("efficientnet_lite0 · finetune · seed 2", 60)) > 1
    assert "".join(wrapped("x" * 60, 60)) == "x" * 60
    assert without_glyph(["abc", "−"]) == "" and without_glyph(["\U000e0041"]) == "\U000e0041"


def test_dollars_and_underscores_in_names_are_no_mathematics() -> None:
    traces = [{**TRACE, "name": "$x_1^2$ & \\frac", "showlegend": True}]
    chart = Chart("own-figure", "T", "", "", spec(traces, {}, 200, ["$x_1^2$"]), sheet(["x"], []))
    assert "$x_1^2$" in opened(pdf(draw_chart(chart, 85), "t")).extract_text()


@pytest.mark.parametrize("width", [85, 170])
def test_the_flow_diagram_holds_every_number(evil: Material, width: int) -> None:
    flow = flow_of(evil)
    figure = draw_flow(flow, width)
    inside(figure)
    page = opened(pdf(figure, "flow"))
    assert float(page.mediabox.width) == pytest.approx(width * MM, abs=0.01)
    text = "".join(page.extract_text().split())
    for box in (flow.found, *flow.parts):
        assert "".join(f"{box.images:,} images".split()) in text
        for name, n in box.classes:
            assert f":{n:,}" in text and "".join(name.split())[:8] in text
    assert "Leftout(1)" in text and "atruncatedfile:1" in text


def test_the_flow_as_text_holds_no_markup_of_others(evil: Material) -> None:
    text = mermaid(flow_of(evil))
    assert "<script" not in text and "#60;script#62;" in text
    assert text.count('"') == 2 * text.count('["')


def test_the_flow_counts_images_in_no_part(four: Material) -> None:
    split = dataclasses.replace(four.split, train=four.split.train[:-3])
    flow = flow_of(dataclasses.replace(four, files=dataclasses.replace(four.files, split=split)))
    assert flow.unused is not None and flow.unused.images == 3
    assert sum(part.images for part in flow.parts) + 3 == flow.found.images == len(four.cohort)
    inside(draw_flow(flow, 85))


def test_names_along_an_axis_are_its_ticks() -> None:
    traces = [{"type": "bar", "x": ["a_1", "b<br>c"], "y": [3, 4]}, {"type": "bar", "x": ["b<br>c"], "y": [1]}]
    axes = draw_chart(made(traces, {"barmode": "group"}), 85).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a_1", "b\nc"]
    assert [patch.get_height() for patch in axes.patches] == [3, 4, 1]
    assert axes.patches[2].get_x() == pytest.approx(1.0)
