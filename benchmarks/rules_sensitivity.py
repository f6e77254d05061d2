"""What happens to false alarms and hits when a rule of the diagnosis is halved or doubled: docs/diagnosis-rules.md.

    python benchmarks/rules_sensitivity.py judge --out planted     # goes on if it was cut off
    python benchmarks/rules_sensitivity.py page --out planted      # the page, from what judge left

Studies are drawn from a pool, `made` (numbers in place of features, which needs neither images nor a network) unless
asked otherwise, with 624 test images each; more than 400 features are reduced to 256 principal components. Every study
is judged as it is, then once for each rule halved and once for each doubled. A *false alarm* is a study with nothing
planted in which a cause is named; where the interval of the gap covers 0 none is, whatever the rules, so that only the
others are judged. A *hit* is a study with one planted cause that costs 4 points or more and is named first; those whose
gap cannot be told are left out. Rules that no study reads are marked. What does not change with the rules (domain
classifiers, thresholds, doubtful labels) is computed once a study.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from sklearn.decomposition import PCA

from benchmarks.planted import POOL_IMAGES, reviewed
from benchmarks.planted_tables import markdown
from benchmarks.plants_in_runs import PLANTS
from benchmarks.pools import Pool, pool_of
from benchmarks.remembered import remembered
from benchmarks.studies import Planted, with_pooled
from heldout.diagnosis import appearance, diagnose, effects, suspects
from heldout.diagnosis.causes import threshold
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.gap import threshold as gap_threshold
from heldout.diagnosis.rules import RULES, Rule, Rules
from heldout.diagnosis.run_data import RunData

N_TEST, REPLICATES, COMPONENTS, WIDEST, EFFECT = 624, 200, 256, 400, 4.0
SINGLE = tuple(plant for plant in PLANTS if plant not in ("none", "prior+offset+flips"))
PAGE = Path(__file__).resolve().parent.parent / "docs" / "diagnosis-rules.md"
MARKER = "<!-- rules -->"
HEADER = ["rule", "value", "unit", "meaning", "source"]
COUNTED = ["false alarms: as it is", "halved", "doubled", "hits: as it is", "halved", "doubled"]
UNREAD = ["not exercised by these studies", *[""] * 5]
UNJUDGED = ["not judged yet", *[""] * 5]

WORDS = ("max_images", "many_times", "max_properties_named", "excess_answers")
"""Rules that decide what a sentence cites, and no verdict."""

DEAR = (
    (appearance, "domain_probabilities"),
    (appearance, "tuned_right"),
    (threshold, "best_biases"),
    (gap_threshold, "tuned_accuracy"),
    (effects, "tuned_accuracy"),
    (suspects, "suspects"),
)
"""Pure functions that take most of the time of a diagnosis."""

STAGES = ((diagnose, "measure_budget"), (diagnose, "compare_appearance"))
"""Parts of a diagnosis that few of the rules enter."""


@dataclass(frozen=True)
class Cell:
    """One study to be judged."""

    plant: str
    severity: int
    seed: int

    @property
    def key(self) -> str:
        """By which it is found again."""
        return f"{self.plant} {self.severity} {self.seed}"


NAMES = {rule.name for rule in RULES.rows()}


class WatchedRules(Rules):
    """The rules, with a note of which of them were read."""

    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        WatchedRules.read.add(name)
        return super().__getattribute__(name)


def remembered_draws(function: Callable[..., Any]) -> Callable[..., Any]:
    """`null_domain_aucs`, whose draws do not depend on how many follow: as many as the rule wants are drawn and cut."""
    known = remembered(function)

    def answer(*args: object, draws: int, **settings: object) -> Any:
        return known(*args, draws=max(draws, RULES.null_draws), **settings)[:draws]

    return answer


def remembered_stage(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose last argument are rules, computed anew only if one that it read has another value."""
    known: list[tuple[tuple[object, ...], dict[str, float], Any]] = []

    def answer(*args: Any) -> Any:
        *others, rules = args
        for before, values, result in known:
            same = all(a is b or (isinstance(a, float) and a == b) for a, b in zip(before, others, strict=True))
            if same and all(getattr(rules, name) == value for name, value in values.items()):
                WatchedRules.read |= set(values)
                return result
        read, WatchedRules.read = WatchedRules.read, set()
        result = function(*args)
        names = WatchedRules.read & NAMES
        known.append((tuple(others), {name: getattr(rules, name) for name in names}, result))
        WatchedRules.read = read | names
        return result

    return answer


def changed(rule: Rule, factor: float) -> Rules:
    """The rules with one of them halved or doubled; whole numbers stay whole, shares and AUCs at most 1."""
    value = rule.value * factor
    if isinstance(rule.value, int):
        value = max(1, round(value))
    elif rule.unit == "AUC" or (not rule.unit and rule.value <= 1):
        value = min(1.0, value)
    return replace(WatchedRules(), **{rule.name: value})


def cells(nulls: int, seeds: int) -> Iterator[Cell]:
    """Plants first, seed by seed, so that whatever time there is gives whole seeds."""
    for seed in range(seeds):
        yield from (Cell(plant, severity, seed) for plant in SINGLE for severity in (1, 2))
    yield from (Cell("none", 0, seed) for seed in range(nulls))


def reduced(pool: Pool) -> Pool:
    """The pool with wide features turned to their first principal components, and these turned at random.

    A probe standardises its features. Principal components as they are would lose their sizes by that, and the many
    small ones would drown what the few large ones say of the classes; turned at random all columns are about as large.
    """
    if pool.features.shape[1] <= WIDEST:
        return pool
    found = PCA(COMPONENTS, svd_solver="randomized", random_state=0).fit_transform(pool.features)
    turned = found @ np.linalg.qr(np.random.default_rng(0).normal(size=(COMPONENTS, COMPONENTS)))[0]
    return replace(pool, features=turned.astype(np.float32))


def judged(cell: Cell, pool: Pool) -> dict[str, Any]:
    """Which cause is named first in a study: with the rules as they are, and with each that was read changed."""
    planted = PLANTS[cell.plant](pool, cell.seed, N_TEST, cell.severity)
    planted = replace(planted, run=replace(planted.run, bootstrap=REPLICATES))
    about = {"cause": planted.cause, "effect": planted.truth.get(planted.cause, 0.0)}
    if not measure_budget(planted.run).explained:
        return about | {"explained": False}
    if planted.cause and about["effect"] < EFFECT:
        return about | {"explained": True}
    planted = replace(planted, run=with_pooled(planted.run))
    with ExitStack() as stack:
        for module, name in DEAR:
            stack.enter_context(mock.patch.object(module, name, remembered(getattr(module, name))))
        for module, name in STAGES:
            stack.enter_context(mock.patch.object(module, name, remembered_stage(getattr(module, name))))
        draws = remembered_draws(appearance.null_domain_aucs)
        stack.enter_context(mock.patch.object(appearance, "null_domain_aucs", draws))
        WatchedRules.read = set()
        reviews: dict[tuple[str, ...], RunData] = {}
        first = first_named(planted, WatchedRules(), reviews)
        read = [rule for rule in RULES.rows() if rule.name in WatchedRules.read and rule.name not in WORDS]
        others = {
            rule.name: [first_named(planted, changed(rule, factor), reviews) for factor in (0.5, 2.0)] for rule in read
        }
    return about | {"explained": True, "first": first, "changed": others}


def first_named(planted: Planted, rules: Rules, reviews: dict[tuple[str, ...], RunData]) -> str:
    """Code of the cause that a diagnosis names first, empty if it names none.

    Args:
        planted: The study.
        rules: By which it is judged, and by which test images are chosen for review.
        reviews: Images that were reviewed -> the run with that review; what is new is added.
    """
    run = reviewed(planted, rules).run
    if run.review is not None:
        run = reviews.setdefault(tuple(map(str, zip(run.review["id"], run.review["probability"], strict=True))), run)
    found = diagnose.diagnose_run(run, rules)
    named = [finding for finding in found.findings if finding.verdict in ("established", "suggested")]
    named = [finding for finding in named if finding.code != "chance" and finding.priority > 0]
    return named[0].code if named else ""


def judge(world: str, nulls: int, seeds: int, out: Path) -> None:
    """Judge what is missing; written after every study."""
    file = out / f"rules-{world}.json"
    values = {rule.name: rule.value for rule in RULES.rows()}
    kept = json.loads(file.read_text()) if file.is_file() else {}
    studies = kept["studies"] if kept.get("values") == values else {}
    pool = reduced(pool_of(world, out / "pools", POOL_IMAGES[world]))
    started = time.process_time()
    for cell in cells(nulls, seeds):
        if cell.key not in studies:
            studies[cell.key] = judged(cell, pool)
            file.write_text(json.dumps({"values": values, "studies": studies}, indent=1))
            print(
                f"{cell.key}: {studies[cell.key].get('first', '–')}, {time.process_time() - started:.0f} s", flush=True
            )


def counts(studies: list[dict[str, Any]], rule: Rule) -> list[str]:
    """False alarms and hits of a rule as it is, halved and doubled; `k of n`."""
    nulls = [study for study in studies if not study["cause"]]
    large = [study for study in studies if study["cause"] and study["effect"] >= EFFECT and "first" in study]
    judged = [study for study in nulls if "first" in study]
    if rule.name in WORDS:
        return ["decides no verdict", *[""] * 5]
    if not any(rule.name in study["changed"] for study in judged + large):
        return UNREAD

    def firsts(some: list[dict[str, Any]], place: int | None) -> list[str]:
        return [
            study["first"] if place is None or rule.name not in study["changed"] else study["changed"][rule.name][place]
            for study in some
        ]

    alarms = [sum(map(bool, firsts(judged, place))) for place in (None, 0, 1)]
    causes = [study["cause"] for study in large]
    hits = [sum(map(str.__eq__, firsts(large, place), causes)) for place in (None, 0, 1)]
    return [f"{count} of {len(nulls)}" for count in alarms] + [f"{count} of {len(large)}" for count in hits]


def cells_of_rule(rule: Rule) -> list[str]:
    """What the table says of a rule itself."""
    return [f"`{rule.name}`", f"{rule.value:g}", rule.unit, rule.meaning, rule.source]


def rows_of(text: str) -> dict[str, list[str]]:
    """Rule, as it is written in the first column -> the cells of its row in a page."""
    lines = [line for line in text.partition(MARKER)[2].splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {row[0]: row for row in rows}


def page(out: Path) -> str:
    """The page with its table made anew; what stands above it stays, and so do counts of which `out` knows nothing."""
    files = [out / f"rules-{world}.json" for world in POOL_IMAGES]
    found = [json.loads(file.read_text())["studies"] for file in files if file.is_file()]
    studies = [study for world in found for study in world.values()]
    before = PAGE.read_text()
    old = rows_of(before)
    rows = []
    for rule in RULES.rows():
        cells = cells_of_rule(rule)
        kept = old.get(cells[0], [])
        same = kept[:2] == cells[:2]
        rows.append([*cells, *(counts(studies, rule) if studies else kept[len(HEADER) :] if same else UNJUDGED)])
    return f"{before.partition(MARKER)[0]}{MARKER}\n\n{markdown([*HEADER, *COUNTED], rows)}\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["judge", "page"])
    parser.add_argument("--world", choices=list(POOL_IMAGES), default="made")
    parser.add_argument("--nulls", type=int, default=100, help="studies with nothing planted")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each plant and severity")
    parser.add_argument("--out", type=Path, default=Path("planted"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.what == "judge":
        judge(options.world, options.nulls, options.seeds, options.out)
    else:
        PAGE.write_text(page(options.out))


if __name__ == "__main__":
    main()
