"""What `heldout inspect` knows of a data set, as plain JSON values; `docs/data.md` documents them."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd

from heldout.cli.views.contact_sheet import ends_of, write_contact_sheet
from heldout.cli.views.pairs import write_pairs
from heldout.data.entries import AS_FOUND, Layout
from heldout.data.examine.copies import Copies, exact_copies
from heldout.data.examine.depth import bits_of, proposed
from heldout.data.examine.histogram import histograms
from heldout.data.examine.keys import patient_keys
from heldout.data.examine.labels import AskedLabels
from heldout.data.examine.near import NearPair
from heldout.data.load import BY_THE_RULES, Examined, examine, small_of
from heldout.data.splits import make_split
from heldout.errors import InputError, Problem
from heldout.progress import Reporter
from heldout.records import PARTS, Cohort, Split
from heldout.records.labelling import SINGLE
from heldout.stats.keys import KeyVerdict

FORMAT = 1

UNASSIGNED = "unassigned"
"""Key of the images whose split is not given."""


def summarise(
    data: str,
    *,
    layout: Layout = AS_FOUND,
    patient: str | None,
    skip_unreadable: bool,
    require_test: bool,
    val_fraction: float,
    seed: int,
    reporter: Reporter,
    check_patients: bool = False,
    labels: AskedLabels = BY_THE_RULES,
    pairs: Path | None = None,
    intensity: str = "",
    channels: str = "",
    contact_sheet: Path | None = None,
    verify: bool = False,
) -> dict[str, Any]:
    """Read the data and describe it.

    Args:
        data: DATA.
        layout: `--images`, `--path-column`, `--label-column` and `--ignore`.
        patient: `--patient`.
        skip_unreadable: `--skip-unreadable`.
        require_test: Not `--no-test`.
        val_fraction: `--val-fraction`.
        seed: `--seed`.
        reporter: Is told of every image.
        check_patients: Whether patients that are named already are judged by the images too.
        labels: `--labels` and what goes with it.
        pairs: Where a picture of the changed copies is written, a PNG; None writes none.
        intensity: `--intensity`.
        channels: `--channels`.
        contact_sheet: Where images of every class and histograms are drawn, a PNG; None draws none.
        verify: `--verify`.

    Raises:
        UsageError: An option is off.
        HeldoutError: The reader cannot work: an extra is missing, a download failed.
    """
    options = {
        "patient": patient,
        "skip_unreadable": skip_unreadable,
        "require_test": require_test,
        "val_fraction": val_fraction,
        "seed": seed,
        "intensity": intensity,
        "channels": channels,
        **{name.replace("-", "_"): value for name, value in layout.options().items()},
        **({"labels": labels.kind} if labels.kind else {}),
        **({"label_separator": labels.separator} if labels.separator else {}),
    }
    try:
        examined = examine(
            data,
            layout=layout,
            patient=patient,
            skip_unreadable=skip_unreadable,
            require_test=require_test,
            intensity=intensity,
            channels=channels,
            labels=labels,
            verify=verify,
            reporter=reporter,
        )
    except InputError as error:  # DATA is of no known kind: there is nothing to describe but that
        return {
            "format": FORMAT,
            "data": data,
            "options": options,
            "images": 0,
            "problems": [asdict(problem) for problem in error.problems],
        }
    if pairs is not None:
        write_pairs(examined, pairs)
    if contact_sheet is not None:
        write_contact_sheet(examined, contact_sheet, reporter)
    split, split_problems = _preview(examined, val_fraction, seed)
    return {
        "format": FORMAT,
        "data": data,
        "options": options,
        **describe_cohort(examined.cohort),
        "values": describe_values(examined, reporter),
        "split": None if split is None else _describe_split(examined.cohort, split),
        "changed_copies": _describe_near(examined),
        "patient_keys": _describe_keys(examined, check_patients),
        "patient_option": examined.patient_option,
        "problems": [asdict(problem) for problem in (*examined.problems, *split_problems)],
    }


def describe_cohort(cohort: Cohort) -> dict[str, Any]:
    """Everything that the images themselves tell, before anything is drawn."""
    table = cohort.table
    return {
        "name": cohort.name,
        "root": cohort.root,
        "reader": cohort.reader,
        "cohort": cohort.hash,
        "images": len(cohort),
        "labels": cohort.labels,
        "classes": list(cohort.classes),
        "given": {part or UNASSIGNED: describe_part(cohort, rows) for part, rows in _given(table)},
        "width": _spread(table["width"]),
        "height": _spread(table["height"]),
        "different_sizes": len(table[["width", "height"]].drop_duplicates()),
        "grey": int((table["channels"] == 1).sum()),
        "colour": int((table["channels"] == 3).sum()),
        "channels": _counted(table["channels"]),
        "bits": _counted(table["bits"]),
        "patients": _patients(cohort),
        "sites": _sites(table),
        "copies": [_describe_copies(copies) for copies in exact_copies(table)],
        "excluded": [asdict(problem) for problem in cohort.excluded],
        "notes": list(cohort.notes),
    }


def describe_values(examined: Examined, reporter: Reporter) -> dict[str, Any]:
    """Part -> bits, range and histogram of the values of its pixels; and the policy that fits, where one is needed."""
    images, table = examined.images, examined.cohort.table
    if not images:
        return {"proposed": None, "parts": {}}
    groups = {part: list(rows.index) for part, rows in _given(table)}
    found = histograms(examined.cohort, dict(groups), ends_of(examined), reporter)
    parts = {}
    for part, rows in groups.items():
        own = [images[row] for row in rows]
        parts[part or UNASSIGNED] = {
            "bits": bits_of(own),
            "low": min(image.values.low for image in own),
            "high": max(image.values.high for image in own),
            "histogram": asdict(found[part]),
        }
    deep = any(image.values.deep for image in images)
    return {"proposed": proposed(images) if deep else None, "parts": parts}


def _preview(examined: Examined, val_fraction: float, seed: int) -> tuple[Split | None, tuple[Problem, ...]]:
    """The split that a run would use; none where problems stand in its way anyway."""
    if examined.problems:
        return None, ()
    try:
        return make_split(examined.cohort, val_fraction=val_fraction, seed=seed), ()
    except InputError as error:
        return None, error.problems


def _given(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(part, table[table["split"] == part]) for part in (*PARTS, "") if (table["split"] == part).any()]


def describe_part(cohort: Cohort, rows: pd.DataFrame) -> dict[str, Any]:
    """Images, patients and classes of some rows of a cohort's table; patients are None where none is named."""
    named = set(rows["patient"]) - {""}
    labelling = cohort.labelling
    counts = labelling.members(rows["label"].tolist(), cohort.classes).sum(axis=0)
    return {
        "images": len(rows),
        "patients": len(named) or None,
        "classes": {name: int(count) for name, count in zip(cohort.classes, counts, strict=True)},
        **({} if labelling is SINGLE else {"unlabelled": int((rows["label"] == "").sum())}),
    }


def _describe_split(cohort: Cohort, split: Split) -> dict[str, Any]:
    table = cohort.table.set_index("id")
    return {
        "method": split.method,
        "seed": split.seed,
        "grouped": split.grouped,
        "hash": split.hash,
        "parts": {part: describe_part(cohort, table.loc[list(split.part(part))]) for part in PARTS if split.part(part)},
    }


def _describe_near(examined: Examined) -> dict[str, Any]:
    """Changed copies and marks of augmentation in file names."""
    near, marks = examined.near, examined.marks
    rows = examined.cohort.table
    return {
        "looked_for": near is not None,
        "images": 0 if near is None else near.changed,
        "pictures": 0 if near is None else near.groups,
        "across_splits": 0 if near is None else near.across,
        "pairs": [] if near is None else [{**asdict(pair), "ids": _ids(rows, pair)} for pair in near.pairs],
        "marked_names": 0 if marks is None else marks.images,
        "marks": [] if marks is None else list(marks.examples),
    }


def _ids(rows: pd.DataFrame, pair: NearPair) -> list[str]:
    return [str(rows["id"].iloc[row]) for row in pair.rows]


def _describe_keys(examined: Examined, check: bool) -> dict[str, Any] | None:
    """What file names tell of patients, judged by the images: where none is named, or on request."""
    found = examined.patient_keys
    if found is None and check:
        found = patient_keys(examined.cohort.table, small_of(examined.images))
    if found is None:
        return None
    return {
        "pattern": found.pattern,
        "note": examined.patient_note if found is examined.patient_keys else None,
        "patients": found.patients,
        "crossing": found.crossing,
        "candidates": [
            {
                "family": key.candidate.family,
                "pattern": key.candidate.pattern,
                "images": key.candidate.images,
                "keys": key.candidate.patients,
                **_verdict(key.verdict),
            }
            for key in found.checked
        ],
        "given": None if found.given is None else _verdict(found.given),
        "blocked": None if found.blocked is None else asdict(found.blocked),
    }


def _verdict(verdict: KeyVerdict) -> dict[str, Any]:
    """A verdict with null where nothing was tested."""
    tested = asdict(verdict)
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in tested.items()}


def _spread(values: pd.Series) -> dict[str, float] | None:
    if values.empty:
        return None
    return {"min": int(values.min()), "median": float(values.median()), "max": int(values.max())}


def _counted(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().sort_index().items()}


def _patients(cohort: Cohort) -> dict[str, Any]:
    table = cohort.table
    named = table[table["patient"] != ""]
    parts = named[named["split"] != ""].groupby("patient")["split"].nunique()
    per_patient = named["patient"].value_counts()
    return {
        "count": int(named["patient"].nunique()),
        "images": len(named),
        "largest": int(per_patient.max()) if len(named) else 0,
        "crossing": sorted(parts[parts > 1].index),
    }


def _sites(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    named = table[table["site"] != ""]
    return {
        str(site): {part or UNASSIGNED: len(rows) for part, rows in _given(group)}
        for site, group in named.groupby("site", sort=True)
    }


def _describe_copies(copies: Copies) -> dict[str, Any]:
    return {
        **asdict(copies),
        "across_splits": copies.across_splits,
        "labels_differ": copies.labels_differ,
        "patients_differ": copies.patients_differ,
    }
