"""What the runs cost in time."""

from __future__ import annotations

from heldout.answer.texts import duration
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, broken_label, spec
from heldout.report.marks import row_axis
from heldout.report.material import Material


def bars(material: Material, name: str, title: str, caption: str, known: dict[str, float | None]) -> Chart | None:
    """One bar a run whose seconds are known, its duration written at its end."""
    runs = [row for row in material.runs if known[row.id] is not None]
    seconds = [value for value in known.values() if value is not None]
    if not runs:
        return None
    rows: list[list[Raw]] = [
        [row.id, material.names[row.id].label, row.device, value] for row, value in zip(runs, seconds, strict=True)
    ]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": seconds,
        "y": list(range(len(runs))),
        "text": [duration(value) for value in seconds],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [material.marks[row.id].ink for row in runs]},
        "width": 0.6,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "xaxis": {"title": {"text": "seconds"}, "range": [0, 1.28 * max([*seconds, 1e-9])], "nticks": 5},
        "yaxis": row_axis([broken_label(material.names[row.id]) for row in runs]),
        "hovermode": "closest",
    }
    said = "; ".join(
        f"{material.names[row.id].label} {duration(value)}" for row, value in zip(runs, seconds, strict=True)
    )
    return Chart(
        name,
        title,
        caption,
        f"{title}: {said}.",
        spec([trace], layout, 90 + 36 * len(runs)),
        sheet(["run", "label", "device", "seconds"], rows),
    )


def draw(material: Material) -> list[Chart]:
    """Seconds an epoch, and of the whole run; nothing where nobody knows them."""
    charts = [
        bars(
            material,
            "seconds-per-epoch",
            "Seconds an epoch",
            "Median over the epochs, training and validation.",
            {row.id: row.seconds_per_epoch for row in material.runs},
        ),
        bars(
            material,
            "wall-seconds",
            "Seconds of the whole run",
            "By the clock on the wall, feature extraction and scoring included.",
            {row.id: row.wall_seconds for row in material.runs},
        ),
    ]
    return [chart for chart in charts if chart is not None]


FIGURE = Figure("seconds", "Time", "time", 0, draw)
