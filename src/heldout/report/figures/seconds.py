"""What the runs cost in time."""

from __future__ import annotations

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import duration
from heldout.report.figures._figure import Figure, broken_label, spec
from heldout.report.figures._marks import row_axis


def bars(material: Material, name: str, title: str, caption: str, seconds: list[float]) -> Chart:
    """One bar a run, its duration written at its end."""
    runs = material.runs
    rows: list[list[Raw]] = [
        [run.row.id, run.label, run.row.device, value] for run, value in zip(runs, seconds, strict=True)
    ]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": seconds,
        "y": list(range(len(runs))),
        "text": [duration(value) for value in seconds],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [run.ink for run in runs]},
        "width": 0.6,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "xaxis": {"title": {"text": "seconds"}, "range": [0, 1.28 * max([*seconds, 1e-9])], "nticks": 5},
        "yaxis": row_axis([broken_label(run) for run in runs]),
        "hovermode": "closest",
    }
    said = "; ".join(f"{run.label} {duration(value)}" for run, value in zip(runs, seconds, strict=True))
    return Chart(
        name,
        title,
        caption,
        f"{title}: {said}.",
        spec([trace], layout, 90 + 36 * len(runs)),
        sheet(["run", "label", "device", "seconds"], rows),
    )


def draw(material: Material) -> list[Chart]:
    """Seconds an epoch, and of the whole run."""
    return [
        bars(
            material,
            "seconds-per-epoch",
            "Seconds an epoch",
            "Median over the epochs, training and validation.",
            [run.row.seconds_per_epoch for run in material.runs],
        ),
        bars(
            material,
            "wall-seconds",
            "Seconds of the whole run",
            "By the clock on the wall, feature extraction and scoring included.",
            [run.row.wall_seconds for run in material.runs],
        ),
    ]


FIGURE = Figure("seconds", "Time", "time", 0, draw)
