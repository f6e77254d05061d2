"""What notebooks show of our records: the one function that records are drawn by (`heldout.displayed`)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from heldout.displayed import Form
from heldout.notebook.blocks import Display
from heldout.notebook.html import display_html
from heldout.notebook.of_comparison import of_comparison
from heldout.notebook.of_diagnosis import of_diagnoses, of_diagnosis
from heldout.notebook.of_study import of_study
from heldout.notebook.plain import display_markdown, display_text
from heldout.records import Comparison, Diagnoses, Diagnosis
from heldout.runs.plan import StudySpec


@runtime_checkable
class Planned(Protocol):
    """A study in Python, which stands on a higher floor."""

    spec: StudySpec
    folder: Path


def drawing(record: object, form: Form) -> str | None:
    """A record as HTML, as Markdown or as plain text; None where there is no display of it."""
    display = display_of(record)
    if display is None:
        return None
    match form:
        case "html":
            return display_html(display)
        case "markdown":
            return display_markdown(display)
        case "text":
            return display_text(display)


def display_of(record: object) -> Display | None:
    """What is shown of a record; None where there is nothing."""
    match record:
        case Comparison():
            return of_comparison(record) if record.runs else Display(("No run was compared.",))
        case Diagnosis():
            return of_diagnosis(record)
        case Diagnoses():
            return of_diagnoses(record)
        case Planned():
            return of_study(record.spec, record.folder)
        case _:
            return None
