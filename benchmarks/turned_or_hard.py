"""Turned labels or harder images, without a review: is the planted one named first, and the other never established?

    python benchmarks/turned_or_hard.py run --world kermany --seeds 10-30    # and phantoms, skin
    python benchmarks/turned_or_hard.py pixels --world kermany --seeds 10-16 # token and blur: labels must stay silent
    python benchmarks/turned_or_hard.py table

Nobody reads a label here; the oracle of `planted.py` stays at home. Features of the pretrained network are measured
once a pool image and shared by all plants, properties are left out; each study draws train, validation and test by
patient anew, fits a linear probe and is judged by the code that `heldout diagnose` runs. Plants: labels of test turned
at random, or those of one class; a test set in which the images that are least clear (by a probe that has not seen
them, or by the simulation) are common; one in which the images that such a probe gets wrong are common, which is a
plant by outcome and so the hardest to tell from wrong labels; both at once; and what must not be taken for wrong
labels. What turned labels cost is counted on the test images themselves, what hard images cost on patients that the
study did not use. The rules were set on seeds 0 to 2.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.planted import POOL_IMAGES
from benchmarks.plants_in_runs import PLANTS as OTHER_PLANTS
from benchmarks.pools import Pool, features_of, pool_of
from benchmarks.studies import N_TRAIN, N_VAL, Drawn, Reals, Rows, fit_probe
from benchmarks.turned_or_hard_tables import summary_of, table_of
from heldout.diagnosis.contradiction import contradiction_of
from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.interventions.pooled import pooled_logits
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.images.quality import quality_of
from heldout.records import Diagnosis
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from heldout.records.run import Learning
from heldout.stats.scores import softmax

N_TEST = 624
FLIPS = (0.06, 0.12, 0.20)
ONE_CLASS = (0.12, 0.25, 0.40)
HARD_SHARE = (0.35, 0.5, 0.75)
HARDEST = 0.15
"""Share of the images of a class that count as hard; in test they are `HARD_SHARE` of it."""


@dataclass(frozen=True)
class Known:
    """A pool with what a probe that has not seen an image makes of it.

    Attributes:
        pool: The pool.
        unclear: (n,) how little its best answer leads its second, from 0 to 1; phantoms know it.
        missed: (n,) probability that it does not give to the label.
    """

    pool: Pool
    unclear: Reals
    missed: Reals


@dataclass(frozen=True)
class Study:
    """A drawn study: the probe's logits for the whole pool."""

    known: Known
    drawn: Drawn
    logits: Reals
    seed: int

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.known.pool.classes)


@dataclass(frozen=True)
class Case:
    """A planted study.

    Attributes:
        run: As a diagnosis gets it.
        truth: Points that the plant costs.
        causes: Codes that are right to be named.
        labels: Points of `truth` that wrong labels cost.
    """

    run: RunData
    truth: float
    causes: tuple[str, ...]
    labels: float = 0.0


def known_pool(world: str, folder: Path) -> Known:
    """A pool, and how clear its images are, from the folder where it was made before."""
    pool = pool_of(world, folder, POOL_IMAGES[world])
    file = folder / world / "clear.npz"
    if not file.is_file():
        p = softmax(out_of_fold(pool))
        among = np.sort(p, axis=1)
        unclear = pool.hardness if world == "phantoms" else 1 - (among[:, -1] - among[:, -2])
        np.savez(file, unclear=unclear, missed=1 - p[np.arange(len(p)), pool.labels])
    found = np.load(file)
    return Known(pool, found["unclear"], found["missed"])


def out_of_fold(pool: Pool) -> Reals:
    """Logits (n, k) of a probe that has not seen the patient."""
    units = np.unique(pool.patients, return_inverse=True)[1]
    fold = np.random.default_rng(0).permutation(units.max() + 1)[units] % 5
    logits = np.zeros((len(units), len(pool.classes)))
    for number in range(5):
        logits[fold == number] = fit_probe(pool, np.flatnonzero(fold != number))[fold == number]
    return logits


def draw(known: Known, seed: int, n_test: int) -> Study:
    """Train, validation and test of whole patients."""
    pool = known.pool
    _, unit = np.unique(pool.patients, return_inverse=True)
    place = np.random.default_rng((seed, 51)).permutation(unit.max() + 1)[unit]
    order = np.argsort(place, kind="stable")
    ends, start = [], 0
    for size in (N_TRAIN, N_VAL, n_test):
        stop = min(start + size, len(order))
        while stop < len(order) and place[order[stop]] == place[order[stop - 1]]:
            stop += 1  # a patient stays whole
        ends.append(order[start:stop])
        start = stop
    return Study(known, Drawn(*ends, order[start:]), fit_probe(pool, ends[0]), seed)


def run_data(study: Study, test: Rows, labels: Rows | None = None) -> RunData:
    """The study's run with these test images, and their labels where they are not the true ones."""
    pool = study.known.pool
    images = {}
    for part, rows in {"train": study.drawn.train, "val": study.drawn.val, "test": test}.items():
        given = pool.labels[rows] if part != "test" or labels is None else labels
        ids = tuple(f"{part}{place}" for place in range(len(rows)))
        images[part] = Predictions(part, ids, given, study.logits[rows], tuple(pool.patients[rows]))
    rows = {"train": study.drawn.train, "val": study.drawn.val, "test": test}
    return RunData(
        run=f"{pool.name}-{study.seed}",
        model="offline:efficientnet_lite0",
        strategy="frozen",
        seed=study.seed,
        learning=Learning(backbone_trained=False, uses_seed=True),
        classes=pool.classes,
        train=images["train"],
        val=images["val"],
        test=images["test"],
        features={part: pool.features[index] for part, index in rows.items()},
        grouped=True,
        bootstrap_seed=study.seed,
    )


def turned(study: Study, test: Rows, rates: Reals, seed: int) -> tuple[Rows, float]:
    """Labels of test images, of each class so many turned to another by lot; and what that costs, on these images."""
    rng = np.random.default_rng((study.seed, seed))
    labels = study.known.pool.labels[test]
    wrong = rng.random(len(test)) < rates[labels]
    other = (labels + rng.integers(1, study.k, len(test))) % study.k
    given, answers = np.where(wrong, other, labels), study.logits[test].argmax(axis=1)
    return given, 100 * float((answers == labels).mean() - (answers == given).mean())


def hard(study: Study, share: float, by_outcome: bool) -> tuple[Rows, float]:
    """Test images of which so many are hard, the classes as they are; and what that costs in points."""
    known = study.known
    score, labels = known.missed if by_outcome else known.unclear, known.pool.labels
    hardest = np.zeros(len(score), dtype=bool)
    for c in range(study.k):
        hardest |= (labels == c) & (score >= np.quantile(score[labels == c], 1 - HARDEST))
    rng = np.random.default_rng((study.seed, 35))
    pool = np.concatenate([study.drawn.test, study.drawn.rest])
    # Half of the patients that are left are for test, half for the truth.
    units = np.unique(known.pool.patients[pool], return_inverse=True)[1]
    half = rng.permutation(units.max() + 1)[units] % 2 == 0
    test, fresh = (_mixed(labels, hardest, rows, share, rng) for rows in (pool[half], pool[~half]))
    right = study.logits.argmax(axis=1) == labels
    before = right[pool[~half]].mean()
    return rng.permutation(test)[:N_TEST], 100 * float(before - right[fresh].mean())


def _mixed(labels: Rows, hardest: np.ndarray, rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    """As many rows of each class as there are of the scarcer kind, the classes in the proportion that they have."""
    found, fits = {}, 1.0
    for c in np.unique(labels[rows]):
        mine = rows[labels[rows] == c]
        found[int(c)] = rng.permutation(mine[hardest[mine]]), rng.permutation(mine[~hardest[mine]]), len(mine)
    for few, many, number in found.values():
        if number >= 50:  # a handful of a rare class must not decide how many images there are
            fits = min(fits, len(few) / (share * number), len(many) / ((1 - share) * number))
    chosen = []
    for few, many, number in found.values():
        chosen += [few[: round(fits * share * number)], many[: round(fits * (1 - share) * number)]]
    return np.concatenate(chosen)


def flips(study: Study, severity: int) -> Case:
    """Labels of all classes."""
    labels, cost = turned(study, study.drawn.test, np.full(study.k, FLIPS[severity]), 21)
    return Case(run_data(study, study.drawn.test, labels), cost, ("labels",), cost)


def one_class(study: Study, severity: int, place: int) -> Case:
    """Labels of the commonest class, or of the second."""
    rates = np.zeros(study.k)
    rates[np.argsort(-np.bincount(study.known.pool.labels))[place]] = ONE_CLASS[severity]
    labels, cost = turned(study, study.drawn.test, rates, 22)
    return Case(run_data(study, study.drawn.test, labels), cost, ("labels",), cost)


def harder(study: Study, severity: int, by_outcome: bool) -> Case:
    """Hard images."""
    test, cost = hard(study, HARD_SHARE[severity], by_outcome)
    return Case(run_data(study, test), cost, ("difficulty",))


def both(study: Study, severity: int) -> Case:
    """Hard images, and labels turned."""
    test, cost = hard(study, HARD_SHARE[0], False)
    labels, more = turned(study, test, np.full(study.k, FLIPS[severity]), 23)
    return Case(run_data(study, test, labels), cost + more, ("labels", "difficulty"), more)


CASES: dict[str, Callable[[Study, int], Case]] = {
    "none": lambda study, severity: Case(run_data(study, study.drawn.test), 0.0, ()),
    "flips": flips,
    "flips of the commonest class": lambda study, severity: one_class(study, severity, 0),
    "flips of the second class": lambda study, severity: one_class(study, severity, 1),
    "unclear images": lambda study, severity: harder(study, severity, False),
    "images a probe gets wrong": lambda study, severity: harder(study, severity, True),
    "unclear images and flips": both,
}
OTHERS = ("prior", "offset", "withheld", "copies", "hard-subset")
"""Plants of `plants_in_runs.py`, two classes."""

SEVERITIES = {"none": (0,), "prior": (2,), "offset": (2,), "withheld": (2,), "copies": (2,), "hard-subset": (2,)}


def with_answers(run: RunData) -> RunData:
    """The run with what the intervention `pooled` would have left, as far as it bears on a verdict without a review."""
    val, test = run.val, run.test
    assert val is not None and test is not None
    x = np.concatenate([run.features["val"], run.features["test"]])
    labels = np.concatenate([val.labels, test.labels])
    source = np.arange(len(x)) < len(val)
    units = np.unique([*val.patients, *test.patients], return_inverse=True)[1].astype(np.int64)
    tables = []
    asked = ("balanced", "neighbours")
    for variant, logits in pooled_logits(x, labels, source, units, run.k, 1e-3, run.bootstrap_seed, asked).items():
        for images, rows in ((val, logits[source]), (test, logits[~source])):
            tables.append(variant_rows(images.ids, images.part, variant, rows))
    return replace(run, scored={**run.scored, "pooled": VariantLogits(pd.concat(tables, ignore_index=True))})


def row_of(case: Case, found: Diagnosis) -> dict[str, object]:
    """What was found, beside what was planted."""
    named = [f for f in found.findings if f.verdict in ("established", "suggested") and f.priority > 0]
    named = [finding for finding in named if finding.code != "chance"]
    row: dict[str, object] = {"causes": ",".join(case.causes), "truth": case.truth, "truth_labels": case.labels}
    row |= {"explained": found.explained, "gap": found.gap_points.value if found.gap_points else np.nan}
    row |= {"first": named[0].code if named else "", "named": ",".join(finding.code for finding in named)}
    row["points"] = ",".join(f"{finding.priority:.2f}" for finding in named)
    row["established"] = ",".join(finding.code for finding in named if finding.verdict == "established")
    for finding in found.findings:
        if finding.code in ("labels", "difficulty"):
            row[f"{finding.code}_verdict"] = finding.verdict
            if finding.points is not None:
                row |= {f"{finding.code}_points": finding.points.value, f"{finding.code}_low": finding.points.low}
                row[f"{finding.code}_high"] = finding.points.high
    return row


def judged(case: Case, replicates: int) -> dict[str, object]:
    """The row of a case."""
    started = time.perf_counter()
    found = diagnose_run(with_answers(replace(case.run, bootstrap=replicates)))
    return row_of(case, found) | {"seconds": time.perf_counter() - started}


def judged_labels(case: Case, replicates: int) -> dict[str, object]:
    """Likewise, of the labels alone: a tenth of the time, for plants of which only that is asked."""
    started = time.perf_counter()
    run = with_answers(replace(case.run, bootstrap=replicates))
    gap = measure_budget(run)
    found = contradiction_of(run, gap, RULES)
    assert found is not None
    points = found.points.estimate()
    row: dict[str, object] = {"causes": ",".join(case.causes), "truth": case.truth, "truth_labels": 0.0, "first": ""}
    row |= {"explained": gap.explained, "gap": gap.gap.value, "named": "", "established": "", "difficulty_verdict": ""}
    row |= {"labels_verdict": "suggested" if found.tells(RULES) else "not identifiable"}
    row |= {"lost": found.lost.value, "sure_val": found.sure_val, "sure_test": found.sure_test}
    row |= {"labels_points": points.value, "labels_low": points.low, "labels_high": points.high}
    return row | {"seconds": time.perf_counter() - started}


def cells(world: str, seeds: range, severities: tuple[int, ...]) -> Iterator[tuple[str, int, int]]:
    """(plant, severity, seed), seed by seed."""
    for seed in seeds:
        for plant in (*CASES, *(OTHERS if world != "skin" else ())):
            for severity in SEVERITIES.get(plant, severities):
                yield plant, severity, seed


def make(known: Known, plant: str, severity: int, study: Study) -> Case:
    """A case of either kind."""
    if plant in CASES:
        return CASES[plant](study, severity)
    planted = OTHER_PLANTS[plant](known.pool, study.seed, N_TEST, severity)
    return Case(planted.run, float(next(iter(planted.truth.values()))), (planted.cause,))


def pixel_cells(world: str, seeds: range, folder: Path) -> Iterator[tuple[str, int, int, Case]]:
    """Token and blur in pixels: features anew for each, a probe on them."""
    from benchmarks.pixel_worlds import maker
    from benchmarks.planted_pixels import Cell

    build = maker(world, folder)
    for seed in seeds:
        for plant, severity in (("none", 0), ("token", 2), ("blur", 2), ("withheld", 2), ("common", 2)):
            cell = Cell(world, plant, severity, N_TEST, seed)
            made, _ = build(seed, N_TEST, cell.plants())
            table = made.table[made.table["split"].isin(["train", "val", "test"])]
            images = made.images[table.index.to_numpy()]
            classes = tuple(sorted(table["label"].unique()))
            labels = table["label"].map({name: k for k, name in enumerate(classes)}).to_numpy(dtype=np.int64)
            features, nothing = features_of(images[..., None]), np.zeros(len(labels))
            patients = table["patient"].to_numpy(dtype=str)
            quality = quality_of(images[..., None])
            pool = Pool(world, classes, labels, patients, features, quality, nothing, nothing)
            split = table["split"].to_numpy(dtype=str)
            parts = (np.flatnonzero(split == part) for part in ("train", "val", "test"))
            drawn = Drawn(*parts, np.empty(0, dtype=np.int64))
            study = Study(Known(pool, nothing, nothing), drawn, fit_probe(pool, drawn.train), seed)
            yield plant, severity, seed, Case(run_data(study, drawn.test), np.nan, () if plant == "none" else (plant,))


def main() -> None:
    """The command line; goes on where the last call stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "pixels", "table"])
    parser.add_argument("--world", choices=["phantoms", "kermany", "skin"], default="kermany")
    parser.add_argument("--seeds", type=lambda text: range(*map(int, text.split("-"))), default=range(10, 30))
    parser.add_argument("--severities", type=lambda text: tuple(map(int, text.split(","))), default=(1, 2))
    parser.add_argument("--replicates", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("planted"))
    options = parser.parse_args()
    if options.what == "table":
        for name in sorted({file.name for file in options.out.rglob("turned-*.parquet")}):
            frame = pd.concat([pd.read_parquet(file) for file in options.out.rglob(name)], ignore_index=True)
            frame = frame[frame["seed"].isin(options.seeds)].drop_duplicates(["plant", "severity", "seed"])
            title = name.removeprefix("turned-").removesuffix(".parquet")
            print(f"### {title}\n\n{summary_of(frame)}\n\n{table_of(frame)}\n")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    suffix = "-pixels" if options.what == "pixels" else ""
    file = options.out / f"turned-{options.world}{suffix}.parquet"
    frame = pd.read_parquet(file) if file.is_file() else pd.DataFrame(columns=["plant", "severity", "seed"])
    rows = frame.to_dict("records")
    done = set(zip(frame["plant"], frame["severity"], frame["seed"], strict=True))
    for plant, severity, seed, case in _to_do(options, done):
        judge = judged if plant in CASES and options.what == "run" else judged_labels
        row = {"plant": plant, "severity": severity, "seed": seed} | judge(case, options.replicates)
        rows.append(row)
        pd.DataFrame(rows).to_parquet(file, index=False)
        print(plant, severity, seed, f"{row['truth']:.1f}", row["named"], f"{row['seconds']:.1f} s", flush=True)


def _to_do(options: argparse.Namespace, done: set[tuple[str, int, int]]) -> Iterator[tuple[str, int, int, Case]]:
    """The cases that are missing."""
    if options.what == "pixels":
        for plant, severity, seed, case in pixel_cells(options.world, options.seeds, options.out / "pools"):
            if (plant, severity, seed) not in done:
                yield plant, severity, seed, case
        return
    known = known_pool(options.world, options.out / "pools")
    study: Study | None = None
    for plant, severity, seed in cells(options.world, options.seeds, options.severities):
        if (plant, severity, seed) in done:
            continue
        if study is None or study.seed != seed:
            study = draw(known, seed, N_TEST)
        try:
            yield plant, severity, seed, make(known, plant, severity, study)
        except ValueError as error:
            print(plant, severity, seed, error, flush=True)


if __name__ == "__main__":
    main()
