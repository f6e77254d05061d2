"""The reviewed labels as tables: for `heldout diagnose --review`, and as a manifest of all images."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from heldout.errors import UsageError
from heldout.files import write_text
from heldout.replacing import refuse_replacing
from heldout.review.snapshot import Snapshot
from heldout.review.verdicts import Verdict, verdicts
from heldout.runs.folder import StudyFiles
from heldout.shown import cell

LABELS = ("id", "label", "reader", "verdict", "read_at")
"""Columns of the reviewed labels."""

PLACE = ("path", "array", "row", "label", "split", "patient", "site")
"""Columns of the corrected manifest that reading it takes; the label is the final one."""

REVIEWED = ("id", "given_label", "reviewed_label", "verdict", "reader", "read_at")
"""Columns that tell how the label came about."""


def write_labels(snapshot: Snapshot, path: Path, overwrite: bool = False) -> int:
    """Write the reviewed labels, a row an image that has one: what `heldout diagnose --review` takes.

    Args:
        snapshot: What was read.
        path: CSV to write.
        overwrite: Whether to replace a file that is not an earlier one of these.

    Returns:
        Number of images in it.

    Raises:
        UsageError: No image has a reviewed label, or another file stands there.
    """
    text = labels_csv(snapshot)
    refuse_replacing(path, ",".join(LABELS).encode(), overwrite)
    write_text(path, text)
    return len(_decided(snapshot))


def labels_csv(snapshot: Snapshot) -> str:
    """The text of `write_labels`.

    Raises:
        UsageError: No image has a reviewed label.
    """
    rows = ((one.image.id, one.label, _by(one, snapshot), one.outcome, one.at) for one in _decided(snapshot))
    return _csv(LABELS, rows)


def write_manifest(study: StudyFiles, snapshot: Snapshot, path: Path, overwrite: bool = False) -> int:
    """Write all images of the study with the label that counts after the review, and the given one beside it.

    It is a manifest that heldout reads (`path,label,split,…`; paths are relative to the study's images, `--images`).
    The study keeps the labels that it was given.

    Args:
        study: The study.
        snapshot: What was read.
        path: CSV to write.
        overwrite: Whether to replace a file that is not an earlier one of these.

    Returns:
        Number of images whose label is another one than was given.

    Raises:
        UsageError: No image has a reviewed label, or another file stands there.
    """
    table = corrected(study, snapshot)
    refuse_replacing(path, ",".join(PLACE).encode(), overwrite)
    write_text(path, _of_table(table))
    return int((table["label"] != table["given_label"]).sum())


def manifest_csv(study: StudyFiles, snapshot: Snapshot) -> str:
    """The text of `write_manifest`.

    Raises:
        UsageError: No image has a reviewed label.
    """
    return _of_table(corrected(study, snapshot))


def _of_table(table: pd.DataFrame) -> str:
    return _csv(tuple(map(str, table.columns)), table.itertuples(index=False, name=None))


def corrected(study: StudyFiles, snapshot: Snapshot) -> pd.DataFrame:
    """All images of the study with given, reviewed and final label; further columns of the cohort last, as they are.

    Raises:
        UsageError: No image has a reviewed label.
    """
    cohort = study.cohort.table
    reviewed = {one.image.id: one for one in _decided(snapshot)}
    part = {id_: name for name in ("train", "val", "test") for id_ in study.split.part(name)}
    ids, given = cohort["id"].tolist(), cohort["label"].tolist()
    found = [reviewed.get(id_) for id_ in ids]
    columns: dict[str, Iterable[object]] = {
        "path": cohort["source"],
        "array": cohort["member"],
        "row": ["" if row < 0 else row for row in cohort["row"]],
        "label": [old if one is None else one.label for one, old in zip(found, given, strict=True)],
        # Folds have no parts: what was given is all that is to be said again.
        "split": cohort["split"] if study.split.folds else [part.get(id_, "") for id_ in ids],
        "patient": cohort["patient"],
        "site": cohort["site"],
        "id": ids,
        "given_label": given,
        "reviewed_label": ["" if one is None else one.label for one in found],
        "verdict": ["" if one is None else one.outcome for one in found],
        "reader": ["" if one is None else _by(one, snapshot) for one in found],
        "read_at": ["" if one is None else one.at for one in found],
    }
    assert tuple(columns) == PLACE + REVIEWED
    table = pd.DataFrame({name: list(values) for name, values in columns.items()})
    for name in study.cohort.further:  # a corrected manifest may itself have been corrected
        free = name
        while free.lower() in table.columns:
            free = f"earlier_{free}"
        table[free] = cohort[name].tolist()
    return table


def _decided(snapshot: Snapshot) -> tuple[Verdict, ...]:
    """Images that have a reviewed label.

    Raises:
        UsageError: There is none.
    """
    known = tuple(one for one in verdicts(snapshot) if one.label is not None)
    if not known:
        raise UsageError(
            f"Found no reviewed label; expected images on which two readers agree, or that were decided. "
            f"{len(snapshot.readings)} readings of {len(snapshot.images)} images are there: go on reading."
        )
    return known


def _by(verdict: Verdict, snapshot: Snapshot) -> str:
    """Who a label is by: `Ada; Ben`."""
    names = {reader.number: reader.name for reader in snapshot.readers}
    return "; ".join(names[reading.reader] for reading in verdict.behind)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The text of a CSV; names that a spreadsheet would run are quoted, which reading takes off again."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(cell, header))
    writer.writerows([cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    return stream.getvalue()
