"""A diagnosis on the terminal: what is said first, bars that add up, no width that breaks it."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from heldout.cli.views.diagnose import LOWERS, RAISES, _short, budget_lines, headline, show_diagnosis
from heldout.cli.env import Environment
from heldout.records import TERMS, VERDICTS, Diagnosis, Estimate, Finding
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from tests.report.made_diagnosis import diagnose_study, estimate, without_gap
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """Validation 96 %, test 80 %, one finding of every verdict."""
    folder = make_study(tmp_path_factory.mktemp("made") / "study", runs=RUNS[:1])
    return diagnose_study(folder, quality=False, pixels=False)[0]


class Terminal(Environment):
    """An environment as wide as asked."""

    def __init__(self, width: int) -> None:
        super().__init__(io.StringIO(), io.StringIO())
        self.width = width

    def console(self, stderr: bool = False) -> Console:
        return Console(file=self.stdout, width=self.width, highlight=False)


def shown(diagnosis: Diagnosis, width: int = 80) -> str:
    env = Terminal(width)
    show_diagnosis(diagnosis, env, {diagnosis.run: "lite0 finetune"})
    assert env.stderr.getvalue() == ""  # type: ignore[attr-defined]
    return str(env.stdout.getvalue())  # type: ignore[attr-defined]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_summary_comes_before_the_bars_and_these_before_the_table(made: Diagnosis) -> None:
    out = shown(made)
    assert out.startswith("lite0 finetune: validation 96.0 %, test 80.0 %: 16.0 points lower [12.5, 19.5].\n")
    places = [
        flat(out).index(text)
        for text in (
            made.summary,
            "From validation to test",
            "What was found",
            "● established",
            "○ Excluded",
            "? Not identifiable",
            "– Not applicable",
            "! Failed",
            "What would help",
            "What these data cannot tell",
            "B = 1000, seed 7",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [80, 150, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(made: Diagnosis, width: int) -> None:
    out = shown(made, width)
    first, *rest = out.splitlines()
    assert first.startswith("lite0")
    assert max(map(len, rest)) <= width
    squeezed = "".join(out.split())
    for finding in made.findings:
        if finding.verdict in ("established", "suggested"):
            assert finding.verdict in out
            assert all(word in squeezed for word in finding.remedy.split())
    assert out.count(made.findings[0].images[0]) == 1


def bar_ends(line: str) -> tuple[int, int]:
    spots = [i for i, letter in enumerate(line) if letter in LOWERS + RAISES + "|"]
    return spots[0], spots[-1] + 1


def test_bars_go_down_from_validation_to_test_without_a_step_left_out(made: Diagnosis) -> None:
    lines = [line for line in budget_lines(made, 150) if re.match(r"\s*(validation|test|\w+ \()", line)]
    assert len(lines) == len(TERMS) + 2
    ends = [bar_ends(line) for line in lines]
    at = ends[0][1]
    for term, line, (start, end) in zip(made.budget, lines[1:-1], ends[1:-1], strict=True):
        if LOWERS in line:
            assert abs(end - at) <= 1 and term.points.value > 0
            at = start
        elif RAISES in line:
            assert abs(start - at) <= 1 and term.points.value < 0
            at = end
        else:
            assert term.points.value == 0
    assert abs(ends[-1][1] - at) <= 1
    widths = {term.term: end - start for term, (start, end) in zip(made.budget, ends[1:-1], strict=True)}
    assert widths["threshold"] / widths["ranking"] == pytest.approx(6.2 / 10.5, abs=0.06)
    assert "Together -16.0 points" in budget_lines(made, 150)[10]


def test_points_are_a_change_of_test_with_their_interval(made: Diagnosis) -> None:
    lines = "\n".join(budget_lines(made, 80))
    assert re.search(r"threshold +-6\.2 \[-9\.3, -3\.1\]", lines)
    assert re.search(r"prior +\+1\.5 \[0\.6, 2\.4\]", lines)
    assert re.search(r"leakage +0\.0 \[0\.0, 0\.0\]", lines)


def test_a_gap_that_covers_zero_is_said_first_and_nothing_is_explained(made: Diagnosis) -> None:
    out = shown(without_gap(made))
    assert "not distinguishable from no gap (+1.2 points [-2.0, 4.4])" in out.splitlines()[0]
    for absent in ("From validation to test", "What would help", "What was found", "→"):
        assert absent not in out
    assert "Checked all the same" in out and "● Established" in out


def test_without_any_gap_the_reason_is_what_the_summary_says(made: Diagnosis) -> None:
    bare = dataclasses.replace(
        made,
        gap_points=None,
        test_accuracy=None,
        explained=False,
        budget=(),
        findings=(),
        remedies=(),
        review={},
        limits=(),
        summary="Not identifiable: needs a test set.",
    )
    out = shown(bare)
    assert "there is no gap to explain" in out and "needs a test set" in out
    assert "Checked" not in out and "cannot tell" not in out


def test_a_test_that_is_easier_is_said_as_such(made: Diagnosis) -> None:
    higher = dataclasses.replace(made, gap_points=estimate(-5.0, -8.0, -2.0))
    assert headline(higher, "m").endswith("5.0 points higher [2.0, 8.0].")


def test_text_in_brackets_is_not_taken_for_markup(made: Diagnosis) -> None:
    finding = dataclasses.replace(made.findings[0], cause="[red]evil[/red]", sentence="[bold]found[/bold] [/x]")
    out = shown(dataclasses.replace(made, findings=(finding,)), 150)
    assert "[red]evil[/red]" in out and "[bold]found[/bold] [/x]" in out


def test_exploratory_gains_are_marked_and_the_best_comes_first(made: Diagnosis) -> None:
    out = shown(made)
    assert "trained with blur *" in out
    assert out.index("threshold set on half") < out.index("trained with blur *") < out.index("* exploratory")
    honest = dataclasses.replace(made, remedies=made.remedies[:1])
    assert "exploratory" not in shown(honest)


def test_every_term_and_verdict_has_words() -> None:
    assert tuple(TERM_TITLES) == tuple(TERM_WORDS) == TERMS
    assert tuple(VERDICT_SIGNS) == VERDICTS
    assert len(set(VERDICT_SIGNS.values())) == len(VERDICTS)


def test_it_prints_to_a_pipe(made: Diagnosis, tmp_path: Path) -> None:
    env = Environment(io.StringIO(), io.StringIO())
    show_diagnosis(made, env)
    out = env.stdout.getvalue()  # type: ignore[attr-defined]
    assert out.startswith(made.run) and "\x1b" not in out


def test_a_sentence_follows_a_full_stop_and_a_reason_a_semicolon() -> None:
    points = Estimate(2.0, 1.0, 3.0, 100, "made")
    finding = Finding("chance", "Chance", "suggested", points, "The gap is 2.0 points.")
    assert _short(finding) == "2.0 points [1.0, 3.0]. The gap is 2.0 points."
    reasoned = dataclasses.replace(finding, reason="because of luck")
    assert _short(reasoned) == "2.0 points [1.0, 3.0]; because of luck"
    assert _short(dataclasses.replace(finding, points=None)) == "The gap is 2.0 points."
