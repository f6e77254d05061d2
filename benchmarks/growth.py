"""How time and memory grow with the number of images: every command, each in a process of its own.

    python benchmarks/growth.py                                  # 2,000, 20,000 and 200,000 images
    python benchmarks/growth.py --sizes 2000,20000 --out growth  # smaller, into a folder that is kept

For each size: simulated blood cells at 64 pixels in the layout of arrays, four fifths to train on and one fifth to
test on, twenty images a patient, the test images a little out of focus so that a diagnosis has something to find. Then,
with EfficientNet-Lite0 and the number of threads that OMP_NUM_THREADS says:

* **inspect**: `heldout inspect`.
* **frozen**: `heldout run --strategies frozen`: reading, squares, features, five epochs of the head, scoring, writing.
* **head**: the same again without the run and with its squares and features: what is left is reading and the head.
* **probe**: a logistic regression on the same features, so that there are two runs to compare.
* **compare**, **diagnose** of the first run without experiments and with them, and **report**.

The features' own time is frozen − head. Growth is told by processor seconds, which other work on the machine touches
less than wall seconds. The peak is the largest resident set of the process, and counts the pages of mapped files that
happened to be in memory. What is done is kept in `growth.json`, and a benchmark that was cut off goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

SIZE, EPOCHS, BLUR = 64, 5, "blur=1"
PROGRAM = "from heldout.cli import entry; entry()"
STEPS = ("simulate", "inspect", "frozen", "head", "probe", "compare", "judge", "diagnose", "report")
TITLES = {
    "simulate": "simulation of the images",
    "inspect": "`inspect`",
    "frozen": "`run`, frozen",
    "features": "of this squares and features",
    "head": "of this reading and head",
    "probe": "`run`, probe, cached features",
    "compare": "`compare`",
    "judge": "`diagnose --no-experiments`",
    "diagnose": "`diagnose`, experiments too",
    "report": "`report`",
}


@dataclass(frozen=True)
class Measured:
    """One command at one size.

    Attributes:
        images: Number of images, test included.
        step: What was run.
        seconds: Wall time.
        processor: Processor time, seconds, the system's included.
        peak_gb: Largest resident set, 10⁹ bytes.
    """

    images: int
    step: str
    seconds: float
    processor: float
    peak_gb: float


def measure(words: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak resident set (10⁹ bytes) of a process.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    started = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}:\n{said[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, kibibytes on Linux
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9


def simulate(images: int, folder: Path) -> None:
    """Write the phantom; in a process of its own, since a child's peak is at least its parent's."""
    from heldout.phantoms import Counts, simulate, write_phantom
    from heldout.phantoms.plants import parse_plants
    from heldout.phantoms.worlds import worlds

    write_phantom(simulate(worlds.get("cells"), 0, Counts.of(images), SIZE, parse_plants([BLUR])), folder)


def words_of(step: str, images: int, folder: Path) -> list[str]:
    """The process that carries out a step."""
    data, study = str(folder / "data"), str(folder / "study")
    run = ["run", data, "--models", "efficientnet_lite0", "--image-size", str(SIZE), "--out", study]
    frozen = [*run, "--strategies", "frozen", "--epochs", str(EPOCHS)]
    commands = {
        "inspect": ["inspect", data],
        "frozen": frozen,
        "head": frozen,
        "probe": [*run, "--strategies", "probe"],
        "compare": ["compare", study],
        "report": ["report", study],
    }
    if step == "simulate":
        return [sys.executable, __file__, "--simulate", data, "--sizes", str(images)]
    if step in ("judge", "diagnose"):
        first = next(run["id"] for run in read_runs(folder / "study") if run["strategy"] == "frozen")
        commands[step] = ["diagnose", study, "--run", first, *(["--no-experiments"] if step == "judge" else [])]
    return [sys.executable, "-c", PROGRAM, *commands[step]]


def read_runs(study: Path) -> list[dict[str, str]]:
    """Records of the finished runs."""
    return [json.loads(file.read_text()) for file in sorted((study / "runs").glob("*/run.json"))]


def grow(sizes: list[int], out: Path) -> list[Measured]:
    """Every step at every size, those that were measured before left out."""
    file = out / "growth.json"
    done = [Measured(**row) for row in json.loads(file.read_text())] if file.is_file() else []
    for images in sizes:
        folder = out / str(images)
        folder.mkdir(parents=True, exist_ok=True)
        for step in STEPS:
            if any((row.images, row.step) == (images, step) for row in done):
                continue
            if step in ("frozen", "head"):  # from nothing, and again with squares and features
                shutil.rmtree(folder / "study" / ("runs" if step == "head" else ""), ignore_errors=True)
            done.append(Measured(images, step, *measure(words_of(step, images, folder))))
            file.write_text(json.dumps([asdict(row) for row in done], indent=1))
            print(f"{images:>8,} {step:<9} {done[-1].seconds:8.1f} s {done[-1].peak_gb:6.2f} GB", flush=True)
    return done


def table(rows: list[Measured], sizes: list[int]) -> str:
    """Markdown: seconds, processor seconds, these for 1,000 images and against the size before, and the peak."""
    found = {(row.step, row.images): row for row in rows}
    for images in sizes:
        whole, head = found["frozen", images], found["head", images]
        seconds, processor = max(whole.seconds - head.seconds, 0.0), max(whole.processor - head.processor, 0.0)
        found["features", images] = Measured(images, "features", seconds, processor, whole.peak_gb)
    lines = [
        "| what | images | seconds | processor seconds | for 1,000 images | times the size before | peak GB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for step, title in TITLES.items():
        before = None
        for images in sizes:
            row = found[step, images]
            each = 1000 * row.processor / images
            ratio = "" if before is None else f"{each / before:.2f}"
            numbers = f"{row.seconds:.1f} | {row.processor:.1f} | {each:.2f} | {ratio} | {row.peak_gb:.2f}"
            lines.append(f"| {title} | {images:,} | {numbers} |")
            before, title = each, ""
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[2000, 20000, 200000])
    parser.add_argument("--out", type=Path, default=Path("growth"))
    parser.add_argument("--simulate", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        simulate(options.sizes[0], options.simulate)
        return
    rows = grow(sorted(options.sizes), options.out)
    print(table(rows, sorted(options.sizes)))


if __name__ == "__main__":
    main()
