"""By what the models were judged, with which intervals and tests, and how often the test images were scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heldout.answer.best import JUDGED, judged_part
from heldout.answer.texts import count, listing
from heldout.paper.statement import Statement, Topic
from heldout.records import Estimate, RunRow
from heldout.report.material import Material
from heldout.stats.further import FURTHER

SCORES = {
    "mcc": ("matthews1975", "gorodkin2004"),
    "quadratic_kappa": ("cohen1968",),
    "brier": ("brier1950",),
    "calibration_error": ("guo2017",),
}
"""Further score -> its sources."""

FURTHER_TITLES = "further scores"

TESTS = {
    "McNemar": ("McNemar's exact test", ("mcnemar1947",)),
    "randomisation": ("randomisation tests by sign flips of whole patients", ("fisher1935",)),
    "bootstrap": ("tests by the standard error of the bootstrap over patients", ("davison1997",)),
}


def state(material: Material) -> Sequence[Statement]:
    """Metric, unit, intervals, tests, evaluations of test."""
    found = [metrics(material), intervals(material), *tests(material), *folds(material), evaluations(material)]
    if material.comparison.baseline:
        answer = material.comparison.baseline.answer
        always = f"always answering '{answer}', the commonest class" if answer else "always giving the same answer"
        found.append(Statement("evaluation.baseline", f"Models were held against {always}, on the same images."))
    found.append(threshold(material))
    return found


def metrics(material: Material) -> Statement:
    """What was measured, on which unit."""
    judged = judged_part(material.comparison)
    rows = [row.test if judged == "test" else row.val for row in material.runs]
    names = {name for scores in rows if scores for name in scores.scores}
    at = f"{material.comparison.asking.at:.0%}"
    further = [score for score in FURTHER if score.name in names]
    told = listing([score.title.format(at=at) for score in further])
    unit = material.unit.told or "one decision an image"
    area = material.metric.name != "mean-auc" and any(scores and scores.auc for scores in rows)
    besides = [*["the area under the ROC curve"] * area, *([told] if told else [])]
    also = f"; besides by {', '.join(besides)}" if besides else ""
    cites = (*(["hanley1982"] if area else []), *(key for score in further for key in SCORES.get(score.name, ())))
    known = f"Models were judged by {material.metric.words} ({unit}){also}."
    return Statement("evaluation.metrics", known, cites=cites)


def estimates(material: Material, row: RunRow) -> Iterator[tuple[str, Estimate | None]]:
    """What a run scores on the part that models are judged on, by name."""
    part = row.test if judged_part(material.comparison) == "test" else row.val
    if part:
        yield material.metric.words, part.score
        yield "area under the curve", part.auc
        yield from ((FURTHER_TITLES, one) for one in part.scores.values())
    yield "validation minus test", row.gap_points


def intervals(material: Material) -> Statement:
    """Every way an interval was made, in the words of the estimates themselves."""
    made = {
        (name, one.method): None for row in material.runs for name, one in estimates(material, row) if one is not None
    }
    names = dict.fromkeys(name for name, _ in made)
    told = "; ".join(f"{name}: {listing([how for own, how in made if own == name])}" for name in names)
    known = f"Intervals are 95 % confidence intervals ({told})."
    of_shares = ("wilson1927", "kish1965") if material.cohort.labels == "single" else ()
    return Statement("evaluation.intervals", known, cites=(*of_shares, "davison1997"))


def tests(material: Material) -> list[Statement]:
    """How pairs of runs were compared; nothing of a single run."""
    pairs = material.comparison.pairs
    if not pairs:
        return []
    kinds = dict.fromkeys(pair.test for pair in pairs)
    words = listing([TESTS[kind][0] for kind in kinds])
    methods = list(dict.fromkeys(pair.difference_points.method for pair in pairs))
    part = JUDGED[judged_part(material.comparison)]
    known = (
        f"Every two models were compared on the same {part} {material.unit.words} ({'; '.join(methods)}) by {words}, "
        f"corrected by Holm's method for {count(len(pairs), 'comparison')}; two were called distinguishable where p "
        "after correction was below 0.05 and the interval of the difference left out zero."
    )
    cites = (*(key for kind in kinds for key in TESTS[kind][1]), "holm1979")
    found = [Statement("evaluation.tests", known, cites=cites)]
    areas = [pair.auc_difference for pair in pairs if pair.auc_difference is not None]
    if areas and material.cohort.labels == "single":
        how = "; ".join(dict.fromkeys(area.method for area in areas))
        known = f"Areas under the curve were compared likewise ({how})."
        found.append(Statement("evaluation.auc-tests", known, cites=("delong1988", "obuchowski1997")))
    return found


def folds(material: Material) -> list[Statement]:
    """What is special of a cross-validation."""
    found = []
    if material.comparison.fold_pairs:
        known = "Differences over folds were judged by the corrected resampled t test, as folds share training images."
        found.append(Statement("evaluation.fold-tests", known, cites=("nadeau2003",)))
    if material.comparison.choosing:
        known = "What choosing among the models is worth was estimated by nested cross-validation."
        found.append(Statement("evaluation.nested", known, cites=("varma2006",)))
    return found


def evaluations(material: Material) -> Statement:
    """How often the test images were scored, by runs and by the diagnosis."""
    key = "evaluation.test-evaluations"
    if not material.split.test:
        return Statement(key, "No test images were evaluated: there were none.")
    counted = [row.test_evaluations for row in material.runs if row.test_evaluations is not None]
    if len(counted) < len(material.runs):
        return Statement(key, gap="how often the models were evaluated on the test images before")
    whole = max(material.test_evaluations, sum(counted))
    runs = count(len(material.runs), "model")
    known = f"Test images were scored {count(whole, 'time')} by {runs} of this study, after training."
    if material.diagnosis_evaluations:
        times = count(material.diagnosis_evaluations, "time")
        known += f" Experiments of the diagnosis scored test images {times} besides; no reported score comes from them."
    return Statement(key, known)


def threshold(material: Material) -> Statement:
    """From where on a class, or a label, is answered."""
    if material.cohort.labels == "several":
        known = "A label was answered above a threshold that was set on validation images."
        return Statement("evaluation.threshold", known)
    known = "The class with the largest predicted probability was the answer."
    if material.files.given:
        return Statement(
            "evaluation.threshold", known, "whether any threshold or temperature was set before, on which images"
        )
    known += " No threshold was set."
    return Statement("evaluation.threshold", known)


TOPIC = Topic("evaluation", "Evaluation", 700, state)
