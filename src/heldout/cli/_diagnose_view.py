"""A diagnosis on the terminal: a consultant's summary, the budget as bars, then what was found and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from heldout.ties import settled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from heldout.cli._env import Environment
    from heldout.records import BudgetTerm, Diagnosis, Estimate, Finding, Remedy

STYLES = {"established": "bold red", "suggested": "bold yellow"}

LOWERS, RAISES = "█", "░"
"""A term that takes points from test, and one that gives it some."""

READABLE = 100
"""Characters beyond which a paragraph is no longer easy to read."""

ROOMY = 110
"""Characters from which on the terms' titles and wide columns have room."""

LONGEST_BAR = 60
LOOK_AT = 3
"""Ids named in the table; all stand in the record."""


def show_diagnosis(diagnosis: Diagnosis, env: Environment, names: Mapping[str, str] | None = None) -> None:
    """Print one run's diagnosis.

    Where the interval of the gap covers 0 that is said first, and nothing is explained: causes that were checked are
    listed in short lines.

    Args:
        diagnosis: Of one run.
        env: Where to print.
        names: Run id -> the name to use; the id itself by default.
    """
    console = env.console()
    width = console.width
    env.say(headline(diagnosis, (names or {}).get(diagnosis.run, diagnosis.run)))
    env.say("")
    env.say(_wrapped(diagnosis.summary, width))
    told = [finding for finding in diagnosis.findings if _is_told(finding, diagnosis.explained)]
    if diagnosis.explained:
        _show_lines(env, budget_lines(diagnosis, width))
        if told:
            env.say("")
            console.print(_findings_table(told, console))
    elif diagnosis.findings:
        _show_lines(env, ("", "Checked all the same:"))
    _show_lines(env, _short_lines([finding for finding in diagnosis.findings if finding not in told], width))
    if diagnosis.explained and diagnosis.remedies:
        env.say("")
        console.print(_remedies_table(diagnosis.remedies, console))
        if any(remedy.exploratory for remedy in diagnosis.remedies):
            env.say(
                _wrapped(
                    "* exploratory: chosen and scored on the same test images, so the gain flatters; the others "
                    "were set on one half of the test patients and scored on the other.",
                    width,
                )
            )
    _show_lines(env, _limit_lines(diagnosis, width))
    _show_lines(env, (_wrapped(_note(diagnosis), width),))


def headline(diagnosis: Diagnosis, name: str) -> str:
    """One line: from which accuracy to which, and whether the difference is one at all."""
    gap, val, test = diagnosis.gap_points, diagnosis.val_accuracy, diagnosis.test_accuracy
    if gap is None or val is None or test is None:
        return f"{name}: there is no gap to explain."
    way = "lower" if gap.value >= 0 else "higher"
    said = f"{name}: validation {100 * val.value:.1f} %, test {100 * test.value:.1f} %"
    if not diagnosis.explained:
        return f"{said}: not distinguishable from no gap ({_signed(gap.value)} points {_interval(gap)})."
    low, high = (gap.low, gap.high) if gap.value >= 0 else (-gap.high, -gap.low)
    return f"{said}: {abs(gap.value):.1f} points {way} [{low:.1f}, {high:.1f}]."


@dataclass(frozen=True)
class _Bar:
    """A line of the budget: from where to where it reaches on the accuracy axis, in percent."""

    name: str
    points: str
    start: float
    end: float
    mark: str


def budget_lines(diagnosis: Diagnosis, width: int) -> tuple[str, ...]:
    """From validation down to test, a bar a term; none where the gap was not taken apart.

    Args:
        diagnosis: With its budget.
        width: Characters of the terminal.
    """
    val, test = diagnosis.val_accuracy, diagnosis.test_accuracy
    if not diagnosis.budget or val is None or test is None:
        return ()
    bars = _bars(diagnosis.budget, val, test, titles=width >= ROOMY)
    low = min(min(bar.start, bar.end) for bar in bars[1:-1])
    high = max(max(bar.start, bar.end) for bar in bars[1:-1])
    left = max(len(bar.name) for bar in bars) + 2
    middle = max(len(bar.points) for bar in bars) + 2
    room = max(10, min(LONGEST_BAR, width - left - middle - 1))
    span = max(high - low, 1e-9)
    margin = 0.12 * span  # the bars of validation and test need some length to be seen
    scale = room / (span + margin)
    lines = ["", "From validation to test, in accuracy points:"]
    for place, bar in enumerate(bars):
        start, end = sorted((bar.start, bar.end))
        if place in (0, len(bars) - 1):
            start = low - margin
        begin = round((max(start, low - margin) - low + margin) * scale)
        length = round((end - low + margin) * scale) - begin
        drawn = " " * begin + (bar.mark * length if length else "|")
        lines.append(f"{bar.name:<{left}}{bar.points:<{middle}}{drawn}".rstrip())
    whole = sum(term.points.value for term in diagnosis.budget)
    lines.append(f"{LOWERS} lowers test  {RAISES} raises it  | nothing.  Together {_signed(-whole)} points.")
    told = [term.term for term in diagnosis.budget if term.points.value or term.points.low or term.points.high]
    words = "; ".join(f"{name}: {TERM_WORDS[name]}" for name in told)
    lines += ["", _wrapped(f"{words}. A term is what is left of its cause once those above it are taken off.", width)]
    return tuple(lines)


def _bars(budget: Sequence[BudgetTerm], val: Estimate, test: Estimate, titles: bool) -> list[_Bar]:
    """Validation, the terms in order and test; `titles` says whether there is room for the terms' titles."""
    at = 100 * val.value
    bars = [_Bar("validation", f"{at:.1f} % {_interval(val, 100)}", at, at, LOWERS)]
    for term in budget:
        value = term.points.value
        points = f"{_signed(-value):>5} {_interval(_turned(term.points))}"
        name = f"  {term.term} ({TERM_TITLES[term.term]})" if titles else f"  {term.term}"
        bars.append(_Bar(name, points, at, at - value, LOWERS if value >= 0 else RAISES))
        at -= value
    bars.append(_Bar("test", f"{100 * test.value:.1f} % {_interval(test, 100)}", at, 100 * test.value, LOWERS))
    return bars


def _turned(points: Estimate) -> Estimate:
    """Points as a change of test accuracy: what lowers it is negative."""
    from heldout.records import Estimate

    return Estimate(-points.value, -points.high, -points.low, points.n, points.method)


def _is_told(finding: Finding, explained: bool) -> bool:
    """Whether a finding is told at length."""
    return explained and finding.verdict in ("established", "suggested")


def _findings_table(findings: Sequence[Finding], console: Console) -> Table:
    """Cause and verdict, points, and in words what was found and what to do."""
    from rich.text import Text

    table = _table("What was found", console, leading=1)
    table.add_column("cause", width=20 if console.width < ROOMY else 30)
    table.add_column("points lost", justify="right", no_wrap=True)
    table.add_column("what was found, and what to do", ratio=1)
    for finding in findings:
        style = STYLES.get(finding.verdict, "")
        cause = Text.assemble(finding.cause, "\n", (f"{VERDICT_SIGNS[finding.verdict]} {finding.verdict}", style))
        words = Text(finding.sentence)
        if finding.remedy:
            words.append(f"\n→ {finding.remedy}")
        if finding.images:
            shown = ", ".join(finding.images[:LOOK_AT]) + (", …" if len(finding.images) > LOOK_AT else "")
            words.append(f"\nLook at {_count(len(finding.images), 'image')}: {shown}")
        table.add_row(cause, Text(_points(finding.points)), words)
    return table


def _short_lines(findings: Sequence[Finding], width: int) -> tuple[str, ...]:
    """The findings that are not told at length: a line each, under their verdict."""
    lines: list[str] = []
    for verdict, sign in VERDICT_SIGNS.items():
        some = [finding for finding in findings if finding.verdict == verdict]
        if not some:
            continue
        lines += ["", f"{sign} {verdict.capitalize()}"]
        for finding in some:
            text = f"{finding.cause}: {_short(finding)}"
            lines.append(textwrap.fill(text, min(width, READABLE), initial_indent="  ", subsequent_indent="    "))
    return tuple(lines)


def _short(finding: Finding) -> str:
    """Reason and points of a finding in a few words; its sentence where there is no reason."""
    said, points = finding.reason or finding.sentence, finding.points
    if points is None:
        return said
    stop = ";" if finding.reason else "."  # a sentence begins with a capital
    return f"{points.value:.1f} points {_interval(points)}{stop} {said}"


def _remedies_table(remedies: Sequence[Remedy], console: Console) -> Table:
    from rich.text import Text

    table = _table("What would help: test accuracy with it minus without it", console)
    table.add_column("remedy", ratio=1)
    table.add_column("points gained", justify="right", no_wrap=True)
    for remedy in sorted(remedies, key=lambda remedy: -settled(remedy.gain_points.value)):
        star = " *" if remedy.exploratory else ""
        gain = f"{_signed(remedy.gain_points.value)} {_interval(remedy.gain_points)}"
        table.add_row(Text(f"{remedy.name}{star}"), Text(gain))
    return table


def _limit_lines(diagnosis: Diagnosis, width: int) -> tuple[str, ...]:
    """What the data cannot tell, and the images whose review would settle it."""
    items = list(diagnosis.limits)
    if diagnosis.review:
        many = _count(len(diagnosis.review), "image")
        items.append(f"`heldout report` shows the {many} to be read again, with a list to save.")
    if not items:
        return ()
    wrapped = [textwrap.fill(item, min(width, READABLE), initial_indent="- ", subsequent_indent="  ") for item in items]
    return ("", "What these data cannot tell, and what would settle it", *wrapped)


def _note(diagnosis: Diagnosis) -> str:
    """Method, number of images, replicates and seed."""
    gap = diagnosis.gap_points
    method = f"{gap.method}, {gap.n} images; " if gap else ""
    seed = f"B = {diagnosis.bootstrap}, seed {diagnosis.bootstrap_seed}"
    return f"Intervals are 95 % ({method}{seed}). Formulas and limits: docs/diagnosis.md"


def _table(title: str, console: Console, leading: int = 0) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        leading=leading,
        width=min(console.width, 130),
    )


def _show_lines(env: Environment, lines: Sequence[str]) -> None:
    for line in lines:
        env.say(line)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, min(width, READABLE))


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else text


def _interval(estimate: Estimate, scale: float = 1.0) -> str:
    low, high = (round(scale * end, 1) + 0.0 for end in (estimate.low, estimate.high))  # + 0.0: no negative zero
    return f"[{low:.1f}, {high:.1f}]"


def _points(points: Estimate | None) -> str:
    """Points that a cause takes from test, its interval on a line of its own."""
    return "–" if points is None else f"{points.value:.1f}\n{_interval(points)}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
