"""A way of training in a process of its own: its seconds, its memory, what it says; and ratios with their spread."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

Range = tuple[float, float, float]
"""Least, median, largest."""


@dataclass(frozen=True)
class Way:
    """What one way of training took.

    Attributes:
        name: The peer, or `ours`.
        strategy: What it carried out.
        epochs: Epochs that it trained, 0 where there are none.
        seconds: Wall time of the whole process, one a repeat.
        epoch_seconds: Of every epoch of the first repeat; of several runs, a list each.
        peak_mb: Largest resident memory of the repeats, 10^6 bytes.
        val: Validation accuracy, a fraction.
        test: Likewise.
        version: Of the library.
        missing: Why there is nothing of this, or empty.
    """

    name: str
    strategy: str
    epochs: int
    seconds: list[float]
    epoch_seconds: list[list[float]]
    peak_mb: float = 0.0
    val: float = float("nan")
    test: float = float("nan")
    version: str = ""
    missing: str = ""


def call(folder: Path | None, script: str, *words: object, threads: int) -> dict[str, Any]:
    """Run a module and read its last line, with `seconds` and `peak_mb`; only `missing` where it failed."""
    module = script if "." in script else f"benchmarks.speed_peers.{script}"
    command = [sys.executable, "-W", "ignore", "-m", module, *([str(folder)] if folder else []), *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        said, complained = out.read().strip().splitlines(), errors.read().strip().splitlines()
    if process.returncode != 0:
        return {"missing": complained[-1] if complained else f"ended with {process.returncode}"}
    found: dict[str, Any] = json.loads(said[-1])
    return found | {"seconds": seconds, "peak_mb": usage.ru_maxrss * 1024 / 1e6}  # Linux counts in KiB


def measure(folder: Path, name: str, model: str, strategy: str, epochs: int, repeats: int, threads: int) -> Way:
    """A way, so many times."""
    found = [call(folder, name, model, strategy, epochs, threads=threads) for _ in range(repeats)]
    failed = next((one["missing"] for one in found if "missing" in one), "")
    if failed:
        return Way(name, strategy, epochs, [], [], missing=failed)
    first = found[0]
    runs = first.get("runs", [first])
    return Way(
        name,
        strategy,
        epochs,
        [one["seconds"] for one in found],
        [run["epoch_seconds"] for run in runs],
        max(one["peak_mb"] for one in found),
        first["val"],
        first["test"],
        first["version"],
    )


def extrapolated(way: Way, epochs: int) -> Range:
    """Seconds of the whole process with so many epochs: measured, or the rest at the fastest, median, slowest epoch."""
    rest = max(epochs - way.epochs, 0) if way.epochs else 0
    ends = (min(way.seconds), statistics.median(way.seconds), max(way.seconds))
    picks = (min, statistics.median, max)
    low, middle, high = (
        seconds + rest * sum(pick(run) for run in way.epoch_seconds if run and rest)
        for seconds, pick in zip(ends, picks, strict=True)
    )
    return low, middle, high


def ratio(theirs: Range, ours: Range) -> str:
    """Theirs over ours, with the least and the largest that the two spreads allow."""
    return f"{theirs[1] / ours[1]:.2f} [{theirs[0] / ours[2]:.2f}, {theirs[2] / ours[0]:.2f}]"


def line(way: Way, epochs: int, ours: Way | None, note: str = "") -> str:
    """One line of a table."""
    title = (
        f"  {way.name} {way.strategy}" + (f", {way.epochs} epochs" if way.epochs else "") + (f" {note}" * bool(note))
    )
    if way.missing:
        return f"{title}: missing ({way.missing})"
    # Ours after as many epochs as the peers stands there for its accuracy; so its time is its own.
    low, middle, high = extrapolated(way, epochs)
    how = f"extrapolated from {way.epochs} epochs" if 0 < way.epochs < epochs else "measured"
    text = f"{title}: {middle:.1f} s [{low:.1f}, {high:.1f}] {how}"
    each = [statistics.median(run) for run in way.epoch_seconds if run]
    text += f", {' + '.join(f'{one:.2f}' for one in each)} s an epoch" if each and way.epochs else ""
    text += f", {way.peak_mb:.0f} MB, validation {way.val:.3f}, test {way.test:.3f}"
    if ours is not None and not ours.missing:
        text += f", ratio {ratio((low, middle, high), extrapolated(ours, epochs))}"
    return f"{text} ({way.version})"
