"""What a study has for notebooks beside its answers: itself as an output, and its images to look through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heldout.displayed import Displayed
from heldout.optional import check
from heldout.runs.plan import StudySpec

if TYPE_CHECKING:
    from heldout.notebook.gallery_widget import GalleryWidget

EXTRA = "notebook"
"""The extra of this package that installs widgets."""


class InNotebook(Displayed):
    """A study as notebooks show it.

    Attributes:
        spec: What was asked for.
        folder: Where it is.
    """

    spec: StudySpec
    folder: Path

    def gallery(self, run: str | None = None, *, label: str = "") -> GalleryWidget:
        """The images of a run to look through in a notebook, by part, class and outcome; nothing leaves the notebook.

        Pictures are sent a page at a time, as they come into sight. For those who cannot open `localhost` (Colab,
        JupyterHub); needs `pip install 'heldout[notebook]'`.

        Args:
            run: Id of a run, or how it begins; None for the first that finished.
            label: One of several labels an image, of which the answers are.

        Raises:
            HeldoutError: The extra is not installed.
            UsageError: No such run or label.
            InputError: The folder is no study.
        """
        check("anywidget", EXTRA)
        from heldout.notebook.album import read_album
        from heldout.notebook.gallery_widget import GalleryWidget

        return GalleryWidget(read_album(self.folder, run, label))
