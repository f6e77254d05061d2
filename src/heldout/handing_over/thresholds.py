"""From which probability on a class is answered: of a run's calibration where it was asked, else the plain cut."""

from __future__ import annotations

from heldout.answer.calibration import broken_told, caveats, promise_told
from heldout.images.prepare import EIGHT
from heldout.records.calibration import Calibration
from heldout.records.export import ExportInput, ExportRecord
from heldout.records.handover import AnswerKind, Thresholds
from heldout.records.labelling import SINGLE
from heldout.stats.abstention import SET_KINDS

PLAIN = (
    "The likeliest class is answered, whatever its probability: nobody asked when to answer (heldout calibrate RUN "
    "--abstain …)."
)
LABELS = "A label is answered where its logit lies above the threshold that was set on validation images."


def thresholds_of(model: ExportRecord, calibration: Calibration | None, candidates: int) -> Thresholds:
    """How the probabilities of an exported run become answers.

    Args:
        model: What stands beside the file.
        calibration: What `heldout calibrate` found; None without.
        candidates: Networks that may have been compared by now (`runs.candidates.candidates_of`); without a calibration
            any number.
    """
    probabilities = tuple(f"p({name})" for name in model.classes)
    depths = depths_of(model.input)
    if model.labels != SINGLE.name:
        cuts: dict[str, float | None] = dict(zip(model.classes, model.thresholds, strict=True))
        return Thresholds("labels", cuts, (LABELS,), ("predicted", *probabilities), depths)
    if calibration is None or not calibration.rules:
        always: dict[str, float | None] = dict.fromkeys(model.classes, 0.0)
        rests_on = () if calibration is None else caveats(calibration, candidates)
        return Thresholds("class", always, (PLAIN, *rests_on), ("predicted", *probabilities), depths)
    kind: AnswerKind = "sets" if calibration.rules[0].kind in SET_KINDS else "sure"
    source = [promise_told(calibration, rule) for rule in calibration.rules]
    source += [told for rule in calibration.rules if (told := broken_told(rule))]
    columns = ("predicted", "answer", *probabilities)
    return Thresholds(kind, by_class(calibration), (*source, *caveats(calibration, candidates)), columns, depths)


def by_class(calibration: Calibration) -> dict[str, float | None]:
    """Class -> from which probability on it is answered; None where no threshold is safe.

    Of predictive values each is of the answers with one of two classes, so that both stand in one table.
    """
    never: dict[str, float | None] = dict.fromkeys(calibration.classes)
    return never | {
        name: threshold
        for rule in calibration.rules
        for name, threshold in zip(calibration.classes, rule.thresholds or (), strict=rule.thresholds is not None)
        if rule.kind not in ("ppv", "npv") or (rule.kind == "ppv") == (name == calibration.positive)
    }


def depths_of(wanted: ExportInput) -> tuple[str, ...]:
    """Kinds of depth of the images of training."""
    return (wanted.values.depths if wanted.values is not None else ()) or (EIGHT,)
