"""Interventions until it is told: on some images at first, on twice as many where these were too few.

Most causes are told by a few hundred images of a part. Where one is not, and more images are there, the interventions
that it judges from are made on more of them, until its verdict is another one or the images are used up. Each of these
looks has its share of the level (`diagnosis.looks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heldout.claims import Claim, claim_of
from heldout.computing import Device
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause, causes
from heldout.diagnosis.diagnose import choose_runs, diagnose, judged
from heldout.diagnosis.experiments import Wanted, make_elsewhere, make_more_elsewhere
from heldout.diagnosis.gap import measure_budget, why_no_budget
from heldout.diagnosis.interventions import (
    in_order,
    interventions,
    missing,
    run_interventions,
    score_more,
    scored_so_far,
)
from heldout.diagnosis.interventions.context import FEATURES_OF
from heldout.diagnosis.looks import more
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.results import read_about
from heldout.diagnosis.rules import RULES
from heldout.given.model import GivenModel
from heldout.progress import Reporter
from heldout.records import Diagnoses, Diagnosis, Finding, ReasonKind
from heldout.records.run import ChosenOn
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.judging import judging_of
from heldout.runs.one_label import metric_of_question, of_label, questions, slug_of
from heldout.runs.share import IN_TURN, Executor, Job
from heldout.work import HERE, Dispatcher

TOO_FEW = (ReasonKind.MORE_IMAGES, ReasonKind.MORE_PATIENTS)
"""Why a verdict is open that more images of the same parts may settle."""

QUICK = replace(RULES, min_threshold_class=10**9, halvings=1)
"""Rules by which terms of the gap are left out that no such cause asks for, and that take most of the time."""


def diagnose_until_told(
    study: StudyFiles,
    run: str | None,
    judged_by: tuple[str, str, str],
    label: str,
    chosen_on: ChosenOn,
    *,
    reporter: Reporter,
    device: Device,
    executor: Executor = IN_TURN,
) -> Diagnoses:
    """Runs of a study diagnosed, what is missing being done first; of several labels one after another.

    Args:
        study: The study, as `read_study` gives it.
        run: Id of a run, or how it begins; None for all.
        judged_by: Metric, unit, and how a unit's images are put together, as a person names them.
        label: One of several labels an image; empty for every one of them in turn.
        chosen_on: Part on which a run was chosen among those of the study.
        reporter: Told of progress.
        device: Where to compute.
        executor: Where experiments are made.

    Raises:
        UsageError: An unknown name.
        InputError: Costs that do not fit, or patients of several classes where they are the unit.
    """
    for remark in study.remarks:
        reporter.note(remark)
    found: list[Diagnosis] = []
    for files in questions(study, label):
        chosen = choose_runs(files, run)
        metric, unit, by = judged_by
        judging = judging_of(files.cohort.classes, metric or metric_of_question(files), unit, by)
        experiments_on(files, chosen, executor, Wanted(device), reporter)
        found += diagnose(
            files, chosen, chosen_on=chosen_on, metric=judging.metric, unit=judging.unit, reporter=reporter
        )
    return Diagnoses(found)


def experiments_on(
    study: StudyFiles, runs: Sequence[RunFiles], executor: Executor, wanted: Wanted, reporter: Reporter
) -> None:
    """Every experiment on runs that were trained here until their causes are told, where an executor computes.

    Raises:
        UsageError: A limit below 1.
        HeldoutError: The executor's work failed.
    """
    if executor.is_here:
        run_until_told(
            study,
            runs,
            reporter=reporter,
            device=wanted.device,
            limit=wanted.limit,
            seed=wanted.seed,
            retrain=wanted.retrain,
        )
        return
    own = replace(wanted, label=study.label)
    executor.run([ExperimentsJob(study.folder.absolute(), run.record.id, own) for run in runs], reporter)


@dataclass(frozen=True)
class ExperimentsJob(Job):
    """The experiments on a run until its causes are told.

    Attributes:
        folder: The study's.
        run: Id of the run.
        wanted: How experiments are made.
    """

    folder: Path
    run: str
    wanted: Wanted

    @property
    def title(self) -> str:  # type: ignore[override]
        """For people."""
        return f"Experiments on {self.run}" + (f", {self.wanted.label}" if self.wanted.label else "")

    quiet = True

    def _files(self) -> tuple[StudyFiles, RunFiles]:
        whole = read_study(self.folder)
        study = of_label(whole, self.wanted.label) if self.wanted.label else whole
        return study, next(one for one in study.runs if one.record.id == self.run)

    @property
    def claim(self) -> Path:
        """In the run's folder."""
        label = slug_of(0, self.wanted.label) if self.wanted.label else ""
        return claim_of(self.folder / "runs" / f"{self.run}.experiments{label}")

    def is_done(self) -> bool:
        """Whether no experiment is missing, and more images would tell no more."""
        study, run = self._files()
        wanted = self.wanted
        left = missing(in_order(interventions), study, run, wanted.seed, wanted.limit, wanted.retrain)
        return not left and not untold(study, run)

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Make them."""
        study, run = self._files()
        wanted = self.wanted
        if dispatcher is HERE:
            experiments_on(study, [run], IN_TURN, wanted, reporter)
            return
        alone = [one.name for one in interventions if not one.after(interventions)]
        make_elsewhere(study, run, wanted, dispatcher, reporter, alone)
        while names := untold(study, run):
            limit = more(max(_scored(run, name) for name in names))
            if not make_more_elsewhere(study, run, replace(wanted, limit=limit), names, dispatcher, reporter):
                break
        make_elsewhere(study, run, wanted, dispatcher, reporter)


def run_until_told(
    study: StudyFiles,
    runs: Sequence[RunFiles] | None = None,
    *,
    reporter: Reporter | None = None,
    device: Device = "auto",
    limit: int = RULES.max_sampled,
    seed: int = 0,
    retrain: bool = False,
    model: GivenModel | None = None,
    features_of: str = FEATURES_OF,
) -> None:
    """Do every experiment, and those on more images whose causes are not told by so many.

    Args:
        study: The study, as `read_study` gives it.
        runs: Some of its runs; None for all.
        reporter: Told of progress.
        device: Where to compute.
        limit: Images a part that interventions are made on at first.
        seed: Seed of everything that is drawn.
        retrain: Also retrain where that takes long (`grouped`).
        model: As for `run_interventions`.
        features_of: Likewise.

    Raises:
        UsageError: A limit below 1.
    """
    chosen = study.runs if runs is None else runs
    alone = [one.name for one in in_order(interventions) if not one.after(interventions)]

    def experiments(only: Sequence[str] | None) -> None:
        run_interventions(
            study,
            chosen,
            reporter=reporter,
            device=device,
            limit=limit,
            seed=seed,
            retrain=retrain,
            only=only,
            model=model,
            features_of=features_of,
        )

    experiments(alone)
    for run in chosen:
        while names := untold(study, run):
            most = max(_scored(run, name) for name in names)
            if not score_more(
                study,
                run,
                names,
                more(most),
                reporter=reporter,
                device=device,
                seed=seed,
                model=model,
                features_of=features_of,
            ):
                break
    experiments(None)  # those that ask for the results of others


def untold(study: StudyFiles, run: RunFiles) -> tuple[str, ...]:
    """Names of the interventions that more images might let their cause be told by; none where nothing is to be told.

    Args:
        study: The study.
        run: One of its runs.
    """
    images = max(len(study.split.val), len(study.split.test))
    open_ = {one.name for one in interventions if one.grows and 0 < _scored(run, one.name) < images}
    if not open_:
        return ()
    (data,) = read_run_data(study, [run])
    if why_no_budget(data) is not None:
        return ()
    gap = measure_budget(data, rules=QUICK)
    if not gap.explained:
        return ()
    found: set[str] = set()
    for cause in causes:
        mine = open_ & set(cause.interventions)
        if mine and _too_few(judged(cause, CauseData(data, gap)), cause, mine, run):
            found |= mine
    return tuple(sorted(found))


def _too_few(finding: Finding, cause: Cause[Any], mine: set[str], run: RunFiles) -> bool:
    """Whether a verdict is open for want of images, and rests on no more than were scored."""
    if finding.verdict != "not identifiable" or finding.kind not in TOO_FEW or finding.points is None:
        return False
    reached = max(_scored(run, name) for name in mine)
    return finding.points.n < reached + len(run.record.classes)  # a sample may exceed its limit by an image a class


def _scored(run: RunFiles, name: str) -> int:
    """Images a part that an intervention was made on; 0 where it left nothing."""
    return scored_so_far(read_about(run.folder / "experiments" / f"{name}.json"))
