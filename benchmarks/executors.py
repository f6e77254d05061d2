"""What an executor costs and gains: 24 runs here, on Ray with one node and two, with a node killed, and by submitit.

    OMP_NUM_THREADS=1 python benchmarks/executors.py --ways here,ray1,ray2,killed,slurm1,slurm2 --out /tmp/executors

All nodes are of this machine, a core each. Overhead: what the wall time of the study has above the sum of the wall
times of its runs, as their records have them (on one node). Speed-up: that sum over the wall time (on two nodes), which
tells how busy the executor kept them; beside it the plain ratio of wall times, which also tells how free the cores
were: the load average stands with it. Equal: weights and answers of every run are those of the study that ran here, bit
for bit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.worlds.bright_cells import bright_cells

from heldout.progress import Silent
from heldout.runs.folder import read_study
from heldout.study import Study

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}


@dataclass(frozen=True)
class Row:
    """What one way took.

    Attributes:
        way: Its name.
        seconds: Wall time of `Study.run`, without the start of the cluster.
        work: Sum of the wall times of the runs.
        runs: Number of finished runs.
        equal: Whether they are those of `here`; None where that was not asked for.
        load: Load average of the last minute, at the end.
        notes: Runs that were done again.
    """

    way: str
    seconds: float
    work: float
    runs: int
    equal: bool | None
    load: float
    notes: int


class Noted(Silent):
    """Counts workers that were lost."""

    lost = 0

    def note(self, text: str) -> None:
        """Whether one was."""
        self.lost += "was lost" in text


@contextmanager
def cluster(nodes: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Address of a Ray cluster, and what kills its last node."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_raylet_start_wait_time_s": "300"}
    from ray.cluster_utils import Cluster  # type: ignore[import-untyped]

    made = Cluster(initialize_head=True, head_node_args=NODE)
    others = [made.add_node(**NODE) for _ in range(nodes - 1)]
    try:
        yield f"ray:{made.address}", lambda: made.remove_node(others[-1], allow_graceful=False)
    finally:
        made.shutdown()


def fingerprint(study: Path) -> dict[str, str]:
    """Run -> hash of its weights and answers."""
    found = {}
    for run in sorted((study / "runs").glob("[!.]*/")):
        files = [run / name for name in ("model.safetensors", "predictions.parquet", "val_epochs.parquet")]
        found[run.name] = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return found


def measure(way: str, make: Callable[[Path], Study], out: Path) -> Row:
    """One way, from a folder that is not there."""
    noted = Noted()
    study = make(out / way)
    study.plan()  # reading is no part of it
    if way == "here":
        seconds = timed(study, noted, "local")
    elif way.startswith("slurm"):
        seconds = timed(study, noted, f"slurm:cluster=local,at_once={way[-1]}")
    else:
        with cluster(1 if way == "ray1" else 2) as (address, kill):
            if way == "killed":
                threading.Thread(target=kill_in_the_middle, args=(out / way, kill), daemon=True).start()
            seconds = timed(study, noted, address)
    runs = read_study(out / way).runs
    work = sum(run.record.wall_seconds or 0.0 for run in runs)
    here = fingerprint(out / "here") if (out / "here").exists() and way != "here" else None
    equal = None if here is None else fingerprint(out / way) == here
    return Row(way, seconds, work, len(runs), equal, os.getloadavg()[0], noted.lost)


def timed(study: Study, noted: Noted, on: str) -> float:
    """Wall seconds."""
    started = time.perf_counter()
    study.run(noted, on=on)
    return time.perf_counter() - started


def kill_in_the_middle(study: Path, kill: Callable[[], None]) -> None:
    """When half of the runs are done and another one has begun."""
    while len(list(study.glob("runs/[!.]*/run.json"))) < 12 or not list(study.glob("runs/.*.partial/check*")):
        time.sleep(0.05)
    kill()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", default="here,ray1,ray2,killed,slurm1,slurm2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--train", type=int, default=200, help="training images a class")
    parser.add_argument("--strategy", default="bias")
    asked = parser.parse_args()
    data = bright_cells(asked.out / "data", train=asked.train, test=40)

    def make(out: Path) -> Study:
        more: dict[str, Any] = {"epochs": asked.epochs, "seeds": asked.runs, "image_size": 32}
        return Study(data, ["efficientnet_lite0"], [asked.strategy], out, **more)

    print("| way | runs | wall s | work s | wall / work − 1 | work / wall | equal | lost | load |", flush=True)
    print("|---|--:|--:|--:|--:|--:|---|--:|--:|", flush=True)
    for way in asked.ways.split(","):
        row = measure(way, make, asked.out)
        shares = f"{row.seconds / row.work - 1:+.1%} | {row.work / row.seconds:.2f}"
        equal = "" if row.equal is None else "yes" if row.equal else "NO"
        print(
            f"| {row.way} | {row.runs} | {row.seconds:.1f} | {row.work:.1f} | {shares} | {equal} | {row.notes} | "
            f"{row.load:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
