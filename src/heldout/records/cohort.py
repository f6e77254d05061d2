"""The images as a table; no pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from heldout.errors import InputError, Problem
from heldout.files import hash_of
from heldout.records.codec import check_format, from_data, to_data
from heldout.records.labelling import LABELLINGS, SINGLE, Labelling, LabellingName
from heldout.records.table_file import load_arrow, save_arrow

COLUMNS: dict[str, str] = {
    "id": "unique name of the image in this cohort: its content hash, with -2, -3 … for exact copies",
    "content": "first 16 hexadecimal digits of SHA-256 over shape and decoded pixels",
    "source": "file, relative to the cohort's root",
    "member": "array inside an .npz file, else empty",
    "row": "row of that array, or -1 for a file that holds one image",
    "label": "class name; of images with several labels their names, with | between them, empty for none",
    "patient": "patient (or other unit whose images are alike), empty if not known",
    "site": "hospital, laboratory or device, empty if not known",
    "split": "train, val or test as given, empty if not given",
    "width": "pixels",
    "height": "pixels",
    "channels": "1 grey, 3 colour, else their number",
    "bits": "bits a channel",
}
"""Columns of `Cohort.table`, in this order, with their meaning; `row`, `width`, `height`, `channels`, `bits` are int64,
the rest are strings."""

FORMAT = 1

TABLES = "tables"
"""`Cohort.reader` of images that tables of predictions name."""

INTEGER_COLUMNS = ("row", "width", "height", "channels", "bits")


@dataclass(frozen=True)
class Cohort:
    """The images of a study.

    Attributes:
        name: Short name, for titles.
        root: Absolute folder that `source` is relative to; empty for arrays in memory, and for tables without images.
        reader: Plug-in that read it.
        classes: Names of the classes, or of the labels, in the order of their indices.
        table: One row an image, columns as in `COLUMNS`, index 0 … n−1; then any further columns of the source (sex,
            age, device), as text.
        excluded: What was left out on request (`--skip-unreadable`), with the reason.
        notes: Sentences a person should read: duplicates, file names that look like they carry a patient, …
        copies: Pairs of images that show one picture though their pixels differ: two ids, and how the first was changed
            to give the second; None where they were not looked for.
        intensity: The intensity policy that it was read with; empty for none. Recipes hold its numbers.
        channels: The choice of channels that it was read with; empty for none.
        labels: Whether an image is of one class (`single`) or has any number of labels (`several`).
    """

    name: str
    root: str
    reader: str
    classes: tuple[str, ...]
    table: pd.DataFrame
    excluded: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = field(default=())
    copies: tuple[tuple[str, str, str], ...] | None = None
    intensity: str = ""
    channels: str = ""
    labels: LabellingName = "single"

    def __post_init__(self) -> None:
        if list(self.table.columns)[: len(COLUMNS)] != list(COLUMNS):
            raise ValueError(f"a cohort's table begins with {list(COLUMNS)}, found {list(self.table.columns)}")
        if not self.table["id"].is_unique:
            raise ValueError("the ids of a cohort are unique")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def hash(self) -> str:
        """Hash of what a result can depend on: images, labels, patients, sites, given splits, order of classes."""
        columns = ["id", "label", "patient", "site", "split"]
        content = {"classes": self.classes, "rows": self.table[columns].to_numpy().tolist()}
        return hash_of(content if self.labelling is SINGLE else {**content, "labels": self.labels})

    @property
    def labelling(self) -> Labelling:
        """How the images are labelled."""
        return LABELLINGS[self.labels]

    @property
    def further(self) -> tuple[str, ...]:
        """Names of the further columns."""
        return tuple(self.table.columns[len(COLUMNS) :])

    @property
    def pictured(self) -> bool:
        """Whether there are images at all: tables of predictions need none."""
        return bool(self.root) or self.reader != TABLES

    @property
    def patients_known(self) -> bool:
        """Whether every image names its patient."""
        return bool(len(self.table)) and bool((self.table["patient"] != "").all())

    def save(self, path: Path) -> None:
        """Write as Parquet, with name, root, classes and the rest in the file's metadata."""
        about = {
            "format": FORMAT,
            "name": self.name,
            "root": self.root,
            "reader": self.reader,
            "classes": self.classes,
            "excluded": [to_data(problem) for problem in self.excluded],
            "notes": self.notes,
            "copies": self.copies,
            **({} if self.labelling is SINGLE else {"labels": self.labels}),
        }
        about |= {name: value for name in ("intensity", "channels") if (value := getattr(self, name))}
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"heldout": json.dumps(about).encode()})
        save_arrow(table, path)

    @classmethod
    def load(cls, path: Path) -> Cohort:
        """Read what `save` wrote.

        Raises:
            InputError: The file is not a cohort.
        """
        remedy = "Run `heldout run` again to make the study."
        table = load_arrow(path, "a cohort.parquet", remedy)
        try:
            about: dict[str, Any] = json.loads((table.schema.metadata or {})[b"heldout"])
            check_format(about.get("format"), FORMAT, str(path))
            return cls(
                name=about["name"],
                root=about["root"],
                reader=about["reader"],
                classes=tuple(about["classes"]),
                table=typed(table.to_pandas()),
                excluded=tuple(from_data(Problem, item, str(path)) for item in about["excluded"]),
                notes=tuple(about["notes"]),
                copies=_pairs(about.get("copies")),
                intensity=about.get("intensity", ""),
                channels=about.get("channels", ""),
                labels=about.get("labels", SINGLE.name),
            )
        except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException) as error:
            raise InputError([Problem(str(path), repr(error)[:120], "a cohort.parquet", remedy)]) from error


def _pairs(found: list[list[str]] | None) -> tuple[tuple[str, str, str], ...] | None:
    """As JSON gives them; absent in studies of earlier versions."""
    return None if found is None else tuple((str(a), str(b), str(change)) for a, b, change in found)


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of `COLUMNS` in order and with their types, then all others; missing text as an empty string."""
    further = [name for name in table.columns if name not in COLUMNS]
    result = table.reindex(columns=[*COLUMNS, *further])
    for column in result.columns:
        if column in INTEGER_COLUMNS:
            result[column] = result[column].fillna(-1).astype("int64")
        else:
            text = result[column].astype(object)
            result[column] = text.where(text.notna(), "").map(str).astype(object)
    return result.reset_index(drop=True)
