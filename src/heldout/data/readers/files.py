"""Image files that a person names for a trained run: files, folders, patterns."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heldout.data.entries import AS_FOUND, Layout
from heldout.data.readers.walk import endings, gone, walk
from heldout.errors import Problem


@dataclass(frozen=True)
class Named:
    """The files that were named.

    Attributes:
        files: Each once, in the order in which they were named; of a folder by path.
        problems: What leads to no image: a folder without any, a pattern that fits nothing.
        notes: What was passed over in folders.
    """

    files: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def files_named(places: Sequence[str | Path], layout: Layout = AS_FOUND) -> Named:
    """Files as they are, folders with all images below them, patterns (`*`, `?`, `[ab]`, `**`) with what fits.

    A file whose name has brackets in it is that file, and no pattern. One that is not there is kept, and told when it
    is read.

    Args:
        places: What a person named.
        layout: Patterns of files to leave out.
    """
    files: dict[Path, None] = {}
    problems: list[Problem] = []
    passed: Counter[str] = Counter()
    for place in map(str, places):
        path = Path(place)
        found = [path]
        if not path.exists() and glob.has_magic(place):
            found = sorted(map(Path, glob.glob(place, recursive=True)))  # noqa: PTH207  (absolute or not)
            if not found:
                problems.append(Problem(place, "a pattern that fits no file", "image files", "Correct the pattern."))
        for one in found:
            if not one.is_dir():
                files |= {} if layout.ignores(one.as_posix()) else {one: None}
                continue
            walked = walk(one, one, layout)
            files |= dict.fromkeys(walked.images)
            passed += walked.passed
            problems += [*walked.problems, *([gone(walked.dangling)] if walked.dangling else [])]
            if not walked.images and not walked.problems and not walked.dangling:
                there = (
                    f"only other files ({endings(walked.passed)})" if walked.passed else "nothing that is not ignored"
                )
                problems.append(
                    Problem(f"{one}/", f"a folder without images; {there} in it", "image files", "Correct the path.")
                )
    notes = (f"Passed over, as no images by their names: {endings(passed)}.",) if passed else ()
    return Named(tuple(files), tuple(problems), notes)
