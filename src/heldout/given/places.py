"""Where an image lies that a table names: under a folder, by its path, or by its name where its folders agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heldout.given.rows import whole_text
from heldout.images.decoders import every_decoder

How = Literal["path", "below", "tail"]


@dataclass(frozen=True)
class Place:
    """Files that a name means.

    Attributes:
        sources: The files, relative to the folder; one if it is found.
        how: `path` if it lies where the table says, `below` if in a folder of that one, `tail` if it has no more than
            the last parts of the table's path, or another ending.
        elsewhere: Where there are none: a file of that name in another folder, which is not the one that is meant.
    """

    sources: tuple[str, ...]
    how: How = "path"
    elsewhere: str = ""


class Places:
    """Files under a folder, by path, by name and by name without ending; read when a path alone does not do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._endings = sorted((end for one in every_decoder() for end in one.suffixes), key=len, reverse=True)
        self._names: dict[str, list[str]] | None = None
        self._stems: dict[str, list[str]] = {}

    def find(self, name: str) -> Place:
        """The file that a table calls so.

        `test/1.png` is no file `train/1.png`: of two paths with folders the shorter has to be the end of the longer.
        """
        plain = name.replace("\\", "/").removeprefix("./")
        if (self._folder / plain).is_file():  # an absolute path stays what it is
            return Place((plain,))
        named, stems = self._read()
        bare = self._bare(plain)
        elsewhere = ""
        for wanted, index, cut, same in (
            (plain, named, False, True),
            (plain, stems, True, True),
            (bare, stems, True, False),
            (whole_text(plain), stems, True, False),  # an id that went through a column of floats
        ):
            near = index.get(wanted.rpartition("/")[2], [])
            paths = {source: self._bare(source) if cut else source for source in near}
            below = tuple(source for source, path in paths.items() if f"/{path}".endswith(f"/{wanted}"))
            if below:
                return Place(below, "below" if same else "tail")
            tails = {source: path for source, path in paths.items() if f"/{wanted}".endswith(f"/{path}")}
            if tails:
                longest = max(map(len, tails.values()))
                return Place(tuple(source for source, path in tails.items() if len(path) == longest), "tail")
            elsewhere = elsewhere or next(iter(near), "")
        return Place((), elsewhere=elsewhere)

    def _read(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Name -> files, and name without ending -> files."""
        if self._names is None:
            self._names, self._stems = defaultdict(list), defaultdict(list)
            for path in sorted(self._folder.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    source = path.relative_to(self._folder).as_posix()
                    self._names[path.name].append(source)
                    self._stems[self._bare(path.name)].append(source)
        return self._names, self._stems

    def _bare(self, name: str) -> str:
        """Without an ending of images: `p1.1` has none."""
        ending = next((end for end in self._endings if name.lower().endswith(end)), "")
        return name.removesuffix(name[len(name) - len(ending) :])
