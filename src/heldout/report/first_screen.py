"""The first screen: the question, the answer in two sentences, and what to know before believing it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from heldout.answer.best import best_run, chosen_by_validation
from heldout.answer.gap import comparison_sentences
from heldout.answer.texts import count, percent, percent_range, points_range, signed
from heldout.records import Metric
from heldout.report.blocks import Answer
from heldout.report.material import Material

QUESTION = (
    "Which pretrained model, used in which way, does best on images it has never seen, "
    "and does its validation accuracy hold there?"
)
"""What a study asks, by accuracy."""

QUESTION_BY = (
    "Which pretrained model, used in which way, does best on images it has never seen, and does its validation {} hold "
    "there?"
)

QUESTION_OF_GIVEN = (
    "How well does the model do on images it has never seen, and does its validation accuracy hold there?"
)

QUESTION_OF_GIVEN_BY = "How well does the model do on images it has never seen, and does its validation {} hold there?"

WORDS = {"train": "training", "val": "validation", "test": "test"}


def answer(material: Material) -> Answer:
    """The answer of a study, with or without a test set, of one run or of many."""
    said = comparison_sentences(material.comparison, material.names)
    asked = question(material.metric, material.files.given)
    found = cautions(material)
    kinds = tuple(one.kind.value for one in found)
    return Answer(asked, said, facts(material), tuple(one.text for one in found), tuple(dict.fromkeys(kinds)))


def question(metric: Metric, given: bool) -> str:
    """The question by any metric, of a model trained here or of a given one."""
    plain, other = (QUESTION_OF_GIVEN, QUESTION_OF_GIVEN_BY) if given else (QUESTION, QUESTION_BY)
    return plain if metric.name == "accuracy" else other.format(metric.words)


def facts(material: Material) -> tuple[tuple[str, str, str], ...]:
    """(label, value, detail) of four figures; none without a test set."""
    if not material.tested:
        return ()
    best, chosen, names = best_run(material.comparison), chosen_by_validation(material.comparison), material.names
    assert chosen.test
    result = [
        (
            "Best on test",
            percent(best.score.value),
            f"{percent_range(best.score)}, {names[best.id].spoken}",
        ),
        (
            "Chosen by validation",
            percent(chosen.test.score.value),
            f"on test ({percent_range(chosen.test.score)}); {names[chosen.id].spoken}",
        ),
    ]
    gap = material.row(best.id).gap_points
    if gap:
        gaps = [row.gap_points.value for row in material.tested if row.gap_points]
        span = f"; all runs: {signed(min(gaps))} to {signed(max(gaps))}" if len(gaps) > 1 else ""
        result.append(("Validation minus test, best run", f"{signed(gap.value)} points", f"{points_range(gap)}{span}"))
    pairs = material.comparison.pairs
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    told = f"{apart} of {count(len(pairs), 'pair')} can be told apart" if pairs else "nothing to compare with"
    if material.files.given:
        return (*result, ("Compared", count(len(material.runs), "given model"), told)) if pairs else tuple(result)
    planned = f"of {len(material.plan.runs)} planned; {told}"
    return (*result, ("Compared", count(len(material.runs), "run"), planned))


class CautionKind(StrEnum):
    """What a reader must know before believing the answer."""

    UNFINISHED = "unfinished runs"
    BEST_OF_MANY = "best of many on test"
    ONE_SEED = "one seed"
    GIVEN = "model given, not trained here"
    PATIENTS_UNKNOWN = "patients unknown"
    PATIENTS_SHARED = "patients shared between parts"
    NOT_FROZEN = "frozen part moved or not verified"


@dataclass(frozen=True)
class Caution:
    """One of them, in words."""

    kind: CautionKind
    text: str


def cautions(material: Material) -> tuple[Caution, ...]:
    """What a reader must know first; each only where it applies."""
    found = []
    missing = len(material.files.missing)
    if missing:
        said = (
            f"{count(missing, 'planned run')} {'is' if missing == 1 else 'are'} not finished; call the same heldout "
            "run again, and it goes on from there."
        )
        found.append(Caution(CautionKind.UNFINISHED, said))
    if len(material.tested) > 1:
        said = (
            f"The best of {len(material.tested)} runs on the same test images flatters a little: some of its lead "
            "is luck. A fresh estimate needs images that no run was scored on."
        )
        found.append(Caution(CautionKind.BEST_OF_MANY, said))
    if material.files.given:
        said = (
            "The model came with its predictions and was not trained here: how it was trained, which other models or "
            "epochs it was chosen among, and how often test was looked at is not known."
        )
        found.append(Caution(CautionKind.GIVEN, said))
    elif material.runs and not material.seeds_repeat:
        said = (
            "Every model and strategy ran from one seed; from another seed its score can move by more than some of "
            f"the differences here. Run again with {'--repeats' if material.split.folds else '--seeds'} 3 to see by "
            "how much."
        )
        found.append(Caution(CautionKind.ONE_SEED, said))
    return (*found, *patient_cautions(material), *frozen_cautions(material))


def patient_cautions(material: Material) -> list[Caution]:
    """Whether patients are known, and whether any stands on both sides of a split."""
    if not material.cohort.patients_known:
        said = (
            "Patients are not known for all images. Where several images come from one patient, the intervals here are "
            "too narrow, and validation may be too kind."
        )
        return [Caution(CautionKind.PATIENTS_UNKNOWN, said)]
    owner = material.cohort.table.set_index("id")["patient"]
    sets = {part: set(owner.loc[list(material.split.part(part))]) for part in WORDS}
    found = []
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = len(sets[one] & sets[other])
        if shared:
            said = (
                f"{count(shared, 'patient')} {'has' if shared == 1 else 'have'} images in both {WORDS[one]} and "
                f"{WORDS[other]}: accuracy on {WORDS[other]} is flattered."
            )
            found.append(Caution(CautionKind.PATIENTS_SHARED, said))
    return found


def frozen_cautions(material: Material) -> list[Caution]:
    """Runs whose frozen part moved, or was not verified."""
    found = []
    for row in material.runs:
        if row.frozen is not None and row.frozen.bn != "none" and not row.frozen.verified:
            said = f"{material.names[row.id].spoken}: what should have stayed frozen did not, or was not verified."
            found.append(Caution(CautionKind.NOT_FROZEN, f"{said} {row.frozen.detail}"))
    return found
