r"""LaTeX: tables with booktabs, text in which every sign of TeX is escaped, citations as \cite.

What pdfTeX has no letter for (Chinese, Arabic …) is left as it is: such a file needs XeLaTeX or LuaLaTeX, and says so.
"""

from __future__ import annotations

import re

from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph, Part, heading, shown
from heldout.report.blocks import Column, Table
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
"""Sign -> what sets it. A bracket or a star at the beginning of a row would be taken for an option of the `\\\\` before."""

LIGATURE = re.compile(r"(-|'|,)(?=\1)")
"""What becomes another sign when it stands twice: a name keeps its own."""

PDFTEX = re.compile(r"[\x20-\x7e\u00a0-\u017f]")
"""What pdfTeX sets with inputenc and fontenc T1: ASCII and the Latin letters of Europe."""

LONG = 32
"""Rows from which a table may break over pages."""

ROOM = (0.34, 0.94)
"""Share of the line for the columns of sentences, if there are other columns, and if there are none."""

PREAMBLE = r"""% Made by heldout. In the preamble: \usepackage[T1]{fontenc} \usepackage{textcomp,booktabs,graphicx,array,longtable}
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
    """A table in booktabs, its caption above, its notes beneath; shrunk to the line where it is wider."""
    columns = block.headings
    head = [_head(column) for column in columns]
    rows = [
        [_cell(cell.strong, shown(cell, column.number)) for cell, column in zip(row, columns, strict=True)]
        for row in block.shown
    ]
    kinds = "".join(map(str, _kinds(columns)))
    made = _long(block, kinds, head, rows) if len(rows) > LONG else _short(block, kinds, head, rows)
    return PREAMBLE + _warning(made) + made


def _warning(made: str) -> str:
    letters = beyond(made)
    return BEYOND.format(letters) if letters else ""


def _kinds(columns: tuple[Column, ...]) -> list[str]:
    told = [column.say for column in columns]
    share = ROOM[0 if not all(told) else 1] / max(sum(told), 1) * (2 if 0 < sum(told) < len(told) else 1)
    return [
        rf">{{\raggedright\arraybackslash}}p{{{share:.2f}\linewidth}}" if say else "r" if column.number else "l"
        for column, say in zip(columns, told, strict=True)
    ]


def _head(column: Column) -> str:
    text = escaped(heading(column.heading, column.unit))
    return rf"\multicolumn{{1}}{{r}}{{{text}}}" if column.number else text


def _cell(strong: bool, text: str) -> str:
    safe = escaped(text)
    return rf"\textbf{{{safe}}}" if strong and safe else safe


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _short(block: Table, kinds: str, head: list[str], rows: list[list[str]]) -> str:
    body = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", _line(head), r"\midrule", *map(_line, rows)]
    body += [r"\bottomrule", r"\end{tabular}"]
    inner = "%\n".join(["{", *(f"  {line}" for line in body), "}"])
    notes = [rf"\par\smallskip\footnotesize {escaped(' '.join(block.notes))}"] if block.notes else []
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small",
            rf"\caption{{{escaped(block.caption)}}}",
            rf"\label{{tab:{label(block.id)}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}" + inner,
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
