"""Processor time of `heldout diagnose` with all experiments: versions of the code against each other, in one run.

    git worktree add /tmp/before COMMIT
    OMP_NUM_THREADS=1 python benchmarks/speed_diagnose.py --out speed --source before=/tmp/before/src --source now=src

One EfficientNet-Lite0, fine-tuned for two epochs at 128 pixels on 1,600 images, validation and test of 1,000 images each.
Two worlds: `xrays` (chest X-rays split by patient; of test, 624 images are the official test part and the rest is drawn
from the patients that are left) and `cells` (simulated cells, the test images a little out of focus). No image of validation
has a relative in train, so that nothing is trained anew. The study is made once by the first version and copied for every
measurement; the versions take turns, so that other work on the machine touches them alike.

Printed for each version: processor seconds (user and system, median and range over repeats), wall seconds, peak memory,
the processor seconds of a second call that finds all evidence cached, and seconds of each experiment. Then the ratio, and in
how much the two answers differ: verdicts that are not the same, and the largest difference of any number of points.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
KERMANY = ROOT.parent / "shared" / "data" / "kermany224"
SIZE, EPOCHS, BLUR = 128, 2, "blur=1"
SHARES = {"train": 1.6, "val": 1.0, "test": 1.0}
"""Images of each part, as multiples of what `--images` says."""

PROGRAM = "from heldout.cli import entry; entry()"


@dataclass(frozen=True)
class Measured:
    """One process.

    Attributes:
        processor: Processor seconds, the system's included.
        wall: Wall seconds.
        peak_gb: Largest resident set, 10⁹ bytes.
        said: What it printed.
    """

    processor: float
    wall: float
    peak_gb: float
    said: str


def measure(source: Path, *words: str) -> Measured:
    """A command of one version of the code.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *words]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}:\n{said[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, kibibytes on Linux
    seconds = time.perf_counter() - started
    return Measured(usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss * unit / 1e9, said)


def xrays(folder: Path, counts: dict[str, int]) -> Path:
    """A manifest of chest X-rays split by patient."""
    sys.path.insert(0, str(ROOT / "examples"))
    from founding_experiment import patient_of

    rng = np.random.default_rng(0)
    by_patient = defaultdict(list)
    for file in sorted((KERMANY / "train").glob("*/*.jpeg")):
        by_patient[patient_of(file.name)].append(file)
    names = iter(rng.permutation(sorted(by_patient)).tolist())
    official = rng.permutation(sorted((KERMANY / "test").glob("*/*.jpeg")))[: counts["test"]]
    rows = [_row(file, "test") for file in official]
    for part, count in {**counts, "test": counts["test"] - len(rows)}.items():
        found: list[Path] = []
        while len(found) < count:
            found += by_patient[next(names)]
        rows += [_row(file, part) for file in found[:count]]
    table = pd.DataFrame(rows, columns=["path", "label", "split"])
    table["patient"] = [patient_of(Path(path).name) for path in table["path"]]
    table.to_csv(folder / "xrays.csv", index=False)
    return folder / "xrays.csv"


def _row(file: Path, part: str) -> tuple[str, str, str]:
    return str(file), file.parent.name.lower(), part


def cells(folder: Path, counts: dict[str, int]) -> Path:
    """Simulated cells; validation is drawn by the run."""
    from heldout.phantoms import Counts, simulate, write_phantom
    from heldout.phantoms.plants import parse_plants
    from heldout.phantoms.worlds import worlds

    train, test = counts["train"] + counts["val"], counts["test"]
    made = Counts(train=train, test=test, train_patients=train // 10, test_patients=test // 10)
    write_phantom(simulate(worlds.get("cells"), 0, made, SIZE, parse_plants([BLUR])), folder / "cells")
    return folder / "cells"


WORLDS = {"xrays": xrays, "cells": cells}


def study_of(world: str, out: Path, source: Path, counts: dict[str, int]) -> Path:
    """A study with one trained run, made once."""
    study = out / world / "study"
    if not list(study.glob("runs/*/run.json")):
        (out / world).mkdir(parents=True, exist_ok=True)
        data = WORLDS[world](out / world, counts)
        words = ["--models", "efficientnet_lite0", "--strategies", "finetune", "--epochs", str(EPOCHS)]
        share = counts["val"] / (counts["train"] + counts["val"])
        words += ["--image-size", str(SIZE), "--val-fraction", f"{share:.4f}"]
        measure(source, "run", str(data), *words, "--out", str(study))
    return study


def compare(out: Path, world: str, sources: dict[str, Path], repeats: int, counts: dict[str, int]) -> None:
    """Diagnose copies of one study with every version in turn, and say what came of it."""
    study = study_of(world, out, next(iter(sources.values())), counts)
    found: dict[str, list[Measured]] = defaultdict(list)
    for _ in range(repeats):
        for name, source in sources.items():
            copy = out / world / f"copy-{name}"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(study, copy)
            found[name].append(measure(source, "diagnose", str(copy), "--json"))
            print(f"{world} {name}: {found[name][-1].processor:.1f} s", flush=True)
    for name, source in sources.items():
        again = measure(source, "diagnose", str(out / world / f"copy-{name}"), "--json")
        print(_line(world, name, found[name], again), _experiments(out / world / f"copy-{name}"), sep="\n", flush=True)
    first, *others = sources
    for name in others:
        ratios = [b.processor / a.processor for a, b in zip(found[first], found[name], strict=True)]
        print(f"{world}: {name} / {first}: {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
        print(differences(*(json.loads(found[version][0].said) for version in (first, name))), flush=True)


def _line(world: str, name: str, found: list[Measured], again: Measured) -> str:
    seconds = [one.processor for one in found]
    text = (
        f"{world} {name}: {statistics.median(seconds):.1f} s [{min(seconds):.1f}, {max(seconds):.1f}] of processor time"
    )
    wall, peak = statistics.median(one.wall for one in found), max(one.peak_gb for one in found)
    return f"{text}, {wall:.1f} s in all, {peak:.2f} GB, again from what is kept {again.processor:.1f} s"


def _experiments(study: Path) -> str:
    """Wall seconds of each experiment."""
    abouts = {file.stem: json.loads(file.read_text()) for file in sorted(study.glob("runs/*/experiments/*.json"))}
    return "  " + ", ".join(f"{name} {about['seconds']:.1f}" for name, about in abouts.items())


def differences(one: object, other: object) -> str:
    """Where two answers differ."""
    a, b = dict(_leaves(one)), dict(_leaves(other))
    apart, worst = [], ("", 0.0)
    for key in sorted(a.keys() | b.keys()):
        left, right = a.get(key), b.get(key)
        if isinstance(left, int | float) and isinstance(right, int | float):
            worst = max(worst, (key, abs(left - right)), key=lambda item: item[1])
        elif left != right:
            apart.append(f"{key}: {str(left)[:90]} | {str(right)[:90]}")
    return "\n".join(
        [f"  largest difference of a number: {worst[1]:.3g} ({worst[0]})", *(f"  {line}" for line in apart)]
    )


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            name = inner.get("code", inner.get("name", number)) if isinstance(inner, dict) else number
            yield from _leaves(inner, f"{path}/{name}")
    else:
        yield path, value


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", default=[], metavar="NAME=SRC", help="a version; repeat it")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=1000, help="images of validation and of test")
    parser.add_argument("--out", type=Path, default=Path("speed"))
    options = parser.parse_args()
    pairs = [text.split("=", 1) for text in options.source] or [["now", str(ROOT / "src")]]
    sources = {name: Path(place) for name, place in pairs}
    worlds = [name for name in options.worlds.split(",") if name != "xrays" or KERMANY.is_dir()]
    counts = {part: round(share * options.images) for part, share in SHARES.items()}
    for world in worlds:
        compare(options.out, world, sources, options.repeats, counts)


if __name__ == "__main__":
    main()
