"""The diagnosis with the reviewed labels, beside what it said without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from heldout.diagnosis.diagnose import choose_runs, diagnose
from heldout.errors import InputError, UsageError
from heldout.files import hash_of
from heldout.progress import Reporter, Silent
from heldout.records import Diagnosis, TermStatus
from heldout.records.codec import from_data, to_data
from heldout.records.run import ChosenOn
from heldout.report.diagnosis_files import read_diagnoses
from heldout.review.export import write_labels
from heldout.review.of_study import review_of
from heldout.review.snapshot import Snapshot
from heldout.review.store import Store
from heldout.review.verdicts import verdicts
from heldout.runs.folder import RunFiles, StudyFiles

Judge = Callable[[Path | None], Diagnosis]


@dataclass(frozen=True)
class Change:
    """What reviewed labels did to the diagnosis of a run.

    Attributes:
        before: Without them.
        after: With them.
        current: Whether no label has been decided, or changed, since.
        at: When they were counted, UTC.
    """

    before: Diagnosis
    after: Diagnosis
    current: bool
    at: str


def apply_review(
    study: StudyFiles, runs: Sequence[RunFiles] | None = None, reporter: Reporter | None = None
) -> dict[str, Change]:
    """Diagnose runs with the reviewed labels, by the same metric, unit and draws as before, and keep both.

    Args:
        study: The study.
        runs: Some of its runs; None for all that were diagnosed.
        reporter: Told of progress.

    Returns:
        Run -> what changed.

    Raises:
        UsageError: No run was diagnosed, or no image has a reviewed label.
        HeldoutError: The review cannot be read or written.
    """
    reporter = reporter or Silent()
    store = review_of(study)
    if not store.begun:
        raise UsageError(f"Found no review in {study.folder}; expected one that was begun.")
    snapshot = store.snapshot()
    kept = changes(store, snapshot)
    records = read_diagnoses(study.diagnoses)
    chosen = [
        (run, known)
        for run in (choose_runs(study, None) if runs is None else runs)
        if isinstance(known := records.get(run.record.id), Diagnosis)
    ]
    if not chosen:
        raise UsageError(f"Found no diagnosis of these runs; call `heldout diagnose {study.folder}` first.")
    with TemporaryDirectory() as folder:
        labels = Path(folder) / "reviewed.csv"
        write_labels(snapshot, labels)
        reporter.begin("diagnosis with the reviewed labels", len(chosen))
        for run, known in chosen:
            judge = _judge(study, run, known)
            before = _before(known, kept.get(run.record.id), judge)
            after = judge(labels)
            store.keep(run.record.id, _hash(snapshot), json.dumps(to_data(before)), json.dumps(to_data(after)))
            reporter.step()
        reporter.end()
    return changes(store, snapshot)


def changes(store: Store, snapshot: Snapshot) -> dict[str, Change]:
    """Run -> what the labels did that were counted last; of runs of which none were, nothing."""
    now, found = _hash(snapshot), {}
    for run, (labels, before, after, at) in store.kept().items():
        with suppress(InputError):  # kept by another version, whose records are others: it can be counted again
            first, second = (from_data(Diagnosis, json.loads(text), run) for text in (before, after))
            found[run] = Change(first, second, labels == now, at)
    return found


def _before(known: Diagnosis, kept: Change | None, judge: Judge) -> Diagnosis:
    """What the diagnosis says without reviewed labels: the record, what was kept of it, or made anew."""
    if not _reviewed(known):
        return known
    if kept is not None and not _reviewed(kept.before) and _settings(kept.before) == _settings(known):
        return kept.before
    return judge(None)


def _reviewed(diagnosis: Diagnosis) -> bool:
    return any(one.term == "labels" and one.status is TermStatus.MEASURED for one in diagnosis.budget)


def _settings(diagnosis: Diagnosis) -> tuple[object, ...]:
    return diagnosis.metric, diagnosis.unit, diagnosis.bootstrap, diagnosis.bootstrap_seed, _chosen_on(diagnosis)


def _chosen_on(diagnosis: Diagnosis) -> ChosenOn:
    """Whether it was said that the run was chosen by its test score: the budget has that term only then."""
    return "test" if any(one.term == "chosen-on-test" for one in diagnosis.budget) else ""


def _judge(study: StudyFiles, run: RunFiles, like: Diagnosis) -> Judge:
    """Diagnoses a run as an earlier diagnosis did, with a file of labels or without."""

    def judge(labels: Path | None) -> Diagnosis:
        (found,) = diagnose(
            study,
            [run],
            review=labels,
            chosen_on=_chosen_on(like),
            bootstrap=like.bootstrap,
            seed=like.bootstrap_seed,
            metric=like.metric,
            unit=like.unit,
        )
        return found

    return judge


def _hash(snapshot: Snapshot) -> str:
    """Hash of the reviewed labels."""
    return hash_of({one.image.id: one.label for one in verdicts(snapshot) if one.label is not None})
