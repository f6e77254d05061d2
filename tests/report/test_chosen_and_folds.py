"""What a search for a recipe and a cross-validation add to the page: their numbers, and no sentence that is not so."""

from __future__ import annotations

from heldout.report.blocks import Fault
from heldout.report.first_screen import CautionKind, cautions
from heldout.report.material import Material
from heldout.report.page import render
from tests.report.pages import charts, composed, read, tables


def test_the_numbers_are_those_of_the_comparison(crossed: Material) -> None:
    page = composed(crossed)
    assert not [block for section in page.sections for block in section.blocks if isinstance(block, Fault)]
    (pair,), found = crossed.comparison.fold_pairs, tables(page)
    (row,) = read(found["fold-pairs-table"].sheet)
    assert (row["model_a"], row["strategy_b"], row["folds"], row["repeats"]) == (
        pair.model_a,
        pair.strategy_b,
        "3",
        "2",
    )
    assert [float(row[f"difference_points{end}"]) for end in ("", "_low", "_high")] == [-2.0, -5.0, 1.0]
    (drawn,) = read(next(chart for chart in charts(page) if chart.id == "fold-pairs").sheet)
    assert (drawn["model_a"], drawn["strategy_a"]) == (pair.model_b, pair.strategy_b)
    assert [float(drawn[name]) for name in ("difference_points", "low", "high")] == [2.0, -1.0, 5.0]
    (chosen,) = read(found["choosing"].sheet)
    assert float(chosen["accuracy"]) == 0.8
    (search,) = crossed.comparison.selections
    rows = read(found["candidates-1"].sheet)
    assert [row["standing"] for row in rows] == ["as good, as far as can be told", "worse", "recommended"]
    assert [float(row["low"]) for row in rows] == [one.low for one in search.behind]
    figure = read(next(chart for chart in charts(page) if chart.id == "candidates").sheet)
    assert [(row["rung"], float(row["points"])) for row in figure] == [("1", -1.0), ("1", -21.0), ("2", 0.0)]
    told = render(page)
    assert "cannot be told from it alone: +1.0 points" in told and "was left behind after 1 rung" in told


def test_a_cross_validated_study_is_told_as_one(crossed: Material) -> None:
    page = composed(crossed)
    told = render(page)
    for wrong in ("were steered by", "kept None", "Ring: the epoch", "Train was scored again", "--seeds 3"):
        assert wrong not in told, wrong
    assert "validation out of fold" in told and "the mean over the folds" in told
    (caution,) = (one for one in cautions(crossed) if one.kind is CautionKind.ONE_SEED)
    assert "--repeats 3" in caution.text
    assert "Train" not in [column.heading for column in tables(page)["scores"].headings]
    assert "the command makes the chosen run, not the search" in told


def test_other_studies_say_nothing_of_it(four: Material) -> None:
    page = composed(four)
    assert not {"folds", "selection"} & {section.id for section in page.sections}
    assert "were steered by" in render(page)
