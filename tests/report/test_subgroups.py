"""Who loses most, in the report: those that lose most first, common parts folded, columns without groups by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from heldout.records import Diagnosis, Subgroup
from heldout.records.codec import from_data, to_data, write_record
from heldout.report.blocks import Chart, Fold, Prose, Table
from heldout.report.material import gather
from heldout.report.page import compose, render
from tests.report.made_diagnosis import diagnose_study, estimate, with_groups
from tests.report.pages import section
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = make_study(tmp_path_factory.mktemp("made") / "study", runs=RUNS[:1])
    (made,) = diagnose_study(study, quality=False, pixels=False)
    write_record(study / "diagnosis" / f"{made.run}.json", with_groups(made))
    return study


def test_groups_stand_in_a_table_those_that_lose_most_first(folder: Path) -> None:
    page = compose(gather(folder))
    chart, table, fold, left = section(page, "subgroups")
    assert isinstance(chart, Chart) and isinstance(table, Table) and isinstance(fold, Fold) and isinstance(left, Prose)
    names = [row[1].text for row in table.rows]
    assert names == ["device old", "sex male", "sex female", "device new", "site <b>south</b>"]
    assert [row[1].strong for row in table.rows] == [True, False, False, False, False]
    assert table.sheet.header[:3] == ("run", "columns", "group") and "difference_points_low" in table.sheet.header
    (crossed,) = fold.blocks
    assert isinstance(crossed, Table) and len(crossed.rows) == 1
    text = render(page)
    assert "accession" in text and "&lt;b&gt;south" in text and "<b>south" not in text


def test_without_groups_there_is_no_section(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", runs=RUNS[:1])
    diagnose_study(study, quality=False, pixels=False)
    assert "subgroups" not in [one.id for one in compose(gather(study)).sections]


def test_a_record_without_groups_is_read_and_one_with_groups_comes_back_as_it_was(folder: Path) -> None:
    made = with_groups(diagnose_study(folder, quality=False, pixels=False)[0])
    data = to_data(made)
    assert from_data(Diagnosis, data, "made") == made
    older = {key: value for key, value in data.items() if key not in ("groups", "columns_left_out")}
    assert from_data(Diagnosis, older, "older").groups == ()


def test_a_group_needs_no_comparison() -> None:
    assert Subgroup(("site",), "site south", 0, 12, None, estimate(0.5, 0.4, 0.6)).p is None
