"""A diagnosis on the terminal: what is said first, bars that add up, no width that breaks it."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from heldout.answer.why import CHECKED, headline
from heldout.cli.env import Environment
from heldout.cli.views.diagnose import LOWERS, RAISES, budget_lines, show_diagnosis
from heldout.records import USUAL_TERMS, BudgetTerm, ClassRow, Diagnosis, Estimate, TermStatus
from tests.report.made_diagnosis import diagnose_study, with_groups, without_gap
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
    show_diagnosis(diagnosis, env, "lite0 (finetune)")
    assert env.stderr.getvalue() == ""  # type: ignore[attr-defined]
    return str(env.stdout.getvalue())  # type: ignore[attr-defined]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_summary_comes_before_the_bars_and_these_before_the_table(made: Diagnosis) -> None:
    out = shown(made)
    assert flat(out).startswith(headline(made, "lite0 (finetune)"))
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
    assert max(map(len, out.splitlines())) <= width
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
    assert len(lines) == len(USUAL_TERMS) + 2
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
    assert "Together 16.0 points" in budget_lines(made, 150)[10]


def test_points_are_those_lost_on_test_with_their_interval(made: Diagnosis) -> None:
    lines = "\n".join(budget_lines(made, 80))
    assert re.search(r"threshold +6\.2 \[3\.1, 9\.3\]", lines)
    assert re.search(r"prior +−1\.5 \[−2\.4, −0\.6\]", lines)
    assert re.search(r"leakage +0\.0 \[0\.0, 0\.0\]", lines)


def test_a_term_that_was_not_measured_says_so_beside_its_bar(made: Diagnosis) -> None:
    budget = tuple(
        dataclasses.replace(term, status=TermStatus.NOT_MEASURED) if term.term == "leakage" else term
        for term in made.budget
    )
    lines = budget_lines(dataclasses.replace(made, budget=budget), 80)
    assert [line for line in lines if "not measured" in line] == [line for line in lines if "leakage " in line][:1]
    assert "0.0" not in next(line for line in lines if "not measured" in line)


def test_a_gap_that_covers_zero_is_said_first_and_nothing_is_explained(made: Diagnosis) -> None:
    out = shown(without_gap(made))
    assert flat(out).startswith(headline(without_gap(made), "lite0 (finetune)"))
    for absent in ("From validation to test", "What would help", "What was found", "→"):
        assert absent not in out
    assert CHECKED in out and "● Established" in out


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
    assert flat(out).startswith(headline(bare, "lite0 (finetune)")) and "needs a test set" in out
    assert CHECKED not in out and "cannot tell" not in out


def test_causes_that_lack_the_same_are_named_in_one_line(made: Diagnosis) -> None:
    open_ = next(finding for finding in made.findings if finding.verdict == "not identifiable")
    lacking = [
        dataclasses.replace(open_, code=name, cause=name.title(), shared_reason="the experiments were switched off")
        for name in ("blur", "token", "norm")
    ]
    out = flat(shown(dataclasses.replace(made, findings=(*made.findings, *lacking)), 150))
    assert "Not judged, since the experiments were switched off: Blur, Token, Norm." in out
    assert out.count("the experiments were switched off") == 1 and "Blur:" not in out
    assert f"{open_.cause}: " in out, "who has a reason of its own keeps its line"


def test_text_in_brackets_is_not_taken_for_markup(made: Diagnosis) -> None:
    finding = dataclasses.replace(made.findings[0], cause="[red]evil[/red]", sentence="[bold]found[/bold] [/x]")
    out = shown(dataclasses.replace(made, findings=(finding,)), 150)
    assert "[red]evil[/red]" in out and "[bold]found[/bold] [/x]" in out


def test_exploratory_gains_are_marked_and_the_best_comes_first(made: Diagnosis) -> None:
    out = shown(made)
    assert "trained with blur *" in out
    assert out.index("threshold set on half") < out.index("trained with blur *") < out.index("* Exploratory")
    honest = dataclasses.replace(made, remedies=made.remedies[:1])
    assert "xploratory" not in shown(honest)


def test_it_prints_to_a_pipe(made: Diagnosis, tmp_path: Path) -> None:
    env = Environment(io.StringIO(), io.StringIO())
    show_diagnosis(made, env)
    out = env.stdout.getvalue()  # type: ignore[attr-defined]
    assert out.startswith(made.run) and "\x1b" not in out


def carried(k: int) -> ClassRow:
    recall = Estimate(0.5, 0.4, 0.6, 50, "made")
    points = Estimate(float(k), k - 1.0, k + 1.0, 50, "made")
    return ClassRow(
        f"class {k}", 0.01, 0.13, recall, recall, points, prior_points=points, train_images=26 if k else None
    )


@pytest.mark.parametrize("width", [80, 150])
def test_classes_are_told_with_what_they_carry_and_their_training_images(made: Diagnosis, width: int) -> None:
    out = shown(dataclasses.replace(made, classes=tuple(carried(k) for k in range(3))), width)
    assert max(map(len, out.splitlines())) <= width
    lines = [line for line in out.splitlines() if "class 2" in line]
    assert lines and "26" in lines[0] and "13.0 %" in out and "[1.0, 3.0]" in out


def test_of_many_classes_those_that_lose_most_are_told(made: Diagnosis) -> None:
    out = shown(dataclasses.replace(made, classes=tuple(carried(k) for k in range(40))), 120)
    assert "class 39" in out and "class 5 " not in out
    # Wording is the promise here: whoever reads on learns that there are more.
    assert "8 of 40" in out


def test_which_class_validation_lacks_stands_under_the_bars(made: Diagnosis) -> None:
    absent = BudgetTerm("absent", Estimate(1.1, 0.9, 1.4, 100, "made"), "absent from validation: 3 of 100 test images")
    out = shown(dataclasses.replace(made, budget=(absent, *made.budget)), 100)
    assert absent.detail in flat(out)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_who_loses_most_is_a_short_table(made: Diagnosis, width: int) -> None:
    out = shown(with_groups(made), width)
    assert all(len(line.rstrip()) <= width for line in out.splitlines() if "│" in line or "─" in line)
    said = flat(out)
    places = [said.index(name) for name in ("● device", "sex male", "sex female")]
    assert places == sorted(places)
    assert "only in test" in said and "accession" in said
    assert "sex male, device old" not in said, "a common part that does not stand out is left to the report"
    assert "Who loses most" not in shown(made, width)
