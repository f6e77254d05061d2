"""The flow diagram of images and patients: boxes and arrows, as vector graphics."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from heldout.paper.drawing.chart import EDGE, MM, style
from heldout.paper.drawing.palette import light
from heldout.paper.drawing.text import LINE, SIZE, wrapped
from heldout.paper.flow import Box, Flow

PAD = 5.0
"""Points between the frame of a box and its text."""

GAP = 16.0
"""Points between one row of boxes and the next."""

BESIDE = 8.0
"""Points between boxes side by side."""

CLASSES = 12
"""Classes named in a box; of more, the rest are summed."""

Rows = list[tuple[str, bool]]
"""Lines of a box, and whether they are strong."""


def text_of(box: Box, width: float) -> Rows:
    """The lines of a box, wrapped to its width."""
    named = list(box.classes[:CLASSES])
    rest = box.classes[CLASSES:]
    told = [f"{name}: {n:,}" for name, n in named]
    told += [f"{len(rest)} other classes: {sum(n for _, n in rest):,}"] if rest else []
    plain = [line for text in (box.size, *box.lines, *told) for line in fitted(text, width)]
    return [(line, True) for line in fitted(box.title, width)] + [(line, False) for line in plain]


def fitted(text: str, width: float) -> list[str]:
    """Plain text, broken to the width: names of classes are no markup."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return wrapped(safe, width - 2 * PAD)


def tall(rows: Rows) -> float:
    """Points that a box is high."""
    return len(rows) * SIZE * LINE + 2 * PAD


def left_out(flow: Flow, width: float) -> Rows:
    """The box of what was left out."""
    rows: Rows = [(line, True) for line in fitted(f"Left out ({flow.left_out:,})", width)]
    return rows + [(line, False) for reason, n in flow.excluded for line in fitted(f"{reason}: {n:,}", width)]


def draw_flow(flow: Flow, width_mm: float) -> Figure:
    """The diagram at a width in millimetres: read, left out beside it, the parts in a row beneath."""
    width = width_mm * MM
    with style():
        inner = width - 2 * EDGE
        aside = flow.left_out > 0 or flow.unused is not None
        main = inner * 0.52 if aside else inner * 0.7
        left = EDGE if aside else EDGE + (inner - main) / 2
        beside = inner - main - GAP
        assessed = Box("Files assessed", flow.found.images + flow.left_out, None)
        first: Rows = [("Files assessed", True), (f"{assessed.images:,}", False)]
        found = text_of(flow.found, main)
        out = left_out(flow, beside) if flow.left_out else []
        unused = text_of(flow.unused, beside) if flow.unused else []
        n = max(len(flow.parts), 1)
        each = (inner - BESIDE * (n - 1)) / n
        parts = [text_of(part, each) for part in flow.parts]
        gaps = [max(GAP, tall(rows) + 8) if rows else GAP for rows in (out, unused)]
        height = 2 * EDGE + tall(first) + gaps[0] + tall(found) + gaps[1] + max(map(tall, parts), default=0)
        figure = Figure(figsize=(width / 72, height / 72), facecolor="none")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        centre = left + main / 2
        at = EDGE
        for rows, aside_rows, gap in ((first, out, gaps[0]), (found, unused, gaps[1])):
            box(axes, left, at, main, rows)
            at += tall(rows)
            last = rows is found
            if aside_rows:
                middle = at + gap / 2
                arrow(axes, (centre, middle), (left + main + GAP, middle))
                box(axes, left + main + GAP, middle - tall(aside_rows) / 2, beside, aside_rows)
            if not last:
                arrow(axes, (centre, at), (centre, at + gap))
            at += gap
        branch(axes, centre, at, gaps[1], [EDGE + place * (each + BESIDE) + each / 2 for place in range(len(parts))])
        for place, rows in enumerate(parts):
            box(axes, EDGE + place * (each + BESIDE), at, each, rows, max(map(tall, parts)))
    return figure


def branch(axes: Axes, centre: float, at: float, gap: float, middles: Sequence[float]) -> None:
    """From the middle box down to each part."""
    if not middles:
        return
    bend = at - GAP * 0.6
    ink = light()["ink"]
    ends = [min(*middles, centre), max(*middles, centre)]
    axes.plot([centre, centre], [at - gap, bend], color=ink, linewidth=0.7, solid_capstyle="butt")
    axes.plot(ends, [bend, bend], color=ink, linewidth=0.7, solid_capstyle="projecting")
    for middle in middles:
        arrow(axes, (middle, bend), (middle, at))


def box(axes: Axes, x: float, y: float, width: float, rows: Rows, height: float | None = None) -> None:
    """A frame with its lines, the strong ones first."""
    colours = light()
    frame = Rectangle(
        (x, y),
        width,
        height or tall(rows),
        facecolor=colours["paper"],
        edgecolor=colours["ink"],
        linewidth=0.7,
        zorder=2,
    )
    axes.add_patch(frame)
    for number, (line, strong) in enumerate(rows):
        axes.text(
            x + PAD,
            y + PAD + (number + 0.5) * SIZE * LINE,
            line,
            va="center_baseline",
            size=SIZE,
            weight="bold" if strong else "normal",
            parse_math=False,
            zorder=3,
        )


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A thin arrow."""
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>,head_length=0.35,head_width=0.15", "shrinkA": 0, "shrinkB": 0}
        | {"linewidth": 0.7, "color": light()["ink"]},
        zorder=1,
    )


def texts_of_flow(flow: Flow) -> list[str]:
    """Every text of the diagram."""
    boxes = [flow.found, *flow.parts, *([flow.unused] if flow.unused else [])]
    names = [name for one in boxes for name, _ in one.classes]
    return [*names, *(reason for reason, _ in flow.excluded)]
