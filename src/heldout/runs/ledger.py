"""How often test images were scored: one line each time, in files of the study's folder that only grow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TEST_EVALUATIONS = "test_evaluations.jsonl"
"""Written by runs, after their training."""

DIAGNOSIS_EVALUATIONS = "diagnosis_evaluations.jsonl"
"""Written by interventions of a diagnosis that scored test images; no score of a run comes from them."""

EARLIER = {TEST_EVALUATIONS: "test_looks.jsonl", DIAGNOSIS_EVALUATIONS: "diagnosis_looks.jsonl"}
"""What 0.1.0 called them; their lines still count."""


def write_down(folder: Path, ledger: str, entry: Mapping[str, str]) -> None:
    """Add a line with the time; in one write at the file's end, so that processes do not write into each other's lines.

    Args:
        folder: The study's.
        ledger: `TEST_EVALUATIONS` or `DIAGNOSIS_EVALUATIONS`.
        entry: What was scored, by what.
    """
    line = json.dumps({**entry, "time": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n"
    file = os.open(folder / ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def entries(folder: Path, ledger: str) -> list[dict[str, Any]]:
    """All lines of a ledger, the earliest first."""
    files = [folder / name for name in (EARLIER[ledger], ledger)]
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    return [json.loads(line) for text in texts for line in text.splitlines() if line.strip()]
