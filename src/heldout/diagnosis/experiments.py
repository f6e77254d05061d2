"""Interventions on a run as work items, so that they can be made on other machines: one item an intervention."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from heldout.computing import Device
from heldout.diagnosis.interventions import (
    in_order,
    interventions,
    missing,
    run_interventions,
    score_more,
    scored_so_far,
)
from heldout.diagnosis.interventions.features import Features
from heldout.diagnosis.results import read_about
from heldout.diagnosis.rules import RULES
from heldout.files import read_json
from heldout.progress import Reporter
from heldout.records import PARTS
from heldout.runs.context import RunContext, stores_read
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, entries, write_down
from heldout.runs.one_label import of_label
from heldout.work import Dispatcher, WorkItem


@dataclass(frozen=True)
class Wanted:
    """How interventions are made.

    Attributes:
        device: Where to compute.
        limit: Images a part.
        seed: Of everything that is drawn.
        retrain: Also retrain where that takes long.
        label: One of several labels an image; empty where an image has one class.
    """

    device: Device = "auto"
    limit: int = RULES.max_sampled
    seed: int = 0
    retrain: bool = False
    label: str = ""


def make_elsewhere(
    study: StudyFiles,
    run: RunFiles,
    wanted: Wanted,
    dispatcher: Dispatcher,
    reporter: Reporter,
    only: Collection[str] | None = None,
) -> None:
    """Have the interventions on a run made that are missing, those at once that do not ask for each other's results.

    Args:
        study: The study.
        run: One of its runs.
        wanted: How.
        dispatcher: Has them made.
        reporter: Told of progress.
        only: Names of some; None for all.
    """
    chosen = [one for one in in_order(interventions) if only is None or one.name in only]
    left = [one.name for one in missing(chosen, study, run, wanted.seed, wanted.limit, wanted.retrain)]
    while left:
        after = {one.name: set(one.after(interventions)) for one in chosen}
        ready = [name for name in left if not after[name] & set(left)]
        _dispatched(study, run, wanted, ready, False, dispatcher, reporter)
        left = [name for name in left if name not in ready]


def make_more_elsewhere(
    study: StudyFiles, run: RunFiles, wanted: Wanted, names: Collection[str], dispatcher: Dispatcher, reporter: Reporter
) -> tuple[str, ...]:
    """Have interventions made on more images, as `score_more` does; names of those that have more now."""
    places = {name: run.folder / "experiments" / f"{name}.json" for name in sorted(names)}
    before = {name: scored_so_far(read_about(place)) for name, place in places.items()}
    _dispatched(study, run, wanted, list(places), True, dispatcher, reporter)
    return tuple(name for name, place in places.items() if scored_so_far(read_about(place)) > before[name])


def _dispatched(
    study: StudyFiles,
    run: RunFiles,
    wanted: Wanted,
    names: Sequence[str],
    more: bool,
    dispatcher: Dispatcher,
    reporter: Reporter,
) -> None:
    """Have them made."""
    items = [_item(study, run, name, replace(wanted, label=study.label), more) for name in names]
    dispatcher.dispatch_all(items, reporter)


def _count(study: Path, made: Sequence[Mapping[str, Any]]) -> None:
    """Write down the evaluations of test images that an intervention made elsewhere."""
    for entry in made:
        write_down(study, DIAGNOSIS_EVALUATIONS, {key: value for key, value in entry.items() if key != "time"})


def _item(
    study: StudyFiles, run: RunFiles, name: str, wanted: Wanted, more: bool
) -> WorkItem[None, list[dict[str, Any]]]:
    """One intervention on one run; its result are the evaluations of test images that it made."""
    return WorkItem(
        title=f"The experiment {name} on {run.record.id}",
        study=study.folder,
        common=None,
        work=partial(_make_in, run.record.id, name, wanted, more),
        reads=partial(_reads, study, run),
        leaves=partial(_left, run.folder.relative_to(study.folder).as_posix(), name),
        arrived=partial(_count, study.folder),
    )


def _reads(study: StudyFiles, run: RunFiles, reporter: Reporter) -> list[str]:
    """The study's records, the run with its networks, its images, and what was measured of them."""
    own = run.network.relative_to(study.folder).as_posix()
    members = [(Path(own) / name) for name in run.record.members]  # networks of folds, relative to the run
    folds = [(study.folder / name).resolve().relative_to(study.folder.resolve()).as_posix() for name in members]
    context = RunContext(study.cohort, study.split, study.folder)
    stores = stores_read(PARTS, run.recipe, context, reporter) if study.cohort.pictured else []
    measured = [path.relative_to(study.folder).as_posix() for path in (study.folder / "quality").glob("[!.]*")]
    return ["study.json", "cohort.parquet", "split.parquet", "plans", own, *folds, *stores, *measured]


def _left(run: str, name: str, study: Path) -> list[str]:
    """Its results; features and tables of the study that it made on the way."""
    place = study / run / "experiments"
    found = [f"{run}/experiments/{name}.json", f"{run}/experiments/{name}.parquet"]
    if name == Features.name:
        about = read_json(place / f"{name}.json")
        found += [Path(about[part]).parent.as_posix() for part in PARTS if part in about]
    return [*found, "quality"]


def _make_in(
    run: str, name: str, wanted: Wanted, more: bool, common: None, folder: Path, reporter: Reporter
) -> list[dict[str, Any]]:
    """One intervention in a study's folder, which may be a copy that holds no other run."""
    before = len(entries(folder, DIAGNOSIS_EVALUATIONS))
    whole = read_study(folder)
    study = of_label(whole, wanted.label) if wanted.label else whole
    (own,) = (one for one in study.runs if one.record.id == run)
    how: dict[str, Any] = {"reporter": reporter, "device": wanted.device, "seed": wanted.seed, "limit": wanted.limit}
    if more:
        score_more(study, own, [name], **how)
    else:
        run_interventions(study, [own], only=[name], retrain=wanted.retrain, **how)
    return entries(folder, DIAGNOSIS_EVALUATIONS)[before:]
