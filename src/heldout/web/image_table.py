"""The images of a study as one table with what a run made of each: filtered, sorted, never more than a page of it sent.

Deciding which images are meant is plain work on columns, apart from how a request says so and from how they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.images.quality import PROPERTIES
from heldout.records import PARTS, Diagnosis
from heldout.report.diagnosis_files import read_properties
from heldout.report.material import Material

Rows = NDArray[np.int64]

OUTCOMES = ("right", "wrong")

FIXED = ("id", "part", "label", "predicted", "confidence", "label_probability", "right", "patient", "site", "file")
"""Columns of `image_table` before the measured properties and the columns of the cohort's own."""

SORTS = {
    "told": "most telling first",
    "label_probability": "how likely its label is to the run",
    "confidence": "how sure the run is",
    "label": "class",
    "predicted": "answer",
    "patient": "patient",
    "site": "site",
    "file": "file",
}
"""By what images can be sorted, beside measured properties -> in words; `told` is the order of a cause's images."""


@dataclass(frozen=True)
class Query:
    """Which images are meant; an empty text asks nothing.

    Attributes:
        part: `train`, `val` or `test`.
        label: Class by the label.
        predicted: Class by the run's answer.
        outcome: `right` or `wrong`.
        cause: Code of a finding: the images that it cites.
        patient: Its whole name.
        site: Likewise.
        columns: Further column -> the text that it holds.
        low: Least confidence of the answer, 0 … 1.
        high: Largest.
        text: What the id or the file contains, letters' case aside.
        ids: These alone, where not None: a lasso's.
        sort: A key of `SORTS` or a measured property; empty for the order of the split.
        falling: Largest first.
    """

    part: str = ""
    label: str = ""
    predicted: str = ""
    outcome: str = ""
    cause: str = ""
    patient: str = ""
    site: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0
    text: str = ""
    ids: frozenset[str] | None = None
    sort: str = ""
    falling: bool = False


def image_table(material: Material, run: str) -> pd.DataFrame:
    """All images of the split, a row each, in its order: what is known of them and what one run made of them.

    Args:
        material: The study.
        run: Id of the run.

    Returns:
        Columns `FIXED`, then one a measured property where they were measured, then the cohort's further columns.
        `predicted` is empty, `confidence` and `label_probability` are NaN and `right` is None where the run has no
        answer.
    """
    cohort = material.cohort
    ids = [id_ for part in PARTS for id_ in material.split.part(part)]
    own = cohort.table.set_index("id").loc[ids]
    table = pd.DataFrame({"id": ids, "part": [part for part in PARTS for _ in material.split.part(part)]})
    table["label"] = own["label"].to_numpy()
    table["predicted"], table["confidence"], table["label_probability"] = "", np.nan, np.nan
    table["right"] = pd.Series([None] * len(table), dtype=object)
    places = {id_: row for row, id_ in enumerate(ids)}
    for answers in material.run(run).predictions.values():
        rows = [places[id_] for id_ in answers.ids]
        probabilities = answers.probabilities
        table.loc[rows, "predicted"] = [material.classes[k] for k in answers.predicted]
        table.loc[rows, "confidence"] = probabilities.max(axis=1)
        table.loc[rows, "label_probability"] = probabilities[np.arange(len(answers)), answers.labels]
        table.loc[rows, "right"] = pd.Series(answers.right.tolist(), index=rows, dtype=object)
    table["patient"], table["site"] = own["patient"].to_numpy(), own["site"].to_numpy()
    table["file"] = own["source"].to_numpy()
    measured = _properties(material, run)
    if measured is not None:
        for one in PROPERTIES:
            table[one.name] = measured.reindex(ids)[one.name].to_numpy()
    for name in cohort.further:
        table[further(name)] = own[name].to_numpy()
    return table


def further(name: str) -> str:
    """What a further column of the cohort is called in the table, so that it hides none of ours."""
    return f"column {name}"


def _properties(material: Material, run: str) -> pd.DataFrame | None:
    """The measured properties; None where nothing was measured, or what was cannot be read."""
    try:
        found = read_properties(material.folder, material.run(run).recipe)
    except ValueError:
        return None
    known = found is not None and {one.name for one in PROPERTIES} <= set(found.columns)
    return found if known else None


def select(table: pd.DataFrame, query: Query, cited: Sequence[str] = ()) -> Rows:
    """Rows of the images that are meant, in the order asked for.

    Args:
        table: As `image_table` makes it.
        query: Which, and in which order.
        cited: Ids that the finding `query.cause` cites, most telling first.

    Returns:
        Row numbers, shape (m,); images without the value that is sorted by come last; equals keep their order.
    """
    keep = np.ones(len(table), dtype=bool)
    for column in ("part", "label", "predicted", "patient", "site"):
        wanted = getattr(query, column)
        if wanted:
            keep &= (table[column] == wanted).to_numpy()
    for name, wanted in query.columns.items():
        keep &= (table[further(name)] == wanted).to_numpy()
    if query.outcome:
        keep &= (table["right"] == (query.outcome == "right")).to_numpy()
    if (query.low, query.high) != (0.0, 1.0):
        keep &= table["confidence"].between(query.low, query.high).to_numpy()
    if query.text:
        text = query.text.casefold()
        keep &= [text in f"{id_} {file}".casefold() for id_, file in zip(table["id"], table["file"], strict=True)]
    if query.cause:
        keep &= table["id"].isin(set(cited)).to_numpy()
    if query.ids is not None:
        keep &= table["id"].isin(query.ids).to_numpy()
    rows = np.flatnonzero(keep).astype(np.int64)
    return _in_order(table, rows, query, cited)


def _in_order(table: pd.DataFrame, rows: Rows, query: Query, cited: Sequence[str]) -> Rows:
    """The rows sorted as asked."""
    if not query.sort or (query.sort == "told" and not query.cause):
        return rows
    if query.sort == "told":
        place = {id_: rank for rank, id_ in enumerate(cited)}
        values = pd.Series([place.get(id_, len(place)) for id_ in table["id"].iloc[rows]])
    else:
        values = table[query.sort].iloc[rows].reset_index(drop=True)
        if pd.api.types.is_string_dtype(values):
            values = values.where(values != "", None)
    order: Rows = values.sort_values(ascending=not query.falling, kind="stable", na_position="last").index.to_numpy()
    sorted_rows: Rows = rows[order]
    return sorted_rows


def cited_by(diagnosis: Diagnosis | str | None, code: str) -> tuple[str, ...]:
    """Ids of the images that a finding cites, most telling first; none where there is no such finding."""
    if not isinstance(diagnosis, Diagnosis):
        return ()
    return next((finding.images for finding in diagnosis.findings if finding.code == code), ())
