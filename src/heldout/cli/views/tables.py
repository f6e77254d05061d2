"""Tables and paragraphs on the terminal, as wide as is easy to read."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


READABLE = 100
"""Characters beyond which a paragraph is no longer easy to read."""


def empty_table(title: str, console: Console, leading: int = 0) -> Table:
    """A table without rows, as wide as is easy to read."""
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        leading=leading,
        width=min(console.width, 130),
    )


def wrapped(text: str, width: int) -> str:
    """A paragraph broken into lines that are easy to read."""
    return textwrap.fill(text, min(width, READABLE))
