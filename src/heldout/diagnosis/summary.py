"""What a diagnosis says in one paragraph, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heldout.answer.why import not_judged, not_judged_sentence
from heldout.diagnosis.causes import Cause
from heldout.diagnosis.gap import GapBudget, leakage_settled
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import PATIENTS, said, with_interval, within_sentence
from heldout.records import Estimate, Finding, ReasonKind, Remedy
from heldout.records.terms import TERM_TITLES
from heldout.stats.measured import Measured
from heldout.ties import settled

CALLED = ("established", "suggested")
"""Verdicts by which a finding is called a cause."""

NAMED_FROM = 0.05
"""Points from which on a term is named: what is shown with one decimal as more than 0."""


def summary(
    run: RunData,
    gap: GapBudget,
    findings: Sequence[Finding],
    remedies: Sequence[Remedy],
    causes: Mapping[str, Cause[Any]],
    learnable: Measured | None = None,
    rules: Rules = RULES,
) -> str:
    """One paragraph, as a consultant would say it.

    Args:
        run: The run.
        gap: Its gap in terms.
        findings: One a cause, in their order.
        remedies: What was tried, best first.
        causes: Code -> cause.
        learnable: Points that a classifier mends which has learned from images like those of test; None if not tried.
        rules: `main_share`.
    """
    told = _of_gap(run, gap, findings, remedies, causes, learnable, rules)
    faults = [f"The run itself has a fault, gap or no gap. {item.sentence}" for item in findings if item.fault]
    return " ".join([told, *faults])


def _of_gap(
    run: RunData,
    budget: GapBudget,
    findings: Sequence[Finding],
    remedies: Sequence[Remedy],
    causes: Mapping[str, Cause[Any]],
    learnable: Measured | None,
    rules: Rules,
) -> str:
    """What is said of the gap."""
    gap = budget.gap_estimate
    points = f"{abs(gap.value):.1f} points [{gap.low:.1f}, {gap.high:.1f}]"
    parts = {name: run.score(name) for name in ("val", "test")}
    said = [f"{one.value:.1%} ({one.n} {run.unit.words})" for one in parts.values() if one is not None]
    scores = f"Validation {run.metric.words} is {said[0]}, test {said[1]}"
    if not budget.explained and not gap.low <= 0 <= gap.high:
        wider = budget.redrawn
        return (
            f"There is nothing to explain: the gap of {gap.value:.1f} points [{gap.low:.1f}, {gap.high:.1f}] holds at "
            f"these class shares only. Other {PATIENTS} would bring other shares, and with them its interval covers 0 "
            f"[{wider.low:.1f}, {wider.high:.1f}]. {scores}."
        )
    if not budget.explained:
        return (
            f"There is nothing to explain: the gap of {gap.value:.1f} points has an interval that covers 0 "
            f"[{gap.low:.1f}, {gap.high:.1f}]. {scores}; so many {run.drawn} cannot tell them apart."
        )
    if gap.value < 0:
        return f"Test is not lower but higher, by {points} (validation minus test). {scores}."
    terms = sorted(
        ((term, budget.estimate(term)) for term in budget.terms if abs(budget.terms[term].value) >= NAMED_FROM),
        key=lambda pair: -settled(pair[1].value),
    )
    shares = "; ".join(f"{TERM_TITLES[term]} {with_interval(estimate)}" for term, estimate in terms)
    settled_leakage = leakage_settled(run, budget.terms.get("leakage"), rules)
    why = reasons(findings, causes, gap.value, learnable, settled_leakage, rules)
    before = len(_first(findings, causes))
    opening = [f"{scores}: {points} lower.", *why[:before], *_where(findings, causes), f"In points: {shares}."]
    told = " ".join([*opening, *(why[before:]), *_not_separable(run, budget, findings)])
    if run.learning.given and run.trained_on is None:
        told += " Leakage is not judged: which images the model was trained on is not known."
    elif not run.finds_changed_copies:
        told += " Leakage through flipped or turned copies is not excluded: they are not looked for."
    elif not run.patients_named:
        told += " Leakage through patients is not excluded: not every image of train and validation names its patient."
    unjudged = "".join(f" {not_judged_sentence(group)}" for group in not_judged(findings))
    told += _overlap(findings, gap.value, causes)
    return told + _tried(remedies) + unjudged


def reasons(
    findings: Sequence[Finding],
    causes: Mapping[str, Cause[Any]],
    gap: float,
    learnable: Measured | None,
    settled_leakage: bool,
    rules: Rules,
) -> list[str]:
    """Why test is lower, in sentences: what bears on all else, what is established, what explains most.

    A cause is called the main reason where it is established, accounts for `main_share` of the gap, and nothing that
    bears on all else stands open: leakage that is not settled, or a site that validation lacks.

    Args:
        findings: One a cause, in their order.
        causes: Code -> cause.
        gap: Its points.
        learnable: Points that could be learned from images like those of test; None if not known.
        settled_leakage: Whether no leakage can stand under other causes (`leakage_settled`).
        rules: `main_share`.
    """
    first = _first(findings, causes)
    words = [
        f"Before all else: {_named(item, gap, causes)}." if item.points and item.priority > 0 else item.sentence
        for item in first
    ]
    named = [item for item in findings if item.verdict in CALLED and item.priority > 0 and item not in first]
    if not named:
        return words or ["No single cause could be shown."]
    open_ = any(item.verdict == "suggested" for item in first) or not (settled_leakage or first)
    most = named[0]
    sure = [item for item in named if item.verdict == "established"]
    if most in sure:
        main = _points(most).value >= rules.main_share * gap
        title = "Main reason" if main else "Largest reason shown"
        if open_:
            title = "Largest reason that could be measured"
        words.append(f"{title}: {_named(most, gap, causes)}.")
    else:
        words += [f"Established: {_named(item, gap, causes)}." for item in sure]
        title = "Most likely reason for the rest" if sure else "Most likely reason"
        words.append(f"{title}, not shown by a trial: {_named(most, gap, causes)}.")
    if not settled_leakage and not first:
        words.append("That is told while leakage is not settled, which may stand under it.")
    rest = gap - sum(_points(item).value for item in (*first, *sure) if item.points and item.priority > 0)
    if learnable is not None and learnable.low > 0 and rest >= rules.main_share * gap:
        part = "Most of the rest, " if rules.main_share * rest <= learnable.value <= rest else ""
        comma = "," if part else ""
        words.append(f"{part}{said(learnable)}{comma} could be learned from images like those of test.")
    return words


def _named(finding: Finding, gap: float, causes: Mapping[str, Cause[Any]]) -> str:
    """A cause with its part of the gap, and what would look the same."""
    alike = [within_sentence(causes[code].title) for code in finding.alternatives if code in causes]
    other = f"; {' or '.join(alike)} would look the same" if alike else ""
    if finding.points is None:
        return f"{within_sentence(finding.cause)}{other}"
    points = _points(finding)
    of_gap = f" of {gap:.1f}" if points.value <= gap else ""  # measured alone, on validation images, it may be more
    part = f"{points.value:.1f}{of_gap} points [{points.low:.1f}, {points.high:.1f}]"
    if finding.kind is ReasonKind.SHARES_BY_CHANCE:
        other += f"; {PATIENTS} drawn by chance differ as much"
    shared = ", its share of what it costs together with others" if finding.share is not None else ""
    return f"{within_sentence(finding.cause)}, {part}{shared}{other}"


def _points(finding: Finding) -> Estimate:
    """Its share where it has one, else its points."""
    points = finding.share or finding.points
    assert points is not None
    return points


def _overlap(findings: Sequence[Finding], gap: float, causes: Mapping[str, Cause[Any]]) -> str:
    """A sentence where causes that lie in the data, and were not divided, account together for more than there is."""
    own = {causes[item.code].term for item in findings if item.verdict == "established"}
    lying = [
        (item.cause.lower(), item.points)
        for item in findings
        if item.verdict == "established" and not causes[item.code].level and item.points and item.priority > 0
        if item.share is None
        # What explains the term that another cause measures is a part of that one's points, not beside them.
        and (causes[item.code].term or not own & set(item.explains))
    ]
    if len(lying) < 2 or sum(points.value for _, points in lying) <= gap:
        return ""
    names = " and ".join(f"{name} {with_interval(points)}" for name, points in lying)
    return f" More than the gap together, {names}: each was measured alone, and what they share is counted in each."


def _first(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]]) -> list[Finding]:
    """Those that bear on all else, which is told before anything is taken apart."""
    return [item for item in findings if item.verdict in causes[item.code].told_first]


def _where(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]]) -> list[str]:
    """Where the loss sits, of findings that say so; never as its reason."""
    return [item.sentence for item in findings if causes[item.code].where and item.verdict == "suggested"]


def _not_separable(run: RunData, budget: GapBudget, findings: Sequence[Finding]) -> list[str]:
    """A sentence where most of the gap is not separable and nothing tells wrong labels from harder images.

    Not where a cause that acts through ranking is called one, or people have read the labels.
    """
    ranking, verdicts = budget.estimate("ranking"), {item.code: item for item in findings}
    largest = all(settled(ranking.value - budget.terms[term].value) >= 0 for term in budget.terms)
    acting = [item for item in findings if item.verdict in CALLED and ({"ranking", "difficulty"} & set(item.explains))]
    sure = [item for item in findings if item.verdict == "established" and item.priority > 0]
    labels = verdicts.get("labels")
    if not largest or ranking.low <= 0 or acting or sure or labels is None or labels.kind is not ReasonKind.REVIEW:
        return []
    if any(item.kind is ReasonKind.CONFOUNDED and item.verdict == "suggested" for item in findings):
        return []  # a new site: which of these it is was said to be beyond these data
    number = int(labels.numbers.get("to_review", 0))
    readers = f"two blind readers for {_whom(run, number)} listed" if number else "two blind readers"
    needs = readers if run.pictured else f"the images, or {readers}"
    return [
        f"{with_interval(ranking)} points are not separable: wrong labels or harder (or otherwise different) images, "
        f"which cannot be told apart without {needs}."
    ]


def _tried(remedies: Sequence[Remedy]) -> str:
    """The remedy that gained most, if its interval excludes 0."""
    best = next((remedy for remedy in remedies if remedy.gain_points.low > 0), None)
    if best is None:
        return ""
    e = best.gain_points
    words = f" What helped most when tried: {best.name}, {e.value:+.1f} points [{e.low:.1f}, {e.high:.1f}] on test"
    return words + (" (exploratory: test was used to find it)." if best.exploratory else ".")


def _whom(run: RunData, number: int) -> str:
    return f"the {number} images" if run.unit.name == "image" else f"all images of the {number} patients"


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
            f"Wrong test labels: {before}. Have two blind readers read {_whom(run, len(unread))} listed, put their "
            "labels into a CSV (id,label) and give it as --review. Until then they cannot be told from harder images."
            if sample
            else "Wrong test labels: too few images of a class to rank them; review all of them."
        )
    if not any(val.patients) or not any(test.patients):
        found.append(
            "Patients are not known: intervals take images as independent and are too narrow if patients have several, "
            f"and leakage can be seen only where pictures are alike. Name patients {_how(run)}."
        )
    if shared := _in_both(run):
        many = "1 patient has" if shared == 1 else f"{shared:,} patients have"
        found.append(
            f"{many} images in validation and in test: test is not independent of what the model was chosen on, and "
            "new patients may be answered worse. Split by patient, and keep test patients out of the rest."
        )
    if run.learning.given:
        found += _of_given(run)
    elif not run.finds_changed_copies:
        found.append(
            "Copies that were changed (flipped, turned, cropped) are not looked for, since the images are not at hand: "
            "if images were multiplied in that way before they were split, validation is too easy, and leakage may be "
            "what stands under other causes. Give the images, or name the patient or the original picture of every "
            "image."
        )
    if run.unit.told and run.images is not None:
        merged = sum(len(side) for side in (run.images.val, run.images.test) if side is not None)
        found.append(
            f"Rows are patients ({run.unit.told}): {len(val)} of validation and {len(test)} of test, with {merged} "
            "images. Where a sentence speaks of images it means what is decided on all images of a patient; where an "
            "intervention scored some of them only, on these, before and after."
        )
    if not any(run.sites.get(id_) for id_ in test.ids):
        found.append("Sites are not known: a change of device or hospital shows only through the images' appearance.")
    if run.learning.given:
        return tuple(found)
    if not run.scored and not run.absent:
        found.append(
            "The experiments were not run: causes that need the network are not judged. Call `heldout diagnose STUDY` "
            "without --no-experiments."
        )
    seeds = {other.seed for other in run.siblings if run.same_recipe(other)}
    if not seeds - {run.seed}:
        again = "--seeds" if run.folds is None else "--repeats"
        networks = "this trained network" if run.folds is None else "the networks of these folds"
        found.append(f"One seed: this is a statement on {networks}, not on the recipe. Run with {again} 3.")
    return tuple(found)


def _in_both(run: RunData) -> int:
    """Number of patients with images in validation and in test."""
    sides = [side for side in ((run.images or run).val, (run.images or run).test) if side is not None]
    return len(set.intersection(*(set(side.patients) for side in sides)) - {""})


def _how(run: RunData) -> str:
    return "in the column `patient`" if run.learning.given else "with --patient"


def _of_given(run: RunData) -> list[str]:
    """What cannot be told of a model that came with its predictions."""
    found = [
        "The model was given, not trained here: nothing can be trained again, so that leakage by retraining, features "
        "bent by fine-tuning and BatchNorm statistics are not judged; how it was chosen is known only where its "
        "candidates' answers are given (column `epoch` or `candidate`)."
    ]
    if run.trained_on is None:
        found.append(
            "The training images are not known: relatives of validation in train, which make validation too easy, "
            "cannot be seen. Name them, with patient or path, in --train TABLE."
        )
    if not run.pictured:
        found.append(
            "Images were not given: image quality, covariate shift, difficulty and near-copies are not judged. Say "
            "where they lie with --images DIR; with --model FILE.onnx besides, or predict=FUNCTION in Python, the "
            "model is asked about changed images."
        )
    elif run.trained_on is not None and not run.finds_changed_copies:
        found.append(
            "Copies that were flipped, turned or cropped are not looked for: if images were multiplied in that way "
            "before they were split, validation is too easy. Give the column `patient` for every image."
        )
    return found
