"""Blind reading as a widget: the only file of it that needs anywidget. What it sends and why stands in `blind.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from heldout.notebook.blind import BlindReading

HERE = Path(__file__).parent / "templates"


class ReviewWidget(anywidget.AnyWidget):
    """Test images to be read again by one person, one at a time; each reading is on the disk before the next image.

    Args:
        reading: The person's reading.
    """

    _esm = HERE / "review.js"
    _css = HERE / "review.css"
    about = traitlets.Dict().tag(sync=True)

    def __init__(self, reading: BlindReading) -> None:
        super().__init__(about=reading.about())
        self.reading = reading
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        return f"Blind reading by {self.reading.reader.name}"

    def _answer(self, widget: Any, message: object, buffers: object) -> None:
        """Answer a message of the page, with the next picture as a buffer."""
        content, pictures = self.reading.answer(message)
        self.send(content, buffers=pictures)
