"""From a study folder to one HTML file: gather, compute the record of the page, render it.

A part that cannot be made says so in its place; it never sinks the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from heldout._version import __version__
from heldout.answer.texts import count
from heldout.files import write_text
from heldout.language import checked, said_by, translated_page, translator
from heldout.replacing import REPORT, refuse_replacing
from heldout.report.blocks import Answer, Block, Page, PageSection
from heldout.report.bundle import plotly_js
from heldout.report.drawing import drawn, in_order
from heldout.report.faults import fault, reason
from heldout.report.figure import FIRST_SCREEN, Figure
from heldout.report.first_screen import QUESTION, answer
from heldout.report.material import Material, Wanted, gather
from heldout.report.proper_names import proper_names
from heldout.report.section import Section
from heldout.report.sections import sections

TEMPLATES = Path(__file__).parent / "templates"

STYLES = ("page.css", "contents.css", "answer.css", "table.css", "figure.css", "diagnosis.css", "print.css")
"""Each part's own style, in the order of the cascade."""

MOST_TITLED = 4
"""Classes that a title names; more do not fit a line."""


def build_report(folder: Path, wanted: Wanted | None = None, lang: str = "") -> str:
    """The report of a study as one HTML text that loads nothing from anywhere.

    Args:
        folder: A study's folder.
        wanted: Metric and unit; None for those of the diagnoses.
        lang: Language of the page, as `--lang` takes it; English by default.

    Raises:
        InputError: The folder is not a study, or holds no finished run; costs or patients that do not fit.
        UsageError: An unknown metric, unit or language.
    """
    checked(lang)
    return in_language(gather(folder, wanted), lang)


def write_report(
    folder: Path, out: Path | None = None, wanted: Wanted | None = None, overwrite: bool = False, lang: str = ""
) -> Path:
    """Write the report of a study, whole or not at all.

    Args:
        folder: A study's folder.
        out: The file; by default `report.html` in the study's folder, of one of several labels `report-<label>.html`.
        wanted: Metric and unit; None for those of the diagnoses.
        overwrite: Whether a file that is no report of ours may be replaced.
        lang: Language of the page, as `--lang` takes it; English by default.

    Returns:
        The file written.

    Raises:
        InputError: The folder is not a study, or holds no finished run; costs or patients that do not fit.
        UsageError: An unknown metric, unit or language; a file of another kind stands there.
    """
    checked(lang)
    material = gather(folder, wanted)
    label = material.files.label_folder
    path = out or folder / (f"report-{label}.html" if label else "report.html")
    refuse_replacing(path, REPORT, overwrite)
    write_text(path, in_language(material, lang))
    return path


def in_language(material: Material, lang: str) -> str:
    """The page of a study in a language; English as it is written."""
    return translated_page(render(compose(material)), translator(lang, proper_names(material)), said_by_report())


def said_by_report() -> tuple[str, ...]:
    """What the page's script says, as the catalogue knows it."""
    return said_by((TEMPLATES / "figures.js").read_text(encoding="utf-8"))


def compose(material: Material) -> Page:
    """The record of the page, no markup in it."""
    kind = material.cohort.labels
    plans = sorted((one for one in sections if kind in one.labels), key=lambda section: (section.order, section.name))
    homes = {FIRST_SCREEN, *(section.name for section in plans)}
    own: dict[str, list[Figure]] = {}
    for figure in in_order(material):
        own.setdefault(figure.section if figure.section in homes else plans[-1].name, []).append(figure)
    study = material.study
    created = max((material.run(row.id).record.created for row in material.runs), default="")
    filled = [fill(section, own.get(section.name, []), material) for section in plans]
    return Page(
        title=titled(material.cohort.classes, material.files.label),
        subtitle=f"heldout report · {study.name}",
        answer=safe_answer(material),
        first=tuple(drawn(own.get(FIRST_SCREEN, []), material)),
        sections=tuple(section for section in filled if section.blocks),
        footer=f"heldout {__version__}; study of heldout {study.version}, last run finished {created}; "
        f"cohort {study.cohort}, split {study.split}",
    )


def titled(classes: Sequence[str], label: str = "") -> str:
    """What a study is about, as a title: its classes, or the label that is asked of.

    >>> titled(["normal", "pneumonia"])
    'normal or pneumonia'
    >>> titled(["nv", "mel", "bkl", "bcc", "vasc", "df", "akiec"])
    'nv, mel, bkl, bcc and 3 other classes'
    """
    if label:
        return f"{label}: yes or no"
    if len(classes) <= MOST_TITLED:
        return " or ".join(filter(None, (", ".join(classes[:-1]), classes[-1])))
    return f"{', '.join(classes[:MOST_TITLED])} and {count(len(classes) - MOST_TITLED, 'other class', 'other classes')}"


def safe_answer(material: Material) -> Answer:
    """The answer, or why there is none."""
    try:
        return answer(material)
    except Exception as error:  # one broken part must not sink the page
        return Answer(
            QUESTION, (f"The answer could not be put into words ({reason(error)}); the parts below still stand.",)
        )


def fill(section: Section, own: Sequence[Figure], material: Material) -> PageSection:
    """A section with its figures and blocks, faults in place of what failed."""
    opening = safe_blocks(section.title, section.opening, material)
    blocks = safe_blocks(section.title, section.blocks, material)
    charts = drawn(own, material)
    rest = [*charts, *blocks] if section.figures_first else [*blocks, *charts]
    return PageSection(section.name, section.title, section.lead, tuple([*opening, *rest]), section.folded)


def safe_blocks(title: str, make: Callable[[Material], Sequence[Block]], material: Material) -> list[Block]:
    """Blocks, or why there are none."""
    try:
        return list(make(material))
    except Exception as error:  # one broken part must not sink the page
        return [fault(title, error)]


def breakable(text: str) -> Markup:
    """A name escaped, with places where a line may break: names of models have no spaces."""
    return Markup(re.sub(r"([_/:]|[.-](?=[^\W\d]))(?=\w)", r"\1<wbr>", str(escape(text))))


def source_hash(script: str) -> str:
    """What the page's policy knows a script by, so that a browser runs no other: `sha256-…` (CSP level 2)."""
    seen = script.replace("\r\n", "\n").replace("\r", "\n")  # as browsers read a page
    return f"sha256-{base64.b64encode(hashlib.sha256(seen.encode()).digest()).decode()}"


def render(page: Page) -> str:
    """The page as HTML; everything that is not our own template is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    environment.filters["sha256"] = source_hash
    # Our own files and plotly.js go in as they are: `</script` and `</style` occur in none of them (tests/report).
    return environment.get_template("page.html").render(
        page=page,
        styles=[Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in STYLES],
        scripts=[Markup(plotly_js()), Markup((TEMPLATES / "figures.js").read_text(encoding="utf-8"))],
    )


__all__ = ["build_report", "compose", "render", "write_report"]
