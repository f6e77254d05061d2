"""An output as HTML that loads nothing: everything that is not our own template is escaped, no style leaves its box."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from heldout.notebook.blocks import Display, ProgressLine
from heldout.shown import shown

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> jinja2.Environment:
    """The templates, with everything escaped, and what a terminal would obey written out."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    made.globals["style"] = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return made


def display_html(display: Display) -> str:
    """An output."""
    return environment().get_template("output.html").render(display=display)


def progress_html(lines: Sequence[ProgressLine | str], earlier: str) -> str:
    """Bars of progress and sentences between them.

    Args:
        lines: In the order in which they came.
        earlier: What is said of bars that are not shown.
    """
    return environment().get_template("progress.html").render(lines=lines, earlier=earlier)
