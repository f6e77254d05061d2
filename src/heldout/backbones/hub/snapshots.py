"""Repositories in the hub's cache on this machine, read without the hub's client: `models--ORG--NAME/snapshots/…`."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heldout.backbones.caches import hub_folder
from heldout.errors import InputError, Problem

COMMIT = re.compile(r"[0-9a-f]{40}")

DESCRIBING = ("config.json", "preprocessor_config.json", "processor_config.json", "open_clip_config.json", "README.md")
"""Small files that say which architecture the weights are of, how images are prepared, and the licence."""

INDEX = "model.safetensors.index.json"
"""Lists the files of weights that are kept in several."""

WEIGHTS = ("model.safetensors", INDEX, "open_clip_model.safetensors")
"""What timm, transformers and OpenCLIP call their weights. Only safetensors: a pickle can hold code."""

LONGEST_HEADER = 100 * 2**20
"""Bytes of a safetensors header, at most, as the format's own reader has it."""


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository.

    Attributes:
        repository: `ORG/NAME`.
        commit: 40 hexadecimal digits.
        folder: Where its files are.
    """

    repository: str
    commit: str
    folder: Path

    def has(self, name: str) -> bool:
        """Whether a file is here."""
        return (self.folder / name).is_file()

    def known_absent(self, name: str) -> bool:
        """Whether the hub's client noted that the repository has no such file in this commit."""
        return (self.folder.parent.parent / ".no_exist" / self.commit / name).exists()

    def data(self, name: str) -> dict[str, Any]:
        """What a JSON file holds; nothing where there is none.

        Raises:
            InputError: It holds something else.
        """
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise _unreadable(path, f"no JSON ({error})") from error
        if not isinstance(found, dict):
            raise _unreadable(path, f"a {type(found).__name__}")
        return found

    def weights(self) -> Path | None:
        """The safetensors file, or the index of several; None unless all of it is here."""
        for name in WEIGHTS:
            if self.has(name) and all(self.has(part) for part in self.parts(name)):
                return self.folder / name
        return None

    def parts(self, name: str) -> tuple[str, ...]:
        """Names of the files that hold the tensors: the file itself, or those that the index lists."""
        if name != INDEX:
            return (name,)
        listed = self.data(name).get("weight_map", {})
        return tuple(sorted({str(part) for part in listed.values()}))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all tensors, from the headers of the weights; nothing unless all of it is here."""
        file = self.weights()
        return {} if file is None else shapes_in([self.folder / part for part in self.parts(file.name)])


def cached(repository: str, revision: str) -> Snapshot | None:
    """The commit of a repository that a revision names on this machine, if it is here.

    Args:
        repository: `ORG/NAME`.
        revision: A branch or tag that was fetched before, or a commit (its first 7 digits, at least).
    """
    folder = hub_folder() / ("models--" + repository.replace("/", "--"))
    reference = folder / "refs" / revision
    if ".." not in Path(revision).parts and reference.is_file():
        commit = reference.read_text(encoding="utf-8").strip()
    else:
        commit = _commit_of(folder, revision)
    place = folder / "snapshots" / commit
    return Snapshot(repository, commit, place) if commit and place.is_dir() else None


def _commit_of(folder: Path, digits: str) -> str:
    """The one commit that begins with these digits, or empty."""
    if not re.fullmatch(r"[0-9a-f]{7,40}", digits):
        return ""
    found = [place.name for place in (folder / "snapshots").glob(f"{digits}*") if COMMIT.fullmatch(place.name)]
    return found[0] if len(found) == 1 else ""


def all_cached() -> Iterator[Snapshot]:
    """Of every repository in the cache the commit that `main` names, in the order of names."""
    for folder in sorted(hub_folder().glob("models--*--*")):
        repository = folder.name.removeprefix("models--").replace("--", "/", 1)
        found = cached(repository, "main")
        if found is not None:
            yield found


def shapes_in(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of safetensors files, from their headers.

    A file begins with the length of a JSON object in 8 bytes, little-endian, then the object.

    Raises:
        InputError: A file is none of safetensors.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(min(length, LONGEST_HEADER)))
            shapes |= {name: tuple(of["shape"]) for name, of in header.items() if name != "__metadata__"}
        except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _unreadable(path, "no safetensors, or a file that was cut off") from error
    return shapes


def tower_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The tensors of the image encoder, where a file holds a text encoder beside it; else all."""
    found = {name: shape for name, shape in shapes.items() if name.startswith(("vision_model.", "visual."))}
    return found or shapes


def numbers_in(shapes: dict[str, tuple[int, ...]]) -> int:
    """How many numbers tensors of these shapes hold."""
    return sum(math.prod(shape) for shape in shapes.values())


def _unreadable(path: Path, found: str) -> InputError:
    problem = Problem(str(path), found, "a file of the model hub", "Delete it, so that it is fetched again.")
    return InputError([problem], title="The repository cannot be read")
