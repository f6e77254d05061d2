"""Task E: why the test score is lower, in accuracy points; the cheap half, from records, without torch.

`diagnose` reads a study and what its experiments left behind; `diagnose_evidence` judges one run's evidence, wherever
it came from. docs/diagnosis.md explains how to read the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from heldout.diagnosis.causes import Case, Cause, causes
from heldout.diagnosis.causes._learnable import learnable_lens
from heldout.diagnosis.causes._looks import looks_lens
from heldout.diagnosis.causes.labels import doubtful, label_bound
from heldout.diagnosis.gap import GapBudget, measure_budget, why_no_budget
from heldout.diagnosis.read import read_review, read_run_data
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.tables import near_copies, quality_table
from heldout.errors import UsageError
from heldout.progress import Reporter, Silent
from heldout.records import TERMS, VERDICTS, BudgetTerm, Diagnosis, Estimate, Finding, Lens, Remedy
from heldout.records.codec import write_record
from heldout.records.predictions import Predictions
from heldout.records.terms import TERM_TITLES
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.stats.bootstrap import FEWEST_REPLICATES, REPLICATES
from heldout.stats.estimates import accuracy_estimate
from heldout.stats.suspects import review_sample

NOTHING_TO_EXPLAIN = "because the gap's interval covers 0, so that there is nothing to explain"


def diagnose(
    folder: Path,
    run: str | None = None,
    *,
    review: Path | None = None,
    experiments: bool = True,
    bootstrap: int = REPLICATES,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> tuple[Diagnosis, ...]:
    """Diagnose the runs of a study and write each diagnosis to `diagnosis/<run id>.json`.

    What experiments left behind is used; nothing is run here that needs a network (`run_interventions` does that).

    Args:
        folder: The study.
        run: Id of one run, or how it begins; None for all.
        review: CSV of reviewed test labels (`id,label[,reader]`).
        experiments: Whether to use the experiments' results.
        bootstrap: Replicates B, at least 100.
        seed: Seed of the bootstrap.
        reporter: Told of progress.

    Raises:
        InputError: The folder is no study, a run is damaged, or the review does not fit.
        UsageError: No such run, or too few replicates.
    """
    if bootstrap < FEWEST_REPLICATES:
        raise UsageError(f"Found {bootstrap} bootstrap replicates; expected at least {FEWEST_REPLICATES}.")
    reporter = reporter or Silent()
    study = read_study(Path(folder))
    chosen = choose_runs(study, run)
    reporter.begin("diagnosis", len(chosen))
    found = []
    for files in chosen:
        evidence = _gather(study, files, review, experiments, bootstrap, seed, reporter)
        diagnosis = diagnose_evidence(evidence)
        write_record(study.folder / "diagnosis" / f"{files.record.id}.json", diagnosis)
        found.append(diagnosis)
        reporter.step()
    reporter.end()
    return tuple(found)


def choose_runs(study: StudyFiles, run: str | None) -> tuple[RunFiles, ...]:
    """All complete runs, or the one whose id begins with `run`.

    Raises:
        UsageError: None, or several.
    """
    if not study.runs:
        raise UsageError(f"Found no complete run in {study.folder}; call the same `heldout run` again, it goes on.")
    if run is None:
        return study.runs
    matching = tuple(files for files in study.runs if files.record.id.startswith(run))
    exact = tuple(files for files in matching if files.record.id == run)
    if len(exact or matching) != 1:
        ids = ", ".join(files.record.id for files in study.runs)
        raise UsageError(f"Found {len(matching)} runs whose id begins with '{run}'; expected one of: {ids}.")
    return exact or matching


def _gather(
    study: StudyFiles,
    run: RunFiles,
    review: Path | None,
    experiments: bool,
    bootstrap: int,
    seed: int,
    reporter: Reporter,
) -> RunData:
    """A run's evidence, with its reviewed labels and the probabilities with which they were to be reviewed."""
    evidence = read_run_data(
        study,
        run,
        quality=quality_table(study, run.recipe, reporter),
        near_copies=near_copies(study, run.recipe, reporter),
        experiments=experiments,
        bootstrap=bootstrap,
        seed=seed,
    )
    if review is None:
        return evidence
    return replace(evidence, review=read_review(review, study, to_review(evidence)))


def to_review(evidence: RunData) -> dict[str, float]:
    """Test images to have read by two blind readers -> probability with which each was chosen."""
    found = doubtful(evidence)
    if found is None or evidence.test is None:
        return {}
    return review_sample(evidence.test.ids, found, evidence.bootstrap_seed)


def diagnose_evidence(evidence: RunData) -> Diagnosis:
    """Judge one run.

    Args:
        evidence: Its arrays and tables.

    Returns:
        The diagnosis. Data that cannot be judged give findings that say what is needed, never an exception.
    """
    needs = why_no_budget(evidence)
    if needs is not None:
        return _without_budget(evidence, needs)
    bound = None if evidence.review is not None and len(evidence.review) else label_bound(evidence)
    budget = measure_budget(evidence, bound)
    case = Case(evidence, budget)
    findings = ordered(tuple(judged(cause, case) for cause in causes))
    remedies = _remedies(case)
    if not budget.explained:
        findings = tuple(_nothing_to_explain(finding) for finding in findings)
    limits = _limits(evidence)
    return Diagnosis(
        run=evidence.run,
        model=evidence.model,
        strategy=evidence.strategy,
        seed=evidence.seed,
        val_accuracy=_accuracy(evidence.val),
        test_accuracy=_accuracy(evidence.test),
        gap_points=budget.gap_estimate,
        explained=budget.explained,
        summary=summary(evidence, budget, findings, remedies),
        budget=tuple(
            BudgetTerm(term, budget.estimate(term), budget.details[term]) for term in TERMS if term in budget.terms
        ),
        classes=budget.classes,
        lenses=_lenses(case) if budget.explained else (),
        findings=findings,
        remedies=remedies,
        review=to_review(evidence) if evidence.review is None else {},
        limits=limits,
        bootstrap=evidence.bootstrap,
        bootstrap_seed=evidence.bootstrap_seed,
    )


def judged(cause: Cause, case: Case) -> Finding:
    """A cause's verdict; one that fails says so and sinks no other."""
    try:
        return cause.judge(case)
    except Exception as error:  # a broken cause is a finding about the cause, not the end of the diagnosis
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return cause.finding("failed", f"This cause could not be judged ({words}).", reason=f"because of {words}")


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings with their priorities, most telling first.

    A cause that lies further upstream explains points that a mechanism further down carries: blurred test images (level
    0) shift what images look like (level 1) and move the scores across the threshold (level 2). So from the points of a
    finding of a higher level the largest part that one established cause of a lower level takes of them is taken off,
    for the order only.
    """
    level = {cause.code: cause.level for cause in causes}
    done: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: level.get(finding.code, 0)):
        upstream = [
            other for other in done if level[other.code] < level.get(finding.code, 0) and other.verdict == "established"
        ]
        taken = max((_takes(other, finding.code) for other in upstream), default=0.0)
        done.append(replace(finding, priority=max(0.0, finding.priority - max(0.0, taken))))
    rank = {verdict: place for place, verdict in enumerate(VERDICTS)}
    return tuple(sorted(done, key=lambda finding: (rank[finding.verdict], -finding.priority, finding.code)))


def _takes(upstream: Finding, code: str) -> float:
    """Points that an established cause explains of another's."""
    if code == "threshold":
        return upstream.numbers.get("of_threshold", 0.0)
    if code == "difficulty" and "of_difficulty" in upstream.numbers:
        return upstream.numbers["of_difficulty"]
    if "of_threshold" not in upstream.numbers and "of_ranking" not in upstream.numbers:
        return 0.0
    return upstream.priority


def _nothing_to_explain(finding: Finding) -> Finding:
    """A finding where the gap may be luck: what was measured stays, the claim does not."""
    if finding.code == "chance" or finding.fault or finding.verdict not in ("established", "suggested"):
        return finding
    sentence = f"There is nothing to explain, since the interval of the gap covers 0. {finding.sentence}"
    return replace(
        finding, verdict="not applicable", reason=NOTHING_TO_EXPLAIN, sentence=sentence, priority=0.0, remedy=""
    )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    """What was tried, best first; a cause whose remedies fail has none."""
    found: list[Remedy] = []
    for cause in causes:
        try:
            found.extend(cause.remedies(case))
        except Exception:  # its finding says that the cause could not be judged
            continue
    return tuple(sorted(found, key=lambda remedy: -remedy.gain_points.value))


def _lenses(case: Case) -> tuple[Lens, ...]:
    try:
        learnable = learnable_lens(case)
        return (*looks_lens(case), *([learnable] if learnable else []))
    except Exception:  # the finding of the cause that reads the same lens carries the error
        return ()


def _accuracy(side: Predictions | None) -> Estimate | None:
    """Accuracy of a part; None without images."""
    return None if side is None or not len(side) else accuracy_estimate(side)


def _without_budget(evidence: RunData, needs: str) -> Diagnosis:
    """A diagnosis that says what is missing."""
    words = f"needs {needs}"
    findings = tuple(
        cause.finding("not identifiable", f"Cannot be told; it {words}.", reason=words) for cause in causes
    )
    val, test = _accuracy(evidence.val), _accuracy(evidence.test)
    gap = None
    if evidence.val is not None and evidence.test is not None and len(evidence.val) and len(evidence.test):
        both = 100 * (evidence.val.right.mean() - evidence.test.right.mean())
        said = f" Validation minus test accuracy is {both:.1f} points, but over different classes."
    else:
        said = ""
    return Diagnosis(
        run=evidence.run,
        model=evidence.model,
        strategy=evidence.strategy,
        seed=evidence.seed,
        val_accuracy=val,
        test_accuracy=test,
        gap_points=gap,
        explained=False,
        summary=f"Why test is lower is not identifiable ({words}).{said}",
        budget=(),
        classes=(),
        lenses=(),
        findings=findings,
        remedies=(),
        review={},
        limits=(f"The gap cannot be taken apart: that {words}.",),
        bootstrap=evidence.bootstrap,
        bootstrap_seed=evidence.bootstrap_seed,
    )


def summary(evidence: RunData, budget: GapBudget, findings: Sequence[Finding], remedies: Sequence[Remedy]) -> str:
    """One paragraph, as a consultant would say it."""
    return _of_gap(evidence, budget, findings, remedies) + "".join(
        f" The run itself has a fault, gap or no gap. {finding.sentence}" for finding in findings if finding.fault
    )


def _of_gap(evidence: RunData, budget: GapBudget, findings: Sequence[Finding], remedies: Sequence[Remedy]) -> str:
    """What is said of the gap."""
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    gap = budget.gap_estimate
    points = f"{abs(gap.value):.1f} points [{gap.low:.1f}, {gap.high:.1f}]"
    scores = f"Validation accuracy is {val.right.mean():.1%} ({len(val)} images)"
    scores += f", test {test.right.mean():.1%} ({len(test)} images)"
    if not budget.explained:
        return (
            f"There is nothing to explain: the gap of {gap.value:.1f} points has an interval that covers 0 "
            f"[{gap.low:.1f}, {gap.high:.1f}]. {scores}; so many patients cannot tell them apart."
        )
    if gap.value < 0:
        return f"Test is not lower but higher, by {points} (validation minus test). {scores}."
    parts = sorted(
        ((term, budget.estimate(term)) for term in budget.terms if abs(budget.terms[term].value) >= 0.05),
        key=lambda pair: -pair[1].value,
    )
    shares = "; ".join(f"{TERM_TITLES[term]} {e.value:.1f} [{e.low:.1f}, {e.high:.1f}]" for term, e in parts)
    told = f"{scores}: {points} lower. In points: {shares}. {_reason(findings)}"
    return told + f"{_overlap(findings, gap.value)}{_tried(remedies)}"


def _reason(findings: Sequence[Finding]) -> str:
    """The first finding by name; its sentence stands in the table."""
    named = [item for item in findings if item.verdict in ("established", "suggested") and item.priority > 0]
    if not named:
        return "No single cause could be shown."
    first = named[0]
    sure = "Main reason" if first.verdict == "established" else "Most likely reason, not shown by a trial"
    points = ""
    if first.points is not None:
        points = f", {first.points.value:.1f} points [{first.points.low:.1f}, {first.points.high:.1f}]"
    name = first.cause if first.cause.startswith("Batch") else first.cause[0].lower() + first.cause[1:]
    return f"{sure}: {name}{points}."


def _overlap(findings: Sequence[Finding], gap: float) -> str:
    """A sentence where causes that lie in the data account together for more than there is."""
    level = {cause.code: cause.level for cause in causes}
    lying = [
        (item.cause.lower(), item.points)
        for item in findings
        if item.verdict == "established" and not level.get(item.code, 0) and item.points and item.priority > 0
    ]
    if len(lying) < 2 or sum(points.value for _, points in lying) <= gap:
        return ""
    names = " and ".join(f"{name} {e.value:.1f} [{e.low:.1f}, {e.high:.1f}]" for name, e in lying)
    return f" More than the gap together, {names}: each was measured alone, and what they share is counted in each."


def _tried(remedies: Sequence[Remedy]) -> str:
    """The remedy that gained most, if its interval excludes 0."""
    best = next((remedy for remedy in remedies if remedy.gain_points.low > 0), None)
    if best is None:
        return ""
    e = best.gain_points
    words = f" What helped most when tried: {best.name}, {e.value:+.1f} points [{e.low:.1f}, {e.high:.1f}] on test"
    return words + (" (exploratory: test was used to find it)." if best.exploratory else ".")


def _limits(evidence: RunData) -> tuple[str, ...]:
    """What these data cannot tell, and what would settle it."""
    limits = []
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    if evidence.review is None:
        number = len(to_review(evidence))
        limits.append(
            f"Wrong test labels: nobody has reviewed them. Have two blind readers read the {number} images listed, put "
            f"their labels into a CSV (id,label) and give it as --review."
            if number
            else "Wrong test labels: too few images of a class to rank them; review all of them."
        )
    if not any(val.patients) or not any(test.patients):
        limits.append(
            "Patients are not known: intervals take images as independent and are too narrow if patients have several, "
            "and leakage can be seen only where pictures are alike. Name patients with --patient."
        )
    if not any(evidence.sites.get(id_) for id_ in test.ids):
        limits.append("Sites are not known: a change of device or hospital shows only through the images' looks.")
    if not evidence.scored and not evidence.absent:
        limits.append(
            "The experiments were not run: causes that need the network (image quality, shortcut, BatchNorm, "
            "difficulty, interpolation, leakage by retraining) are not judged. Call `heldout diagnose STUDY` without "
            "--no-experiments."
        )
    seeds = {
        other.seed
        for other in evidence.siblings
        if (other.model, other.strategy) == (evidence.model, evidence.strategy)
    }
    if not seeds - {evidence.seed}:
        limits.append("One seed: this is a statement on this trained network, not on the recipe. Run with --seeds 3.")
    return tuple(limits)


__all__ = ["diagnose", "diagnose_evidence", "ordered", "summary"]
