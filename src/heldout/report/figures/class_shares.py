"""How the classes are mixed in train, validation and test."""

from __future__ import annotations

from heldout.answer.texts import shortened
from heldout.records import PARTS
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, plotly_text, spec
from heldout.report.marks import row_axis
from heldout.report.material import Material

NAMES = {"train": "train", "val": "validation", "test": "test"}


def draw(material: Material) -> list[Chart]:
    """Three bars a class: its share of each part."""
    labels, labelling = material.cohort.table.set_index("id")["label"], material.cohort.labelling
    classes = material.classes
    traces: list[Trace] = []
    csv: list[list[Raw]] = []
    parts = [part for part in PARTS if material.split.part(part)]
    for part, colour in zip(parts, ("@grey", "@muted", "@ink"), strict=False):
        own = labels.loc[list(material.split.part(part))].tolist()
        n, images = len(own), [int(count) for count in labelling.members(own, classes).sum(axis=0)]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": [100 * count / n for count in images],
                "y": list(range(len(classes))),
                "customdata": images,
                "name": NAMES[part],
                "marker": {"color": colour},
                "hovertemplate": f"{NAMES[part]}: <b>%{{x:.1f}} %</b>, %{{customdata}} of {n} images<extra></extra>",
            }
        )
        csv += [[part, name, count, count / n] for name, count in zip(classes, images, strict=True)]
    layout = {
        "barmode": "group",
        "bargap": 0.25,
        "xaxis": {"title": {"text": "share of the part, %"}, "rangemode": "tozero"},
        "yaxis": row_axis([plotly_text(shortened(name, 18)) for name in classes]),
        "hovermode": "closest",
    }
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Bars of one class that differ in length: the classes are mixed differently in the parts, which alone "
            "moves the accuracy.",
            "Share of every class in train, validation and test.",
            spec(traces, layout, 120 + 52 * len(classes), [NAMES[part] for part in parts]),
            sheet(["split", "class", "images", "share"], csv),
        )
    ]


FIGURE = Figure("class-shares", "How the classes are mixed", "data", 0, draw)
