"""Images that an exported file is asked about: of the run's study, or given by a person; never test images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.data.readers.files import files_named
from heldout.data.squares import image_at
from heldout.errors import InputError, Problem
from heldout.images import Decoded, ImageError, decode
from heldout.images.reading import place_of
from heldout.records import Cohort, Split
from heldout.runs.folder import RunFiles, read_run

FEWEST = 32
"""Images that a file is checked with, at least."""


@dataclass(frozen=True)
class StudyImages:
    """The images of the study that a run belongs to.

    Attributes:
        name: Of the study's folder.
        cohort: The images.
        split: Their parts.
        run: The run's files.
    """

    name: str
    cohort: Cohort
    split: Split
    run: RunFiles

    def of(self, ids: Sequence[str]) -> Iterator[tuple[str, Decoded]]:
        """How to name each image, and it, one at a time.

        Raises:
            ImageError: One cannot be read any more.
        """
        table, root = self.cohort.table, Path(self.cohort.root)
        places = dict(zip(table["id"], zip(table["source"], table["member"], table["row"], strict=True), strict=True))
        for id_ in ids:
            place = places[id_]
            yield place_of(root / place[0], place[1], place[2]), image_at(root, place, None)

    def to_check(self, count: int) -> tuple[list[str], str]:
        """Ids of so many images, evenly over validation, with training images where these are too few; and of what.

        Of a run with its own validation images these are images that it did not learn from.
        """
        val, train = self.split.part("val"), self.split.part("train")
        chosen = evenly(val, count)
        if len(chosen) >= count:
            return chosen, "val"
        return [*chosen, *evenly(train, count - len(chosen))], "val and train"

    def recorded(self, ids: Sequence[str]) -> NDArray[np.float64] | None:
        """Logits (n, k) that the run recorded for images when it was made; None where it recorded none of some."""
        found: dict[str, NDArray[np.float64]] = {}
        for part in (self.run.predictions or self.run.labelled).values():
            found |= dict(zip(part.ids, np.asarray(part.logits, dtype=np.float64), strict=True))
        return np.stack([found[id_] for id_ in ids]) if all(id_ in found for id_ in ids) else None


def study_images(run: Path) -> StudyImages | None:
    """The study around a run; None where its folder stands alone."""
    study = run.resolve().parents[1]
    if not (study / "cohort.parquet").is_file() or not (study / "split.parquet").is_file():
        return None
    cohort, split = Cohort.load(study / "cohort.parquet"), Split.load(study / "split.parquet")
    return StudyImages(study.name, cohort, split, read_run(run.resolve(), cohort, split))


def evenly(ids: Sequence[str], count: int) -> list[str]:
    """So many ids, evenly over all of them; all where there are fewer.

    >>> evenly("abcdef", 3)
    ['a', 'c', 'f']
    """
    if len(ids) <= count:
        return list(ids)
    return [ids[int(place)] for place in np.linspace(0, len(ids) - 1, count)]


def given_images(images: Sequence[str | Path]) -> list[tuple[str, Decoded]]:
    """Images of files, folders and patterns.

    Raises:
        InputError: Some cannot be read, or there are fewer than `FEWEST`; all problems at once.
    """
    named = files_named(images)
    found: list[tuple[str, Decoded]] = []
    problems = list(named.problems)
    for file in named.files:
        try:
            found.append((str(file), decode(file)))
        except ImageError as error:
            problems.append(error.problem(str(file)))
    if not problems and len(found) < FEWEST:
        problems.append(too_few(len(found)))
    if problems:
        raise InputError(problems, title="The file cannot be checked with these images")
    return found


def too_few(count: int) -> Problem:
    """The refusal of a check with too few images."""
    wanted = f"at least {FEWEST}, to check the file with"
    return Problem("images", f"{count} images", wanted, "Give more with --images: files, folders or patterns.")
