"""Curves over the epochs, train and validation of every run overlaid."""

from __future__ import annotations

from typing import Any

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material, ReportedRun
from heldout.report._words import finite
from heldout.report.figures._figure import Figure, Trace, label, spec

MANY = 6
"""From this number of runs on, the training curves step back."""

MARKS = 8
"""Symbols shown along one curve: enough to tell seeds apart, few enough to see the line."""


def curve(run: ReportedRun, column: str, scale: float, train: bool, many: bool) -> Trace:
    """One line of one run; a dashed line is training."""
    name = label(run)
    return {
        "type": "scatter",
        "mode": "lines" if train else "lines+markers",
        "x": run.history["epoch"].astype(int).tolist(),
        "y": [finite(scale * value) for value in run.history[column]],
        "name": name,
        "legendgroup": run.row.id,
        "showlegend": not train,
        "line": {"color": run.ink, "width": 1.5 if train else 2.2, "dash": "dot" if train else "solid"},
        "marker": {"symbol": run.symbol, "size": 7, "maxdisplayed": MARKS, "color": run.ink},
        "opacity": 0.5 if train and many else 1.0,
        "hovertemplate": f"{name}<br>epoch %{{x}}, {'training' if train else 'validation'}: "
        "<b>%{y:.4g}</b><extra></extra>",
    }


def ringed(run: ReportedRun, column: str, scale: float, epoch: int) -> Trace | None:
    """A ring around one epoch of a validation curve."""
    at = run.history[run.history["epoch"] == epoch]
    if at.empty:
        return None
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [epoch],
        "y": [finite(scale * float(at[column].iloc[0]))],
        "legendgroup": run.row.id,
        "showlegend": False,
        "marker": {"symbol": "circle-open", "size": 15, "color": run.ink, "line": {"width": 2}},
        "hovertemplate": f"{label(run)}<br>epoch {epoch}<extra></extra>",
    }


def draw_curves(
    material: Material, figure: Figure, what: str, scale: float, ring: str, axis: dict[str, Any], caption: str
) -> list[Chart]:
    """The figure of one quantity.

    Args:
        material: The study.
        figure: The plug-in that asks.
        what: `accuracy` or `loss`: columns train_<what> and val_<what> of the history.
        scale: Factor from the history to the axis.
        ring: Which epoch is ringed: `kept` or `overfit`.
        axis: Vertical axis of plotly.js.
        caption: Text beneath.
    """
    runs = [run for run in material.runs if len(run.history)]
    if not runs:
        return []
    many = len(runs) > MANY
    traces = [curve(run, f"train_{what}", scale, True, many) for run in runs]
    traces += [curve(run, f"val_{what}", scale, False, many) for run in runs]
    for run in runs:
        epoch = run.record.kept_epoch if ring == "kept" else run.row.overfit_epoch
        if epoch is not None and (trace := ringed(run, f"val_{what}", scale, epoch)):
            traces.append(trace)
    rows: list[list[Raw]] = [
        [run.row.id, run.label, int(epoch), finite(train), finite(val)]
        for run in runs
        for epoch, train, val in zip(
            run.history["epoch"], run.history[f"train_{what}"], run.history[f"val_{what}"], strict=True
        )
    ]
    ends = "; ".join(f"{run.label} ends at {run.history[f'val_{what}'].iloc[-1]:.3f}" for run in runs[:12])
    layout = {"xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"}, "yaxis": axis, "hovermode": "closest"}
    return [
        Chart(
            figure.name,
            figure.title,
            caption + (" A click on a name in the legend hides that run." if len(runs) > 1 else ""),
            f"Validation and training {what} over the epochs. Validation: {ends}.",
            spec(traces, layout, max(400, 80 + 24 * len(runs)), [label(run) for run in runs]),
            sheet(["run", "label", "epoch", f"train_{what}", f"val_{what}"], rows),
        )
    ]
