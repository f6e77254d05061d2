"""All that is known of one image: what every run says, the nearest training images, its quality, its copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heldout.answer.texts import number, percent
from heldout.diagnosis.tables import known_copies
from heldout.images.quality import PROPERTIES
from heldout.records import PARTS, Diagnosis
from heldout.report.gallery import PARTS as PART_WORDS
from heldout.report.material import Material
from heldout.web.features import features
from heldout.web.image_table import further
from heldout.web.site import Site


@dataclass(frozen=True)
class Answer:
    """What one run says of the image: a bar a class."""

    run: str
    label: str
    colour: int
    predicted: str
    right: bool
    probabilities: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class Neighbour:
    """Another image that has to do with this one, and why."""

    id: str
    label: str
    part: str
    why: str


@dataclass(frozen=True)
class Measured:
    """One measured property, against training images of the same label.

    Attributes:
        words: What it is.
        value: Of this image, with its unit.
        usual: Middle 90 % of them.
        rank: Share of them that have less, in percent.
        unusual: Whether it lies outside the middle 90 %.
    """

    words: str
    value: str
    usual: str
    rank: str
    unusual: bool


def about_image(site: Site, run: str, id_: str, table: pd.DataFrame) -> dict[str, object]:
    """What the page of an image is filled with."""
    material = site.material()
    row = {name: str(value) for name, value in table.set_index("id").loc[id_].items()}
    kept = material.cohort.table.set_index("id").loc[id_]
    place = f"{row['file']}, {kept['member']}" if kept["member"] else row["file"]
    facts = [
        ("Part", PART_WORDS[row["part"]].removesuffix(" image").lower()),
        ("Label", row["label"] or "none"),
        *((name, row[key]) for name, key in (("Patient", "patient"), ("Site", "site")) if row[key]),
        *((name, row[further(name)]) for name in material.cohort.further if row[further(name)]),
        ("File", f"{place}, row {kept['row']}" if kept["row"] >= 0 else place),
        ("Size", f"{kept['width']} × {kept['height']} pixels, {kept['channels']} × {kept['bits']} bits"),
        ("Id", id_),
    ]
    return {
        "id": id_,
        "run": run,
        "shown_run": material.names[run].label,
        "label": row["label"],
        "facts": facts,
        "answers": answers(material, id_, row["part"]),
        "causes": causes(material, run, id_),
        "measured": quality(table, id_),
        "nearest": nearest(site, run, id_, table),
        "copies": copies(site, run, id_, table),
        "diagnosed": isinstance(material.diagnoses.get(run), Diagnosis),
    }


def answers(material: Material, id_: str, part: str) -> list[Answer]:
    """What every run says, best run first."""
    found = []
    for row in (*material.ranked, *(row for row in material.runs if row not in material.ranked)):
        known = material.run(row.id).predictions.get(part)
        if known is None or id_ not in known.ids:
            continue
        at = known.ids.index(id_)
        shares = known.probabilities[at]
        bars = tuple((name, float(p), percent(float(p))) for name, p in zip(material.classes, shares, strict=True))
        mark, name = material.marks[row.id], material.names[row.id].label
        said = material.classes[known.predicted[at]]
        found.append(Answer(row.id, name, mark.colour, said, bool(known.right[at]), bars))
    return found


def causes(material: Material, run: str, id_: str) -> list[tuple[str, str]]:
    """Code and title of the findings that cite the image."""
    diagnosis = material.diagnoses.get(run)
    cited = diagnosis.findings if isinstance(diagnosis, Diagnosis) else ()
    return [(one.code, one.cause) for one in cited if id_ in one.images]


def quality(table: pd.DataFrame, id_: str) -> list[Measured]:
    """Its measured properties against those of training images that have its label; of validation, where none is."""
    own = table[table["id"] == id_].iloc[0]
    found = []
    for one in PROPERTIES:
        if one.name not in table.columns or pd.isna(own[one.name]):
            continue
        part = next((name for name in PARTS if (table["part"] == name).any()), "")
        same = (table["part"] == part) & (table["label"] == own["label"]) & (table["id"] != id_)
        values = table.loc[same, one.name].dropna().to_numpy()
        if not len(values):
            continue
        low, high = np.quantile(values, [0.05, 0.95])
        value = float(own[one.name])
        found.append(
            Measured(
                f"{one.name}: {one.words}",
                f"{number(value, 2)} {one.unit}",
                f"{number(low, 2)} to {number(high, 2)}",
                percent(float((values < value).mean()), 0),
                not low <= value <= high,
            )
        )
    return found


def nearest(site: Site, run: str, id_: str, table: pd.DataFrame) -> list[Neighbour] | None:
    """Training images that the pretrained network finds most like it; None where it has not been asked."""
    known = features(site, run)
    if known is None:
        return None
    labels = dict(zip(table["id"], table["label"], strict=True))
    return [
        Neighbour(other, labels.get(other, ""), "train", f"similarity {number(likeness, 3)}")
        for other, likeness in known.nearest(id_)
    ]


def copies(site: Site, run: str, id_: str, table: pd.DataFrame) -> list[Neighbour] | None:
    """Images that show the same picture, changed; None where they were not looked for."""
    material = site.material()
    recipe = material.run(run).recipe
    pairs = site.kept(("copies", recipe.squares), lambda: known_copies(material.files, recipe))
    if pairs is None:
        return None
    rows = table.set_index("id")
    others = [
        (pair.second if pair.first == id_ else pair.first, pair.change)
        for pair in pairs
        if id_ in (pair.first, pair.second)
    ]
    return [
        Neighbour(other, str(rows.loc[other, "label"]), str(rows.loc[other, "part"]), change)
        for other, change in others
        if other in rows.index
    ]
