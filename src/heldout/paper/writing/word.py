"""DOCX by python-docx: real tables and headings, so that they can be edited; the same bytes for the same content."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from heldout.paper.document import OPEN, Bullets, Document, Heading, Listing, Paragraph, heading
from heldout.report.blocks import Cell, Table

if TYPE_CHECKING:
    from docx.document import Document as Word
    from docx.section import Section
    from docx.table import Table as WordTable
    from docx.text.paragraph import Paragraph as WordParagraph

EPOCH = datetime(2000, 1, 1)
"""Date of every file: the hour of making it stands in no file, so that equal studies give equal files."""

WIDE = 7
"""Columns from which the page lies on its side."""

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold; a name may."""

GAP = re.compile(r"(\[TO FILL: .*?\])")


def safe(text: str) -> str:
    """Text without what a document cannot hold."""
    return FORBIDDEN.sub("\ufffd", text)


def document(whole: Document) -> bytes:
    """The document as the bytes of a .docx file."""
    word = _new(whole.title)
    word.add_heading(safe(whole.title), 0)
    for block in whole.parts:
        if isinstance(block, Heading):
            word.add_heading(safe(block.text), block.level)
        elif isinstance(block, Paragraph):
            paragraph = word.add_paragraph()
            for number, (text, keys) in enumerate(block.sentences):
                _written(paragraph, f"{' ' if number else ''}{_cited(text, keys)}")
        elif isinstance(block, Bullets):
            for item in block.items:
                _written(word.add_paragraph(style="List Bullet"), item)
        elif isinstance(block, Listing):
            for line in block.text.split("\n"):
                run = word.add_paragraph().add_run(safe(line))
                run.font.name = "Courier New"
        else:
            _put(word, block)
    return _bytes(word)


def tables(blocks: Sequence[Table], title: str) -> bytes:
    """One or more tables as the bytes of a .docx file."""
    return document(Document(title, tuple(blocks)))


def _new(title: str) -> Word:
    import docx

    word: Word = docx.Document()
    about = word.core_properties
    about.title, about.author, about.comments = safe(title)[:250], "heldout", ""
    about.created = about.modified = EPOCH
    about.last_modified_by, about.revision = "heldout", 1
    return word


def _written(paragraph: WordParagraph, text: str) -> None:
    """Text with its gaps in bold, so that none is overlooked."""
    for piece in GAP.split(safe(text)):
        if piece:
            paragraph.add_run(piece).bold = True if piece.startswith(OPEN) else None


def _cited(text: str, keys: Sequence[str]) -> str:
    where = f" [{', '.join(keys)}]" if keys else ""
    return f"{text[:-1]}{where}." if where and text.endswith(".") else f"{text}{where}"


def _put(word: Word, block: Table) -> None:
    """A table with its caption above and its notes beneath; a wide one on a page that lies on its side."""
    wide = len(block.headings) >= WIDE
    if wide:
        _turn(word, lying=True)
    caption = word.add_paragraph()
    caption.add_run(safe(block.caption)).bold = True
    caption.paragraph_format.keep_with_next = True
    table = word.add_table(rows=1, cols=max(len(block.headings), 1), style="Light List")
    _fill(table, block)
    for note in block.notes:
        word.add_paragraph(safe(note)).paragraph_format.space_after = 0
    if wide:
        _turn(word, lying=False)
    else:
        word.add_paragraph()


def _fill(table: WordTable, block: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    first = table.rows[0]
    mark = OxmlElement("w:tblHeader")  # the head stands again on every page that the table reaches
    first._tr.get_or_add_trPr().append(mark)
    rows: list[Sequence[Cell]] = [[Cell(heading(c.heading, c.unit), strong=True) for c in block.headings], *block.shown]
    for number, row in enumerate(rows):
        cells = first.cells if number == 0 else table.add_row().cells  # type: ignore[no-untyped-call]
        for cell, box, column in zip(row, cells, block.headings, strict=True):
            paragraph = box.paragraphs[0]
            _written(paragraph, cell.text)
            for run in paragraph.runs:
                run.bold = run.bold or cell.strong or None
            if cell.note:
                paragraph.add_run().add_break()
                paragraph.add_run(safe(cell.note))
            if column.number:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            paragraph.paragraph_format.space_after = Pt(0)
            for run in paragraph.runs:
                run.font.size = Pt(8)


def _turn(word: Word, lying: bool) -> None:
    """A new page in the other direction, unless this one lies so already."""
    from docx.enum.section import WD_ORIENT, WD_SECTION

    last: Section = word.sections[-1]
    width, height = last.page_width, last.page_height
    assert width is not None and height is not None
    if (width > height) == lying:
        return
    made = word.add_section(WD_SECTION.NEW_PAGE)
    made.orientation = WD_ORIENT.LANDSCAPE if lying else WD_ORIENT.PORTRAIT
    made.page_width, made.page_height = height, width


def _bytes(word: Word) -> bytes:
    """The file, its parts in order and all of one date."""
    raw, clean = io.BytesIO(), io.BytesIO()
    word.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(clean, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            entry = zipfile.ZipInfo(item.filename, EPOCH.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(item.filename))
    return clean.getvalue()
