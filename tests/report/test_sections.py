"""Sections are plug-ins: one file of another package is enough, and the page knows none by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from heldout.report import sections as room
from heldout.report.blocks import Block, Cell, Column, Fault, Table
from heldout.report.figures import figures
from heldout.report.material import Material
from heldout.report.page import compose, render
from heldout.report.section import Section
from heldout.report.sections import sections
from tests.contract.installed import install


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package with a section, `letters`."""
    install(monkeypatch, tmp_path)


@pytest.mark.usefixtures("plugged")
def test_one_file_in_another_package_is_a_section_of_the_page(four: Material) -> None:
    page = compose(four)
    names = [section.id for section in page.sections]
    assert names[names.index("letters") - 1 : names.index("letters") + 2] == ["comparison", "letters", "pairs"]
    table = page.sections[names.index("letters")].blocks[-1]  # its figure stands before it
    assert isinstance(table, Table)
    assert table.sheet.rows == tuple((four.names[row.id].label, row.epochs) for row in four.runs)
    html = render(page)
    assert '<a href="#letters">Letters</a>' in html and 'id="letters-table"' in html


def test_a_section_that_breaks_costs_itself_only(four: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(material: Material) -> Sequence[Block]:
        raise ZeroDivisionError("planted")

    assert sections.names()
    monkeypatch.setitem(sections._found, "pairs", Section("pairs", "Pairs", "", 800, broken, figures_first=False))
    page = compose(four)
    faults = [(section.id, b) for section in page.sections for b in section.blocks if isinstance(b, Fault)]
    assert [(id_, fault.title) for id_, fault in faults] == [("pairs", "Pairs")]


def test_every_section_has_a_place_of_its_own_and_every_figure_a_section() -> None:
    orders = [section.order for section in sections]
    assert len(set(orders)) == len(orders)
    known = {section.name for section in sections}
    assert {figure.section for figure in figures} - known == {"first"}


def test_the_page_names_no_section() -> None:
    text = (Path(room.__file__).parent.parent / "page.py").read_text(encoding="utf-8")
    named = [section.name for section in sections if re.search(rf"[\"']{section.name}[\"']", text)]
    assert not named and "sections." not in text.replace("report.sections import", "").replace("page.sections", "")


def test_a_table_is_saved_from_the_cells_it_shows() -> None:
    table = Table(
        "t",
        "T",
        (Column("Run", saved_as=("run", "label")), Column("Hidden", shown=False), Column("Link", saved_as=())),
        ((Cell("a", saved=("id-a", "a")), Cell("", saved=(0.1 + 0.2,)), Cell("see")),),
    )
    assert table.sheet.csv() == "run,label,Hidden\r\nid-a,a,0.30000000000000004\r\n"
    assert [column.heading for column in table.headings] == ["Run", "Link"]
    assert [cell.text for cell in table.shown[0]] == ["a", "see"]


def test_a_table_whose_cells_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        Table("t", "T", (Column("a"), Column("b")), ((Cell("x"),),))
    with pytest.raises(ValueError, match="cannot be saved as"):
        Table("t", "T", (Column("a", saved_as=("low", "high")),), ((Cell("x"),),))
