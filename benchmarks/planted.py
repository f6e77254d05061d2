"""The planted-cause benchmark: does the gap budget find what was put in, in points, and nothing where nothing was?

    python benchmarks/planted.py budget --world phantoms   # all plants x severities x n_T, the budget alone
    python benchmarks/planted.py causes --world kermany    # whole diagnoses, peers beside, n_T = 400
    python benchmarks/planted.py export --world phantoms   # tables for peers that live elsewhere (peer_deepchecks.py)
    python benchmarks/planted.py table                     # the tables of docs/diagnosis-benchmark.md

Studies are drawn from a pool of patients (`pools.py`), causes planted into them (`plants_in_runs.py`). Results are kept
in `--out`, one Parquet file a world and kind, and a call goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.plants_in_runs import PLANTS
from benchmarks.pools import Pool, pool_of
from benchmarks.remedies import regret
from benchmarks.rows import Deadline
from benchmarks.studies import Planted, with_pooled
from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.suspects import doubtful_labels, to_review
from heldout.records import TERMS
from heldout.stats.scores import softmax

TESTS = (200, 400, 624, 1500)
SEVERITIES = (0, 1, 2)
POOL_IMAGES = {"phantoms": 20020, "kermany": 5216, "skin": 3363, "made": 6000}
TERM_OF = {
    "prior": "prior",
    "threshold": "threshold",
    "labels": "labels",
    "leakage": "leakage",
    "selection": "selection",
    "difficulty": "ranking",
    "covariate-shift": "ranking",
}
"""The term in which a planted cause is looked for."""


def studies(
    pool: Pool, tests: tuple[int, ...], severities: tuple[int, ...], seeds: int
) -> Iterator[tuple[str, int, int, int]]:
    """(plant, severity, n_T, seed); the null has one severity."""
    for seed in range(seeds):
        for n_test in tests:
            for plant in PLANTS:
                for severity in severities if plant != "none" else severities[:1]:
                    yield plant, severity, n_test, seed


def reviewed(planted: Planted, rules: Rules = RULES) -> Planted:
    """The planted study with the oracle's reading of exactly the images that the method asks to review."""
    from dataclasses import replace

    if not planted.review:
        return planted
    sample = to_review(planted.run, doubtful_labels(planted.run, rules), rules)
    rows = [{"id": id_, "label": planted.review[id_], "probability": p} for id_, p in sample.items()]
    review = pd.DataFrame(rows, columns=["id", "label", "probability"])
    return replace(planted, run=replace(planted.run, review=review))


def budget_row(pool: Pool, plant: str, severity: int, n_test: int, seed: int, replicates: int) -> dict[str, object]:
    """One study's budget beside its truth."""
    from dataclasses import replace

    started = time.perf_counter()
    planted = reviewed(PLANTS[plant](pool, seed, n_test, severity))
    budget = measure_budget(replace(planted.run, bootstrap=replicates))
    row: dict[str, object] = {
        "plant": plant,
        "severity": severity,
        "n_test": n_test,
        "seed": seed,
        "cause": planted.cause,
    }
    row |= {"gap": budget.gap.value, "gap_low": budget.gap_estimate.low, "gap_high": budget.gap_estimate.high}
    row |= {"explained": budget.explained}
    row["additivity"] = abs(sum(term.value for term in budget.terms.values()) - budget.gap.value)
    for term in TERMS:
        measured = budget.terms.get(term)
        if measured is not None:
            row |= {term: measured.value, f"{term}_low": measured.low, f"{term}_high": measured.high}
    row |= {f"truth_{name}": value for name, value in planted.truth.items()}
    row["seconds"] = time.perf_counter() - started
    return row


def cause_row(pool: Pool, plant: str, severity: int, n_test: int, seed: int, replicates: int) -> dict[str, object]:
    """One study's whole diagnosis beside its truth, and what the peers say."""
    from dataclasses import replace

    from benchmarks.peers import peers_of

    planted = PLANTS[plant](pool, seed, n_test, severity)
    started = time.perf_counter()
    planted = replace(planted, run=with_pooled(replace(planted.run, bootstrap=replicates)))
    planted = reviewed(planted)
    diagnosis = diagnose_run(planted.run)
    seconds = time.perf_counter() - started
    named = [finding for finding in diagnosis.findings if finding.verdict in ("established", "suggested")]
    named = [finding for finding in named if finding.code != "chance" and finding.priority > 0]
    row: dict[str, object] = {
        "plant": plant,
        "severity": severity,
        "n_test": n_test,
        "seed": seed,
        "cause": planted.cause,
    }
    row |= {"explained": diagnosis.explained, "gap": diagnosis.gap_points.value if diagnosis.gap_points else np.nan}
    row["first"] = named[0].code if named else ""
    row["second"] = named[1].code if len(named) > 1 else ""
    row["established"] = ",".join(finding.code for finding in named if finding.verdict == "established")
    row["suggested"] = ",".join(finding.code for finding in named if finding.verdict == "suggested")
    row["failed"] = ",".join(finding.code for finding in diagnosis.findings if finding.verdict == "failed")
    row |= {f"truth_{name}": value for name, value in planted.truth.items()}
    row["seconds"] = seconds
    if planted.fresh is not None:
        row |= regret(planted.run, diagnosis, planted.fresh)
    return row | peers_of(planted.run)


def run(
    kind: str,
    world: str,
    seeds: int,
    tests: tuple[int, ...],
    severities: tuple[int, ...],
    out: Path,
    replicates: int,
    deadline: Deadline,
) -> None:
    """Do what is missing, as far as there is time, and write after every seed and at the end."""
    pool = pool_of(world, out / "pools", POOL_IMAGES[world])
    file = out / f"{kind}-{world}.parquet"
    done = pd.read_parquet(file) if file.is_file() else pd.DataFrame()
    keys = ["plant", "severity", "n_test", "seed"]
    before = set(map(tuple, done[keys].to_numpy().tolist())) if len(done) else set()
    rows = done.to_dict("records")
    make = {"budget": budget_row, "causes": cause_row}[kind]
    seed_before = -1
    for plant, severity, n_test, seed in studies(pool, tests, severities, seeds):
        if (plant, severity, n_test, seed) in before:
            continue
        if not deadline.time_for_one_more():
            break
        if seed != seed_before and rows:
            pd.DataFrame(rows).to_parquet(file, index=False)
            print(f"{world} {kind}: seed {seed}, {len(rows)} studies", flush=True)
        seed_before = seed
        try:
            rows.append(make(pool, plant, severity, n_test, seed, replicates))
        except ValueError as error:  # the pool cannot give so many images: the cell is missing, and the table says so
            print(f"{world} {plant} {severity} n={n_test} seed {seed}: {error}", flush=True)
    pd.DataFrame(rows).to_parquet(file, index=False)


def export(world: str, seeds: int, severities: tuple[int, ...], out: Path, features: bool = False) -> None:
    """Properties, labels and probabilities of validation and test, a folder a study, n_T = 400.

    Args:
        world: Name of the pool.
        seeds: Studies a plant and severity.
        severities: Which.
        out: Where to.
        features: Also labels, probabilities of all classes and features as arrays (4 MB a study).
    """
    pool = pool_of(world, out / "pools", POOL_IMAGES[world])
    for plant, severity, n_test, seed in studies(pool, (400,), severities, seeds):
        planted = PLANTS[plant](pool, seed, n_test, severity)
        folder = out / f"export-{world}" / f"{plant}-{severity}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, np.ndarray] = {}
        for part in ("val", "test"):
            images, quality = planted.run.part(part), planted.run.quality_of(part)
            assert images is not None and quality is not None
            arrays[f"{part}_labels"], arrays[f"{part}_probabilities"] = images.labels, softmax(images.logits)
            arrays[f"{part}_features"] = np.asarray(planted.run.features[part], dtype=np.float16)
            table = quality.assign(label=images.labels, probability=softmax(images.logits)[:, 1])
            table.to_csv(folder / f"{part}.csv", index=False)
        about = {"plant": plant, "severity": severity, "seed": seed, "cause": planted.cause}
        (folder / "about.json").write_text(json.dumps(about))
        if features:
            np.savez(folder / "arrays.npz", **arrays)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["budget", "causes", "export", "table"])
    parser.add_argument("--world", choices=list(POOL_IMAGES), default="phantoms")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--tests", type=lambda text: tuple(map(int, text.split(","))), default=None)
    parser.add_argument("--severities", type=lambda text: tuple(map(int, text.split(","))), default=SEVERITIES)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--minutes", type=float, help="begin no study that would end later; call again to go on")
    parser.add_argument("--features", action="store_true", help="export features too, for peers that read them")
    parser.add_argument("--out", type=Path, default=Path("planted"))
    options = parser.parse_args()
    if options.kind == "table":
        from benchmarks.planted_tables import write_tables

        print(write_tables(options.out))
        return
    if options.kind == "export":
        export(options.world, options.seeds, options.severities, options.out, options.features)
        return
    tests = options.tests or (TESTS if options.kind == "budget" else (400,))
    deadline = Deadline(options.minutes)
    run(
        options.kind, options.world, options.seeds, tests, options.severities, options.out, options.replicates, deadline
    )


if __name__ == "__main__":
    main()
