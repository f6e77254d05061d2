"""What a diagnosis says in one paragraph, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heldout.diagnosis.causes import Cause
from heldout.diagnosis.gap import GapBudget, leakage_settled
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import with_interval, within_sentence
from heldout.records import Finding, Remedy
from heldout.records.terms import TERM_TITLES
from heldout.ties import settled

NAMED_FROM = 0.05
"""Points from which on a term is named: what is shown with one decimal as more than 0."""


def summary(
    run: RunData,
    gap: GapBudget,
    findings: Sequence[Finding],
    remedies: Sequence[Remedy],
    causes: Mapping[str, Cause[Any]],
) -> str:
    """One paragraph, as a consultant would say it."""
    return _of_gap(run, gap, findings, remedies, causes) + "".join(
        f" The run itself has a fault, gap or no gap. {finding.sentence}" for finding in findings if finding.fault
    )


def _of_gap(
    run: RunData,
    budget: GapBudget,
    findings: Sequence[Finding],
    remedies: Sequence[Remedy],
    causes: Mapping[str, Cause[Any]],
) -> str:
    """What is said of the gap."""
    val, test = run.val, run.test
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
        ((term, budget.estimate(term)) for term in budget.terms if abs(budget.terms[term].value) >= NAMED_FROM),
        key=lambda pair: -settled(pair[1].value),
    )
    shares = "; ".join(f"{TERM_TITLES[term]} {with_interval(estimate)}" for term, estimate in parts)
    settled_leakage = leakage_settled(run, budget.terms.get("leakage"), RULES)
    told = f"{scores}: {points} lower. In points: {shares}. {_reason(findings, causes, settled_leakage)}"
    if not run.finds_changed_copies:
        told += " Leakage through flipped or turned copies is not excluded: they are not looked for."
    return told + f"{_overlap(findings, gap.value, causes)}{_tried(remedies)}"


def _reason(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]], settled_leakage: bool) -> str:
    """The first finding by name; none but leakage is called the main reason while leakage may stand under it."""
    named = [item for item in findings if item.verdict in ("established", "suggested") and item.priority > 0]
    if not named:
        return "No single cause could be shown."
    first = named[0]
    sure = "Main reason" if first.verdict == "established" else "Most likely reason, not shown by a trial"
    if not settled_leakage and causes[first.code].term != "leakage":
        sure = "Largest reason that could be measured, while leakage is not settled"
    alike = [within_sentence(causes[code].title) for code in first.alternatives if code in causes]
    other = f"; {' or '.join(alike)} would look the same" if alike else ""
    points = ""
    if first.points is not None:
        points = f", {first.points.value:.1f} points [{first.points.low:.1f}, {first.points.high:.1f}]"
    return f"{sure}: {within_sentence(first.cause)}{points}{other}."


def _overlap(findings: Sequence[Finding], gap: float, causes: Mapping[str, Cause[Any]]) -> str:
    """A sentence where causes that lie in the data account together for more than there is."""
    lying = [
        (item.cause.lower(), item.points)
        for item in findings
        if item.verdict == "established" and not causes[item.code].level and item.points and item.priority > 0
    ]
    if len(lying) < 2 or sum(points.value for _, points in lying) <= gap:
        return ""
    names = " and ".join(f"{name} {with_interval(points)}" for name, points in lying)
    return f" More than the gap together, {names}: each was measured alone, and what they share is counted in each."


def _tried(remedies: Sequence[Remedy]) -> str:
    """The remedy that gained most, if its interval excludes 0."""
    best = next((remedy for remedy in remedies if remedy.gain_points.low > 0), None)
    if best is None:
        return ""
    e = best.gain_points
    words = f" What helped most when tried: {best.name}, {e.value:+.1f} points [{e.low:.1f}, {e.high:.1f}] on test"
    return words + (" (exploratory: test was used to find it)." if best.exploratory else ".")


def limits(run: RunData, sample: Mapping[str, float], unread: Mapping[str, float]) -> tuple[str, ...]:
    """What these data cannot tell, and what would settle it.

    Args:
        run: The run.
        sample: Test images that were to be read by people; empty where they cannot be ranked.
        unread: Those that nobody has read yet.
    """
    found = []
    val, test = run.val, run.test
    assert val is not None and test is not None
    if unread:
        before = "they were reviewed in part" if run.reviewed else "nobody has reviewed them"
        found.append(
            f"Wrong test labels: {before}. Have two blind readers read the {len(unread)} images listed, put their "
            "labels into a CSV (id,label) and give it as --review. Until then they cannot be told from harder images."
            if sample
            else "Wrong test labels: too few images of a class to rank them; review all of them."
        )
    if not any(val.patients) or not any(test.patients):
        found.append(
            "Patients are not known: intervals take images as independent and are too narrow if patients have several, "
            "and leakage can be seen only where pictures are alike. Name patients with --patient."
        )
    if not run.finds_changed_copies:
        found.append(
            "Copies that were changed (flipped, turned, cropped) are not looked for, since the images are not at hand: "
            "if images were multiplied in that way before they were split, validation is too easy, and leakage may be "
            "what stands under other causes. Give the images, or name the patient or the original picture of every "
            "image."
        )
    if not any(run.sites.get(id_) for id_ in test.ids):
        found.append("Sites are not known: a change of device or hospital shows only through the images' appearance.")
    if not run.scored and not run.absent:
        found.append(
            "The experiments were not run: causes that need the network (image quality, shortcut, BatchNorm, "
            "difficulty, interpolation, leakage by retraining) are not judged. Call `heldout diagnose STUDY` without "
            "--no-experiments."
        )
    seeds = {other.seed for other in run.siblings if (other.model, other.strategy) == (run.model, run.strategy)}
    if not seeds - {run.seed}:
        found.append("One seed: this is a statement on this trained network, not on the recipe. Run with --seeds 3.")
    return tuple(found)
