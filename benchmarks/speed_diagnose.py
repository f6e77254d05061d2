"""Processor time of `heldout diagnose` with all experiments: versions of the code against each other, in one run.

    git worktree add /tmp/before COMMIT
    OMP_NUM_THREADS=1 python benchmarks/speed_diagnose.py --out speed --source before=/tmp/before/src --source now=src

One EfficientNet-Lite0, fine-tuned for two epochs at 128 pixels on 1,600 images; validation and test have 1,000 each.
Two worlds: `xrays` (chest X-rays split by patient; of test, 624 images are the official test part and the rest is drawn
from the patients that are left) and `cells` (simulated cells, the test images a little out of focus). No image of
validation has a relative in train, so that nothing is trained anew. The study is made once, by the first version, and
copied for every other; `--study DIR` takes one that is there.

A version is one process. It does what `heldout diagnose` does and notes the processor seconds of each step (user
and system, imports among them) as it goes. A call that was cut off goes on with the next step; `--minutes` ends it in
good time. Printed are the steps of every version side by side, the ratio of each sum to the first version's, and in how
much its answer differs from that of the version before it: what is not the same, and the largest difference of any
number. 0.1.0 tries and tells less than what came after it, so its answer is another one. Changed copies are looked for
when images are read, which the study's own version did not do: that search is done before, and its seconds are told of
none.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.progress import Epoch, Silent

ROOT = Path(__file__).resolve().parent.parent
KERMANY = ROOT.parent / "shared" / "data" / "kermany224"
SIZE, EPOCHS, BLUR = 128, 2, "blur=1"
SHARES = {"train": 1.6, "val": 1.0, "test": 1.0}
"""Images of each part, as multiples of what `--images` says."""

PROGRAM = "from heldout.cli import entry; entry()"


def command(source: Path, *words: str) -> None:
    """A command of one version of the program.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    whole = [sys.executable, "-W", "ignore", "-c", PROGRAM, *words]
    done = subprocess.run(whole, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


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
        command(source, "run", str(data), *words, "--out", str(study))
    return study


def diagnosed(study: Path, source: Path, deadline: float) -> bool:
    """One version's diagnosis of its copy of the study, as far as there is time; whether it is complete."""
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    words = [sys.executable, "-W", "ignore", __file__, "--worker", str(study)]
    try:
        subprocess.run(words, env=environment, check=True, timeout=max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


class Steps(Silent):
    """Notes the processor seconds of every intervention when it is done.

    Args:
        study: Folder of a study with one run.
        aside: Processor seconds so far that are none of the diagnosis.
    """

    def __init__(self, study: Path, aside: float = 0.0) -> None:
        self.study, self.file, self.depth = study, study / "steps.json", 0
        self.seconds: dict[str, float] = json.loads(self.file.read_text()) if self.file.is_file() else {}
        self.there, self.started = self.done(), time.process_time()
        self.seconds.setdefault("imports", self.started - aside)

    def done(self) -> set[str]:
        """Names of the interventions that left something."""
        return {file.stem for file in self.study.glob("runs/*/experiments/*.json")}

    def begin(self, title: str, total: int) -> None:
        """One level deeper."""
        self.depth += 1

    def end(self) -> None:
        """One level less deep."""
        self.depth -= 1

    def step(self, epoch: Epoch | None = None) -> None:
        """At the outer level an intervention is done."""
        if self.depth == 1:
            for name in self.done() - self.there:
                self.note_down(name)

    def note_down(self, name: str) -> None:
        """The seconds since the last step are those of this one."""
        self.there.add(name)
        self.seconds[name] = time.process_time() - self.started
        self.file.write_text(json.dumps(self.seconds))
        self.started = time.process_time()


def work(study: Path) -> None:
    """What `heldout diagnose` does, each step's processor seconds noted in `steps.json` of the study."""
    if importlib.util.find_spec("heldout.diagnosis") is None:
        work_of_0_1_0(study)
        return
    from heldout.diagnosis.diagnose import diagnose
    from heldout.diagnosis.interventions import run_interventions
    from heldout.diagnosis.tables import near_copies
    from heldout.runs.folder import read_study

    begun, files = time.process_time(), read_study(study)
    near_copies(files, files.runs[0].recipe, Silent())
    steps = Steps(study, time.process_time() - begun)
    run_interventions(read_study(study), reporter=steps, device="cpu")
    if "causes" not in steps.seconds:
        steps.started = time.process_time()
        diagnose(read_study(study))
        steps.note_down("causes")


def work_of_0_1_0(study: Path) -> None:
    """The same where interventions were called experiments and had another room."""
    judge = importlib.import_module("heldout.diagnose").diagnose
    run_experiments = importlib.import_module("heldout.experiments").run_experiments
    steps = Steps(study)
    run_experiments(study, reporter=steps, device="cpu")
    if "causes" not in steps.seconds:
        steps.started = time.process_time()
        judge(study)
        steps.note_down("causes")


def compare(study: Path, out: Path, sources: dict[str, Path], deadline: float) -> None:
    """Diagnose a copy of the study with every version, and print what came of it."""
    steps: dict[str, dict[str, float]] = {}
    for name, source in sources.items():
        copy = out / f"copy-{name}"
        if not copy.is_dir():
            shutil.copytree(study, copy)
        if not diagnosed(copy, source, deadline):
            print(f"{out.name}: {name} is not done yet; call again", flush=True)
            return
        steps[name] = json.loads((copy / "steps.json").read_text())
    first = next(iter(sources))
    print(f"| {out.name}: processor seconds | {' | '.join(sources)} |\n|---|{'--:|' * len(sources)}")
    for step in dict.fromkeys(step for found in steps.values() for step in found):
        print(f"| {step} | {' | '.join(f'{found.get(step, 0.0):.1f}' for found in steps.values())} |")
    print(f"| together | {' | '.join(f'{sum(found.values()):.1f}' for found in steps.values())} |")
    for earlier, name in itertools.pairwise(sources):
        print(f"{name} / {first}: {sum(steps[name].values()) / sum(steps[first].values()):.3f}")
        print(f"answers of {name} and {earlier}:")
        print(differences(*(answer(out / f"copy-{version}") for version in (earlier, name))), flush=True)


def answer(study: Path) -> object:
    """The diagnosis that was written."""
    (file,) = (study / "diagnosis").glob("*.json")
    return json.loads(file.read_text())


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
    parser.add_argument("--study", type=Path, help="a study with one trained run, in place of the two worlds")
    parser.add_argument("--images", type=int, default=1000, help="images of validation and of test")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so many; call again to go on")
    parser.add_argument("--out", type=Path, default=Path("speed"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return
    deadline = time.monotonic() + 60 * options.minutes
    pairs = [text.split("=", 1) for text in options.source] or [["now", str(ROOT / "src")]]
    sources = {name: Path(place) for name, place in pairs}
    if options.study:
        compare(options.study, options.out / options.study.name, sources, deadline)
        return
    counts = {part: round(share * options.images) for part, share in SHARES.items()}
    for world in [name for name in options.worlds.split(",") if name != "xrays" or KERMANY.is_dir()]:
        study = study_of(world, options.out, next(iter(sources.values())), counts)
        compare(study, options.out / world, sources, deadline)


if __name__ == "__main__":
    main()
