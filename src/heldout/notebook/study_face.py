"""What a study has for notebooks beside its answers: itself as an output, and its images to look through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heldout.displayed import Displayed
from heldout.optional import check
from heldout.runs.plan import StudySpec

if TYPE_CHECKING:
    from heldout.notebook.gallery_widget import GalleryWidget
    from heldout.notebook.review_widget import ReviewWidget
    from heldout.review.snapshot import Role

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

    def review(self, reader: str, *, run: str | None = None, label: str = "", role: Role = "reader") -> ReviewWidget:
        """The test images that a diagnosis wants to have read again, in a notebook, one at a time and blind.

        The reader sees neither label nor model nor the other readers. Each reading is kept in the study's folder at
        once, and the same call goes on where it stopped. Needs `pip install 'heldout[notebook]'`.

        Args:
            reader: Name of the person who reads.
            run: Id of a run, or how it begins, whose diagnosis says which images; None for all diagnoses.
            label: One of several labels an image, which is asked of.
            role: `reader`, or `adjudicator` of the images that readers differ on.

        Raises:
            HeldoutError: The extra is not installed, or files and pixels of the images are gone.
            UsageError: No diagnosis asks for images, or the name cannot be used.
            InputError: The folder is no study, or its review is of other images.
        """
        check("anywidget", EXTRA)
        from heldout.notebook.blind import begin_reading
        from heldout.notebook.review_widget import ReviewWidget

        return ReviewWidget(begin_reading(self.folder, reader, run, label, role))
