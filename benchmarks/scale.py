"""How far a study grows on one machine: seconds and largest resident set of every stage, and what a million would take.

    python benchmarks/scale.py --sizes 1000,4000,10000,100000,1000000 --out scale
    python benchmarks/scale.py --sizes 1000,4000,10000,100000 --out scale --predict 1000000 --table

Each command is a process of its own (`scale_stages.py`), with as many threads as OMP_NUM_THREADS says; seconds are
processor seconds of all threads, which other work on the machine touches less than wall seconds. Images are
simulated cells of 64 pixels in grey, twenty a patient, in one array a class; a fifth is test, a fifth of the rest
validation. Up to 10,000 all are simulated; of more an eighth is, a seed for every 25,000 so that this needs no memory,
and each stands there in the eight symmetries of the square, each symmetry under patients of its own: as many different
images, patients and bytes as a phantom of that size has, made in an eighth of the time.

The model has a line a stage, in seconds and in bytes: what is always there, and what an image adds. Lines are fitted to
all sizes but the largest (weighted, so that relative errors count alike), held against what was measured at the
largest, and then fitted to the two largest for what was not measured. What is done is kept in `scale.json`, and a
benchmark that was cut off goes on from there.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SIZE, EPOCHS = 64, 5
SIMULATED, CHUNK = 10_000, 25_000
HERE = Path(__file__).parent
STEPS = ("inspect", "probe", "frozen", "compare", "judge", "diagnose", "report")
TITLES = {
    "inspect": "`inspect`",
    "probe": "`run`, probe",
    "frozen": "`run`, frozen, cached features",
    "compare": "`compare`",
    "judge": "`diagnose --no-experiments`",
    "diagnose": "`diagnose`",
    "report": "`report`",
}
Row = dict[str, Any]


def simulate(images: int, folder: Path) -> None:
    """Write the phantom piece by piece; nothing that was begun is gone on with."""
    shutil.rmtree(folder, ignore_errors=True)
    arrays: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "row", "patient"])
        for part, label, pixels, patients in pieces(images):
            name = f"{part}/{label}.npy" if part == "train" else f"{part}/{part}_{label}.npy"
            if name not in arrays:
                arrays[name], counts[name] = (folder / name).open("wb"), 0
                np.lib.format.write_array_header_1_0(arrays[name], header(10**9))  # the count is put in at the end
            arrays[name].write(pixels.tobytes())
            table.writerows((name, counts[name] + row, patient) for row, patient in enumerate(patients))
            counts[name] += len(pixels)
    for name, opened in arrays.items():
        opened.seek(0)
        np.lib.format.write_array_header_1_0(opened, header(counts[name]))
        opened.close()


def header(rows: int) -> dict[str, Any]:
    """Of a `.npy` file; numpy leaves room in it for the count to grow or shrink."""
    return {"descr": "|u1", "fortran_order": False, "shape": (rows, SIZE, SIZE)}


def pieces(images: int) -> Iterator[tuple[str, str, np.ndarray, list[str]]]:
    """Part, class, images and their patients, some at a time."""
    from heldout.phantoms import Counts
    from heldout.phantoms import simulate as simulated
    from heldout.phantoms.plants import parse_plants
    from heldout.phantoms.worlds import worlds

    symmetries = 1 if images <= SIMULATED else 8
    left = images // symmetries
    for seed in range(-(-left // CHUNK)):
        some = simulated(
            worlds.get("cells"), seed, Counts.of(min(CHUNK, left - seed * CHUNK)), SIZE, parse_plants(["blur=1"])
        )
        for (part, label), rows in some.table.groupby(["split", "label"]).indices.items():
            for symmetry in range(symmetries):
                turned = np.rot90(some.images[rows], symmetry % 4, axes=(1, 2))
                turned = turned[:, :, ::-1] if symmetry >= 4 else turned
                names = [f"{seed}-{symmetry}-{patient}" for patient in some.table["patient"].iloc[rows]]
                yield str(part), str(label), np.ascontiguousarray(turned), names


def words_of(step: str, folder: Path) -> list[str]:
    """The command of a step."""
    data, study = str(folder / "data"), str(folder / "study")
    run = ["run", data, "--models", "efficientnet_lite0", "--image-size", str(SIZE), "--out", study]
    if step in ("judge", "diagnose"):
        records = [json.loads(file.read_text()) for file in sorted((folder / "study" / "runs").glob("*/run.json"))]
        first = next(record["id"] for record in records if record["strategy"] == "probe")
        return ["diagnose", study, "--run", first, *(["--no-experiments"] if step == "judge" else [])]
    return {
        "inspect": ["inspect", data],
        "probe": [*run, "--strategies", "probe"],
        "frozen": [*run, "--strategies", "frozen", "--epochs", str(EPOCHS)],
        "compare": ["compare", study],
        "report": ["report", study],
    }[step]


def measure(step: str, images: int, folder: Path) -> Row:
    """Run one step; what each of its stages took.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    stages = folder / "stages.json"
    stages.unlink(missing_ok=True)
    cache = {"HELDOUT_CACHE": str((folder / "cache").absolute())}  # what an earlier benchmark read is read again
    started = time.perf_counter()
    words = [sys.executable, str(HERE / "scale_stages.py"), str(stages), *words_of(step, folder)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | cache)
    if done.returncode or not stages.is_file():
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    seconds = time.perf_counter() - started
    return {"images": images, "step": step, "seconds": seconds, "stages": json.loads(stages.read_text())}


def grow(sizes: list[int], steps: list[str], out: Path, keep: bool) -> list[Row]:
    """Every step at every size, those that were measured before left out."""
    file = out / "scale.json"
    rows: list[Row] = json.loads(file.read_text()) if file.is_file() else []
    for images in sizes:
        folder = out / str(images)
        left = [step for step in steps if not any((row["images"], row["step"]) == (images, step) for row in rows)]
        if not left:
            continue
        if not (folder / "data" / "metadata.csv").is_file():
            subprocess.run(
                [sys.executable, __file__, "--simulate", str(folder / "data"), "--sizes", str(images)], check=True
            )
        for step in left:
            rows.append(measure(step, images, folder))
            file.write_text(json.dumps(rows, indent=1))
            print(f"{images:>9,} {step:<9} {rows[-1]['seconds']:8.1f} s {peak_of(rows[-1]):6.2f} GB", flush=True)
        if not keep:
            shutil.rmtree(folder)
    return rows


def peak_of(row: Row) -> float:
    """Largest resident set of a process, GB."""
    return float(max(stage["peak_gb"] for stage in row["stages"].values()))


def seconds_of(row: Row) -> float:
    """Processor seconds of a process, those of imports before the first stage left out."""
    return float(sum(stage["processor"] for stage in row["stages"].values()))


def stages_of(rows: list[Row]) -> list[tuple[str, str]]:
    """Step and stage of all that took a second anywhere, in order."""
    found = {
        (row["step"], name): None
        for step in STEPS
        for row in sorted(rows, key=lambda row: -row["images"])
        if row["step"] == step
        for name, stage in row["stages"].items()
        if stage["processor"] >= 1
    }
    return list(found)


def line(sizes: list[int], values: list[float]) -> tuple[float, float]:
    """Fixed part and part an image of a line through values at sizes, neither below 0, relative errors alike."""
    from scipy.optimize import nnls

    each = np.maximum(np.array(values), 1e-9)
    design = np.column_stack([np.ones(len(sizes)), np.array(sizes, dtype=float)]) / each[:, None]
    (fixed, slope), _ = nnls(design, np.ones(len(sizes)))
    return float(fixed), float(slope)


def predicted(rows: list[Row], step: str, stage: str, what: str, sizes: list[int], images: int) -> float | None:
    """A stage's seconds or GB at some number of images, from a line through other sizes; None with fewer than two."""
    known = {row["images"]: row["stages"].get(stage, {}).get(what, 0.0) for row in rows if row["step"] == step}
    used = [size for size in sizes if size in known]
    if len(used) < 2:
        return None
    fixed, slope = line(used, [known[size] for size in used])
    return fixed + slope * images


def table(rows: list[Row], predict: int | None) -> str:
    """Markdown: each stage at each size, seconds (ms an image) and GB; the model beside the largest, and beyond it."""
    sizes = sorted({row["images"] for row in rows})
    largest, smaller = sizes[-1], sizes[:-1]
    heads = ["stage", *(f"{size:,}" for size in sizes), f"{largest:,}, model"]
    heads += [f"{predict:,}, predicted"] if predict else []
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    known = {(row["step"], row["images"]): row for row in rows}
    for step in [step for step in STEPS if any(row["step"] == step for row in rows)]:
        stages = [stage for one, stage in stages_of(rows) if one == step]
        whole = [known.get((step, size)) for size in sizes]
        cells = [f"{seconds_of(row):.1f} s, {peak_of(row):.2f} GB" if row else "not measured" for row in whole]
        sums = [_model(rows, step, smaller, largest), *([_model(rows, step, sizes[-2:], predict)] if predict else [])]
        lines.append(f"| **{TITLES[step]}** | " + " | ".join([*cells, *sums]) + " |")
        for stage in stages:
            cells = []
            for size in sizes:
                found = known.get((step, size), {}).get("stages", {}).get(stage)
                each = "" if not found else f" ({1000 * found['processor'] / size:.2f})"
                cells.append("" if not found else f"{found['processor']:.1f}{each}, {found['peak_gb']:.2f}")
            for used, images in [(smaller, largest), *([(sizes[-2:], predict)] if predict else [])]:
                pair = [predicted(rows, step, stage, what, used, images) for what in ("processor", "peak_gb")]
                cells.append("" if None in pair else f"{pair[0]:.1f}, {pair[1]:.2f}")
            lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _model(rows: list[Row], step: str, sizes: list[int], images: int) -> str:
    """Seconds of all stages of a step, and the largest of their resident sets."""
    names = {name for row in rows if row["step"] == step for name in row["stages"]}
    pairs = [[predicted(rows, step, name, what, sizes, images) for what in ("processor", "peak_gb")] for name in names]
    if not pairs or any(None in pair for pair in pairs):
        return ""
    return f"{sum(float(pair[0] or 0) for pair in pairs):.1f} s, {max(float(pair[1] or 0) for pair in pairs):.2f} GB"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1000, 4000, 10000])
    parser.add_argument("--steps", type=lambda text: text.split(","), default=list(STEPS))
    parser.add_argument("--out", type=Path, default=Path("scale"))
    parser.add_argument("--keep", action="store_true", help="keep images and studies")
    parser.add_argument("--predict", type=int, help="images for which nothing was measured")
    parser.add_argument("--table", action="store_true", help="measure nothing, tell what was")
    parser.add_argument("--simulate", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        simulate(options.sizes[0], options.simulate)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "scale.json"
    rows = (
        json.loads(file.read_text()) if options.table else grow(options.sizes, options.steps, options.out, options.keep)
    )
    print(table([row for row in rows if row["images"] in options.sizes], options.predict))


if __name__ == "__main__":
    main()
