"""What holds for every cause, discovered, not listed: it measures, decides and tells apart, whatever the data are."""

from __future__ import annotations

import dataclasses
import inspect
import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause, Missing, Told, causes, manual
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.gap import why_no_budget
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.verdict import Decision
from heldout.records import VERDICTS, Finding, ReasonKind, Remedy
from heldout.records.diagnosis import BECAUSE, EXPLAINED
from tests.worlds.edge_cases import EDGES
from tests.worlds.made_runs import parts

EVERY = [pytest.param(cause, id=cause.code) for cause in causes]

HEADINGS = ("How it is detected", "Why it matters", "What to do")

STRICT = dataclasses.replace(RULES, margin=1e6)
"""Rules by which no number of points is large enough."""


@cache
def data_of(name: str) -> CauseData:
    run = EDGES[name]()
    assert why_no_budget(run) is None
    return cause_data(run)


@cache
def measured_of(code: str, name: str) -> Any:
    return causes.get(code).measure(data_of(name))


@cache
def judged(code: str, name: str) -> Finding:
    """Judged once for all tests; it is dear to measure, and no test changes what was found."""
    return causes.get(code).judge(data_of(name))


@pytest.mark.parametrize("cause", EVERY)
def test_it_is_a_documented_cause(cause: Cause[Any]) -> None:
    assert isinstance(cause, Cause) and cause.title and cause.remedy.endswith(".")
    assert cause.level in (0, 1, 2) and (cause.term is None or cause.term in EXPLAINED)
    assert causes.get(cause.code) is cause, "the file is called as the code is"
    assert inspect.getdoc(type(cause)) != inspect.getdoc(Cause)
    summary, found = manual(cause)
    assert summary.endswith(".") and "\n\n" not in summary
    assert tuple(found) == HEADINGS and all(len(text.split()) >= 8 and text[-1] == "." for text in found.values())
    assert "{" not in summary + "".join(found.values()), "every {rule} is filled in"


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("cause", EVERY)
def test_it_answers_whatever_the_data_are(cause: Cause[Any], name: str) -> None:
    data = data_of(name)
    finding = judged(cause.code, name)
    assert isinstance(finding, Finding) and finding.code == cause.code and finding.verdict in VERDICTS[:-1]
    assert finding.sentence and "nan" not in finding.sentence.lower().split()
    assert isinstance(finding.kind, ReasonKind)
    if finding.verdict == "not identifiable":
        assert finding.kind not in BECAUSE
    if finding.verdict in ("not applicable", "excluded"):
        assert finding.kind in BECAUSE - {ReasonKind.NONE}
    if finding.verdict not in ("established", "suggested"):
        assert finding.priority == 0 and not finding.remedy and finding.explains == {}
    known = {id_ for one in parts(data.run).values() for id_ in one.ids}
    assert set(finding.images) <= known and len(finding.images) <= RULES.max_images
    assert all(isinstance(value, float) and math.isfinite(value) for value in finding.numbers.values())
    assert set(finding.explains) <= set(EXPLAINED) and all(map(math.isfinite, finding.explains.values()))
    assert set(finding.alternatives) <= {other.code for other in causes} - {cause.code}
    assert all(isinstance(remedy, Remedy) and remedy.cause == cause.code for remedy in cause.remedies(data))


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("cause", EVERY)
def test_what_it_measures_is_frozen(cause: Cause[Any], name: str) -> None:
    measured = measured_of(cause.code, name)
    assert dataclasses.is_dataclass(measured) and not isinstance(measured, type)
    assert type(measured).__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("cause", EVERY)
def test_it_decides_without_data_and_words_change_no_verdict(cause: Cause[Any]) -> None:
    """`decide` and `tell` are given the numbers and the rules alone, and the finding has the verdict of `decide`."""
    asked = 0
    for name in EDGES:
        measured = measured_of(cause.code, name)
        if isinstance(measured, Missing):
            continue
        assert not reaches(measured, CauseData), "what was measured does not drag the data along"
        decision = cause.decide(measured, RULES)
        assert isinstance(decision, Decision) and decision == cause.decide(measured, RULES)
        told = cause.tell(measured, decision, RULES)
        assert isinstance(told, Told) and told.sentence
        finding = cause.finding(decision, told, RULES)
        assert (finding.verdict, finding.kind) == (decision.verdict, decision.kind)
        assert decision == cause.decide(measured, RULES), "telling leaves the numbers as they were"
        assert judged(cause.code, name).verdict == decision.verdict
        asked += 1
    assert asked, "no made run gives it anything to measure"


def reaches(measured: object, kind: type) -> bool:
    """Whether a dataclass holds an instance of a type, in its fields or in theirs."""
    values = [getattr(measured, field.name) for field in dataclasses.fields(measured)]  # type: ignore[arg-type]
    return any(
        isinstance(value, kind)
        or (dataclasses.is_dataclass(value) and not isinstance(value, type) and reaches(value, kind))
        for value in values
    )


@pytest.mark.parametrize("cause", EVERY)
def test_it_takes_no_data_where_it_decides_or_tells(cause: Cause[Any]) -> None:
    assert list(inspect.signature(cause.decide).parameters) == ["measured", "rules"]
    assert list(inspect.signature(cause.tell).parameters) == ["measured", "decision", "rules"]


OTHERWISE = {"chance", "covariate-shift", "instability", "labels", "leakage", "new-site"}
"""Causes that measure no points on these runs, or ask no rule about them; `test_decide` has their tables."""


@pytest.mark.parametrize("cause", [one for one in EVERY if one.id not in OTHERWISE])
def test_other_rules_give_another_decision(cause: Cause[Any]) -> None:
    """With a margin that nothing exceeds, whatever has points is excluded, or needs more for another reason."""
    changed = 0
    for name in EDGES:
        measured = measured_of(cause.code, name)
        if isinstance(measured, Missing):
            continue
        before, after = cause.decide(measured, RULES), cause.decide(measured, STRICT)
        assert not after.positive or after.fault
        changed += before != after
    assert changed, "a rule of its own is never asked"


@pytest.mark.parametrize("cause", EVERY)
def test_interventions_switched_off_are_named(cause: Cause[Any]) -> None:
    if not cause.interventions:
        pytest.skip("judges without interventions")
    finding = judged(cause.code, "nothing but predictions")
    assert finding.verdict in ("not identifiable", "not applicable")


@pytest.mark.parametrize("cause", EVERY)
def test_interventions_that_failed_are_told_from_those_switched_off(cause: Cause[Any]) -> None:
    off, failed = (judged(cause.code, name).kind for name in ("nothing but predictions", "interventions that failed"))
    if off is ReasonKind.SWITCHED_OFF:
        assert failed is ReasonKind.INTERVENTION_FAILED


@pytest.mark.parametrize("cause", EVERY)
def test_it_says_the_same_twice(cause: Cause[Any]) -> None:
    assert cause.judge(data_of("everything")) == judged(cause.code, "everything")


def test_rules_are_a_table_with_meaning_and_source() -> None:
    rows = RULES.rows()
    assert [row.name for row in rows] == [field.name for field in dataclasses.fields(Rules)]
    assert all(row.meaning and row.source and np.isfinite(row.value) for row in rows)
