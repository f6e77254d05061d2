"""What the habit of keeping the epoch with the best TEST score is worth, and whether `heldout` says so truly.

    python benchmarks/chosen_on_test.py            # three seeds of 30 epochs, about 6 minutes of one core
    python benchmarks/chosen_on_test.py --made     # the same on answers made up, whose truth is exact; a minute

A network is fine-tuned on a few chest X-rays; after every epoch it answers a pool of images of other patients, on which
nothing is chosen. From the pool a test set is drawn by patient, again and again; the published habit then keeps the
epoch that is best on it. `heldout` sees the test set alone (the answers of all epochs on it) and says what the choice
flatters. The truth is known from the images that were left over: by how much the kept epoch is better on the test set
than on those, beyond what all epochs together are (an easy test set is not flattery).
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.planted_tables import markdown
from benchmarks.pools import KERMANY
from heldout.diagnosis.gap.chosen_on_test import choice_on_test
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import variants_table
from heldout.records.predictions import Predictions
from heldout.runs.folder import read_study
from heldout.stats.measured import Measured
from heldout.study import Study

Bools = NDArray[np.bool_]

PER_CLASS = 60
"""Training images a class."""
POOL = 200
"""Images a class that are answered after every epoch."""
N_TEST = 150
EPOCHS = 30
SEEDS = 3
DRAWS = 60
"""Test sets drawn from each seed's pool."""
REPLICATES = 500


@dataclass(frozen=True)
class Answers:
    """What every epoch made of the pool.

    Attributes:
        right: (e, n) whether each epoch is right on each image.
        labels: (n,).
        patients: (n,).
    """

    right: Bools
    labels: NDArray[np.int64]
    patients: tuple[str, ...]


@dataclass(frozen=True)
class Habit:
    """One test set, and the epoch that is best on it.

    Attributes:
        said: What `heldout` says the choice flatters, points.
        reported: Score of the kept epoch on the test set, a fraction.
        truly: Its score on the images that were left over.
        last: Score of the last epoch on the test set.
        truth: By how much the kept epoch is better on the test set than on the rest, beyond the mean epoch, points.
    """

    said: Measured
    reported: float
    truly: float
    last: float
    truth: float


def patient_of(name: str) -> str:
    """`IM-0115`, `person12_virus`: the number alone is no patient, since it restarts for bacteria and virus."""
    found = re.match(r"(?:NORMAL2-)?IM-\d+|person\d+_[a-z]+", name)
    return found[0] if found else name


def manifest(out: Path) -> Path:
    """Train, pool (as validation) and a few others of the X-rays of one source, split by patient."""
    rng = np.random.default_rng(0)
    rows = []
    for label in ("NORMAL", "PNEUMONIA"):
        files = sorted((KERMANY / "train" / label).glob("*.jpeg"))
        patients = rng.permutation(sorted({patient_of(file.name) for file in files}))
        of = {patient: [file for file in files if patient_of(file.name) == patient] for patient in patients}
        wanted = iter((("train", PER_CLASS), ("val", POOL), ("test", 10)))
        part, left = next(wanted)
        for patient in patients:
            for file in of[patient][:2]:
                rows.append((file, label, part, patient))
                left -= 1
            if left <= 0:
                following = next(wanted, None)
                if following is None:
                    break
                part, left = following
    out.mkdir(parents=True, exist_ok=True)
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label", "split", "patient"), *rows])
    return out / "manifest.csv"


def trained(out: Path, image_size: int) -> Iterator[tuple[str, Answers]]:
    """The answers of fine-tuned networks, a seed each."""
    table = manifest(out)
    settings = {"finetune": {"schedule": "constant", "lr": "1e-3"}}  # as most published notebooks train
    Study(
        str(table),
        ["efficientnet_lite0"],
        ["finetune"],
        out / "study",
        epochs=EPOCHS,
        seeds=SEEDS,
        image_size=image_size,
        settings=settings,
    ).run()
    study = read_study(out / "study")
    for run in study.runs:
        pool = run.predictions["val"]
        answered = run.val_epochs["predicted"].to_numpy().reshape(-1, len(pool))
        yield f"X-rays, seed {run.record.seed}", Answers(answered == pool.labels, pool.labels, pool.patients)


def made(spread: float, alike: float, seed: int) -> Answers:
    """Thirty epochs whose true accuracies differ by so many points (SD) and whose answers to an image are alike."""
    rng = np.random.default_rng((seed, round(10 * spread), round(10 * alike)))
    n = 5000
    own = 0.9 + spread / 100 * rng.standard_normal(EPOCHS)
    margin = np.sqrt(alike) * rng.standard_normal(n) + np.sqrt(1 - alike) * rng.standard_normal((EPOCHS, n))
    right = margin < norm.ppf(np.clip(own, 0.6, 0.99))[:, None]
    return Answers(right, np.arange(n, dtype=np.int64) % 2, tuple(f"p{i}" for i in range(n)))


def habit(answers: Answers, seed: int) -> Habit:
    """Draw a test set and keep the epoch that is best on it."""
    rng = np.random.default_rng(seed)
    patients = np.array(answers.patients)
    order = rng.permutation(np.unique(patients))
    rank = dict(zip(order, range(len(order)), strict=True))
    place = np.argsort([rank[patient] for patient in patients], kind="stable")
    drawn = np.zeros(len(patients), dtype=bool)
    drawn[np.isin(patients, patients[place[:N_TEST]])] = True  # whole patients
    test, rest = answers.right[:, drawn].mean(axis=1), answers.right[:, ~drawn].mean(axis=1)
    best = int(test.argmax())
    luck = 100 * (test - rest)
    return Habit(said_of(answers, drawn, best, seed), test[best], rest[best], test[-1], luck[best] - luck.mean())


def said_of(answers: Answers, drawn: Bools, best: int, seed: int) -> Measured:
    """What `heldout` says of it, from the test answers of all epochs."""
    labels = answers.labels[drawn]
    ids = tuple(f"i{i}" for i in np.flatnonzero(drawn))
    own = tuple(np.array(answers.patients)[drawn].tolist())
    logits = [4.0 * (np.eye(2)[np.where(right, labels, 1 - labels)] - 0.5) for right in answers.right[:, drawn]]
    table = variants_table("test", ids, {f"epoch={e + 1}": one for e, one in enumerate(logits)})
    val = Predictions("val", tuple(f"v{i}" for i in range(20)), np.arange(20) % 2, np.eye(2)[np.arange(20) % 2])
    run = RunData(
        "made", "made", "made", 0, ("no", "yes"), None, val, Predictions("test", ids, labels, logits[best], own)
    )
    run = replace(
        run,
        candidates=VariantLogits(table),
        learning=replace(run.learning, chosen_on="test"),
        bootstrap=REPLICATES,
        bootstrap_seed=seed,
    )
    found = choice_on_test(run, RULES).flattery
    assert found is not None
    return found


def row(name: str, answers: Callable[[int], Answers], draws: int) -> list[str]:
    """A row of the table: means over test sets, each drawn from the pool of its number."""
    habits = [habit(answers(seed), seed) for seed in range(draws)]

    def mean(of: Callable[[Habit], float]) -> float:
        return float(np.mean([of(one) for one in habits]))

    truth = mean(lambda one: one.truth)
    first = habits[0].said
    return [
        name,
        f"{mean(lambda one: one.reported):.1%}",
        f"{mean(lambda one: one.truly):.1%}",
        f"{mean(lambda one: one.last):.1%}",
        f"{truth:.2f}",
        f"{mean(lambda one: one.said.value):.2f}",
        f"{mean(lambda one: one.said.low <= truth <= one.said.high):.0%}",
        f"{mean(lambda one: one.said.low > 0):.0%}",
        f"{first.value:.1f} [{first.low:.1f}, {first.high:.1f}]",
    ]


HEADER = [
    "answers",
    "reported: best epoch on test",
    "that epoch on the rest",
    "last epoch on test",
    "truly flattered, points",
    "said, mean",
    "interval holds the mean truth",
    "interval above 0",
    "said of the first test set",
]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", action="store_true", help="answers made up instead of trained networks")
    parser.add_argument("--out", type=Path, default=Path("chosen_on_test"))
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--draws", type=int, default=DRAWS)
    options = parser.parse_args()
    if options.made:
        rows = [
            row(
                f"made: epochs differ by {spread:g} points, alike by {alike:g}",
                partial(made, spread, alike),
                options.draws,
            )
            for spread in (0.0, 1.0, 2.0)
            for alike in (0.0, 0.8)
        ]
    else:
        known = list(trained(options.out, options.image_size))
        rows = [row(name, lambda seed, of=answers: of, options.draws) for name, answers in known]
    print(markdown(HEADER, rows))


if __name__ == "__main__":
    main()
