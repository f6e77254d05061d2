"""What is asked of a calibration, from what a person types: `error:0.05`, `ppv:0.9,npv:0.98`, `sets:0.9`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from heldout.errors import UsageError
from heldout.records.calibration import RuleKind, ScalingKind
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.stats.abstention import Wanted

Part = Literal["val", "test"]

PREDICTIVE: tuple[RuleKind, ...] = ("ppv", "npv")


@dataclass(frozen=True)
class CalibrationAsked:
    """What is asked.

    Attributes:
        rates: That are to be controlled; none for probabilities alone.
        confidence: Of each promise, in (0, 1).
        part: That tests them.
        scaling: Kind that is applied.
        positive: Class that predictive values are of; empty for the second of two.
    """

    rates: tuple[Wanted, ...] = ()
    confidence: float = 0.95
    part: Part = "val"
    scaling: ScalingKind = "temperature"
    positive: str = ""

    @property
    def question(self) -> str:
        """The rates with their confidence, `error:0.05 at 0.95`; empty without a rate."""
        rates = ",".join(f"{rate.kind}:{rate.level:g}" for rate in self.rates)
        positive = f" of {self.positive}" if self.positive else ""
        scaled = "" if self.scaling == "temperature" else f", {self.scaling} scaling"
        return f"{rates}{positive} at {self.confidence:g}{scaled}" if rates else ""

    @classmethod
    def of(cls, abstain: str, confidence: float, part: str, scaling: str, positive: str) -> CalibrationAsked:
        """Check what a person typed.

        Raises:
            UsageError: Something unknown; all problems at once.
        """
        rates, problems = rates_of(abstain)
        if not 0 < confidence < 1:
            problems.append(f"confidence: found {confidence:g}; expected a number between 0 and 1, as 0.95.")
        for option, value, allowed in (("part", part, Part), ("scaling", scaling, ScalingKind)):
            if value not in get_args(allowed):
                problems.append(f"{option}: found '{value}'; expected one of {', '.join(get_args(allowed))}.")
        if problems:
            raise UsageError("\n".join(problems))
        return cls(rates, confidence, cast(Part, part), cast(ScalingKind, scaling), positive)

    def positive_of(self, classes: Sequence[str]) -> str:
        """The class that predictive values are of."""
        return self.positive or classes[1]


def rates_of(text: str) -> tuple[tuple[Wanted, ...], list[str]]:
    """The rates of `error:0.05` or `ppv:0.9,npv:0.98`, and what is wrong with the text."""
    kinds, found, problems = get_args(RuleKind), [], []
    for item in filter(None, (part.strip() for part in text.split(","))):
        kind, _, number = item.partition(":")
        try:
            level = float(number)
        except ValueError:
            level = float("nan")
        if kind not in kinds or not 0 < level < 1:
            problems.append(
                f"abstain: found '{item}'; expected one of {', '.join(kinds)} with a colon and a number between 0 and "
                "1, as error:0.05 or ppv:0.9,npv:0.98."
            )
        else:
            found.append(Wanted(cast(RuleKind, kind), level))
    named = [rate.kind for rate in found]
    if len(set(named)) < len(named) or (len(named) > 1 and not set(named) <= set(PREDICTIVE)):
        problems.append(f"abstain: found {', '.join(named)} together; expected one of them, or ppv and npv.")
    return tuple(found), problems


def check_rates(asked: CalibrationAsked, study: StudyFiles, run: RunFiles) -> None:
    """Refuse what this run cannot be asked.

    Raises:
        UsageError: All problems at once.
    """
    classes, problems = study.cohort.classes, []
    if asked.positive and asked.positive not in classes:
        problems.append(f"positive: found '{asked.positive}'; expected one of {', '.join(classes)}.")
    kinds = {rate.kind for rate in asked.rates}
    if kinds & set(PREDICTIVE) and len(classes) != 2:
        problems.append(
            f"abstain: found predictive values of {len(classes)} classes; expected two classes. Ask for error:0.05, "
            "sets:0.9 or class-sets:0.9."
        )
    if asked.positive and not kinds & set(PREDICTIVE):
        problems.append("positive: found a class, and no predictive value; expected ppv or npv with it.")
    if asked.part == "test" and "test" not in run.predictions:
        problems.append("part: found test, and there are no test images; expected val.")
    if asked.rates and asked.part == "val" and run.record.members:
        problems.append(
            "part: found val, of a cross-validated run; expected test. Each validation image was answered by the "
            "network of one fold, new images are answered by the mean of all, and no promise carries over."
        )
    searched = any(next((study.folder / name).glob("[!.]*.json"), None) for name in ("tuning", "auto"))
    if asked.rates and asked.part == "val" and searched:
        problems.append(
            "part: found val, of a study in which settings were searched on validation (--tune, auto); expected test. "
            "A search proposes settings by what earlier ones scored on the images that would test the promise, and no "
            "number of networks to divide by makes up for that."
        )
    if problems:
        raise UsageError("\n".join(problems))
