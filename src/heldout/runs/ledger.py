"""How often images were scored, and what they were asked: a line each time, in files of the study's folder that grow.

In an object store nothing grows: a ledger there, and in the working copy of such a study, is a folder of that name with
a file an entry. Each has a name of its own, so that entries of machines that write at once never meet. Where the study
was copied to the store with its ledger as a file, that file stays as it is, and new entries lie in a folder beside it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heldout.files import append_line, open_regular, write_once
from heldout.remote.urls import STUDIES, url_of

TEST_EVALUATIONS = "test_evaluations.jsonl"
"""Written by runs, after their training."""

DIAGNOSIS_EVALUATIONS = "diagnosis_evaluations.jsonl"
"""Written by interventions of a diagnosis that scored test images; no score of a run comes from them."""

CALIBRATION_EVALUATIONS = "calibration_evaluations.jsonl"
"""Written by `heldout calibrate`, once for everything different that it was asked of test images."""

CALIBRATION_QUESTIONS = "calibration_questions.jsonl"
"""Written by `heldout calibrate`, once for every different promise that it tested on a part's images of a run."""

EARLIER = {TEST_EVALUATIONS: ("test_looks.jsonl",), DIAGNOSIS_EVALUATIONS: ("diagnosis_looks.jsonl",)}
"""What 0.1.0 called two of them; their lines still count."""


def write_down(folder: Path, ledger: str, entry: Mapping[str, str]) -> None:
    """Add a line with the time.

    Args:
        folder: The study's.
        ledger: Name of one of those above.
        entry: What was scored or asked, by what.

    Raises:
        OSError: It cannot be written.
    """
    line = json.dumps({**entry, "time": datetime.now(UTC).isoformat(timespec="seconds")})
    apart = _apart(folder, ledger)
    if apart is None:
        append_line(folder / ledger, line)
    else:
        write_once(apart / f"{time.time_ns():020d}-{uuid.uuid4().hex}.json", f"{line}\n")


def _apart(folder: Path, ledger: str) -> Path | None:
    """The folder that takes a file an entry; None where the ledger is a file that takes a line an entry."""
    own, beside = folder / ledger, folder / _beside(ledger)
    if own.is_dir():
        return own
    if beside.is_dir():
        return beside
    if url_of(folder, STUDIES) is None:
        return None
    return beside if own.exists() else own


def _beside(ledger: str) -> str:
    """Name of the folder of entries beside a ledger that is a file: `test_evaluations.entries`."""
    return f"{ledger.removesuffix('.jsonl')}.entries"


def entries(folder: Path, ledger: str) -> list[dict[str, Any]]:
    """All lines of a ledger that can be read, the earliest first."""
    return [entry for _, entry in _lines(folder, ledger) if entry is not None]


def unreadable(folder: Path, ledger: str) -> tuple[str, ...]:
    """Where lines of a ledger cannot be read, `test_evaluations.jsonl line 3`: torn by a power cut, or changed."""
    return tuple(where for where, entry in _lines(folder, ledger) if entry is None)


def evaluations_of(folder: Path, ledger: str, run: str) -> set[str]:
    """The evaluations of one run, each by its token; one that was written down without has its place for it."""
    return {
        str(entry.get("scoring") or where)
        for where, entry in _lines(folder, ledger)
        if entry is not None and entry["run"] == run
    }


def _lines(folder: Path, ledger: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Where each line stands, with what it says; None where that is no entry."""
    for name in (*EARLIER.get(ledger, ()), ledger, _beside(ledger)):
        if (folder / name).is_dir():
            for file in sorted((folder / name).glob("[!.]*")):
                yield f"{name}/{file.name}", _entry(file.read_bytes())
            continue
        try:
            with open_regular(folder / name) as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        except OSError:
            yield name, None
            continue
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield f"{name} line {number}", _entry(line)


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("run"), str) else None
