"""Do guarantees of `heldout calibrate --abstain` hold as often as said, and do they fail under a shift, with a warning?

    python benchmarks/abstention.py                      # the tables of docs/abstain.md; 30 minutes of one core
    python benchmarks/abstention.py --draws 100          # a first impression
    python benchmarks/abstention.py --only held,shift

A world is a pool of 3,000 patients of two or four classes, with one image or 1-9 images each, that a network answers
too surely (its logits are 2.5 times what they should be). A patient has a difficulty of their own, so that images of a
patient are right or wrong together. A draw takes patients from the pool at random, half for fitting and half for
control, and calls what the command calls; the truth is the rate on the whole pool, of a random patient's random image.

Tables: (a) how often the controlled rate is kept, of all draws; a draw in which nothing is promised and nothing
answered keeps it. (b) The same where the network was chosen among 12 equal ones by its accuracy on these very images,
with the level divided by 12 and without. (c) The same thresholds on a pool that was shifted, and how often a batch of
it is called unlike. (d) How often 95 % intervals of coverage and error hold the truth.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted_tables import markdown
from heldout.stats.abstention import SET_KINDS, Answered, Threshold, Wanted, answer_mask, choose, set_mask
from heldout.stats.batches import ALARM, Ground, Known, p_of
from heldout.stats.intervals import wilson
from heldout.stats.patient_shares import patient_share
from heldout.stats.risk_control import Patients
from heldout.stats.scaling import Scaling, fit_scaling

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

POOL = 3_000
TOO_SURE = 2.5
CANDIDATES = 12
LEVEL = 0.05
SIZES = (20, 50, 200)
WANTED = {
    2: (Wanted("error", 0.05), Wanted("error", 0.1), Wanted("ppv", 0.9), Wanted("npv", 0.95)),
    4: (Wanted("error", 0.1), Wanted("sets", 0.9), Wanted("class-sets", 0.85)),
}
SHARES = {2: (0.65, 0.35), 4: (0.4, 0.3, 0.2, 0.1)}


@dataclass(frozen=True)
class World:
    """A kind of pool.

    Attributes:
        classes: 2 or 4.
        most: Images of a patient at most; 1 … most, equally often.
        patients: Patients of a draw, fitting and control together.
        harder: Standard deviation of what is added to the evidence of every patient: answers get worse, and look alike.
        moved: What is added to the evidence for the first class, of every patient.
    """

    classes: int
    most: int
    patients: int
    harder: float = 0.0
    moved: float = 0.0


WORLDS = (World(2, 1, 200), World(2, 1, 600), World(2, 9, 400), World(4, 9, 400))
SHIFTS = ({}, {"harder": 1.0}, {"harder": 1.5}, {"moved": 0.7}, {"moved": 1.4})


@dataclass(frozen=True, eq=False)
class Pool:
    """Patients and what networks answer.

    Attributes:
        labels: (n,).
        logits: (networks, n, k).
        unit: (n,) patient of each image.
        rows: (patients + 1,) first row of each patient.
    """

    labels: Indices
    logits: Reals
    unit: Indices
    rows: Indices

    @classmethod
    def of(cls, world: World, networks: int = 1, seed: int = 0) -> Pool:
        """Evidence = truth + the patient's part + the image's part + the network's part."""
        rng = np.random.default_rng((seed, world.classes, world.most))
        sizes = rng.integers(1, world.most + 1, POOL)
        unit = np.repeat(np.arange(POOL), sizes)
        label = rng.choice(world.classes, POOL, p=SHARES[world.classes])
        k, n = world.classes, len(unit)
        evidence = 2.6 * np.eye(k)[label] + rng.normal(0, 0.9, (POOL, k))
        evidence += np.random.default_rng((seed, 99)).normal(0, 1, (POOL, k)) * world.harder
        evidence[:, 0] += world.moved
        image = rng.normal(0, 0.7, (n, k))
        own = rng.normal(0, 0.5, (networks, n, k))
        logits = TOO_SURE * (2 * (evidence[unit] + image + own) + np.log(SHARES[k]))
        rows = np.concatenate([[0], np.cumsum(sizes)])
        return cls(label[unit], logits, unit, rows)

    def draw(self, patients: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Rows of patients drawn with replacement, and the number of each row's patient; a second draw is another."""
        chosen = rng.integers(0, POOL, patients)
        rows = np.concatenate([np.arange(self.rows[one], self.rows[one + 1]) for one in chosen])
        return rows, np.repeat(np.arange(patients), np.diff(self.rows)[chosen])

    def answered(self, rows: Indices | slice, unit: Indices, network: int, scaled: Reals, seed: int = 0) -> Answered:
        """Rows with their calibrated probabilities."""
        return Answered(self.labels[rows], scaled, Patients.of(unit, seed))


@dataclass(frozen=True)
class Drawn:
    """What one draw came to.

    Attributes:
        promised: Whether any image is answered under the promise; of sets always.
        rate: True rate of losses on the pool.
        coverage: Share of the pool that is answered; of sets the share of sets of one class.
        held: Whether the rate is at most what was asked.
    """

    promised: bool
    rate: float
    coverage: float
    held: bool


def fitted(pool: Pool, patients: int, rng: np.random.Generator, network: int = 0) -> tuple[Answered, Answered, Scaling]:
    """Fitting and control part of a draw, and the scaling."""
    rows, unit = pool.draw(patients, rng)
    return halves(pool, rows, unit, network, int(rng.integers(1 << 30)))


def in_first_half(unit: Indices, seed: int) -> NDArray[np.bool_]:
    """Which rows are of a random half of the patients."""
    patients = int(unit.max()) + 1
    return np.isin(unit, np.random.default_rng(seed).permutation(patients)[: patients // 2])


def halves(pool: Pool, rows: Indices, unit: Indices, network: int, seed: int) -> tuple[Answered, Answered, Scaling]:
    """As the command does it: a random half of the patients for fitting."""
    inside = in_first_half(unit, seed)
    logits = pool.logits[network][rows]
    scaling = fit_scaling("temperature", pool.labels[rows][inside], logits[inside])
    parts = [
        pool.answered(rows[some], unit[some], network, scaling.probabilities(logits[some]), seed)
        for some in (inside, ~inside)
    ]
    return parts[0], parts[1], scaling


def truth(pool: Pool, found: Threshold, probabilities: Reals) -> Drawn:
    """The rate on the whole pool."""
    wanted, patients = found.wanted, Patients(pool.unit, np.diff(pool.rows))
    if wanted.kind in SET_KINDS:
        assert found.values is not None
        inside = set_mask(probabilities, found.values)
        missed = ~inside[np.arange(len(pool.labels)), pool.labels]
        single = float(patients.means(inside.sum(axis=1) == 1).mean())
        if wanted.kind == "sets":
            rate = float(patients.means(missed).mean())
        else:
            rate = max(float(_within(patients, missed, pool.labels == c)) for c in range(probabilities.shape[1]))
        return Drawn(True, rate, single, rate <= wanted.alpha)
    if found.values is None:
        return Drawn(False, np.nan, 0.0, True)
    answered = answer_mask(wanted.kind, probabilities, found.values[0], 1)
    wrong = probabilities.argmax(axis=1) != pool.labels
    rate = _within(patients, wrong, answered)
    return Drawn(True, rate, float(patients.means(answered).mean()), rate <= wanted.alpha)


def _within(patients: Patients, loss: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(patients.means(loss & among).sum() / patients.means(among).sum())


def share(values: list[bool]) -> str:
    """A share in percent with its interval."""
    low, high = wilson(sum(values), len(values))
    return f"{100 * np.mean(values):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def named(world: World) -> list[str]:
    """Cells that say which world it is."""
    return [str(world.classes), "1" if world.most == 1 else f"1-{world.most}", str(world.patients)]


def held(draws: int) -> Iterator[list[str]]:
    """Table (a)."""
    for world in WORLDS:
        pool, found = Pool.of(world), [[] for _ in WANTED[world.classes]]  # type: list[list[Drawn]]
        for number in range(draws):
            fitting, control, scaling = fitted(pool, world.patients, np.random.default_rng((number, 1)))
            probabilities = scaling.probabilities(pool.logits[0])
            for place, wanted in enumerate(WANTED[world.classes]):
                found[place].append(truth(pool, choose(wanted, fitting, control, LEVEL), probabilities))
        for wanted, own in zip(WANTED[world.classes], found, strict=True):
            rates = [100 * one.rate for one in own if one.promised]
            yield [
                *named(world),
                f"{wanted.kind}:{wanted.level:g}",
                share([one.held for one in own]),
                f"{100 * np.mean([one.promised for one in own]):.0f}",
                f"{100 * np.mean([one.coverage for one in own]):.0f}",
                f"{np.mean(rates):.1f}" if rates else "-",
            ]


def chosen(draws: int) -> Iterator[list[str]]:
    """Table (b)."""
    for world in (World(2, 1, 300), World(2, 9, 300)):
        pool, wanted = Pool.of(world, CANDIDATES), Wanted("error", 0.06)
        found: dict[int, list[Drawn]] = {1: [], CANDIDATES: []}
        for number in range(draws):
            rows, unit = pool.draw(world.patients, np.random.default_rng((number, 2)))
            right = (pool.logits[:, rows].argmax(axis=2) == pool.labels[rows]).mean(axis=1)
            best = int(right.argmax())
            fitting, control, scaling = halves(pool, rows, unit, best, number)
            probabilities = scaling.probabilities(pool.logits[best])
            for among, own in found.items():
                own.append(truth(pool, choose(wanted, fitting, control, LEVEL / among), probabilities))
        for among, own in found.items():
            yield [
                *named(world),
                f"{wanted.kind}:{wanted.level:g}",
                f"δ/{among}" if among > 1 else "δ",
                share([one.held for one in own]),
                f"{100 * np.mean([one.promised for one in own]):.0f}",
                f"{100 * np.mean([one.coverage for one in own]):.0f}",
            ]


def shifted(draws: int) -> Iterator[list[str]]:
    """Table (c)."""
    for world in (World(2, 1, 600), World(2, 9, 400)):
        pool, wanted, places = Pool.of(world), Wanted("error", 0.1), range(len(SHIFTS))
        there = [Pool.of(replace(world, **shift)) for shift in SHIFTS]
        kept: list[list[bool]] = [[] for _ in places]
        rates: list[list[float]] = [[] for _ in places]
        alarms: list[dict[int, list[bool]]] = [{size: [] for size in SIZES} for _ in places]
        for number in range(draws):
            rng = np.random.default_rng((number, 3))
            rows, unit = pool.draw(world.patients, rng)
            fitting, control, scaling = halves(pool, rows, unit, 0, number)
            found = choose(wanted, fitting, control, LEVEL)
            first, logits = in_first_half(unit, number), pool.logits[0][rows]
            ground = Ground.of(Known(logits[first], logits[~first], unit[~first]), rng)
            nulls = {size: ground.null(size, rng) for size in SIZES}
            for place, other in enumerate(there):
                drawn = truth(other, found, scaling.probabilities(other.logits[0]))
                kept[place].append(drawn.held)
                rates[place] += [100 * drawn.rate] if drawn.promised else []
                for size in SIZES:
                    new = other.logits[0][other.draw(size, rng)[0][:size]]
                    alarms[place][size].append(p_of(ground.distance(new), nulls[size]) <= ALARM)
        for place, shift in enumerate(SHIFTS):
            cells = (f"{100 * np.mean(alarms[place][size]):.1f}" for size in SIZES)
            name = ", ".join(f"{kind} {size:g}" for kind, size in shift.items()) or "none"
            yield [*named(world), name, share(kept[place]), f"{np.mean(rates[place]):.1f}", *cells]


def intervals(draws: int) -> Iterator[list[str]]:
    """Table (d)."""
    for world in (World(2, 1, 50), World(2, 1, 200), World(2, 9, 30), World(2, 9, 100)):
        pool = Pool.of(world)
        probabilities = fit_scaling("temperature", pool.labels, pool.logits[0]).probabilities(pool.logits[0])
        whole = Patients(pool.unit, np.diff(pool.rows))
        wrong = probabilities.argmax(axis=1) != pool.labels
        for threshold in (0.0, 0.9):
            answered = probabilities.max(axis=1) >= threshold
            true = float(whole.means(answered).mean()), _within(whole, wrong, answered)
            hit: tuple[list[bool], list[bool]] = ([], [])
            for number in range(draws):
                rows, unit = pool.draw(world.patients, np.random.default_rng((number, 4)))
                patients = Patients.of(unit, 0)
                coverage = patient_share(answered[rows], np.ones(len(rows), dtype=bool), patients)
                error = patient_share(wrong[rows], answered[rows], patients)
                for own, estimate, value in zip(hit, (coverage, error), true, strict=True):
                    own.append(estimate is not None and estimate.low <= value <= estimate.high)
            yield [*named(world), f"{threshold:g}", f"{100 * true[1]:.1f}", share(hit[0]), share(hit[1])]


WORLD = ["classes", "images", "patients"]
TABLES = {
    "held": (held, [*WORLD, "asked", "kept, %", "promised, %", "coverage, %", "true rate, %"]),
    "chosen": (chosen, [*WORLD, "asked", "level", "kept, %", "promised, %", "coverage, %"]),
    "shift": (shifted, [*WORLD, "shift", "kept, %", "true rate, %", "unlike: 20 images, %", "50, %", "200, %"]),
    "intervals": (intervals, [*WORLD, "threshold", "error, %", "coverage held, %", "error held, %"]),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--only", default=",".join(TABLES))
    asked = parser.parse_args()
    for name in asked.only.split(","):
        rows, heading = TABLES[name]
        print(f"\n{name}, {asked.draws} draws, confidence {1 - LEVEL:g}\n")
        print(markdown(heading, []), flush=True)
        for row in rows(asked.draws):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
