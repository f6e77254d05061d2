"""The doors through which files come in, for fuzzers that make up bytes: images, tables, records.

Each takes bytes, puts them where a file stands, and reads it as a command does. Right is to be read, or an error of
ours, or of the system told in a sentence; anything else leaves the door as it is. The first byte of tables and records
says which file the others are.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from benchmarks.fuzz_images import data_kinds, image_kinds
from benchmarks.fuzz_kinds import Kind
from benchmarks.fuzz_studies import made_study, read_records, study_kinds
from benchmarks.fuzz_tables import person_kinds
from heldout.errors import HeldoutError
from heldout.images import count_images, decode
from heldout.images.decoders import every_decoder
from heldout.system_errors import told

PNG = b"\x89PNG\r\n\x1a\n"

SEALS = ("hash", "files", "checksum")
"""Fields of records that hold hashes: left out of the seeds, since a changed record would be refused by them alone."""

SLOW = ("folder of", "arrays", "archive.zip")
"""Examples of many image files, which the door of images has already."""


def images(data: bytes) -> None:
    """An image file; a PNG also with its checksums repaired, since a changed one is refused by them alone."""
    _image(data)
    if data.startswith(PNG):
        _image(_repaired(data))


def _image(data: bytes) -> None:
    file = _room() / "image"
    file.write_bytes(data)
    with _allowed():
        several = count_images(file) > 1
        decode(file, row=0 if several else -1)


def _repaired(data: bytes) -> bytes:
    """A PNG whose every chunk has the CRC of its content."""
    found, at = bytearray(data), len(PNG)
    while at + 12 <= len(found):
        (length,) = struct.unpack_from(">I", found, at)
        end = at + 8 + length
        if end + 4 > len(found):
            break
        struct.pack_into(">I", found, end, zlib.crc32(bytes(found[at + 4 : end])))
        at = end + 4
    return bytes(found)


def tables(data: bytes) -> None:
    """A manifest, a sidecar, arrays, predictions, costs, a review."""
    _one_of(table_kinds(), data)


def records(data: bytes) -> None:
    """A file of a study."""
    _one_of(record_kinds(), data)


def _one_of(kinds: Sequence[Kind], data: bytes) -> None:
    if not data:
        return
    kind = kinds[data[0] % len(kinds)]
    file = example(kind)
    content = file.read_bytes()
    file.write_bytes(data[1:])
    try:
        with _allowed():
            kind.read(_room() / kind.example.replace("/", "-"))
    finally:
        file.write_bytes(content)


class _Allowed:
    """Errors that a person is told in a sentence; too little memory for a small file is none of them."""

    def __enter__(self) -> None:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self._warnings.__exit__(None, None, None)
        if isinstance(error, HeldoutError):
            return True
        return isinstance(error, Exception) and not isinstance(error, MemoryError) and told(error) is not None


def _allowed() -> _Allowed:
    return _Allowed()


@cache
def table_kinds() -> tuple[Kind, ...]:
    """In the order of the first byte."""
    return tuple(kind for kind in (*data_kinds(), *person_kinds()) if not kind.example.startswith(SLOW)) + tuple(
        kind for kind in data_kinds() if kind.name == "arrays, metadata.csv"
    )


@cache
def record_kinds() -> tuple[Kind, ...]:
    """In the order of the first byte; of a study of one run, so that many are read."""

    def made(folder: Path) -> None:
        made_study(folder / "study", runs=1, images=8)

    return tuple(
        replace(kind, make=made, read=read_records) if kind.example == "study" else kind for kind in study_kinds()
    )


@cache
def _room() -> Path:
    """A folder of this process; in memory where that can be had."""
    shared = Path("/dev/shm")
    base = Path(tempfile.mkdtemp(prefix="doors-", dir=shared if os.access(shared, os.W_OK) else None))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    list(every_decoder())
    return base


@cache
def _made(name: str) -> Path:
    folder = _room() / name.replace("/", "-")
    folder.mkdir()
    next(kind.make for kind in (*table_kinds(), *record_kinds()) if kind.example == name)(folder)
    for file in folder.rglob("*.json"):
        file.write_bytes(_unsealed(file.read_bytes()))
    return folder


def _unsealed(content: bytes) -> bytes:
    data = json.loads(content)
    if isinstance(data, dict) and "crc32" not in str(data):
        data = {name: value for name, value in data.items() if name not in SEALS}
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def example(kind: Kind) -> Path:
    """The file of a whole example that a kind is about."""
    return sorted(path for path in _made(kind.example).glob(kind.pattern) if path.is_file())[0]


DOORS: dict[str, Callable[[bytes], None]] = {"images": images, "tables": tables, "records": records}


def seeds(door: str) -> Iterator[bytes]:
    """A whole file of each kind that goes through a door."""
    if door == "images":
        for kind in image_kinds():
            folder = _room() / "seed"
            folder.mkdir()
            kind.make(folder)
            yield (folder / "image").read_bytes()
            shutil.rmtree(folder)
        return
    kinds = table_kinds() if door == "tables" else record_kinds()
    for number, kind in enumerate(kinds):
        yield bytes([number]) + example(kind).read_bytes()
