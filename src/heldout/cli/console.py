"""The console of rich on which nothing of the person's is markup, an emoji or a command to the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, HighlighterType, JustifyMethod, OverflowMethod, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from heldout.shown import shown


class PlainConsole(Console):
    """A console whose strings are text: `[/]` is a name, `:smile:` stays; styles are given by `rich.text.Text` alone.

    Every piece of text leaves through `render`, and is escaped there (`heldout.shown`); rich's own commands (styles,
    moving the cursor for a bar) do not pass it. Strings are escaped before, so that columns are as wide as they need.
    """

    def __init__(self, file: TextIO, width: int | None = None, force_terminal: bool | None = None) -> None:
        super().__init__(
            file=file,
            width=width,
            force_terminal=force_terminal,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=False,
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of text and style, with what a terminal would obey written out."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """A string as text, whatever it looks like."""
        return super().render_str(
            shown(text),
            style=style,
            justify=justify,
            overflow=overflow,
            emoji=False,
            markup=False,
            highlight=highlight,
            highlighter=highlighter,
        )
