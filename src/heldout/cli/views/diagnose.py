"""A diagnosis on the terminal: a consultant's summary, the budget as bars, then what was found and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heldout.answer.texts import bracketed, count, number, percent, percent_range, signed
from heldout.answer.why import (
    CHECKED,
    EXPLORATORY,
    LIMITS,
    alternatives_sentence,
    finding_in_short,
    headline,
    not_judged,
    not_judged_sentence,
    status_words,
    why_lower,
)
from heldout.cli.views.groups import show_groups
from heldout.cli.views.tables import READABLE, empty_table, wrapped
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from heldout.cli.env import Environment
    from heldout.records import BudgetTerm, ClassRow, Diagnosis, Estimate, Finding, Remedy

STYLES = {"established": "bold red", "suggested": "bold yellow"}

LOWERS, RAISES = "█", "░"
"""A term that takes points from test, and one that gives it some."""

ROOMY = 110
"""Characters from which on the terms' titles and wide columns have room."""

LONGEST_BAR = 60
SHOWN_IDS = 3
"""Ids named in the table; all stand in the record."""


DETAILED = ("absent", "prior")
"""Terms that are told with the classes that carry them."""

MOST_CLASSES = 8
"""Classes that the table shows, those that lose most; all stand in the record and in the report."""


def show_diagnosis(diagnosis: Diagnosis, env: Environment, spoken: str = "") -> None:
    """Print one run's diagnosis.

    Where the interval of the gap covers 0 that is said first, and nothing is explained: causes that were checked are
    listed in short lines.

    Args:
        diagnosis: Of one run.
        env: Where to print.
        spoken: What the run is called in a sentence; its id by default.
    """
    console = env.console()
    width, why = console.width, why_lower(diagnosis)
    show_lines(env, (wrapped(headline(diagnosis, spoken or diagnosis.run), width), ""))
    show_lines(env, (wrapped(diagnosis.summary, width),))
    if why.explained:
        show_lines(env, budget_lines(diagnosis, width))
        if len(diagnosis.classes) > 1:
            env.say("")
            console.print(classes_table(diagnosis, console))
        if why.told:
            env.say("")
            console.print(findings_table(diagnosis, why.told, console))
    elif diagnosis.findings:
        show_lines(env, ("", f"{CHECKED}:"))
    show_lines(env, short_lines(why.others, width))
    show_groups(diagnosis, env, console)
    if why.remedies:
        env.say("")
        console.print(remedies_table(why.remedies, console, diagnosis.metric.words))
        if any(remedy.exploratory for remedy in why.remedies):
            env.say(wrapped(f"* {EXPLORATORY}", width))
    show_lines(env, limit_lines(diagnosis, width))
    show_lines(env, (wrapped(note(diagnosis), width),))


@dataclass(frozen=True)
class Bar:
    """A line of the budget: from where to where it reaches on the accuracy axis, in percent."""

    name: str
    points: str
    start: float
    end: float
    mark: str
    status: str = ""


def budget_lines(diagnosis: Diagnosis, width: int) -> tuple[str, ...]:
    """From validation down to test, a bar a term; none where the gap was not taken apart.

    Args:
        diagnosis: With its budget.
        width: Characters of the terminal.
    """
    val, test = diagnosis.val_accuracy, diagnosis.test_accuracy
    if not diagnosis.budget or val is None or test is None:
        return ()
    bars = bars_of(diagnosis.budget, val, test, titles=width >= ROOMY)
    low = min(min(bar.start, bar.end) for bar in bars[1:-1])
    high = max(max(bar.start, bar.end) for bar in bars[1:-1])
    left = max(len(bar.name) for bar in bars) + 2
    middle = max(len(bar.points) for bar in bars) + 2
    room = max(10, min(LONGEST_BAR, width - left - middle - 1))
    span = max(high - low, 1e-9)
    margin = 0.12 * span  # the bars of validation and test need some length to be seen
    scale = room / (span + margin)
    lines = ["", f"From validation to test, {diagnosis.metric.words} points lost:"]
    for place, bar in enumerate(bars):
        start, end = sorted((bar.start, bar.end))
        if place in (0, len(bars) - 1):
            start = low - margin
        begin = round((max(start, low - margin) - low + margin) * scale)
        length = round((end - low + margin) * scale) - begin
        drawn = " " * begin + (bar.mark * length if length else f"| {bar.status}")
        lines.append(f"{bar.name:<{left}}{bar.points:<{middle}}{drawn}".rstrip())
    whole = sum(term.points.value for term in diagnosis.budget)
    lines.append(f"{LOWERS} lowers test  {RAISES} raises it  | nothing.  Together {number(whole)} points.")
    told = [term.term for term in diagnosis.budget if term.points.value or term.points.low or term.points.high]
    details = {term.term: f" ({term.detail})" for term in diagnosis.budget if term.term in DETAILED}
    words = "; ".join(f"{name}: {TERM_WORDS[name]}{details.get(name, '')}" for name in told)
    lines += ["", wrapped(f"{words}. A term is what is left of its cause once those above it are taken off.", width)]
    return tuple(lines)


def bars_of(budget: Sequence[BudgetTerm], val: Estimate, test: Estimate, titles: bool) -> list[Bar]:
    """Validation, the terms in order and test; `titles` says whether there is room for the terms' titles."""
    at = 100 * val.value
    bars = [Bar("validation", f"{percent(val.value)} [{percent_range(val)}]", at, at, LOWERS)]
    for term in budget:
        value = term.points.value
        known = term.known
        points = f"{'–':>5}" if known is None else f"{number(known.value):>5} {bracketed(known)}"
        name = f"  {term.term} ({TERM_TITLES[term.term]})" if titles else f"  {term.term}"
        bars.append(Bar(name, points, at, at - value, LOWERS if value >= 0 else RAISES, status_words(term)))
        at -= value
    bars.append(Bar("test", f"{percent(test.value)} [{percent_range(test)}]", at, 100 * test.value, LOWERS))
    return bars


def classes_table(diagnosis: Diagnosis, console: Console) -> Table:
    """Shares and recalls of each class, its training images, and what it carries of the gap."""
    from rich.text import Text

    rows = list(diagnosis.classes)
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: -_carried(row))[:MOST_CLASSES]
    more = len(diagnosis.classes) - len(rows)
    table = empty_table(
        f"By class{f' (the {len(rows)} of {len(diagnosis.classes)} that lose most)' if more else ''}", console
    )
    table.add_column("class", overflow="fold")
    for name in ("share, validation → test", "recall, validation → test", "images in training"):
        table.add_column(name, justify="right")
    for name in ("points lost by its share", "points lost by its recall"):
        table.add_column(name, justify="right")
    for row in rows:
        recalls = [percent(recall.value) if recall else "–" for recall in (row.val_recall, row.test_recall)]
        table.add_row(
            Text(row.name),
            f"{percent(row.val_share)} → {percent(row.test_share)}",
            " → ".join(recalls),
            "–" if row.train_images is None else f"{row.train_images:,}",
            Text(points_cell(row.prior_points)),
            Text(points_cell(row.points)),
        )
    return table


def _carried(row: ClassRow) -> float:
    """The larger of what a class loses by its share and by its recall."""
    return max((points.value for points in (row.prior_points, row.points) if points), default=0.0)


def findings_table(diagnosis: Diagnosis, findings: Sequence[Finding], console: Console) -> Table:
    """Cause and verdict, points, and in words what was found and what to do."""
    from rich.text import Text

    table = empty_table("What was found", console, leading=1)
    table.add_column("cause", width=20 if console.width < ROOMY else 30)
    table.add_column("points lost", justify="right", no_wrap=True)
    table.add_column("what was found, and what to do", ratio=1)
    for finding in findings:
        style = STYLES.get(finding.verdict, "")
        cause = Text.assemble(finding.cause, "\n", (f"{VERDICT_SIGNS[finding.verdict]} {finding.verdict}", style))
        words = Text(finding.sentence)
        if finding.remedy:
            words.append(f"\n→ {finding.remedy}")
        if finding.alternatives:
            words.append(f"\n{alternatives_sentence(diagnosis, finding)}")
        if finding.images:
            shown = ", ".join(finding.images[:SHOWN_IDS]) + (", …" if len(finding.images) > SHOWN_IDS else "")
            words.append(f"\nInspect {count(len(finding.images), 'image')}: {shown}")
        table.add_row(cause, Text(points_cell(finding.points)), words)
    return table


def short_lines(findings: Sequence[Finding], width: int) -> tuple[str, ...]:
    """Findings that are not told at length: a line each under their verdict, one for all that lack the same thing."""
    lines: list[str] = []
    for verdict, sign in VERDICT_SIGNS.items():
        some = [finding for finding in findings if finding.verdict == verdict]
        if not some:
            continue
        lines += ["", f"{sign} {verdict.capitalize()}"]
        groups = not_judged(some)
        together = [finding for group in groups for finding in group]
        texts = [f"{finding.cause}: {finding_in_short(finding)}" for finding in some if finding not in together]
        for text in (*texts, *map(not_judged_sentence, groups)):
            lines.append(textwrap.fill(text, min(width, READABLE), initial_indent="  ", subsequent_indent="    "))
    return tuple(lines)


def remedies_table(remedies: Sequence[Remedy], console: Console, score: str = "accuracy") -> Table:
    """What was tried, and what it gained."""
    from rich.text import Text

    table = empty_table(f"What would help: test {score} with it minus without it", console)
    table.add_column("remedy", ratio=1)
    table.add_column("points gained", justify="right", no_wrap=True)
    for remedy in remedies:
        star = " *" if remedy.exploratory else ""
        gain = f"{signed(remedy.gain_points.value)} {bracketed(remedy.gain_points)}"
        table.add_row(Text(f"{remedy.name}{star}"), Text(gain))
    return table


def limit_lines(diagnosis: Diagnosis, width: int) -> tuple[str, ...]:
    """What the data cannot tell, and the images whose review would settle it."""
    items = list(diagnosis.limits)
    if diagnosis.review:
        many = count(len(diagnosis.review), "image")
        items.append(f"`heldout serve` has a page on which the {many} are read blind; `heldout report` a list of them.")
    if not items:
        return ()
    lines = [textwrap.fill(item, min(width, READABLE), initial_indent="- ", subsequent_indent="  ") for item in items]
    return ("", LIMITS, *lines)


def note(diagnosis: Diagnosis) -> str:
    """Method, number of images, replicates and seed."""
    gap = diagnosis.gap_points
    method = f"{gap.method}, {gap.n} {diagnosis.unit.words}; " if gap else ""
    seed = f"B = {diagnosis.bootstrap}, seed {diagnosis.bootstrap_seed}"
    return f"Intervals are 95 % ({method}{seed}). Formulas and limits: docs/diagnosis.md"


def show_lines(env: Environment, lines: Sequence[str]) -> None:
    """Print some lines."""
    for line in lines:
        env.say(line)


def points_cell(points: Estimate | None) -> str:
    """Points that a cause takes from test, their interval on a line of its own."""
    return "–" if points is None else f"{number(points.value)}\n{bracketed(points)}"
