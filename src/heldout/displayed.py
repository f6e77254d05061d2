"""Records that notebooks show: they are plain data on a low floor, and what draws them stands far above.

Jupyter, Colab, VS Code and marimo ask the object itself (`_repr_html_`, `_repr_markdown_`, `_repr_pretty_`). A record
may not import the room that draws it, so it hands itself to a function which the package's face names
(`heldout/__init__.py`) and which imports that room at the first display. Registering with IPython's formatters instead
would need IPython at the import and a kernel that began before it, and would leave out every notebook without IPython.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

Form = Literal["html", "markdown", "text"]
Draw = Callable[[object, Form], str | None]

_drawn_by: list[Draw] = []


def draw_with(draw: Draw) -> None:
    """Name the function that draws records; it gets a record and a form, and answers None for what it does not know."""
    _drawn_by[:] = [draw]


def drawn(record: object, form: Form) -> str | None:
    """A record as a page, as Markdown or as plain text; None where nothing draws it."""
    return _drawn_by[0](record, form) if _drawn_by else None


class Displayed:
    """A record that a notebook shows: the answer first, then a table. What is printed of it stays as it is."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """IPython takes a class's own `__repr__`, which a dataclass has, before an inherited `_repr_pretty_`."""
        super().__init_subclass__()
        cls._repr_pretty_ = Displayed._repr_pretty_  # type: ignore[method-assign]

    def _repr_html_(self) -> str | None:
        return drawn(self, "html")

    def _repr_markdown_(self) -> str | None:
        return drawn(self, "markdown")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython's plain text: what is saved of an output where nothing richer is shown."""
        text = None if cycle else drawn(self, "text")
        printer.text(repr(self) if text is None else text)
