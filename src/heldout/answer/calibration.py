"""What is said of a run's calibration and of when it answers, by terminal and report alike."""

from __future__ import annotations

from heldout.answer.texts import count, listing, number, percent, percent_to, probability, signed, signed_range
from heldout.records import Estimate
from heldout.records.calibration import Calibration, Counted, Kept, Reliability, Rule, ScoreName, Unlike

VOID = (
    "The promises are for new patients from where the images that tested them come from, with the same shares of "
    "classes. Of images from elsewhere (another device, site or mix of patients) nothing is promised."
)
"""Told wherever a promise is."""

CROSSED = (
    "The scaling was fitted on answers of the networks of single folds; new images are answered by the mean of all, "
    "which is less sure, so that its probabilities may be too low."
)
"""Told wherever probabilities of a cross-validated run are called calibrated."""

UNLIKE = "{what} unlike the images that tested the promises (p {p}): nothing is promised of {them}."

ALIKE = (
    "{what} no different from the images that tested the promises, in {by} (p {p}); that is no proof that they are not."
)

KEPT: dict[Kept, str] = {"kept": "kept", "broken": "not kept", "open": "cannot be told"}
"""Whether a rate is kept on test, by its interval."""

SCORES: dict[ScoreName, str] = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}

PARTS = {"val": "validation", "test": "test"}


def counted_told(counted: Counted) -> str:
    """`400 images of 57 patients`, or `400 images`."""
    images = count(counted.images, "image")
    return f"{images} of {count(counted.patients, 'patient')}" if counted.named else images


def scaling_told(record: Calibration) -> str:
    """What was fitted, on what, and what it says of the network."""
    scaling, by = record.scaling, counted_told(record.fitting)
    if scaling.kind == "vector":
        return f"Vector scaling, fitted on {by} of validation: a factor and a shift for each class."
    found = scaling.uncertain
    if found is None:
        return f"Temperature {number(scaling.temperature, 2)}, fitted on {by} of validation."
    sure = "The network was too sure." if found.low > 1 else "The network was not sure enough."
    if found.low <= 1 <= found.high:
        sure = "Whether the network was too sure cannot be told."
    ends = f"{number(found.low, 2)} to {number(found.high, 2)}"
    return f"Temperature {number(scaling.temperature, 2)} ({ends}), fitted on {by} of validation. {sure}"


def rate_name(rule: Rule, positive: str) -> str:
    """What is controlled, in a few words."""
    names = {
        "error": "wrong among answered",
        "ppv": f"wrong among those answered {positive}",
        "npv": f"wrong among those not answered {positive}",
        "sets": "sets without the true class",
        "class-sets": "sets without the true class, of every class",
    }
    return names[rule.kind]


def promise_told(record: Calibration, rule: Rule) -> str:
    """The promise in one sentence, or why there is none."""
    sure, most = percent(record.confidence, 0), percent(rule.alpha)
    if rule.kind in ("sets", "class-sets"):
        of = "of each class" if rule.kind == "class-sets" else ""
        of = f" {of}" if of else ""
        weak = "" if rule.p is not None else " Nothing smaller than all classes could be shown to keep it."
        return (
            f"With {sure} confidence at most {most} of a new patient's images{of} get a set without their true class."
            f"{weak}"
        )
    if rule.thresholds is None:
        return f"{no_promise(record, rule)} It does not answer."
    what = {
        "error": "the answers to a new patient's images are wrong",
        "ppv": f"a new patient's images that are answered {record.positive} are not",
        "npv": f"a new patient's images that are answered otherwise are {record.positive}",
    }[rule.kind]
    threshold = rule.thresholds[0]
    where = f"where its probability is {number(threshold, 3)} or more" if threshold > 0 else "whatever its probability"
    return f"With {sure} confidence at most {most} of {what}; the likeliest class is answered {where}."


def no_promise(record: Calibration, rule: Rule) -> str:
    """Why no threshold is safe."""
    have = 0 if record.control is None else record.control.patients
    goal = f"{percent(rule.alpha)} ({rule.kind}:{rule.level:g})"
    if have < rule.needed:
        return (
            f"No threshold could be shown to keep {goal}: the control part has {count(have, 'patient')}, and even "
            f"without a mistake {rule.needed} are needed."
        )
    return f"No threshold could be shown to keep {goal} on {count(have, 'patient')}."


def broken_told(rule: Rule) -> str:
    """That test speaks against a promise; empty where it does not."""
    if rule.on_test is None or rule.on_test.kept != "broken" or rule.on_test.loss is None:
        return ""
    losses = {"": rule.on_test.loss}
    if rule.kind == "class-sets":  # judged class by class
        losses = {f"{name} ": loss for name, loss in rule.on_test.by_class.items() if loss.low > rule.alpha}
    shares = ", ".join(f"{name}{percent(loss.value)} ({percent_to(loss)})" for name, loss in losses.items())
    return (
        f"Test images do not keep it: {shares} where {percent(rule.alpha)} were allowed. They are probably not like "
        "the images that tested the promise, whatever batches are compared by: do not rely on it there. "
        "`heldout diagnose` says why test is lower; `--part test` tests the promise on such images."
    )


def outdated_told(record: Calibration, candidates: int) -> str:
    """That networks were trained since which may have been compared too; empty where the level counts all of them.

    Args:
        record: A run's.
        candidates: Networks that may have been compared by now (`runs.candidates.candidates_of`).
    """
    if not record.rules or candidates <= record.candidates:
        return ""
    more = count(candidates - record.candidates, "network")
    return (
        f"Since then {more} may have been compared on {PARTS[record.part]} that the level of the tests does not count: "
        "if this run was chosen among them, the promises do not hold. Call `heldout calibrate` again."
    )


def set_size_told(found: Estimate | None) -> str:
    """`1.24 [1.10, 1.38]`, the mean number of classes in a set."""
    return "–" if found is None else f"{number(found.value, 2)} [{number(found.low, 2)}, {number(found.high, 2)}]"


def caveats(record: Calibration, candidates: int) -> tuple[str, ...]:
    """What the scaling and the promises rest on, a sentence each, and whether they rest on it still.

    Args:
        record: A run's.
        candidates: Networks that may have been compared by now (`runs.candidates.candidates_of`).
    """
    said = [CROSSED] if record.crossed else []
    if not record.rules or record.control is None:
        return tuple(said)
    said.append(VOID)
    if not record.control.named:
        said.append(
            "No patient is known, so that every image was taken for a patient of its own: where patients have several "
            "images, the promises do not hold."
        )
    tests = "by exact binomial tests" if record.single else "by betting on patients' means (Waudby-Smith & Ramdas)"
    said.append(
        f"Tested on {counted_told(record.control)} of {PARTS[record.part]} in a fixed order (Learn then Test) "
        f"{tests}; every patient counts the same."
    )
    outdated = outdated_told(record, candidates)
    if record.candidates > 1:
        holds = "" if outdated else ", so that the promises hold whichever was kept"
        said.append(
            f"{count(record.candidates, 'network')} may have been compared on {PARTS[record.part]} before (runs, "
            f"epochs, settings): the level of the tests was divided by that number{holds}."
        )
    said += [outdated] if outdated else []
    if len(record.questions) > 1:
        said.append(
            f"These images were asked {len(record.questions)} different questions: {'; '.join(record.questions)}. "
            "Each promise holds with its confidence by itself: choose what to ask before, not by what was found."
        )
    if record.given:
        said.append(
            "Of a given model it is not known what was chosen on these images: the promises hold if nothing was."
        )
    return tuple(said)


def likeness_told(found: Unlike, what: str = "The test images look", them: str = "them", answers: bool = True) -> str:
    """Whether a batch looks like the known images.

    Args:
        found: What came of comparing them.
        what: The batch.
        them: The same, a word.
        answers: Whether answers are compared, too (`Calibration.compares_answers`).
    """
    text, by = (
        UNLIKE if found.unlike else ALIKE,
        "answers and measured properties" if answers else "measured properties",
    )
    return text.format(what=what, p=_p(found.p), them=them, by=by)


def _p(p: float) -> str:
    text = probability(p)
    return text if text.startswith("<") else f"= {text}"


def used(record: Calibration) -> list[Reliability]:
    """Reliability with the kind of scaling that is applied."""
    return [one for one in record.reliability if one.kind == record.scaling.kind]


def alternative_told(record: Calibration) -> str:
    """What the other kind of scaling would do on validation, out of fold; empty where nothing is known."""
    of = {one.kind: one.scores[0].change for one in record.reliability if one.part == "val"}
    other = next((kind for kind in of if kind != record.scaling.kind), None)
    if other is None:
        return ""
    each = (f"{kind} scaling {signed(of[kind].value, 3)} ({signed_range(of[kind])})" for kind in (*of,))
    return f"Change of the log loss on validation: {listing(list(each))}; applied is {record.scaling.kind} scaling."
