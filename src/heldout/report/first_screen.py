"""The first screen: the question, the answer in two sentences, and what to know before believing it."""

from __future__ import annotations

from heldout.answer.best import best_run, chosen_by_validation
from heldout.answer.gap import comparison_sentences
from heldout.answer.texts import count, percent, percent_range, points_range, signed
from heldout.report.blocks import Answer
from heldout.report.material import Material

QUESTION = (
    "Which pretrained model, used in which way, does best on images it has never seen, "
    "and does its validation accuracy hold there?"
)


def answer(material: Material) -> Answer:
    """The answer of a study, with or without a test set, of one run or of many."""
    said = comparison_sentences(material.comparison, material.names)
    return Answer(QUESTION, said, facts(material), warnings(material))


def facts(material: Material) -> tuple[tuple[str, str, str], ...]:
    """(label, value, detail) of four figures; none without a test set."""
    if not material.tested:
        return ()
    best, chosen, names = best_run(material.comparison), chosen_by_validation(material.comparison), material.names
    assert chosen.test
    result = [
        (
            "Best on test",
            percent(best.accuracy.value),
            f"{percent_range(best.accuracy)}, {names[best.id].spoken}",
        ),
        (
            "Chosen by validation",
            percent(chosen.test.accuracy.value),
            f"on test ({percent_range(chosen.test.accuracy)}); {names[chosen.id].spoken}",
        ),
    ]
    gap = material.row(best.id).gap_points
    if gap:
        gaps = [row.gap_points.value for row in material.tested if row.gap_points]
        span = f"; all runs: {signed(min(gaps))} to {signed(max(gaps))}" if len(gaps) > 1 else ""
        result.append(("Validation minus test, best run", f"{signed(gap.value)} points", f"{points_range(gap)}{span}"))
    pairs = material.comparison.pairs
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    planned = f"of {len(material.study.runs)} planned; {apart} of {count(len(pairs), 'pair')} can be told apart"
    return (*result, ("Compared", count(len(material.runs), "run"), planned))


def warnings(material: Material) -> tuple[str, ...]:
    """What a reader must know first; each only where it applies."""
    said = []
    missing = len(material.files.missing)
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
    for row in material.runs:
        if row.frozen.bn != "none" and not row.frozen.verified:
            said.append(
                f"{material.names[row.id].spoken}: what should have stayed frozen did not, or was not verified. "
                f"{row.frozen.detail}"
            )
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
