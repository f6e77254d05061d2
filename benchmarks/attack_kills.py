"""kill -9 at random moments, over all commands that write: equal results to the bit, and no litter.

    python benchmarks/attack_kills.py --kills 100 --out attack-kills

Every command is run undisturbed once. Then it is run in a new folder and killed after a random time, up to what it
takes; called again, possibly killed again, until it ends by itself. What stands there then is held against the
undisturbed folder: the same files, with the same content but for times, and nothing of ours besides. A line a kill goes
to OUT/kills.jsonl; the same command goes on from there.

A process is forked from one that has imported everything and knows a network of two layers (`benchmarks/attacked.py`),
so that kills meet the commands at work and not importing. The cache of every trial is its own, and is held against the
undisturbed one too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.attacked import EPOCHS, IMAGE_SIZE, MODEL, done_in_a_fork, fork, install_network, make_data
from heldout import claims
from heldout.backbones import resolve
from heldout.cli import main as call

KILLS_A_TRIAL = 3
"""A command is killed at most so often before it may end."""

STALE = 0.5
"""Seconds, instead of the 60 of `heldout.claims`."""

ADDED = "timm:test_vit.r160_in1k"
"""The smallest network whose weights a person may add."""

Words = Callable[[Path, Path], list[str]]

RUN = ["--models", MODEL, "--epochs", str(EPOCHS), "--image-size", str(IMAGE_SIZE), "--device", "cpu"]

COMMANDS: dict[str, Words] = {
    "run": lambda data, out: ["run", str(data), *RUN, "--strategies", "finetune,knn", "--out", str(out / "study")],
    "search": lambda data, out: [
        *("run", str(data), *RUN, "--strategies", "frozen", "--tune", "3", "--out", str(out / "study"))
    ],
    "diagnose": lambda data, out: ["diagnose", str(out / "study"), "--bootstrap", "100", "--device", "cpu"],
    "report": lambda data, out: ["report", str(out / "study")],
    "compare": lambda data, out: ["compare", str(out / "study"), "--csv", str(out / "runs.csv"), "--bootstrap", "100"],
    "phantom": lambda data, out: [
        "phantom",
        str(out / "cells"),
        "--n",
        "60",
        "--image-size",
        "32",
        "--plant",
        "blur=2",
    ],
    "inspect": lambda data, out: [
        *("inspect", str(data), "--pairs", str(out / "pairs.png"), "--contact-sheet", str(out / "sheet.png"))
    ],
    "predict": lambda data, out: [
        *("predict", str(next((out / "study/runs").glob("[!.]*"))), str(data.parent / "pictures"), "--device", "cpu"),
        *("--csv", str(out / "answers.csv"), "--parquet", str(out / "answers.parquet"), "--overwrite"),
    ],
    "weights": lambda data, out: ["weights", "add", ADDED, str(data.parent / "added.safetensors")],
}
"""Commands that write, by name; some go on from a finished study."""

NEEDS_STUDY = ("diagnose", "report", "compare", "predict")

TIMES = (
    "seconds",
    "created",
    "time",
    "wall_seconds",
    "seconds_per_epoch",
    "hash",
    "files",
    "scoring",
    "platform",
    "token",
)
"""Fields of records that differ from call to call."""


@dataclass
class Trial:
    """What came of one trial.

    Attributes:
        seed: Decides the moments.
        command: What was killed.
        kills: How often.
        failed: Whether it did not end well when it was let.
        differing: Files that are missing, or not those of an undisturbed call.
        litter: What is left of ours besides.
        words: The first of them.
    """

    seed: int
    command: str
    kills: int = 0
    failed: bool = False
    differing: int = 0
    litter: int = 0
    words: str = ""

    @property
    def fine(self) -> bool:
        """Whether nothing tells that it was killed."""
        return not (self.failed or self.differing or self.litter)


def work(words: list[str], cache: Path) -> None:
    """A command, with a cache of its own."""
    os.environ["HELDOUT_CACHE"] = str(cache)
    status = int(call(words))
    if status:
        raise SystemExit(status)


def ends_well(words: list[str], cache: Path, log: Path) -> bool:
    """Run a command to its end."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(lambda: work(words, cache), log), 0)[1]) == 0


def attack(seed: int, name: str, data: Path, whole: Path, seconds: float, out: Path) -> Trial:
    """Kill a command some times, let it end, and compare."""
    rng, trial = np.random.default_rng(seed), Trial(seed, name)
    out.mkdir(parents=True)
    if name in NEEDS_STUDY:
        shutil.copytree(whole.parent / "run" / "study", out / "study")
    words, cache, log = COMMANDS[name](data, out), out / "cache", out.with_suffix(".log")
    for _ in range(int(rng.integers(1, KILLS_A_TRIAL + 1))):
        pid = fork(lambda: work(words, cache), log)
        time.sleep(float(rng.uniform(0, seconds)))
        os.kill(pid, signal.SIGKILL)
        trial.kills += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    trial.failed = not ends_well(words, cache, log)
    trial.words = log.read_text()[-300:] if trial.failed else ""
    found, wanted = content(out), content(whole)
    for place in sorted(found.keys() | wanted.keys()):
        if found.get(place) != wanted.get(place):
            hidden = Path(place).name.startswith(".") or any(part.startswith(".") for part in Path(place).parts)
            trial.litter += hidden
            trial.differing += not hidden
            trial.words = trial.words or place
    if trial.fine:
        shutil.rmtree(out)
    return trial


def content(folder: Path) -> dict[str, object]:
    """Path -> what it holds, without what differs from call to call."""
    return {path.relative_to(folder).as_posix(): _held(path, folder) for path in folder.rglob("*") if path.is_file()}


def _held(path: Path, folder: Path) -> object:
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text()), str(folder))
    if path.suffix == ".jsonl":  # an intervention that was cut off scored its images again, and says so
        lines = [json.dumps(_timeless(json.loads(line), str(folder))) for line in path.read_text().splitlines()]
        return sorted(set(lines))
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return table.drop(columns=[name for name in TIMES if name in table.columns]).to_csv()
    if path.name in ("history.csv", "runs.csv"):
        table = pd.read_csv(path)
        return table.drop(columns=[name for name in TIMES if name in table.columns]).to_csv()
    if path.suffix == ".html":  # it tells times
        return len(path.read_bytes()) > 0
    return path.read_bytes()


def _timeless(value: object, folder: str) -> object:
    if isinstance(value, dict):
        return {name: _timeless(inner, folder) for name, inner in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [_timeless(inner, folder) for inner in value]
    return value.replace(folder, "") if isinstance(value, str) else value


def undisturbed(data: Path, base: Path) -> dict[str, float]:
    """Every command twice, so that nothing is imported the second time; name -> seconds that it took then."""
    took = {}
    for name, words in COMMANDS.items():
        out = base / name
        for again in (False, True):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            if name in NEEDS_STUDY:
                shutil.copytree(base / "run" / "study", out / "study")
            started = time.monotonic()
            call_ = partial(work, words(data, out), out / "cache")
            if not again:
                done_in_a_fork(call_, out.with_suffix(".log"))
            elif os.waitstatus_to_exitcode(os.waitpid(fork(call_, out.with_suffix(".log")), 0)[1]):
                sys.exit(f"{name} failed undisturbed: {out.with_suffix('.log').read_text()[-500:]}")
            took[name] = time.monotonic() - started
    return took


def prepare(out: Path) -> Path:
    """What the commands are given: images, pictures to classify, weights to add; the folder of the images."""
    claims.STALE, claims.BEAT, claims.POLL = STALE, 0.1, 0.05
    install_network(out)
    data, pictures = out / "data", out / "pictures"
    if not data.exists():
        make_data(data)
    pictures.mkdir(exist_ok=True)
    for number, image in enumerate(np.load(data / "test" / "test_dark.npy")):
        Image.fromarray(image).save(pictures / f"{number}.png")
    done_in_a_fork(partial(_draw_weights, out / "added.safetensors"), out / "added.log")
    return data


def _draw_weights(file: Path) -> None:
    from safetensors.torch import save_file

    from heldout.backbones.lookup import entry_of, source_of

    entry = entry_of(resolve(ADDED))
    save_file(source_of(entry.info).model(entry, entry.info.input_size).state_dict(), file)


def main() -> None:
    """Run trials until there were so many kills, and print the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no trial after so many minutes")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "attack-kills")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    journal = given.out / "kills.jsonl"
    done = [Trial(**json.loads(line)) for line in journal.read_text().splitlines()] if journal.exists() else []
    data = prepare(given.out)
    seconds = undisturbed(data, given.out / "whole")
    started, names = time.monotonic(), list(COMMANDS)
    for seed in range(len(done), 10**6):
        enough = sum(trial.kills for trial in done) >= given.kills
        if enough or time.monotonic() - started > 60 * given.minutes:
            break
        name, out = names[seed % len(names)], given.out / f"trial-{seed}"
        shutil.rmtree(out, ignore_errors=True)
        done.append(attack(seed, name, data, given.out / "whole" / name, seconds[name], out))
        with journal.open("a") as file:
            file.write(json.dumps(asdict(done[-1])) + "\n")
        if not done[-1].fine:
            print(done[-1], flush=True)
    table = pd.DataFrame([{**asdict(trial), "fine": trial.fine} for trial in done])
    print(table.groupby("command")[["kills", "failed", "differing", "litter", "fine"]].sum().to_string())
    print(f"{int(table['kills'].sum())} kills in {len(table)} trials, {int(table['fine'].sum())} of them fine")


if __name__ == "__main__":
    main()
