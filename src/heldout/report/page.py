"""From a study folder to one HTML file: gather, compute the record of the page, render it.

A part that cannot be made says so in its place; it never sinks the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from heldout._version import __version__
from heldout.files import write_text
from heldout.report._answer import QUESTION, answer
from heldout.report._blocks import Answer, Block, Charts, Fault, Page, Section
from heldout.report._material import Material, gather
from heldout.report._sections import SECTIONS, SectionPlan
from heldout.report.figures import Figure, figures

TEMPLATES = Path(__file__).parent / "templates"

STYLES = ("page.css", "contents.css", "answer.css", "table.css", "figure.css", "diagnosis.css", "print.css")
"""Each part's own style, in the order of the cascade."""

FIRST = "first"
"""Section id of the figures on the first screen."""


def build_report(folder: Path) -> str:
    """The report of a study as one HTML text that loads nothing from anywhere.

    Args:
        folder: A study's folder.

    Raises:
        InputError: The folder is not a study, or holds no finished run.
    """
    return render(compose(gather(folder)))


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a study, whole or not at all.

    Args:
        folder: A study's folder.
        out: The file; `report.html` in the study's folder by default.

    Returns:
        The file written.

    Raises:
        InputError: The folder is not a study, or holds no finished run.
    """
    path = out or folder / "report.html"
    write_text(path, build_report(folder))
    return path


def compose(material: Material) -> Page:
    """The record of the page, no markup in it."""
    known = {FIRST, *(plan.id for plan in SECTIONS)}
    by_section: dict[str, list[Figure]] = {}
    for figure in sorted(figures, key=lambda figure: (figure.order, figure.name)):
        home = figure.section if figure.section in known else SECTIONS[-1].id
        by_section.setdefault(home, []).append(figure)
    study = material.study
    created = max((run.record.created for run in material.runs), default="")
    return Page(
        title=study.name,
        subtitle="heldout report",
        answer=safe_answer(material),
        first=tuple(drawn(by_section.get(FIRST, []), material)),
        sections=tuple(
            section for plan in SECTIONS if (section := fill(plan, by_section.get(plan.id, []), material)).blocks
        ),
        footer=f"heldout {__version__}; study of heldout {study.version}, last run finished {created}; "
        f"cohort {study.cohort}, split {study.split}",
    )


def safe_answer(material: Material) -> Answer:
    """The answer, or why there is none."""
    try:
        return answer(material)
    except Exception as error:  # one broken part must not sink the page
        return Answer(
            QUESTION, (f"The answer could not be put into words ({reason(error)}); the parts below still stand.",)
        )


def fill(plan: SectionPlan, own: Sequence[Figure], material: Material) -> Section:
    """A section with its figures and blocks, faults in place of what failed."""
    opening = safe_blocks(plan.title, plan.opening, material)
    blocks = safe_blocks(plan.title, plan.blocks, material)
    charts = drawn(own, material)
    rest = [*charts, *blocks] if plan.figures_first else [*blocks, *charts]
    return Section(plan.id, plan.title, plan.lead, tuple([*opening, *rest]))


def safe_blocks(title: str, make: Callable[[Material], Sequence[Block]], material: Material) -> list[Block]:
    """Blocks, or why there are none."""
    try:
        return list(make(material))
    except Exception as error:  # one broken part must not sink the page
        return [Fault(title, reason(error))]


def drawn(own: Sequence[Figure], material: Material) -> list[Block]:
    """The charts of some figures; several of one figure stand side by side."""
    blocks: list[Block] = []
    for figure in own:
        try:
            charts = tuple(figure.draw(material))
            blocks += list(charts) if len(charts) == 1 else [Charts(charts)] if charts else []
        except Exception as error:  # one broken figure must not sink the page
            blocks.append(Fault(f"Figure «{figure.title}»", reason(error)))
    return blocks


def reason(error: Exception) -> str:
    """An error in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def breakable(text: str) -> Markup:
    """A name escaped, with places where a line may break: names of models have no spaces."""
    return Markup(re.sub(r"([_/:]|[.-](?=[^\W\d]))(?=\w)", r"\1<wbr>", str(escape(text))))


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
    # Our own files and plotly.js go in as they are: `</script` and `</style` occur in none of them (tests/report).
    return environment.get_template("page.html").render(
        page=page,
        styles=[Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in STYLES],
        script=Markup((TEMPLATES / "figures.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


__all__ = ["build_report", "compose", "render", "write_report"]
