"""How often a subgroup is called where none loses more (false alarms), and found where one does (power).

    python benchmarks/subgroups.py                 # the tables of docs/diagnosis.md; 10 minutes of one core
    python benchmarks/subgroups.py --studies 100   # a first impression

A study: patients of two images with age, sex, site and device of their own (15 groups and their common parts), as many
on validation and test. Every image is right with a chance that depends on its patient (a normal shift of the margin).
Null: test loses as much in every group. Planted: the images of one device, a fifth of all, lose so much more.
A false alarm is a finding `suggested`; found means that the group named first is the planted one (or a part of it).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy.stats import norm

from benchmarks.planted_tables import markdown
from heldout.diagnosis.groups import GroupLoss, measure_groups
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from heldout.stats.intervals import wilson

REPLICATES = 500
DEVICES = ("A", "B", "C", "D")
DEVICE_SHARES = (0.4, 0.3, 0.2, 0.1)
PLANTED = "device C"
ALIKE = 0.4
"""Share of the margin's variance that images of a patient have in common."""


@dataclass(frozen=True)
class World:
    """What a study is drawn from.

    Attributes:
        n: Images on validation, and on test.
        accuracy: On validation.
        loss: Points that every group loses on test.
        planted: Points that the planted group loses beside that.
    """

    n: int
    accuracy: float
    loss: float = 4.0
    planted: float = 0.0


def part(name: str, world: World, rng: np.random.Generator, loss: float, planted: float) -> Predictions:
    """A part of a study."""
    patients = world.n // 2
    unit = np.repeat(np.arange(patients), 2)
    device = rng.choice(len(DEVICES), patients, p=DEVICE_SHARES)[unit]
    accuracy = world.accuracy - loss / 100 - planted / 100 * (device == DEVICES.index(PLANTED.split()[1]))
    margin = np.sqrt(ALIKE) * rng.standard_normal(patients)[unit] + np.sqrt(1 - ALIKE) * rng.standard_normal(world.n)
    right = margin < norm.ppf(accuracy)
    labels = (rng.random(patients) < 0.4).astype(np.int64)[unit]
    sex = rng.choice(["female", "male", ""], patients, p=[0.48, 0.44, 0.08])[unit]
    columns = {
        "age": tuple(str(int(years)) for years in np.clip(rng.normal(55, 16, patients), 18, 95)[unit]),
        "sex": tuple(map(str, sex)),
        "device": tuple(DEVICES[d] for d in device),
    }
    sites = tuple(map(str, rng.choice(["north", "south", "east"], patients, p=[0.5, 0.3, 0.2])[unit]))
    ids = tuple(f"{name}-{i}" for i in range(world.n))
    answers = np.where(right, labels, 1 - labels)
    return Predictions(
        name, ids, labels, 4.0 * (np.eye(2)[answers] - 0.5), tuple(f"{name}-p{u}" for u in unit), sites, columns
    )


def study(world: World, seed: int, replicates: int = REPLICATES) -> RunData:
    """A run on a study of a world."""
    rng = np.random.default_rng((seed, world.n, round(1000 * world.accuracy), round(10 * world.planted)))
    val, test = part("val", world, rng, 0.0, 0.0), part("test", world, rng, world.loss, world.planted)
    run = RunData("made", "made", "made", 0, ("no", "yes"), None, val, test)
    return replace(run, bootstrap=replicates, bootstrap_seed=seed)


def called(losses: Sequence[GroupLoss]) -> GroupLoss | None:
    """The group that the finding would name: the surest of those that stand out; None where none does."""
    sure = [
        loss
        for loss in losses
        if loss.p is not None and loss.p < RULES.level and loss.difference and loss.difference.value > 0
    ]
    return max(sure, key=lambda loss: loss.errors, default=None)


def cell(world: World, studies: int) -> list[str]:
    """A row of the table."""
    alarms = hits = held = compared = 0
    points, groups = [], 0
    for seed in range(studies):
        losses = measure_groups(study(world, seed), RULES).compared
        groups += len(losses)
        first = called(losses)
        # Two-sided, as the correction is: also a group that loses surely less.
        alarms += any(loss.p is not None and loss.p < RULES.level for loss in losses)
        hits += first is not None and PLANTED in first.cell.name
        for truth in losses:
            if truth.cell.name == PLANTED and truth.difference and truth.points:
                compared += 1
                held += truth.difference.low <= world.planted <= truth.difference.high
                points.append(truth.points.value)
    low, high = wilson(alarms, studies)
    return [
        f"{world.n}",
        f"{world.accuracy:.0%}",
        f"{world.planted:g}",
        f"{groups / studies:.0f}",
        "–" if world.planted else f"{alarms / studies:.1%} [{low:.1%}, {high:.1%}]",
        f"{hits / studies:.0%}" if world.planted else "–",
        f"{held / compared:.1%}",
        f"{np.mean(points):.1f} (true {0.2 * world.planted:.1f})",
    ]


WORLDS = (
    *(World(n, accuracy) for n in (300, 600, 1500) for accuracy in (0.75, 0.9, 0.97)),
    *(World(n, 0.9, planted=planted) for n in (600, 1000, 2000) for planted in (15.0, 25.0)),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--only", choices=("null", "planted"))
    options = parser.parse_args()
    worlds = [w for w in WORLDS if options.only is None or (w.planted > 0) == (options.only == "planted")]
    header = ["images a part", "accuracy", "planted", "groups", "false alarms", "found", "interval holds", "points"]
    rows = []
    for world in worlds:
        rows.append(cell(world, options.studies))
        print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
