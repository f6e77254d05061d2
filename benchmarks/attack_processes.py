"""Several processes on one study, stopped, continued and killed at random: nothing lost, nothing scored twice.

    python benchmarks/attack_processes.py --trials 200 --out attack-processes

Every trial begins a study in a new folder with 2 to 4 processes, whose plans differ, and signals them at random:
SIGSTOP for up to twice the time after which a process counts as gone, then SIGCONT, or SIGKILL; most of all those that
write the files of a run, count its evaluation and publish it. In a third of the trials nearly every process is killed,
in a third few are, and in a third none, so that those that were stopped live to go on. When all have ended, one process
more finishes what is left, as a person would. Then everything is counted: each planned run is there once,
has been scored on test once, has the numbers of a study that nobody disturbed, bit for bit, and no temporary file,
claim or half folder is left. A line a trial goes to OUT/trials.jsonl; the same command goes on from there.

What takes time without being at risk is done once: images are read before the first trial, and processes are forked
from one that has imported everything (`benchmarks/attacked.py`). Claims go stale after 0.5 seconds instead of 60.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.attacked import EPOCHS, IMAGE_SIZE, MODEL, done_in_a_fork, fork, install_network, make_data
from heldout import claims
from heldout.data.load import load
from heldout.records import Cohort
from heldout.runs import share
from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries
from heldout.study import Study

STALE, BEAT = 0.5, 0.1
"""Seconds; those of `heldout.claims` are 60 and 5."""

PLANS = (("knn", "frozen"), ("frozen", "probe"), ("probe", "knn"), ("knn", "frozen", "probe"))
"""Strategies of the first, second … process."""

KILLING = (0.0, 0.02, 0.1)
"""Chance of SIGKILL at each look (every 16 ms) at a process that finishes a run; a tenth of it at any other time."""

COMPARED = ("predictions.parquet", "val_epochs.parquet")

LONGEST = 900
"""Seconds after which a trial hangs; on a machine that other work shares it may get a fiftieth of a processor."""


@dataclass
class Trial:
    """What came of one trial.

    Attributes:
        seed: Decides processes, signals and times.
        processes: How many worked at once.
        stopped: SIGSTOP signals.
        killed: Processes that met SIGKILL before they ended.
        finishing: Of both, those that met a process at the files of a run, its evaluation or its place.
        crashed: Processes that were not killed and ended badly.
        lost: Planned runs that are not there, or are damaged.
        doubled: Evaluations on test beyond one a run.
        differing: Files that are not those of an undisturbed study.
        plans_lost: Plans of processes that lived long enough to write one, which are not there.
        litter: Temporary files, claims and half folders that are left.
        hung: Whether it had to be ended.
        seconds: It took.
    """

    seed: int
    processes: int = 0
    stopped: int = 0
    killed: int = 0
    finishing: int = 0
    crashed: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    plans_lost: int = 0
    litter: int = 0
    hung: bool = False
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        """Whether nothing was lost, doubled or left behind."""
        wrong = (self.crashed, self.lost, self.doubled, self.differing, self.plans_lost, self.litter, self.hung)
        return not any(wrong)


def work(cohort: Cohort, out: Path, strategies: tuple[str, ...]) -> None:
    """Make a study, or one's share of it."""
    Study(cohort, [MODEL], strategies, out, epochs=EPOCHS, image_size=IMAGE_SIZE, device="cpu", engine="torch").run()


def begin(cohort: Cohort, out: Path, strategies: tuple[str, ...], log: Path) -> int:
    """A process that works on a study; returns its number."""
    return fork(lambda: work(cohort, out, strategies), log)


def attack(seed: int, cohort: Cohort, reference: Path, out: Path) -> Trial:
    """One trial in a new folder, which is removed where it went well."""
    rng = np.random.default_rng(seed)
    trial = Trial(seed, processes=int(rng.integers(2, 5)))
    killing = float(rng.choice(KILLING))
    started = time.monotonic()
    out.mkdir(parents=True)
    folder = out / "study"
    alive = {}
    for number in range(trial.processes):
        alive[begin(cohort, folder, PLANS[number], out / f"{number}.log")] = number
        time.sleep(float(rng.uniform(0, 0.5)))
    ended = _disturb(alive, folder, rng, trial, killing, started)
    trial.crashed = sum(status != 0 for status, killed in ended.values() if not killed)
    last = begin(cohort, folder, PLANS[3], out / "last.log")
    _, status = os.waitpid(last, 0)
    trial.crashed += os.waitstatus_to_exitcode(status) != 0
    finished = {number for number, (_, killed) in ended.items() if not killed}
    count_wrong(trial, folder, reference, finished)
    trial.seconds = round(time.monotonic() - started, 1)
    if trial.fine:
        shutil.rmtree(out)
    return trial


def _finishing(folder: Path) -> list[int]:
    """Processes that write the files of a run, or count and publish it: where most could go wrong."""
    found = []
    for claim in folder.glob("runs/.*.claim"):
        run = claim.name.removeprefix(".").removesuffix(".claim")
        try:
            if any(claim.parent.glob(f".{run}.*partial/recipe.json")):
                found.append(int(json.loads(claim.read_text())["pid"]))
        except (OSError, ValueError, KeyError):  # it has ended
            continue
    return found


def _disturb(
    alive: dict[int, int], folder: Path, rng: np.random.Generator, trial: Trial, killing: float, started: float
) -> dict[int, tuple[int, bool]]:
    """Signal processes until all have ended; number of each -> exit status, and whether it was killed."""
    ended: dict[int, tuple[int, bool]] = {}
    stopped: dict[int, float] = {}
    killed: set[int] = set()
    while alive:
        time.sleep(float(rng.uniform(0.002, 0.03)))
        now = time.monotonic()
        for pid in list(alive):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended[alive.pop(pid)] = os.waitstatus_to_exitcode(status), pid in killed
                stopped.pop(pid, None)
        for pid in [pid for pid, until in stopped.items() if now > until]:
            os.kill(pid, signal.SIGCONT)
            del stopped[pid]
        if now - started > LONGEST:
            trial.hung = True
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        moving = [pid for pid in alive if pid not in stopped and pid not in killed]
        finishing = [pid for pid in _finishing(folder) if pid in moving]
        if moving and rng.random() < (0.5 if finishing else 0.03) and trial.stopped < 10:
            pid = int(rng.choice(finishing or moving))
            os.kill(pid, signal.SIGSTOP)
            stopped[pid] = now + float(rng.choice([0.1, 0.3, 0.8, 1.2]))
            trial.stopped += 1
            trial.finishing += bool(finishing)
        elif alive.keys() - killed and rng.random() < (killing if finishing else killing / 10):
            pid = int(rng.choice(finishing or sorted(alive.keys() - killed)))
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
            trial.killed += 1
            trial.finishing += bool(finishing)
    return ended


def count_wrong(trial: Trial, folder: Path, reference: Path, finished: set[int]) -> None:
    """Hold the study against one that nobody disturbed."""
    files, wanted = read_study(folder), read_study(reference)
    expected = {run.record.id: run.folder for run in wanted.runs}
    found = {run.record.id: run.folder for run in files.runs}
    trial.lost = len(expected.keys() - found.keys()) + len(files.set_aside)
    evaluations = Counter(entry["run"] for entry in _each_once(folder))
    trial.doubled = sum(evaluations.values()) - len(evaluations) + len(expected.keys() - evaluations.keys())
    for id_ in expected.keys() & found.keys():
        for name in COMPARED:
            same = pd.read_parquet(found[id_] / name).equals(pd.read_parquet(expected[id_] / name))
            trial.differing += not same
    plans = {tuple(sorted(json.loads(file.read_text())["strategies"])) for file in (folder / "plans").glob("*.json")}
    trial.plans_lost = sum(tuple(sorted(PLANS[number])) not in plans for number in finished)
    trial.litter = sum(path.name.startswith(".") for path in folder.rglob("*"))


def _each_once(folder: Path) -> list[dict[str, str]]:
    """Evaluations by their token: one that two processes wrote down is one."""
    found = entries(folder, TEST_EVALUATIONS)
    return list({entry.get("scoring", number): entry for number, entry in enumerate(found)}.values())


def prepare(out: Path) -> tuple[Cohort, Path]:
    """The images, and the study that nobody disturbs."""
    claims.STALE, claims.BEAT, claims.POLL, share.POLL = STALE, BEAT, 0.05, 0.1
    os.environ["HELDOUT_CACHE"] = str(out / "cache")
    install_network(out)
    data, reference = out / "data", out / "reference"
    cohort = load(data if data.exists() else make_data(data))
    done_in_a_fork(lambda: work(cohort, reference, PLANS[3]), out / "reference.log")
    return cohort, reference


def main() -> None:
    """Run trials that are not in OUT/trials.jsonl yet, and print the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no trial after so many minutes")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "attack-processes")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    journal = given.out / "trials.jsonl"
    done = [Trial(**json.loads(line)) for line in journal.read_text().splitlines()] if journal.exists() else []
    known = {trial.seed for trial in done}
    cohort, reference = prepare(given.out)
    started = time.monotonic()
    for seed in (seed for seed in range(given.trials) if seed not in known):
        if time.monotonic() - started > 60 * given.minutes:
            break
        shutil.rmtree(given.out / f"trial-{seed}", ignore_errors=True)
        trial = attack(seed, cohort, reference, given.out / f"trial-{seed}")
        done.append(trial)
        with journal.open("a") as file:
            file.write(json.dumps(asdict(trial)) + "\n")
        if not trial.fine:
            print(trial, flush=True)
    sums = pd.DataFrame([asdict(trial) for trial in done]).drop(columns="seed").sum()
    print(f"{len(done)} trials, {sum(trial.fine for trial in done)} of them fine")
    print(sums.to_string())


if __name__ == "__main__":
    main()
