"""The first screen: the question, the answer in two sentences, and what to know before believing it."""

from __future__ import annotations

from heldout.records import Estimate
from heldout.report._blocks import Answer
from heldout.report._material import Material, ReportedRun
from heldout.report._words import count, listing, number, percent, percent_range, points_range, signed

NAMED = 3
"""Runs named one by one in a sentence; more are counted."""

QUESTION = (
    "Which pretrained model, used in which way, does best on images it has never seen, "
    "and does its validation accuracy hold there?"
)


def answer(material: Material) -> Answer:
    """The answer of a study, with or without a test set, of one run or of many."""
    if not material.tested:
        return Answer(QUESTION, without_test(material), (), warnings(material))
    best = material.tested[0]
    return Answer(
        QUESTION,
        (best_sentence(material, best), gap_sentence(best)),
        facts(material, best),
        warnings(material),
    )


def without_test(material: Material) -> tuple[str, ...]:
    """The sentences where no run was scored on test."""
    best = material.ranked[0]
    accuracy = best.row.val.accuracy
    return (
        f"This study has no test set, so nothing in it says how well a model does on images that were kept aside. "
        f"The best validation accuracy is {percent(accuracy.value)} (95 % interval {to(accuracy)}, "
        f"{count(accuracy.n, 'image')}), reached by {best.spoken}; {rivals(material, best)}.",
        "Validation images steered the runs; expect less on new ones. Keep a test set of other patients aside, "
        "and run again.",
    )


def to(fraction: Estimate) -> str:
    """The interval of a fraction, to be read aloud: `82.8 to 89.5 %`."""
    return f"{number(100 * fraction.low)} to {number(100 * fraction.high)} %"


def best_sentence(material: Material, best: ReportedRun) -> str:
    """Who is best on test, and from whom it can be told apart."""
    assert best.row.test
    accuracy = best.row.test.accuracy
    return (
        f"The best test accuracy is {percent(accuracy.value)} (95 % interval {to(accuracy)}, "
        f"{count(accuracy.n, 'image')}), reached by {best.spoken}; {rivals(material, best)}."
    )


def rivals(material: Material, best: ReportedRun) -> str:
    """Which of the other runs the best can be told apart from, in words."""
    apart: list[str] = []
    alike: list[str] = []
    for run in material.ranked:
        for pair in material.comparison.pairs:
            if run is not best and {pair.a, pair.b} == {best.row.id, run.row.id}:
                (apart if pair.verdict == "distinguishable" else alike).append(run.spoken)
    everyone = len(apart) + len(alike)
    if not everyone:
        return "there is no other run to compare it with"
    if not apart:
        whom = "the other run" if everyone == 1 else f"any of the {everyone} other runs"
        return f"on these images it is not distinguishable from {whom}"
    if not alike:
        return f"it can be told apart from {'the other run' if everyone == 1 else f'each of the {everyone} other runs'}"
    return (
        f"it can be told apart from {named(apart, everyone)}, but is not distinguishable from {named(alike, everyone)}"
    )


def named(labels: list[str], everyone: int) -> str:
    """A few runs by name, many by number."""
    return listing(labels) if len(labels) <= NAMED else f"{len(labels)} of the {everyone} others"


def gap_sentence(best: ReportedRun) -> str:
    """How far the best run's test lies from its validation."""
    gap = best.row.gap_points
    if gap is None:
        return "How far that lies from its validation accuracy could not be computed."
    validation = percent(best.row.val.accuracy.value)
    side = "below" if gap.value >= 0 else "above"
    said = f"{number(abs(gap.value))} points {side} its validation accuracy of {validation}"
    low, high = (gap.low, gap.high) if gap.value >= 0 else (-gap.high, -gap.low)
    interval = f"95 % interval {number(low)} to {number(high)} points"
    if gap.low > 0:
        return f"That is {said} ({interval}): validation promised more than the test set kept."
    if gap.high < 0:
        return f"That is {said} ({interval}): the test images were easier for it than the validation images."
    return f"That is {said} ({interval}), which is not distinguishable from no gap at all."


def facts(material: Material, best: ReportedRun) -> tuple[tuple[str, str, str], ...]:
    """(label, value, detail) of four figures."""
    assert best.row.test
    chosen = max(material.tested, key=lambda run: run.row.val.accuracy.value)
    assert chosen.row.test
    result = [
        (
            "Best on test",
            percent(best.row.test.accuracy.value),
            f"{percent_range(best.row.test.accuracy)}, {best.spoken}",
        ),
        (
            "Chosen by validation",
            percent(chosen.row.test.accuracy.value),
            f"on test ({percent_range(chosen.row.test.accuracy)}); {chosen.spoken}",
        ),
    ]
    gaps = [run.row.gap_points for run in material.tested if run.row.gap_points]
    if best.row.gap_points:
        span = f"all runs: {signed(min(g.value for g in gaps))} to {signed(max(g.value for g in gaps))}"
        result.append(
            (
                "Validation minus test, best run",
                f"{signed(best.row.gap_points.value)} points",
                f"{points_range(best.row.gap_points)}; {span}" if len(gaps) > 1 else points_range(best.row.gap_points),
            )
        )
    planned = len(material.plan.runs)
    pairs = material.comparison.pairs
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    runs = count(len(material.runs), "run")
    result.append(("Compared", runs, f"of {planned} planned; {apart} of {count(len(pairs), 'pair')} can be told apart"))
    return tuple(result)


def warnings(material: Material) -> tuple[str, ...]:
    """What a reader must know first; each only where it applies."""
    said = []
    missing = len(material.missing)
    if missing:
        said.append(
            f"{count(missing, 'planned run')} {'is' if missing == 1 else 'are'} not finished; call the same heldout "
            "run again, and it goes on from there."
        )
    if len(material.tested) > 1:
        said.append(
            f"The best of {len(material.tested)} runs on the same test images flatters a little: some of its lead "
            "is luck. A fresh estimate needs images that no run was scored on."
        )
    if material.runs and not material.seeds_repeat:
        said.append(
            "Every model and strategy ran from one seed; from another seed its accuracy can move by more than some of "
            "the differences here. Run again with --seeds 3 to see by how much."
        )
    said += patient_warnings(material)
    for run in material.runs:
        frozen = run.row.frozen
        if frozen.bn != "none" and not frozen.verified:
            said.append(f"{run.spoken}: what should have stayed frozen did not, or was not verified. {frozen.detail}")
    return tuple(said)


def patient_warnings(material: Material) -> list[str]:
    """Whether patients are known, and whether any stands on both sides of a split."""
    if not material.cohort.patients_known:
        return [
            "Patients are not known for all images. Where several images come from one patient, the intervals here are "
            "too narrow, and validation may be too kind."
        ]
    owner = material.cohort.table.set_index("id")["patient"]
    sets = {part: set(owner.loc[list(material.split.part(part))]) for part in ("train", "val", "test")}
    words = {"train": "training", "val": "validation", "test": "test"}
    said = []
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = len(sets[one] & sets[other])
        if shared:
            said.append(
                f"{count(shared, 'patient')} {'has' if shared == 1 else 'have'} images in both {words[one]} and "
                f"{words[other]}: accuracy on {words[other]} is flattered."
            )
    return said
