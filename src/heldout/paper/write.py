"""From a study to the files of a paper: tables, figures, methods, checklists, flow diagram, references."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heldout._version import __version__
from heldout.errors import UsageError
from heldout.optional import check
from heldout.paper import checklist as lists
from heldout.paper.collect import Collected, collected
from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph
from heldout.paper.flow import Flow, flow_of, mermaid
from heldout.paper.publish import publish
from heldout.paper.references import bibtex
from heldout.paper.statement import Statement, Topic
from heldout.paper.statements import topics
from heldout.paper.writing import latex, markdown
from heldout.report.faults import reason
from heldout.report.material import Material, Wanted, gather
from heldout.report.page import compose

COLUMN, PAGE = 85.0, 170.0
"""Millimetres of one column and of the page of a journal: Elsevier 90 and 190, Nature 88 and 180, Radiology 86 and 178;
a figure of 85 or 170 fits all of them."""

WIDTHS = (60.0, 400.0)
"""Least and greatest width of a figure in millimetres."""

EXTRA = "paper"
"""The extra that installs matplotlib and python-docx."""


@dataclass(frozen=True)
class Paper:
    """What was written.

    Attributes:
        folder: Where.
        files: Paths within it, in order.
        open: Checklist -> rows by status.
        faults: A sentence for every figure or part that could not be made.
        notes: Sentences a person should read: letters without a glyph.
    """

    folder: Path
    files: tuple[str, ...]
    open: dict[str, dict[str, int]]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def write_paper(
    folder: Path, out: Path | None = None, width_mm: float = PAGE, wanted: Wanted | None = None, overwrite: bool = False
) -> Paper:
    """Write what a paper on a study needs.

    Args:
        folder: A study's folder.
        out: Folder to write; `paper` in the study's folder by default, of one of several labels `paper-<label>`.
        width_mm: Width of every figure in millimetres.
        wanted: Metric and unit; None for those of the diagnoses.
        overwrite: Whether files that a person changed, or put there, may be replaced.

    Raises:
        InputError: The folder is not a study, or holds no finished run.
        UsageError: A width that no page has; an unknown metric or unit; files of a person's in the way.
        HeldoutError: matplotlib or python-docx is not installed.
    """
    if not (math.isfinite(width_mm) and WIDTHS[0] <= width_mm <= WIDTHS[1]):
        raise UsageError(f"Found a width of {width_mm:g} mm; expected {WIDTHS[0]:g} to {WIDTHS[1]:g}, as 85 or 170.")
    for module in ("matplotlib", "docx"):
        check(module, EXTRA)
    material = gather(folder, wanted)
    label = material.files.label_folder
    place = out or folder / (f"paper-{label}" if label else "paper")
    page = compose(material)
    found = collected(page)
    told = statements(material)
    files: dict[str, bytes] = {}
    files |= table_files(found, page.title)
    drawn, faults, letters = figure_files(found, flow_of(material), width_mm, page.title)
    files |= drawn
    files |= text_files(told)
    checked, counts = checklist_files(told)
    files |= checked
    files["references.bib"] = bibtex(cited(told)).encode()
    notes = (f"No font here has a sign for {letters}; install one that has, and write the paper again.",) * bool(
        letters
    )
    about = {"version": __version__, "study": material.study.name, "cohort": material.study.cohort}
    publish(place, files, {**about, "split": material.study.split, "width_mm": width_mm}, overwrite)
    return Paper(place, tuple(sorted(files)), counts, (*found.faults, *faults), notes)


def statements(material: Material) -> list[tuple[Topic, tuple[Statement, ...]]]:
    """What each topic says of the study; one that fails asks to be written by hand, and never sinks the others."""
    found = []
    for topic in sorted(topics, key=lambda one: (one.order, one.name)):
        try:
            said = tuple(topic.state(material))
        except Exception as error:  # one broken topic must not sink the paper
            said = (Statement(f"{topic.name}.failed", gap=f"this part; it could not be made ({reason(error)})"),)
        if said:
            found.append((topic, said))
    return found


def cited(told: Sequence[tuple[Topic, Sequence[Statement]]]) -> list[str]:
    """Keys of every source that a statement or a checklist rests on."""
    return [
        *(key for _, said in told for one in said for key in one.cites),
        *(one.source for one in lists.checklists()),
    ]


def table_files(found: Collected, title: str) -> dict[str, bytes]:
    """Each table as LaTeX, Markdown and DOCX, and all of them in one DOCX."""
    from heldout.paper.writing import word

    files = {}
    for name, table in found.tables.items():
        files[f"tables/{name}.tex"] = latex.table(table).encode()
        files[f"tables/{name}.md"] = markdown.table(table).encode()
        files[f"tables/{name}.docx"] = word.tables([table], table.caption)
    files["tables.docx"] = word.tables(list(found.tables.values()), f"Tables: {title}")
    return files


def figure_files(found: Collected, flow: Flow, width_mm: float, title: str) -> tuple[dict[str, bytes], list[str], str]:
    """Each figure as PDF, their captions, the flow diagram; what could not be drawn; letters that no font has."""
    from heldout.paper.drawing.chart import draw_chart, pdf, svg, texts_of
    from heldout.paper.drawing.diagram import draw_flow, texts_of_flow
    from heldout.paper.drawing.text import without_glyph

    files: dict[str, bytes] = {}
    faults: list[str] = []
    captions: list[Heading | Paragraph] = []
    texts = texts_of_flow(flow)
    for name, chart in found.charts.items():
        try:
            files[f"figures/{name}.pdf"] = pdf(draw_chart(chart, width_mm), chart.title)
        except Exception as error:  # one broken figure must not sink the paper
            faults.append(reason(error))
            continue
        captions += [Heading(f"{name}.pdf"), Paragraph(((f"{chart.title}. {chart.caption}", ()),))]
        texts += texts_of(chart)
    whole = Document("Captions of the figures", tuple(captions))
    files["figures/captions.md"] = markdown.document(whole).encode()
    diagram = draw_flow(flow, width_mm)
    files["flow.pdf"], files["flow.svg"] = pdf(diagram, f"Flow: {title}"), svg(diagram, f"Flow: {title}")
    text = Document("Flow of images and patients", (Listing(mermaid(flow), "mermaid"),))
    files["flow.md"] = markdown.document(text).encode()
    return files, faults, without_glyph(texts)


def text_files(told: Sequence[tuple[Topic, Sequence[Statement]]]) -> dict[str, bytes]:
    """Methods and results as Markdown, LaTeX and DOCX."""
    from heldout.paper.writing import word

    files = {}
    for section in ("methods", "results"):
        parts: list[Heading | Paragraph | Bullets] = []
        for topic, said in told:
            if topic.section == section:
                sentences = tuple(sentence for one in said for sentence in one.sentences)
                parts += [*([Heading(topic.title)] if section == "methods" else []), Paragraph(sentences)]
        whole = Document(section.capitalize(), tuple(parts))
        files[f"{section}.md"] = markdown.document(whole).encode()
        files[f"{section}.tex"] = latex.document(whole).encode()
        files[f"{section}.docx"] = word.document(whole)
    return files


def checklist_files(
    told: Sequence[tuple[Topic, Sequence[Statement]]],
) -> tuple[dict[str, bytes], dict[str, dict[str, int]]]:
    """Each checklist as Markdown and DOCX, and its rows by status."""
    from heldout.paper.writing import word

    where = {
        topic.name: f"{topic.section}, {topic.title}" if topic.section == "methods" else "results" for topic, _ in told
    }
    said = by_key(told)
    files: dict[str, bytes] = {}
    counts: dict[str, dict[str, int]] = {}
    for one in lists.checklists():
        whole = lists.document(one, said, where)
        files[f"checklists/{one.slug}.md"] = markdown.document(whole).encode()
        files[f"checklists/{one.slug}.docx"] = word.document(whole)
        rows = [lists.answered(item, said) for item in one.items]
        counts[one.name] = {status: sum(row.status == status for row in rows) for status in lists.SIGNS}
    return files, counts


def by_key(told: Sequence[tuple[Topic, Sequence[Statement]]]) -> Mapping[str, Sequence[Statement]]:
    """Key -> its statements."""
    found: dict[str, list[Statement]] = {}
    for _, said in told:
        for one in said:
            found.setdefault(one.key, []).append(one)
    return found
