"""A blind reading: one image at a time in the reader's own order, nothing told of it, what was seen kept at once.

A page gets a token and a picture: no id, no file, no label, no model's answer. Which image is next, and what counts, is
decided by `heldout.review`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heldout.answer.texts import count
from heldout.diagnosis.diagnose import choose_runs
from heldout.errors import HeldoutError, UsageError
from heldout.notebook.album import Answer
from heldout.records import Cohort, InputMap
from heldout.records.labelling import SINGLE
from heldout.report.diagnosis_files import Squares, read_squares
from heldout.review.of_study import asked_for, review_of
from heldout.review.originals import original, reading_jpeg
from heldout.review.snapshot import Reader, Role
from heldout.review.store import Store
from heldout.review.turns import progress_of
from heldout.runs.folder import read_study
from heldout.runs.one_label import of_label


@dataclass(frozen=True)
class BlindReading:
    """One person's reading.

    Attributes:
        store: Where readings are written.
        reader: The person.
        cohort: The study's images.
        rule: How values of its files become what is shown, where images are not 8-bit grey or RGB.
        squares: The pixels as the network saw them, for files that are gone.
    """

    store: Store
    reader: Reader
    cohort: Cohort
    rule: InputMap | None
    squares: Squares

    def about(self) -> dict[str, Any]:
        """What a page needs to know before it asks."""
        return {"reader": self.reader.name, "classes": list(self.store.classes)}

    def answer(self, message: object) -> Answer:
        """Write what a message says, and answer with the next image; what went wrong stands beside it in words.

        Args:
            message: `{"kind": "next"}`, `{"kind": "read", "token", "label"}` with the number of a class or None for
                "cannot tell", or `{"kind": "undo", "reading"}` with the number of the last reading.

        Returns:
            JSON values, and the picture of the image that they speak of.
        """
        asked = message if isinstance(message, Mapping) else {}
        trouble = ""
        try:
            self._write(asked)
        except HeldoutError as error:
            trouble = str(error)
        try:
            content, pictures = self._next()
        except HeldoutError as error:
            return {"kind": "error", "trouble": str(error)}, []
        return {**content, "trouble": trouble}, pictures

    def _write(self, asked: Mapping[str, Any]) -> None:
        kind = asked.get("kind")
        if kind == "read":
            self.store.read(self.reader.number, str(asked.get("token")), self._class(asked.get("label")))
        elif kind == "undo":
            reading = asked.get("reading")
            self.store.undo(self.reader.number, reading if isinstance(reading, int) else -1)
        elif kind != "next":
            raise UsageError(f"Found a message of the kind {kind!r}; expected next, read or undo.")

    def _class(self, number: object) -> str | None:
        if number is None:
            return None
        classes = self.store.classes
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(classes):
            raise UsageError(f"Found the class number {number!r}; expected 0 … {len(classes) - 1}.")
        return classes[number]

    def _next(self) -> Answer:
        progress = progress_of(self.reader, self.store.snapshot())
        last = None if progress.last is None else progress.last.number
        content = {"kind": "done", "read": progress.read, "total": progress.total, "last": last}
        if progress.next is None:
            return content, []
        pixels = original(self.cohort, self.rule, progress.next.id)
        if pixels is None:
            pixels = self.squares.of(progress.next.id)
        if pixels is None:
            raise HeldoutError("This image is neither in its file any more nor in the study's folder.")
        return {**content, "kind": "image", "token": progress.next.token}, [reading_jpeg(pixels)]


def begin_reading(
    folder: Path, reader: str, run: str | None = None, label: str = "", role: Role = "reader"
) -> BlindReading:
    """Join the review of a study, which begins with the first person who joins.

    Args:
        folder: The study's folder.
        reader: Name of the person.
        run: Id of a run, or how it begins, whose diagnosis says which images; None for all diagnoses.
        label: One of several labels an image, which is asked of.
        role: `reader`, or `adjudicator` of what readers differ on.

    Raises:
        UsageError: No diagnosis asks for images; a name that cannot be used; no label where images have several.
        HeldoutError: Neither files nor pixels of the images are there.
        InputError: The folder is no study, or its review is of other images.
    """
    study = read_study(folder)
    if label:
        study = of_label(study, label)
    elif study.cohort.labelling is not SINGLE:
        raise UsageError(
            f"Images of {folder} have several labels; expected label= with one of: {', '.join(study.cohort.classes)}."
        )
    ids, store = asked_for(study, run), review_of(study)
    recipe = choose_runs(study, run)[0].recipe
    cohort, squares = study.cohort, read_squares(study.folder, recipe)
    gone = [id_ for id_ in ids if id_ not in squares.places]
    if gone and original(cohort, recipe.input_map, gone[0]) is None:
        raise HeldoutError(
            f"Found neither file nor pixels of {count(len(gone), 'image')} of {len(ids)}; expected them in "
            f"{cohort.root or 'a folder of images'} or in {folder}: what cannot be shown cannot be read. Put the files "
            f"where they were."
        )
    store.begin(ids)
    return BlindReading(store, store.join(reader, role), cohort, recipe.input_map, squares)
