"""Tables and text in three formats: what names of other people hold is shown as it is, and never obeyed."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import docx
import pytest
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import LatexWalker

from heldout.paper.collect import collected, turned
from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph, to_fill
from heldout.paper.references import REFERENCES, bibtex
from heldout.paper.writing import latex, markdown, word
from heldout.report.blocks import Cell, Column, Fault, Page, PageSection, Table
from heldout.report.material import Material
from heldout.report.page import compose

HOSTILE = (
    r"a_b % & # { } \ ~ ^ $ c",
    r"\input{/etc/passwd} $x^2$ \\",
    "[3ex] * ``quoted'' -- --- <<x>>",
    "中文 | 名字",
    "| pipe | `code` *bold* <b>tag</b> ![x](y)",
    "=1+1",
    "%",
    "Ångström − 5 µm × 3 ≤ 4 … «x»",
)


def table(names: tuple[str, ...] = HOSTILE) -> Table:
    rows = tuple((Cell(name, "frozen"), Cell("82.5 %", "78.4–86.0", strong=True), Cell(name)) for name in names)
    columns = (Column("Run_1"), Column("Test", "accuracy, %", number=True), Column("Said", say=True))
    return Table("the_table", f"Caption {names[0]}", columns, rows, (f"Note {names[1]}",))


SIGNS = {"textless": "<", "textgreater": ">", "textbar": "|", "textbackslash": "\\", "textasciigrave": "`"}
SIGNS |= {"textasciitilde": "~", "textasciicircum": "^", "textquotedbl": '"', "textperiodcentered": "·"}
"""Macros of LaTeX and textcomp that the parser does not know by itself."""


def read_back(text: str) -> str:
    """What LaTeX would show of escaped text, by a parser that stops at any fault."""
    nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    known = get_default_latex_context_db()
    known.add_context_category("signs", macros=[MacroTextSpec(*pair) for pair in SIGNS.items()], prepend=True)
    return str(LatexNodes2Text(latex_context=known, strict_latex_spaces=True).nodelist_to_text(nodes))


ALIKE = str.maketrans({"−": "-"})


@pytest.mark.parametrize("name", [*HOSTILE, "a--b", "x''y", ",,", "?`", "_" * 3])
def test_latex_shows_a_name_as_it_is(name: str) -> None:
    plain = " ".join(name.split())
    assert read_back(latex.escaped(name)).translate(ALIKE) == plain.translate(ALIKE)
    assert not re.search(r"(?<!\\)[%&#$_]", re.sub(r"\\[a-zA-Z]+", "", latex.escaped(name)).replace("\\_", ""))


def test_a_latex_table_has_its_rows_and_no_more() -> None:
    text = latex.table(table())
    LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    assert text.count(r"\begin{") == text.count(r"\end{")
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.rstrip("%").rstrip().endswith(r"\\")]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in rows)
    assert "Needs XeLaTeX" in text and "中文" in text


def test_ascii_tables_need_nothing_special() -> None:
    assert "Needs" not in latex.table(table(HOSTILE[:3]))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here")
def test_tex_itself_takes_tables_and_text(evil: Material, tmp_path: Path) -> None:
    found = collected(compose(evil))
    latin = [name for name in HOSTILE if not re.search("[\u4e00-\u9fff]", name)]
    whole = Document("M_1 & 2", (Heading("H %"), Paragraph((("A $b$.", ("holm1979",)),)), Bullets(("[x]", "*"))))
    parts = [latex.document(whole), latex.table(table(tuple(latin)))]
    parts += [latex.table(one) for one in [*found.tables.values()][:6]]
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,graphicx,array,longtable}"
    text = "\n".join([head, r"\begin{document}", *parts, r"\end{document}"])
    (tmp_path / "a.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert result.returncode == 0, result.stdout[-1500:]


def test_markdown_keeps_its_columns_and_shows_names() -> None:
    text = markdown.table(table())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert "<b>" not in text.replace("\\<b\\>", "") and "![" not in text.replace("\\!\\[", "")
    for name in HOSTILE:
        shown = re.sub(r"\\(.)", r"\1", text).replace("&amp;", "&")
        assert " ".join(name.split()) in shown


def test_docx_opens_again_with_every_cell() -> None:
    content = word.tables([table()], "T")
    made = docx.Document(io.BytesIO(content))
    (grid,) = made.tables
    assert len(grid.rows) == 1 + len(HOSTILE)
    for row, name in zip(grid.rows[1:], HOSTILE, strict=True):
        assert [cell.text for cell in row.cells] == [f"{name}\nfrozen", "82.5 %\n78.4–86.0", name]
    assert word.tables([table()], "T") == content, "equal tables are equal files"
    assert docx.Document(io.BytesIO(word.tables([table(("\x00\x1b", "\ufffe"))], "T"))).tables


def test_a_gap_is_seen_in_every_format() -> None:
    whole = Document("M", (Paragraph((("Known.", ("holm1979",)), (to_fill("who_read it"), ()))), Listing("a\nb")))
    assert "Known [@holm1979]. [TO FILL: who\\_read it]" in markdown.document(whole)
    assert r"Known~\cite{holm1979}." in latex.document(whole)
    assert "TO FILL: who_read it" in read_back(latex.document(whole).split("section{M}")[1])
    runs = docx.Document(io.BytesIO(word.document(whole))).paragraphs[1].runs
    assert [run.text for run in runs if run.bold] == ["[TO FILL: who_read it]"]


def test_all_tables_of_a_page_once_and_what_failed(evil: Material) -> None:
    page = compose(evil)
    found = collected(page)
    assert {"scores", "data-table", "settings-table", "excluded", "pairs-table"} <= found.tables.keys()
    assert "overview" in found.charts and found.faults == ()
    assert not any("A click" in chart.caption for chart in found.charts.values())
    broken = PageSection("s", "S", "", (Fault("Figure X", "why"), table(), table()))
    again = collected(Page(page.title, "", page.answer, (), (broken,), ""))
    assert again.faults == ("Figure X: why",) and list(again.tables) == ["the_table", "the_table-2"]


def test_many_settings_stand_as_rows() -> None:
    columns = tuple(Column(f"c{number}", number=True) for number in range(15))
    wide = Table("w", "W", columns, (tuple(Cell(f"{number}", "n") for number in range(15)),))
    tall = turned(wide)
    assert [column.heading for column in tall.headings] == ["c0", "0, n"]
    assert [row[0].text for row in tall.shown] == [f"c{number}" for number in range(1, 15)]
    assert tall.shown[3][1].text == "4" and turned(tall) == tall


def test_references_are_whole() -> None:
    text = bibtex(REFERENCES)
    entries = re.findall(r"^@(\w+)\{(\w+),$", text, re.MULTILINE)
    assert len(entries) == len(REFERENCES) and text.count("{") == text.count("}")
    for key, fields in REFERENCES.items():
        assert {"type", "author", "title", "year"} <= fields.keys(), key
        assert (
            key.startswith(re.split(r"[,\s]", fields["author"])[0].lower()[:2])
            or key == "zaken2022"
            or key == "razavian2014"
        )
        assert fields["year"] in key
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "10.1000/none")), key
        assert re.fullmatch(r"e?\d+(–\d+)?", fields.get("pages", "1")), key
    assert text.count("\n  title = {{") == len(REFERENCES), "styles that set titles in small letters"
