"""What a cause is: it measures, decides by rules, and tells; the three are apart."""

from __future__ import annotations

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeVar

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.trials import WORDS
from heldout.diagnosis.verdict import Decision
from heldout.diagnosis.words import IMAGES, PATIENTS, capital, worded
from heldout.records import Finding, ReasonKind, Remedy, Verdict
from heldout.records.diagnosis import BECAUSE
from heldout.stats.measured import Measured

PARTS = ("How it is detected", "Why it matters", "What to do")
"""The headings every cause's manual entry has, in this order."""

M = TypeVar("M")


@dataclass(frozen=True)
class Missing:
    """Nothing could be measured.

    Attributes:
        kind: What kind of thing is missing, or `DOES_NOT_APPLY`.
        text: In words that follow "needs", or "because" where the cause does not apply.
        shared: The same in words that follow "since" and that every cause uses which lacks it; empty where the reason
            is the cause's own.
    """

    kind: ReasonKind
    text: str
    shared: str = ""


@dataclass(frozen=True)
class Told:
    """What a finding shows beside its verdict.

    Attributes:
        sentence: What was found, for a person who knows no statistics; `words.SCORE` and `words.IMAGES` stand for the
            names of the metric and of those that decisions are made on.
        ending: Whether the verdict is added at its end, in the words that all causes share.
        reason: What follows "because" or "needs" in the brackets; empty for the wording that its kind has.
        points: Points of the metric taken from test.
        images: Ids to look at, most telling first.
        numbers: Named numbers; what is not finite is left out.
        explains: Term of the budget (or `difficulty`) -> points of it that this cause explains.
        alternatives: Codes of causes that would look the same.
    """

    sentence: str
    ending: bool = True
    reason: str = ""
    points: Measured | None = None
    images: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    explains: Mapping[str, float] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()


class Cause(ABC, Generic[M]):
    """One possible reason for a lower test score. A subclass, in a file of its own, is bound to `CAUSE` as an instance.

    `measure` gives numbers (a frozen dataclass M), `decide` is a small pure function of them, `tell` puts the outcome
    into words. The class docstring is the manual entry (`heldout causes`, docs/causes): a summary line, then three
    parts headed `How it is detected:`, `Why it matters:` and `What to do:`; `{rule}` or `{rule:.0%}` stands for the
    value of a rule.

    Attributes:
        code: Stable name, as in the JSON.
        title: In words.
        level: 0 for a cause that lies in data or training, 1 for a shift of appearance, 2 for a mechanism that others
            act through (threshold, difficulty): findings of a higher level are ordered after what those of a lower one
            explain of their points.
        term: What it measures itself: a term of the budget, `difficulty`, or None.
        where: Whether it says where the loss sits and not why: it is never the main reason, and the summary tells it
            beside that.
        remedy: What to do, in one sentence.
        interventions: Names of the interventions it judges from, for the text that says what is missing.
        told_first: Verdicts with which it is told before all other causes, whatever their points.
        takes_labels: Whether it takes test labels at their word, class by class: while sure contradictions tell that
            many are turned, it is suggested at most, and names them beside it.
        divides_by_given_labels: Whether it divides test images by their given labels though some were reviewed: while a
            review finds many wrong, it is suggested at most.
        carries: Codes of causes that act through this one: while one of them is called a cause, this is suggested at
            most.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    level: ClassVar[int] = 0
    term: ClassVar[str | None] = None
    where: ClassVar[bool] = False
    remedy: ClassVar[str]
    interventions: ClassVar[tuple[str, ...]] = ()
    told_first: ClassVar[tuple[Verdict, ...]] = ()
    takes_labels: ClassVar[bool] = False
    divides_by_given_labels: ClassVar[bool] = False
    carries: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def measure(self, data: CauseData) -> M | Missing:
        """The numbers; never raises for data that cannot be judged, but says what is missing."""

    @abstractmethod
    def decide(self, measured: M, rules: Rules) -> Decision:
        """The verdict on the numbers."""

    @abstractmethod
    def tell(self, measured: M, decision: Decision, rules: Rules) -> Told:
        """The words."""

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """What was tried against this cause, each with the gain it was measured to have on test; none by default."""
        return ()

    def judge(self, data: CauseData) -> Finding:
        """Measure, decide, tell."""
        measured = self.measure(data)
        if isinstance(measured, Missing):
            found = self.missing(measured)
        else:
            decision = self.decide(measured, data.rules)
            found = self.finding(decision, self.tell(measured, decision, data.rules), data.rules)
        words = (
            worded(text, data.run.metric, data.run.unit, data.run.drawn) for text in (found.sentence, found.reason)
        )
        return replace(found, sentence=next(words), reason=next(words))

    def finding(self, decision: Decision, told: Told, rules: Rules = RULES) -> Finding:
        """A finding of this cause."""
        positive = decision.positive
        points = 0.0 if told.points is None or not positive or self.where else told.points.value
        reason = _reason(decision, told, rules)
        return Finding(
            code=self.code,
            cause=self.title,
            verdict=decision.verdict,
            points=None if told.points is None else told.points.estimate(),
            sentence=told.sentence + (_ending(decision, reason) if told.ending else ""),
            images=told.images,
            remedy=self.remedy if positive else "",
            reason=reason,
            priority=points if decision.priority is None else decision.priority,
            numbers={name: value for name, value in told.numbers.items() if math.isfinite(value)},
            fault=decision.fault,
            kind=decision.kind,
            explains=dict(told.explains) if positive else {},
            alternatives=told.alternatives,
        )

    def missing(self, missing: Missing) -> Finding:
        """`not applicable` where the cause cannot have acted, else `not identifiable` with what it needs."""
        if missing.kind is ReasonKind.DOES_NOT_APPLY:
            sentence = f"Not applicable, because {missing.text}."
            return self.finding(Decision("not applicable", missing.kind), Told(sentence, False, missing.text))
        sentence = f"Cannot be told; it needs {missing.text}."
        found = self.finding(Decision("not identifiable", missing.kind), Told(sentence, False, missing.text))
        return replace(found, shared_reason=missing.shared)


def without(data: CauseData, intervention: str) -> Missing:
    """What to say where an intervention has no result."""
    if intervention in data.run.scored:
        return Missing(ReasonKind.NOT_RUN, f"the experiment '{intervention}' on the validation images")
    absence: Absence = data.run.why_absent(intervention)
    if absence.does_not_apply:
        return Missing(absence.kind, absence.text)
    return Missing(absence.kind, f"the experiment '{intervention}' ({absence.text})", absence.text)


def reason_text(decision: Decision, rules: Rules) -> str:
    """What follows "because" or "needs" for kinds that are worded alike by every cause; empty for others."""
    if decision.kind is ReasonKind.RAISES_TEST:
        return "it raises test rather than lowers it"
    if decision.kind is ReasonKind.WITHIN_MARGIN:
        return f"its interval lies within ±{rules.margin} points"
    if decision.kind is ReasonKind.CONTRADICTED:
        return WORDS[decision.trial]
    if decision.kind is ReasonKind.MORE_PATIENTS:
        return f"about {decision.wanted:,} {PATIENTS} instead of {decision.seen:,}"
    if decision.kind is ReasonKind.SMALL_CLASSES:
        return "more images of the classes left out"
    if decision.kind is ReasonKind.MORE_IMAGES and decision.wanted and decision.seen < rules.fewest_images:
        return f"more images: {decision.seen:,} are too few to tell anything, {rules.fewest_images} or so are the least"
    if decision.kind is ReasonKind.MORE_IMAGES and decision.wanted > rules.many_times * decision.seen:
        return f"more than {rules.many_times} times the {decision.seen:,} {IMAGES}, so little does it cost, if anything"
    if decision.kind is ReasonKind.MORE_IMAGES and decision.wanted:
        return f"about {decision.wanted:,} {IMAGES} instead of {decision.seen:,}"
    if decision.kind is ReasonKind.MORE_IMAGES:
        return f"more {IMAGES} than the {decision.seen:,} that changed sides"
    return ""


def left_out_told(decision: Decision, left_out: str) -> tuple[str, str]:
    """Classes that were left out, as the end of a sentence, or as what a verdict needs where it hangs on them."""
    if decision.kind is ReasonKind.SMALL_CLASSES and left_out:
        return "", f"more images of classes {left_out}"
    return (f" {capital(left_out)}." if left_out else ""), ""


def _reason(decision: Decision, told: Told, rules: Rules) -> str:
    """The words in the brackets: `because …`, `needs …`, or nothing."""
    text = told.reason or reason_text(decision, rules)
    if not text:
        return ""
    return f"{'because' if decision.kind in BECAUSE else 'needs'} {text}"


def _ending(decision: Decision, reason: str) -> str:
    """How a sentence ends where the cause is not called one."""
    if decision.verdict == "excluded":
        return f" That is not why test is lower{f', {reason}' if reason else ''}."
    if decision.verdict == "not identifiable":
        return f" That is too uncertain to tell{f'; it {reason}' if reason else ''}."
    return ""


def manual(cause: Cause[M]) -> tuple[str, dict[str, str]]:
    """The summary line and the three parts of a cause's manual entry, values of rules filled in.

    Raises:
        ValueError: The class docstring lacks one of `PARTS`.
    """
    text = inspect.cleandoc(type(cause).__doc__ or "")
    text = re.sub(r"\{(\w+)(:[^}]+)?\}", lambda found: format(getattr(RULES, found[1]), (found[2] or ":g")[1:]), text)
    found: dict[str, str] = {}
    places = [(part, text.find(f"{part}:")) for part in PARTS]
    if any(place < 0 for _, place in places):
        raise ValueError(f"the docstring of {type(cause).__name__} lacks one of: {', '.join(PARTS)}")
    ends = [place for _, place in places[1:]] + [len(text)]
    for (part, place), end in zip(places, ends, strict=True):
        found[part] = text[place + len(part) + 1 : end].strip()
    return text[: places[0][1]].strip(), found
