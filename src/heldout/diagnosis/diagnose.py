"""Task E: why the test score is lower, in points of the metric; the cheap half, from records, without torch.

`diagnose` reads a study and what its interventions left behind; `diagnose_run` judges one run's data, wherever they
came from. docs/diagnosis.md explains how to read the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from heldout.diagnosis.appearance import AppearanceTable, compare_appearance
from heldout.diagnosis.baseline import over_baseline
from heldout.diagnosis.carriers import carried
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause, Told, causes
from heldout.diagnosis.contradiction import contradiction_of
from heldout.diagnosis.gap import measure_budget, why_no_budget
from heldout.diagnosis.groups import measure_groups
from heldout.diagnosis.labels_in_doubt import while_labels_are_in_doubt
from heldout.diagnosis.lenses import lenses
from heldout.diagnosis.order import ordered
from heldout.diagnosis.patients import by_unit, expanded, images_of, reviewed_rows
from heldout.diagnosis.pooled import learnable
from heldout.diagnosis.read import read_review, read_run_data
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.shares import Together, together, with_shares
from heldout.diagnosis.summary import limits, summary
from heldout.diagnosis.suspects import beyond_the_sample, doubtful_labels, label_bound, still_to_review, to_review
from heldout.diagnosis.verdict import Decision
from heldout.diagnosis.words import worded
from heldout.errors import InputError, UsageError
from heldout.progress import Reporter, Silent
from heldout.records import Diagnosis, Finding, Lens, ReasonKind, Remedy
from heldout.records.codec import write_sealed
from heldout.records.labelling import SINGLE
from heldout.records.metric import ACCURACY, IMAGES, Metric, Unit
from heldout.records.run import ChosenOn
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.tidy import tidy
from heldout.stats.bootstrap import FEWEST_REPLICATES, REPLICATES
from heldout.stats.measured import Measured
from heldout.ties import settled


def diagnose(
    study: StudyFiles,
    runs: Sequence[RunFiles] | None = None,
    *,
    review: Path | None = None,
    chosen_on: ChosenOn = "",
    experiments: bool = True,
    bootstrap: int = REPLICATES,
    seed: int = 0,
    metric: Metric = ACCURACY,
    unit: Unit = IMAGES,
    reporter: Reporter | None = None,
) -> tuple[Diagnosis, ...]:
    """Diagnose the runs of a study and write each diagnosis to `diagnosis/<run id>.json`.

    Of one of several labels they go to `diagnosis/labels/<label>/`.

    What interventions left behind is used; nothing is run here that needs a network (`run_interventions` does that).

    Args:
        study: The study, as `read_study` gives it.
        runs: Some of its runs (`choose_runs`); None for all.
        review: CSV of reviewed test labels (`id,label[,reader]`).
        chosen_on: `test` says that a run was chosen by its test score: among the candidates that were given with it,
            else among the runs of the study.
        experiments: Whether to use the interventions' results.
        bootstrap: Replicates B, at least 100.
        seed: Seed of the bootstrap.
        metric: What the score is; all points are points of it.
        unit: Who one decision is made on.
        reporter: Told of progress.

    Raises:
        InputError: The review does not fit; patients of several classes where they are the unit.
        UsageError: No run, too few replicates, or several labels an image of which none is asked for.
    """
    if bootstrap < FEWEST_REPLICATES:
        raise UsageError(f"Found {bootstrap} bootstrap replicates; expected at least {FEWEST_REPLICATES}.")
    if study.cohort.labelling is not SINGLE:
        raise UsageError(
            "Found a study with several labels an image; expected one label of it, as heldout diagnose STUDY --label "
            "NAME asks it (heldout.runs.one_label.of_label)."
        )
    reporter = reporter or Silent()
    tidy(study.folder)
    chosen = choose_runs(study, None) if runs is None else runs
    reporter.begin("diagnosis", len(chosen))
    found = []
    for data in read_run_data(
        study, chosen, experiments=experiments, bootstrap=bootstrap, seed=seed, reporter=reporter
    ):
        if chosen_on:
            data = replace(data, learning=replace(data.learning, chosen_on=chosen_on))
        judged_by = by_unit(replace(data, metric=metric), unit)
        if review is not None:
            sample = to_review(judged_by, doubtful_labels(judged_by, RULES), RULES)
            read = read_review(review, study, expanded(judged_by, sample))
            rows = reviewed_rows(judged_by, read, sample)
            test = judged_by.test
            rows = rows if test is None else beyond_the_sample(rows, sample, test.ids)
            judged_by = replace(judged_by, review=rows)
        diagnosis = replace(diagnose_run(judged_by), label=study.label)
        write_sealed(study.diagnoses / f"{diagnosis.run}.json", diagnosis)
        found.append(diagnosis)
        reporter.step()
    reporter.end()
    return tuple(found)


def choose_runs(study: StudyFiles, run: str | None) -> tuple[RunFiles, ...]:
    """All complete runs, or the one whose id begins with `run`.

    Raises:
        UsageError: None, or several.
        InputError: It is set aside.
    """
    matching = tuple(files for files in study.runs if files.record.id.startswith(run or ""))
    aside = [problem for one in study.set_aside if one.run.startswith(run or "") for problem in one.problems]
    if aside and not matching:
        raise InputError(aside, "What was asked for is set aside")
    if not study.runs:
        raise UsageError(f"Found no complete run in {study.folder}; call the same `heldout run` again, it goes on.")
    if run is None:
        return study.runs
    exact = tuple(files for files in matching if files.record.id == run)
    if len(exact or matching) != 1:
        ids = ", ".join(files.record.id for files in study.runs)
        raise UsageError(f"Found {len(matching)} runs whose id begins with '{run}'; expected one of: {ids}.")
    return exact or matching


def diagnose_run(run: RunData, rules: Rules = RULES) -> Diagnosis:
    """Judge one run.

    Args:
        run: Its arrays and tables.
        rules: The numbers that verdicts hang on.

    Returns:
        The diagnosis. Data that cannot be judged give findings that say what is needed, never an exception.
    """
    needs = why_no_budget(run)
    if needs is not None:
        return _without_budget(run, needs)
    data = cause_data(run, rules)
    gap = data.gap
    shelf = {cause.code: cause for cause in causes}
    found = carried([judged(cause, data) for cause in shelf.values()], shelf)
    findings = ordered(with_shares(found, _together(data, found, shelf), shelf), shelf, rules)
    remedies = _remedies(data)
    if not gap.explained:
        findings = tuple(_nothing_to_explain(finding) for finding in findings)
    unread = still_to_review(run, data.to_review)
    answer, over = over_baseline(run) or ("", None)
    words = summary(run, gap, findings, remedies, shelf, _learnable(data), rules)
    findings = tuple(replace(one, images=images_of(run, one.images)[: rules.max_images]) for one in findings)
    return Diagnosis(
        run=run.run,
        model=run.model,
        strategy=run.strategy,
        seed=run.seed,
        val_accuracy=run.score("val"),
        test_accuracy=run.score("test"),
        gap_points=gap.gap_estimate,
        explained=gap.explained,
        summary=words,
        budget=gap.record(),
        classes=gap.classes,
        lenses=_lenses(data) if gap.explained else (),
        findings=findings,
        remedies=remedies,
        review=expanded(run, unread) if data.to_review else {},
        limits=limits(run, data.to_review, unread),
        bootstrap=run.bootstrap,
        bootstrap_seed=run.bootstrap_seed,
        metric=run.metric,
        unit=run.unit,
        over_baseline_points=over,
        baseline=answer,
        groups=data.groups.record(),
        columns_left_out=dict(data.groups.left_out),
    )


def cause_data(run: RunData, rules: Rules = RULES) -> CauseData:
    """A run with its gap in terms and the tables that causes share, each computed once."""
    suspects = doubtful_labels(run, rules)
    gap = measure_budget(run, None if run.reviewed else label_bound(run, suspects), rules)
    contradiction = contradiction_of(run, gap, rules)
    if contradiction is not None and gap.label_bound is not None:  # what contradictions leave open is no less possible
        gap = replace(gap, label_bound=max(gap.label_bound, contradiction.points.high))
    # Turned labels put images of one class among those of another: that is no other appearance of the class.
    aside = contradiction.aside if contradiction is not None and contradiction.tells(rules) else frozenset[str]()
    try:
        appearance = compare_appearance(run, gap, rules, aside)
    except ValueError:  # what cannot be compared is not judged; it sinks no other cause
        appearance = AppearanceTable()
    groups = measure_groups(run, rules)
    return CauseData(run, gap, appearance, suspects, contradiction, to_review(run, suspects, rules), rules, groups)


def judged(cause: Cause[Any], data: CauseData) -> Finding:
    """A cause's verdict; one that fails says so and sinks no other."""
    try:
        return while_labels_are_in_doubt(cause, cause.judge(data), data)
    except Exception as error:  # a broken cause is a finding about the cause, not the end of the diagnosis
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        told = Told(f"This cause could not be judged ({words}).", False, f"of {words}")
        return cause.finding(Decision("failed", ReasonKind.ERROR), told)


def _together(data: CauseData, found: Sequence[Finding], shelf: Mapping[str, Cause[Any]]) -> Together | None:
    """What causes cost together; None where that cannot be divided."""
    try:
        return together(data, found, shelf)
    except Exception:  # each stays with what it costs alone
        return None


def _learnable(data: CauseData) -> Measured | None:
    """What could be learned from images like those of test; None where that is not known."""
    try:
        return learnable(data)
    except Exception:  # the finding of the cause that reads the same numbers carries the error
        return None


def _nothing_to_explain(finding: Finding) -> Finding:
    """A finding where the gap may be luck: what was measured stays, the claim does not."""
    if finding.code == "chance" or finding.fault or finding.verdict not in ("established", "suggested"):
        return finding
    return replace(
        finding,
        verdict="not applicable",
        kind=ReasonKind.GAP_COVERS_ZERO,
        reason="because the gap's interval covers 0, so that there is nothing to explain",
        sentence=f"There is nothing to explain, since the gap may be luck. {finding.sentence}",
        priority=0.0,
        remedy="",
        explains={},
    )


def _remedies(data: CauseData) -> tuple[Remedy, ...]:
    """What was tried, best first; a cause whose remedies fail has none."""
    found: list[Remedy] = []
    for cause in causes:
        try:
            found.extend(_remedy(one, data.run) for one in cause.remedies(data))
        except Exception:  # its finding says that the cause could not be judged
            continue
    return tuple(sorted(found, key=lambda remedy: -settled(remedy.gain_points.value)))


def _remedy(remedy: Remedy, run: RunData) -> Remedy:
    """With the names of metric and unit in its own."""
    return replace(remedy, name=worded(remedy.name, run.metric, run.unit, run.drawn))


def _lenses(data: CauseData) -> tuple[Lens, ...]:
    """What every lens shows; one that fails shows nothing."""
    found: list[Lens] = []
    for lens in sorted(lenses, key=lambda lens: (lens.place, lens.name)):
        try:
            found.extend(
                replace(view, sentence=worded(view.sentence, data.run.metric, data.run.unit, data.run.drawn))
                for view in lens.views(data)
            )
        except Exception:  # the finding of the cause that reads the same numbers carries the error
            continue
    return tuple(found)


def _without_budget(run: RunData, needs: str) -> Diagnosis:
    """A diagnosis that says what is missing."""
    missing = Decision("not identifiable", ReasonKind.PARTS_MISSING)
    answer, over = over_baseline(run) or ("", None)
    told = Told(f"Cannot be told; it needs {needs}.", False, needs)
    said = ""
    val, test = run.score("val"), run.score("test")
    if val is not None and test is not None:
        both = 100 * (val.value - test.value)
        said = f" Validation minus test {run.metric.words} is {both:.1f} points, but over different classes."
    return Diagnosis(
        run=run.run,
        model=run.model,
        strategy=run.strategy,
        seed=run.seed,
        val_accuracy=run.score("val"),
        test_accuracy=run.score("test"),
        gap_points=None,
        explained=False,
        summary=f"Why test is lower is not identifiable (needs {needs}).{said}",
        budget=(),
        classes=(),
        lenses=(),
        findings=tuple(replace(cause.finding(missing, told), shared_reason=f"that needs {needs}") for cause in causes),
        remedies=(),
        review={},
        limits=(f"The gap cannot be taken apart: that needs {needs}.",),
        bootstrap=run.bootstrap,
        bootstrap_seed=run.bootstrap_seed,
        metric=run.metric,
        unit=run.unit,
        over_baseline_points=over,
        baseline=answer,
    )
