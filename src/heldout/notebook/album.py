"""The images of a run to look through: chosen, ordered and sent a page at a time; numpy and Pillow, no widget.

A question comes from a browser as plain JSON values, and so does the answer, with the pictures beside it as JPEG bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.answer.names import RunIdentity, run_names
from heldout.diagnosis.diagnose import choose_runs
from heldout.errors import UsageError
from heldout.records import PARTS
from heldout.records.labelling import SINGLE
from heldout.records.predictions import Predictions
from heldout.report.diagnosis_files import Squares, read_squares
from heldout.report.gallery import jpeg_of
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.one_label import of_label

PAGE = 48
"""Pictures in one answer at most: some 4 kB each, so that a page is a fifth of a megabyte however large the study."""

LARGE = 512
"""Longest side of the picture that a click opens, in pixels."""

LISTED = 20
"""Classes whose probability is told of one image, the likeliest first."""

OUTCOMES = ("", "right", "wrong")
ORDERS = ("least sure", "surest", "as in the study")

Answer = tuple[dict[str, Any], list[bytes]]


@dataclass(frozen=True)
class Query:
    """Which images, and in which order.

    Attributes:
        part: `train`, `val` or `test`.
        label: Number of the class that their label names; -1 for any.
        predicted: Number of the class they were called; -1 for any.
        outcome: `right`, `wrong`, or empty for both.
        order: By how sure the run was (the probability of the class that it chose), or as the study has them.
    """

    part: str
    label: int = -1
    predicted: int = -1
    outcome: str = ""
    order: str = ORDERS[0]


@dataclass(frozen=True)
class Album:
    """The images of one run.

    Attributes:
        title: What the run is called.
        classes: Names of the classes.
        parts: Part -> what the run answered.
        sources: Id of an image -> its file.
        squares: The pixels, as the network saw them.
    """

    title: str
    classes: tuple[str, ...]
    parts: Mapping[str, Predictions]
    sources: Mapping[str, str]
    squares: Squares

    def about(self) -> dict[str, Any]:
        """What a page needs to know before it asks: parts and their sizes, classes, choices."""
        return {
            "title": self.title,
            "parts": [[part, len(self.parts[part])] for part in reversed(PARTS) if part in self.parts],
            "classes": list(self.classes),
            "orders": list(ORDERS),
            "page": PAGE,
        }

    def answer(self, message: object) -> Answer:
        """The answer to one message of a page; of a message that is none of ours, an error in words.

        Args:
            message: `{"kind": "page", "ask", "start", "count", …}` with the fields of `Query`, or
                `{"kind": "image", "ask", "part", "id"}`; `ask` comes back as it is.

        Returns:
            JSON values, and the JPEGs that they speak of by number.
        """
        asked = message if isinstance(message, Mapping) else {}
        content: dict[str, Any]
        pictures: list[bytes]
        try:
            if asked.get("kind") == "image":
                content, pictures = self._image(self._part(asked), str(asked.get("id")))
            elif asked.get("kind") == "page":
                content, pictures = self._page(self._query(asked), _whole(asked, "start"), _whole(asked, "count"))
            else:
                raise UsageError(f"Found a message of the kind {asked.get('kind')!r}; expected page or image.")
        except UsageError as error:
            content, pictures = {"kind": "error", "text": str(error)}, []
        return {**content, "ask": asked.get("ask")}, pictures

    def chosen(self, query: Query) -> NDArray[np.int64]:
        """Rows of the part that a query asks for, in its order."""
        side = self.parts[query.part]
        kept = np.ones(len(side), dtype=bool)
        if query.label >= 0:
            kept &= side.labels == query.label
        if query.predicted >= 0:
            kept &= side.predicted == query.predicted
        if query.outcome:
            kept &= side.right == (query.outcome == "right")
        rows = np.flatnonzero(kept).astype(np.int64)
        if query.order == ORDERS[2]:
            return rows
        sure = side.probabilities.max(axis=1)[rows]
        order: NDArray[np.int64] = rows[np.argsort(sure if query.order == ORDERS[0] else -sure, kind="stable")]
        return order

    def _page(self, query: Query, start: int, count: int) -> Answer:
        side, rows = self.parts[query.part], self.chosen(query)
        some = rows[start : start + min(count, PAGE)]
        items: list[dict[str, Any]] = []
        pictures: list[bytes] = []
        for row in some:
            id_ = side.ids[row]
            item = {
                "id": id_,
                "label": self.classes[side.labels[row]],
                "predicted": self.classes[side.predicted[row]],
                "sure": float(side.probabilities[row].max()),
                "right": bool(side.right[row]),
                "picture": -1,
            }
            pixels = self.squares.of(id_)
            if pixels is not None:
                item["picture"] = len(pictures)
                pictures.append(jpeg_of(pixels))
            items.append(item)
        return {"kind": "page", "total": len(rows), "start": start, "items": items}, pictures

    def _image(self, part: str, id_: str) -> Answer:
        side = self.parts[part]
        if id_ not in side.ids:
            raise UsageError(f"Found the image '{id_}'; expected one of {part}.")
        row = side.ids.index(id_)
        likeliest = np.argsort(-side.probabilities[row], kind="stable")[:LISTED]
        pixels = self.squares.of(id_)
        content = {
            "kind": "image",
            "id": id_,
            "file": self.sources.get(id_, ""),
            "patient": side.patients[row],
            "label": self.classes[side.labels[row]],
            "probabilities": [[self.classes[k], float(side.probabilities[row, k])] for k in likeliest],
            "picture": -1 if pixels is None else 0,
        }
        return content, [] if pixels is None else [jpeg_of(pixels, LARGE)]

    def _part(self, asked: Mapping[str, Any]) -> str:
        return _one_of(asked, "part", tuple(self.parts))

    def _query(self, asked: Mapping[str, Any]) -> Query:
        classes = range(-1, len(self.classes))
        label, predicted = (_whole(asked, name, -1) for name in ("label", "predicted"))
        if label not in classes or predicted not in classes:
            raise UsageError(f"Found the classes {label} and {predicted}; expected -1 … {len(self.classes) - 1}.")
        return Query(
            self._part(asked), label, predicted, _one_of(asked, "outcome", OUTCOMES), _one_of(asked, "order", ORDERS)
        )


def _one_of(asked: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = asked.get(name, allowed[0])
    if value not in allowed:
        raise UsageError(f"Found {name} {value!r}; expected one of: {', '.join(map(repr, allowed))}.")
    return str(value)


def _whole(asked: Mapping[str, Any], name: str, least: int = 0) -> int:
    value = asked.get(name, least)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"Found {name} {value!r}; expected a whole number from {least} on.")
    return value


def read_album(folder: Path, run: str | None = None, label: str = "") -> Album:
    """The images of a run of a study.

    Args:
        folder: The study's folder.
        run: Id of a run, or how it begins; None for the first of the plan that finished.
        label: One of several labels an image, of which the answers are.

    Raises:
        UsageError: No such run or label, or no label where images have several.
        InputError: The folder is no study, or what was asked for is damaged.
    """
    study = read_study(folder)
    if label:
        study = of_label(study, label)
    elif study.cohort.labelling is not SINGLE:
        raise UsageError(
            f"Images of {folder} have several labels; expected label= with one of: {', '.join(study.cohort.classes)}."
        )
    return album_of(study, choose_runs(study, run)[0])


def album_of(study: StudyFiles, run: RunFiles) -> Album:
    """The images of a run, of a study that has been read."""
    records = [one.record for one in study.runs]
    known = [RunIdentity(one.id, one.backbone, one.strategy, one.seed) for one in records]
    table = study.cohort.table
    return Album(
        title=run_names(known)[run.record.id].spoken + (f", label {study.label}" if study.label else ""),
        classes=study.cohort.classes,
        parts=run.predictions,
        sources=dict(zip(table["id"], table["source"], strict=True)),
        squares=read_squares(study.folder, run.recipe),
    )
