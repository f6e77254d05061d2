"""Weights files that a person brings: checked, then copied to where they are found."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from heldout.backbones.download import hash_in
from heldout.backbones.lookup import entries, lookup, source_of
from heldout.backbones.sources import by_rank
from heldout.backbones.table import Entry
from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.files import sha256_of, whole


@dataclass(frozen=True)
class Kept:
    """Weights on this machine.

    Attributes:
        name: Full name.
        path: The file.
        file_mb: Its size in 10^6 bytes.
    """

    name: str
    path: Path
    file_mb: float


def kept() -> tuple[Kept, ...]:
    """All weights of the catalogue that are on this machine."""
    found = ((entry, source_of(entry.info).here(entry)) for entry in entries())
    return tuple(Kept(entry.info.name, path, path.stat().st_size / 1e6) for entry, path in found if path)


def where(name: str) -> tuple[Entry, Path | None, Path | None]:
    """The entry a name means, its file if it is here, and the place where a file given by hand is put."""
    entry = lookup(name, by_rank())
    source = source_of(entry.info)
    return entry, source.here(entry), source.stored(entry)


def add(name: str, file: Path) -> Path:
    """Check a weights file and copy it to where its library (or this package) looks for it, whole or not at all.

    A file whose published name carries hexadecimal digits of its SHA-256 (torchvision's do) is checked by them, any
    other one by the names and shapes of its tensors, which must be those of the architecture.

    Returns:
        The place it was copied to.

    Raises:
        UsageError: Unknown name, or weights that are not kept as a file of their own.
        InputError: The file is missing, or is another one; with what was found and what was expected.
    """
    entry = _entry(name)
    source = source_of(entry.info)
    place = source.stored(entry)
    if place is None:
        raise UsageError(f"{entry.info.name} takes no weights file: it comes with the install or names its own file.")
    if not file.is_file():
        problem = Problem(str(file), "no such file", f"the weights {entry.file or entry.info.name}", "Check the path.")
        raise InputError([problem], title="The weights were not added")
    expected = hash_in(entry.file)
    if expected:
        found = sha256_of(file)
        if not found.startswith(expected):
            problem = Problem(
                str(file),
                f"SHA-256 {found[: len(expected)]}…",
                f"{expected}… ({entry.file})",
                f"Download it again from {entry.url}; it is another file, or was cut off.",
            )
            raise InputError([problem], title=f"The weights of {entry.info.name} were not added")
    else:
        # Loading it is the test: every name and shape is compared.
        source.trunk(entry, entry.info.input_size, file)
        if file.suffix != place.suffix:
            place = place.with_name(place.name.removesuffix(place.suffix) + file.suffix)
    with whole(place) as temporary:
        shutil.copyfile(file, temporary)
    return place


def _entry(name: str) -> Entry:
    """What a name means to somebody who brings a file: weights that come with the install need none."""
    entry = lookup(name, by_rank())
    if source_of(entry.info).stored(entry) is None and ":" not in name:
        others = [source for source in by_rank() if source.name != entry.info.source]
        try:
            return lookup(name, others)
        except HeldoutError:
            return entry
    return entry
