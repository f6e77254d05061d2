"""How measured properties of the images are distributed in train, validation and test, class by class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heldout.answer.texts import number, shortened
from heldout.images.quality import PROPERTIES
from heldout.records import Diagnosis
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.diagnosis_files import read_properties
from heldout.report.figure import Figure, Trace, plotly_text, spec
from heldout.report.marks import legend_entry
from heldout.report.material import Material
from heldout.stats.scores import auc_binary
from heldout.ties import settled

MOST = 6
"""Pairs of property and class that are drawn, the most shifted ones."""

PLAIN = 2
"""The most shifted pairs are drawn even if hardly shifted: that nothing moved is worth seeing too."""

SHIFTED = 0.06
"""Others are drawn where the chance that a test image has more differs from one half by so much."""

BINS = (6, 24)
"""Fewest and most bins; between them, 1.5 times the root of the number of images of the smaller part."""

FEWEST = 8
"""Images of a class on each side, below which a distribution is no more than its dots."""

LINES = {"train": ("@grey", "solid"), "val": ("@ink", "dot"), "test": ("@lost", "solid")}
NAMES = {"train": "train", "val": "validation", "test": "test"}

Values = dict[str, np.ndarray]


def draw(material: Material) -> list[Chart]:
    """A small figure a property and class, the most shifted first; once for all runs that see the images alike."""
    known = material.told
    if known is not None and known is not first_alike(material, known):
        return []
    table = read_properties(material.folder, material.run(known.run).recipe) if known else None
    if table is None:
        return []
    columns = [prop.name for prop in PROPERTIES if prop.name in table.columns]
    found = []
    for k, name in enumerate(material.classes):
        ids = ids_of(material, name)
        for column in columns:
            values = values_of(ids, table[column])
            if min(len(values[part]) for part in ("val", "test")) >= FEWEST:
                found.append((shift(values), column, k, values))
    found.sort(key=lambda item: -settled(abs(item[0] - 0.5)))
    varied = [item for item in found if settled(item[0] - 0.5) != 0]
    shown = [item for place, item in enumerate(varied[:MOST]) if place < PLAIN or abs(item[0] - 0.5) >= SHIFTED]
    return [chart(material.classes[k], name, moved, values) for moved, name, k, values in shown]


def first_alike(material: Material, known: Diagnosis) -> Diagnosis:
    """The first run with a gap whose images were made as those of another are: what is measured on them is the same."""
    squares = material.run(known.run).recipe.squares
    return next((one for one in material.explained if material.run(one.run).recipe.squares == squares), known)


def ids_of(material: Material, name: str) -> dict[str, list[str]]:
    """Images of a class in each part."""
    labels = material.cohort.table.set_index("id")["label"]
    of_class = set(labels.index[labels == name])
    return {part: [id_ for id_ in material.split.part(part) if id_ in of_class] for part in LINES}


def values_of(ids: dict[str, list[str]], column: pd.Series[float]) -> Values:
    """The finite values of some images in each part."""
    found: Values = {}
    for part, some in ids.items():
        values = column.reindex(some).to_numpy(dtype=np.float64)
        found[part] = values[np.isfinite(values)]
    return found


def shift(values: Values) -> float:
    """The chance that a test image has more of the property than a validation image; 0.5: no shift."""
    both = np.concatenate([values["test"], values["val"]])
    auc = auc_binary(np.arange(len(both)) < len(values["test"]), both)
    return 0.5 if auc is None else auc


def chart(class_name: str, name: str, moved: float, values: Values) -> Chart:
    """Shares of the images over the property, a line a part."""
    prop = next(p for p in PROPERTIES if p.name == name)
    everything = np.concatenate(list(values.values()))
    low, high = np.quantile(everything, [0.005, 0.995])
    smaller = min(len(values[part]) for part in ("val", "test"))
    bins = int(np.clip(np.sqrt(smaller) * 1.5, *BINS))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    traces: list[Trace] = []
    csv: list[list[Raw]] = []
    for part, some in values.items():
        if not len(some):
            continue
        counts, _ = np.histogram(np.clip(some, edges[0], edges[-1]), edges)
        shares = counts / len(some)
        colour, dash = LINES[part]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": ((edges[1:] + edges[:-1]) / 2).round(5).tolist(),
                "y": (100 * shares).round(4).tolist(),
                "line": {"color": colour, "dash": dash, "width": 2, "shape": "hvh"},
                "hovertemplate": f"{NAMES[part]}: <b>%{{y:.0f}} %</b> of {len(some)} images<extra></extra>",
                "name": NAMES[part],
                "showlegend": False,
            }
        )
        csv += [
            [class_name, name, part, float(a), float(b), int(c), float(s)]
            for a, b, c, s in zip(edges[:-1], edges[1:], counts, shares, strict=True)
        ]
        traces.append({**legend_entry(NAMES[part], colour=colour, symbol="line-ew-open")})
    layout = {
        "xaxis": {"title": {"text": f"{name}, {prop.unit}"}},
        "yaxis": {"title": {"text": "images, %"}, "rangemode": "tozero"},
        "hovermode": "closest",
    }
    way = prop.more if moved > 0.5 else prop.less
    odds = f"{number(100 * max(moved, 1 - moved), 0)} of 100 pairs"
    said = f"In {odds} the test image of this class is {way} than the validation image ({prop.words})."
    return Chart(
        f"property-{name}-{class_name_id(class_name)}",
        f"{name.capitalize()}, {shortened(class_name, 24)}",
        said,
        f"Distribution of {name} of {plotly_text(shortened(class_name))} in train, validation and test. {said}",
        spec(traces, layout, 250, [NAMES[part] for part in values if len(values[part])]),
        sheet(["class", "property", "split", "from", "to", "images", "share"], csv),
    )


def class_name_id(name: str) -> str:
    """A class's name as part of an id: letters and digits, and a checksum where something was left out."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:30]
    return kept if kept == name else f"{kept}-{sum(map(ord, name)):x}{len(name)}"


FIGURE = Figure("property-shift", "Measured properties of the images", "evidence", 0, draw, ("single",), each_run=True)
