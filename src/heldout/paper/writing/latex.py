r"""LaTeX: tables with booktabs, text in which every sign of TeX is escaped, citations as \cite.

What pdfTeX has no letter for (Chinese, Arabic …) is left as it is: such a file needs XeLaTeX or LuaLaTeX, and says so.
"""

from __future__ import annotations

import re

from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph, Part, heading, shown
from heldout.report.blocks import Cell, Column, Table
from heldout.shown import shown as visible

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "−": r"\ensuremath{-}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "·": r"\textperiodcentered{}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "→": r"\ensuremath{\rightarrow}",
    "≈": r"\ensuremath{\approx}",
    "√": r"\ensuremath{\surd}",
    "Σ": r"\ensuremath{\Sigma}",
    "α": r"\ensuremath{\alpha}",
    "π": r"\ensuremath{\pi}",
    "°": r"\textdegree{}",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "½": r"\textonehalf{}",
    "●": r"\ensuremath{\bullet}",
    "○": r"\ensuremath{\circ}",
    "◐": r"\ensuremath{\odot}",
    "✓": r"\ensuremath{\surd}",
    "«": r"\guillemotleft{}",
    "»": r"\guillemotright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "\u00a0": "~",
    "\u200b": "",
}
"""Sign -> what sets it. A bracket or a star at the beginning of a row would be an option of the `\\\\` before it."""

LIGATURE = re.compile(r"(-|'|,)(?=\1)")
"""What becomes another sign when it stands twice: a name keeps its own."""

PDFTEX = re.compile(r"[\x20-\x7e\u00a0-\u017f]")
"""What pdfTeX sets with inputenc and fontenc T1: ASCII and the Latin letters of Europe."""

LONG = 32
"""Rows from which a table may break over pages."""

SENTENCE, FEW = 45, 6
"""Characters from which a cell is broken into lines, in a table of at most so many columns."""

FULL = 1800
"""Characters from which a table of sentences may break over pages, about half of one."""

WEIGHT = (6, 18, 60)
"""Characters that a column of a table of sentences counts for: at least, at most without and with sentences."""

BREAK = re.compile(r"(\\_|/|:)(?=\S)")
"""After what a long name may be broken."""

PREAMBLE = r"""% Made by heldout. In the preamble:
% \usepackage[T1]{fontenc} \usepackage{textcomp,booktabs,graphicx,array,longtable}
"""

BEYOND = "% Needs XeLaTeX or LuaLaTeX and a font with these letters: {}\n"


def escaped(text: str) -> str:
    r"""Text as it is, whatever signs it holds.

    >>> escaped("50 % of a_b & c")
    '50 \\% of a\\_b \\& c'
    """
    safe = "".join(SIGNS.get(sign, sign) for sign in visible(" ".join(text.split())))
    return LIGATURE.sub(r"\1{}", safe)


def beyond(text: str) -> str:
    """The letters of a text that pdfTeX cannot set, each once."""
    return "".join(sorted({sign for sign in text if not PDFTEX.match(sign) and not sign.isspace()}))


def label(name: str) -> str:
    """A name as part of a label: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)


def table(block: Table) -> str:
    """A table in booktabs, its caption above, its notes beneath; shrunk to the line where it is wider.

    Sentences get columns of a fixed width, in which they break; long tables break over pages.
    """
    columns = block.headings
    told = any(column.say for column in columns) or (len(columns) <= FEW and max(widths(block)) > SENTENCE)
    signs = sum(len(shown(cell, True)) for row in block.shown for cell in row)
    long_ = len(block.rows) > LONG or (told and signs > FULL)
    prose = told or long_
    head = [_head(column, prose) for column in columns]
    rows = [[_cell(cell, column, prose) for cell, column in zip(row, columns, strict=True)] for row in block.shown]
    kinds = _shared(block) if prose else "".join("r" if column.number else "l" for column in columns)
    made = _long(block, kinds, head, rows) if long_ else _short(block, kinds, head, rows, shrink=not told)
    return PREAMBLE + _warning(made) + made


def _warning(made: str) -> str:
    letters = beyond(made)
    return BEYOND.format(letters) if letters else ""


def widths(block: Table) -> list[int]:
    """Characters of the longest cell of each column."""
    return [
        max((len(shown(row[place], column.number)) for row in block.shown), default=0)
        for place, column in enumerate(block.headings)
    ]


def _shared(block: Table) -> str:
    """Columns that share the line by how much they hold."""
    weights = [
        min(max(widest, len(column.heading), WEIGHT[0]), WEIGHT[2] if column.say else WEIGHT[1])
        for widest, column in zip(widths(block), block.headings, strict=True)
    ]
    room = 1 - 0.03 * len(weights)  # of the line, about two \tabcolsep a column
    sides = [r"\raggedleft" if column.number else r"\raggedright" for column in block.headings]
    return "".join(
        rf">{{{side}\arraybackslash}}p{{{room * weight / sum(weights):.3f}\linewidth}}"
        for side, weight in zip(sides, weights, strict=True)
    )


def _stacked(lines: list[str], number: bool, place: str) -> str:
    """Lines one above the other in one cell."""
    told = [line for line in lines if line]
    if len(told) < 2:
        return "".join(told)
    side, inner = "r" if number else "l", r" \\ ".join(told)
    return rf"\begin{{tabular}}[{place}]{{@{{}}{side}@{{}}}}{inner}\end{{tabular}}"


def _head(column: Column, prose: bool) -> str:
    if prose:
        return breakable(escaped(heading(column.heading, column.unit)))
    text = _stacked([escaped(column.heading), escaped(column.unit)], column.number, "b")
    return rf"\multicolumn{{1}}{{r}}{{{text}}}" if column.number else text


def _cell(cell: Cell, column: Column, prose: bool) -> str:
    if prose or not column.number:
        return _strong(breakable(escaped(shown(cell, column.number))), cell.strong)
    note = escaped(f"({cell.note})") if cell.note else ""
    return _stacked([_strong(escaped(cell.text), cell.strong), note], column.number, "t")


def _strong(text: str, strong: bool) -> str:
    return rf"\textbf{{{text}}}" if strong and text else text


def breakable(text: str) -> str:
    """Escaped text that may be broken after the signs that names are joined by."""
    return BREAK.sub(r"\1\\allowbreak{}", text)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _short(block: Table, kinds: str, head: list[str], rows: list[list[str]], shrink: bool) -> str:
    body = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", _line(head), r"\midrule", *map(_line, rows)]
    body += [r"\bottomrule", r"\end{tabular}"]
    inner = "%\n".join(["{", *(f"  {line}" for line in body), "}"])
    whole = [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}" + inner] if shrink else body
    notes = [rf"\par\smallskip\footnotesize {escaped(' '.join(block.notes))}"] if block.notes else []
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small" if shrink else r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{escaped(block.caption)}}}",
            rf"\label{{tab:{label(block.id)}}}",
            *whole,
            *notes,
            r"\end{table}",
            "",
        ]
    )


def _long(block: Table, kinds: str, head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(
        [
            r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{longtable}}{{{kinds}}}",
            rf"\caption{{{escaped(block.caption)}}}\label{{tab:{label(block.id)}}}\\",
            r"\toprule",
            _line(head),
            r"\midrule",
            r"\endfirsthead",
            r"\toprule",
            _line(head),
            r"\midrule",
            r"\endhead",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{longtable}",
            *([rf"\par\smallskip {escaped(' '.join(block.notes))}"] if block.notes else []),
            r"\endgroup",
            "",
        ]
    )


SECTIONS = {1: "section", 2: "subsection", 3: "subsubsection"}


def part(block: Part) -> str:
    """One part of a document."""
    if isinstance(block, Heading):
        return rf"\{SECTIONS[block.level]}{{{escaped(block.text)}}}" + "\n"
    if isinstance(block, Paragraph):
        return "\n".join(cited(text, keys) for text, keys in block.sentences) + "\n"
    if isinstance(block, Bullets):
        return "\n".join([r"\begin{itemize}", *(rf"\item {escaped(i)}" for i in block.items), r"\end{itemize}", ""])
    if isinstance(block, Listing):
        return "".join(rf"\texttt{{{escaped(line)}}}\\" + "\n" for line in block.text.split("\n")) + "\n"
    return table(block)


def cited(text: str, keys: tuple[str, ...]) -> str:
    r"""A sentence with its sources before the full stop: `~\cite{holm1979}`."""
    safe = escaped(text)
    if not keys:
        return safe
    where = rf"~\cite{{{','.join(keys)}}}"
    return f"{safe[:-1]}{where}." if safe.endswith(".") else f"{safe}{where}"


def document(whole: Document) -> str:
    r"""The document as text to be read in by \input."""
    made = "\n".join([rf"\section{{{escaped(whole.title)}}}" + "\n", *map(part, whole.parts)])
    return PREAMBLE + _warning(made) + made
