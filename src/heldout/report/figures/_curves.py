"""Curves over the epochs, train and validation of every run overlaid."""

from __future__ import annotations

from typing import Any

from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import CLICK, Figure, Trace, finite, label, spec
from heldout.report.material import Material

MANY = 6
"""From this number of runs on, the training curves step back."""

MEAN = "Each point is the mean over the folds."
"""What the curves of a cross-validated run are."""

MARKS = 8
"""Symbols shown along one curve: enough to tell seeds apart, few enough to see the line."""


def curve(material: Material, id_: str, column: str, scale: float, train: bool, many: bool) -> Trace:
    """One line of one run; a dashed line is training."""
    name, mark, history = label(material.names[id_]), material.marks[id_], material.run(id_).history
    return {
        "type": "scatter",
        "mode": "lines" if train else "lines+markers",
        "x": history["epoch"].astype(int).tolist(),
        "y": [finite(scale * value) for value in history[column]],
        "name": name,
        "legendgroup": id_,
        "showlegend": not train,
        "line": {"color": mark.ink, "width": 1.5 if train else 2.2, "dash": "dot" if train else "solid"},
        "marker": {"symbol": mark.symbol, "size": 7, "maxdisplayed": MARKS, "color": mark.ink},
        "opacity": 0.5 if train and many else 1.0,
        "hovertemplate": f"{name}<br>epoch %{{x}}, {'training' if train else 'validation'}: "
        "<b>%{y:.4g}</b><extra></extra>",
    }


def ringed(material: Material, id_: str, column: str, scale: float, epoch: int) -> Trace | None:
    """A ring around one epoch of a validation curve."""
    history = material.run(id_).history
    at = history[history["epoch"] == epoch]
    if at.empty:
        return None
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [epoch],
        "y": [finite(scale * float(at[column].iloc[0]))],
        "legendgroup": id_,
        "showlegend": False,
        "marker": {"symbol": "circle-open", "size": 15, "color": material.marks[id_].ink, "line": {"width": 2}},
        "hovertemplate": f"{label(material.names[id_])}<br>epoch {epoch}<extra></extra>",
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
    # The history of one of several labels has losses alone: its accuracies would be means over all labels.
    runs = [row for row in material.runs if len(h := material.run(row.id).history) and f"val_{what}" in h]
    if not runs:
        return []
    many = len(runs) > MANY
    traces = [curve(material, row.id, f"train_{what}", scale, True, many) for row in runs]
    traces += [curve(material, row.id, f"val_{what}", scale, False, many) for row in runs]
    for row in runs:
        epoch = material.run(row.id).record.kept_epoch if ring == "kept" else row.overfit_epoch
        if epoch is not None and (trace := ringed(material, row.id, f"val_{what}", scale, epoch)):
            traces.append(trace)
    histories = [(row.id, material.names[row.id].label, material.run(row.id).history) for row in runs]
    csv: list[list[Raw]] = [
        [id_, name, int(epoch), finite(train), finite(val)]
        for id_, name, history in histories
        for epoch, train, val in zip(history["epoch"], history[f"train_{what}"], history[f"val_{what}"], strict=True)
    ]
    ends = "; ".join(f"{name} ends at {history[f'val_{what}'].iloc[-1]:.3f}" for _, name, history in histories[:12])
    layout = {"xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"}, "yaxis": axis, "hovermode": "closest"}
    return [
        Chart(
            figure.name,
            figure.title,
            caption + (CLICK if len(runs) > 1 else ""),
            f"Validation and training {what} over the epochs. Validation: {ends}.",
            spec(traces, layout, max(400, 80 + 24 * len(runs)), [label(material.names[row.id]) for row in runs]),
            sheet(["run", "label", "epoch", f"train_{what}", f"val_{what}"], csv),
        )
    ]
