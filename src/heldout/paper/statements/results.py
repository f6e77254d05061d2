"""What came out, with intervals; the sentences are for the results, not for the methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heldout.answer.best import JUDGED, best_run, judged_part
from heldout.answer.texts import capital, count, listing, number, percent, percent_to, probability, signed
from heldout.answer.why import points_lost
from heldout.errors import InputError
from heldout.paper.statement import Statement, Topic
from heldout.records import Estimate, RunRow, Scores
from heldout.report.material import Material
from heldout.runs.stress_report import read_stress
from heldout.stats.scores import confusion

NAMED = 12
"""Runs, pairs and groups that are named one by one; the tables hold all."""


FEW = 4
"""Classes up to which every field of the cross-table is written in a sentence."""


def state(material: Material) -> Sequence[Statement]:
    """Scores of all models, recall of each class, pairs, the gap, what went wrong, groups."""
    found = [performance(material), *areas(material), *recalls(material), *differences(material), *gaps(material)]
    return [*found, *errors(material), *causes(material), *groups(material), *stressed(material)]


def judged(material: Material, row: RunRow) -> Scores | None:
    """The scores that models are judged by."""
    return row.test if judged_part(material.comparison) == "test" else row.val


def score(estimate: Estimate) -> str:
    """`82.5 % (95 % interval 78.4 to 86.0 %, n = 400)`."""
    return f"{percent(estimate.value)} (95 % interval {percent_to(estimate)}, n = {estimate.n:,})"


def performance(material: Material) -> Statement:
    """The score of every model on the part that models are judged on."""
    ordered = material.ranked[:NAMED]
    told = [
        f"{material.names[row.id].spoken} {score(scores.score)}"
        for row in ordered
        if (scores := judged(material, row)) is not None
    ]
    rest = len(material.ranked) - len(ordered)
    more = f"; {rest} more stand in the table" if rest > 0 else ""
    part = JUDGED[judged_part(material.comparison)]
    known = f"{capital(material.metric.words)} on {part}: {'; '.join(told)}{more}."
    gap = "" if part == "test" else "scores on images kept aside; there was no test set"
    return Statement("results.performance", known, gap)


def areas(material: Material) -> list[Statement]:
    """Areas under the curve."""
    told = [
        f"{material.names[row.id].spoken} {number(scores.auc.value, 3)} ({number(scores.auc.low, 3)} to "
        f"{number(scores.auc.high, 3)})"
        for row in material.ranked[:NAMED]
        if (scores := judged(material, row)) is not None and scores.auc is not None
    ]
    return [Statement("results.auc", f"Area under the curve: {'; '.join(told)}.")] if told else []


def recalls(material: Material) -> list[Statement]:
    """Recall of each class, or sensitivity and specificity of each label, of the best model."""
    best = best_run(material.comparison).id
    scores = judged(material, material.row(best))
    if scores is None:
        return []
    told = [f"{name} {score(recall)}" for name, recall in scores.recall.items() if recall is not None]
    told += [
        f"{name}: sensitivity {score(own.sensitivity)}, specificity {score(own.specificity)}"
        for name, own in scores.labels.items()
        if own.sensitivity is not None and own.specificity is not None
    ]
    if not told:
        return []
    what = "Sensitivity and specificity" if scores.labels else "Recall of each class"
    return [Statement("results.by-class", f"{what}, {material.names[best].spoken}: {'; '.join(told)}.")]


def differences(material: Material) -> list[Statement]:
    """Pairs of models that can be told apart, and how many cannot."""
    pairs = material.comparison.pairs
    if not pairs:
        return []
    apart = [pair for pair in pairs if pair.verdict == "distinguishable"]
    names = material.names
    told = [
        f"{names[p.a].spoken} minus {names[p.b].spoken} {signed(p.difference_points.value)} points "
        f"({signed(p.difference_points.low)} to {signed(p.difference_points.high)}, p after "
        f"Holm {probability(p.p_holm)})"
        for p in apart[:NAMED]
    ]
    rest = f": {'; '.join(told)}" if told else ""
    known = f"Of {count(len(pairs), 'pair')} of models {len(apart)} could be told apart{rest}."
    return [Statement("results.pairs", known)]


def gaps(material: Material) -> list[Statement]:
    """Validation minus test."""
    told = [
        f"{material.names[row.id].spoken} {signed(row.gap_points.value)} points ({signed(row.gap_points.low)} to "
        f"{signed(row.gap_points.high)})"
        for row in material.ranked[:NAMED]
        if row.gap_points is not None
    ]
    return [Statement("results.gap", f"Validation minus test: {'; '.join(told)}.")] if told else []


def errors(material: Material) -> list[Statement]:
    """Which classes the best model takes for which; nothing of several labels."""
    best = best_run(material.comparison)
    if material.cohort.labels != "single":
        return []
    side = material.decisions(best.id, best.part)
    matrix = confusion(side.labels, side.predicted, len(material.classes)).astype(np.int64)
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:3]
    cells = [np.unravel_index(place, wrong.shape) for place in order]
    told = [
        f"{material.classes[i]} taken for {material.classes[j]} {count(int(wrong[i, j]), 'time')}"
        for i, j in cells
        if wrong[i, j]
    ]
    known = (
        f"{material.names[best.id].spoken} erred on {int(wrong.sum()):,} of {int(matrix.sum()):,} {best.judged} "
        f"{material.unit.words}{f': {listing(told)}' if told else ''}."
    )
    return [Statement("results.errors", known), cross_table(material, matrix)]


def cross_table(material: Material, matrix: np.ndarray) -> Statement:
    """Every field of the table of answers against recorded classes, or where it stands."""
    names = material.classes
    if len(names) > FEW:
        return Statement("results.cross-table", "The confusion matrices give the answers by recorded class.")
    rows = []
    for name, row in zip(names, matrix, strict=True):
        fields = [f"{int(n):,} as {other}" for n, other in zip(row, names, strict=True)]
        rows.append(f"of {int(row.sum()):,} {name} {listing(fields)}")
    return Statement("results.cross-table", f"Answers by recorded class: {'; '.join(rows)}.")


def causes(material: Material) -> list[Statement]:
    """Why test is lower, of the model whose diagnosis is told."""
    known = material.told
    if known is None:
        return []
    sure = [
        f"{finding.cause} ({finding.verdict}{f', {points_lost(finding.points)}' if finding.points else ''})"
        for finding in known.findings
        if finding.verdict in ("established", "suggested")
    ]
    name = material.names[known.run].spoken
    told = f"Of the gap of {name}: {listing(sure)}." if sure else f"No cause of the gap of {name} could be shown."
    return [Statement("results.causes", told)]


def groups(material: Material) -> list[Statement]:
    """Scores on groups of images, where a diagnosis made them."""
    known = material.featured
    told = [
        f"{group.name} {score(group.test_score)}"
        for group in (known.groups if known else ())
        if group.test_score is not None
    ][:NAMED]
    if known is None or not told:
        return []
    name = material.names[known.run].spoken
    return [Statement("results.groups", f"Test {known.metric.words} of {name} by group: {'; '.join(told)}.")]


def stressed(material: Material) -> list[Statement]:
    """That runs were scored under changes of the images; nothing where the record of that cannot be read."""
    try:
        report = read_stress(material.folder)
    except InputError:
        return []
    if report is None or not report.runs:
        return []
    first = report.runs[0]
    changes = len({(point.stress, point.words) for point in first.points})
    known = (
        f"{count(len(report.runs), 'model')} were scored on validation images under {count(changes, 'change')} of them."
    )
    return [Statement("results.stress", known)]


TOPIC = Topic("results", "Results", 1000, state, section="results")
