"""The gallery as a widget: the only file that needs anywidget. What it sends and why stands in `album.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from heldout.answer.texts import count
from heldout.notebook.album import Album

HERE = Path(__file__).parent / "templates"


class GalleryWidget(anywidget.AnyWidget):
    """Images of one run, by part, class and outcome.

    Pictures come a page at a time, as messages: none is kept in the notebook's file.

    Args:
        album: The images.
    """

    _esm = HERE / "gallery.js"
    _css = HERE / "gallery.css"
    about = traitlets.Dict().tag(sync=True)

    def __init__(self, album: Album) -> None:
        super().__init__(about=album.about())
        self.album = album
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        images = count(sum(map(len, self.album.parts.values())), "image")
        return f"Gallery of {self.album.title}: {images}"

    def _answer(self, widget: Any, message: object, buffers: object) -> None:
        """Answer a message of the page, with its pictures as buffers."""
        content, pictures = self.album.answer(message)
        self.send(content, buffers=pictures)
