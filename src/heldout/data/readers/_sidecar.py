"""`metadata.csv` beside arrays: what is known of each row, checked against the arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from heldout.data.entries import Entry, split_named
from heldout.data.readers.tables import Cells, integer, read_table
from heldout.errors import InputError, Problem

SIDECAR = "metadata.csv"

OWN_COLUMNS = ("file", "row", "label", "split", "patient", "site")


def apply_sidecar(
    path: Path, entries: Sequence[Entry], lengths: Mapping[str, int]
) -> tuple[list[Entry], list[Problem]]:
    """The entries with patient, site and further columns from a sidecar.

    Args:
        path: The sidecar; its columns are `file` (relative to its folder), `row` (from 0), and any of `patient`,
            `site`, `label`, `split`, others.
        entries: One a row of the arrays.
        lengths: Number of images of every array file.

    Returns:
        The entries in their order, and everything in which sidecar and arrays contradict each other.
    """
    try:
        rows = read_table(path, required=("file", "row"), own=OWN_COLUMNS)
    except InputError as error:
        return list(entries), list(error.problems)
    known: dict[tuple[str, int], Cells] = {}
    problems: list[Problem] = []
    for line, values in rows:
        where = f"{path.name} line {line}"
        file, row = Path(values["file"]).as_posix(), integer(values["row"])
        if file not in lengths:
            problems.append(_unknown_file(where, file, path.parent))
        elif row is None or not 0 <= row < lengths[file]:
            problems.append(
                Problem(
                    where,
                    f"row '{values['row']}' of {file}, which has {lengths[file]} images",
                    f"a row from 0 to {lengths[file] - 1}",
                    "Rows are counted from 0; correct the line.",
                )
            )
        elif (file, row) in known:
            problems.append(
                Problem(where, f"{file} row {row} a second time", "every row once", "Remove one of the lines.")
            )
        else:
            known[file, row] = values
    problems += _uncovered(path, lengths, known)
    result = []
    for entry in entries:
        cells = known.get((entry.source, entry.row))
        if cells is None:
            result.append(entry)
            continue
        problems += _contradictions(path, entry, cells)
        patient, site = cells.get("patient", ""), cells.get("site", "")
        result.append(replace(entry, patient=patient, site=site, extra=cells.further))
    return result, [problem for problem in problems if problem.found]


def _unknown_file(where: str, file: str, folder: Path) -> Problem:
    if (folder / file).is_file():  # the array itself is a problem already, said elsewhere
        return Problem(where, "", "", "")
    return Problem(
        where,
        f"the file '{file}', which is not there",
        "the path of an .npy file relative to this folder, like train/normal.npy",
        "Correct the column `file`.",
    )


def _uncovered(path: Path, lengths: Mapping[str, int], known: Mapping[tuple[str, int], object]) -> list[Problem]:
    """Arrays with more images than the sidecar has lines for."""
    problems = []
    for file, length in lengths.items():
        lines = sum(1 for other, _ in known if other == file)
        if lines < length:
            problems.append(
                Problem(
                    f"{path.name} and {file}",
                    f"{lines} lines for {length} images",
                    "one line for every row of every array",
                    "The lengths differ: add the missing lines (a patient may be left empty), or correct the array.",
                )
            )
    return problems


def _contradictions(path: Path, entry: Entry, values: Mapping[str, str]) -> list[Problem]:
    problems = []
    label, split = values.get("label", ""), values.get("split", "")
    if label and label != entry.label:
        problems.append(
            Problem(
                f"{path.name} ({entry.place})",
                f"the label '{label}'",
                f"'{entry.label}', the name of the file",
                "Correct one of them, or drop the column `label`.",
            )
        )
    if split and split_named(split) != entry.split:
        problems.append(
            Problem(
                f"{path.name} ({entry.place})",
                f"the split '{split}'",
                f"'{entry.split or 'none'}', as the file is named",
                "Correct one of them, or drop the column `split`.",
            )
        )
    return problems
