"""NIfTI: volumes of MR, CT and PET as research keeps them."""

from __future__ import annotations

import gzip
import logging
import math
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import choose_frame
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.faithful import faithful
from heldout.images.memory import refuse_too_large, reserve
from heldout.images.opened import ImageFile
from heldout.optional import require

Array = npt.NDArray[Any]

GZIP = b"\x1f\x8b"

QUIET = logging.getLogger(f"{__name__}.quiet")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False
"""Where nibabel tells what it mends in a header; its own logger prints it."""

CHUNK = 2**20

_lock = threading.Lock()

AXES = {"": 2, "sagittal": 0, "coronal": 1, "axial": 2}
"""Direction of slices -> axis that they are cut across, once the axes are left, posterior, superior as in DICOM."""


class Nifti(Decoder):
    """Slices of a volume, each a row, as DICOM shows them: `axial`, or `coronal` or `sagittal` in the column `array`.

    The volume is turned so that axes run to the left, to the back and to the head; time points follow one another.
    Slope and intercept are applied. Files may be compressed (`.nii.gz`).
    """

    name: ClassVar[str] = "nifti"
    title: ClassVar[str] = "NIfTI"
    suffixes: ClassVar[tuple[str, ...]] = (".nii", ".nii.gz")
    extra: ClassVar[str] = "nifti"
    depths: ClassVar[str] = "8 to 32 bits, floating point"

    def takes(self, head: bytes) -> bool:
        """The marks of NIfTI-1 and NIfTI-2, in a file compressed by gzip or not."""
        return _is_nifti(_unpacked(head) if head.startswith(GZIP) else head)

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of slices, over all time points."""
        return _Volume(file).slices(_axis(member, file.where))

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One slice."""
        volume, axis = _Volume(file), _axis(member, file.where)
        number = choose_frame(file.where, volume.slices(axis), row, "slices", alike=True)
        pixels = faithful(volume.picture(axis, number), file.where)
        return Decoded(pixels, pixels.dtype.itemsize * 8, "grey", spacing=volume.spacing(axis))


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 1024)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _axis(member: str, where: str) -> int:
    direction = member.strip().lower()
    if direction not in AXES:
        expected = "axial, coronal or sagittal"
        raise ImageError(where, f"the direction '{member}'", expected, "Correct the column `array`.")
    return AXES[direction]


@contextmanager
def _stream(path: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with gzip.open(path) if compressed else path.open("rb") as stream:
        yield stream  # type: ignore[misc]  # a GzipFile reads as any file


def _header(stream: IO[bytes], second: bool) -> Any:
    """The header, mended where it only departs from a custom, and nothing said of that."""
    nifti = require("nibabel", "nifti")
    kind = nifti.Nifti2Header if second else nifti.Nifti1Header
    header = kind.from_fileobj(stream, check=False)
    header.check_fix(logger=QUIET)
    return header


class _Volume:
    """A volume by its header; axes 0, 1, 2 run to the left, to the back and to the head, however they are stored."""

    def __init__(self, file: ImageFile) -> None:
        self.file = file
        self.compressed = file.head.startswith(GZIP)
        self.second = (_unpacked(file.head) if self.compressed else file.head)[4:7] == b"n+2"
        with _stream(file.path, self.compressed) as stream:
            self.header = _header(stream, self.second)
        shape = tuple(int(side) for side in self.header.get_data_shape())
        if len(shape) < 2 or not all(side > 0 for side in shape):
            raise ImageError(file.where, f"a volume of shape {shape}", "two sides or more", "Save it as a volume.")
        self.stored = (*shape[:3], *(1,) * (3 - len(shape[:3])))
        self.times = shape[3:]
        end = self.header.get_data_offset() + math.prod(shape) * self.header.get_data_dtype().itemsize
        if not self.compressed and file.size < end:
            raise ValueError(f"{file.size} bytes, {end} by its header")
        self.flat = len(shape) < 3
        self.goals, self.flipped = self._turn()

    def _turn(self) -> tuple[list[int], list[bool]]:
        """For each stored axis: the axis that it is, and whether it runs against it."""
        from nibabel import orientations

        wanted = orientations.axcodes2ornt(("L", "P", "S"))
        stored = orientations.io_orientation(self.header.get_best_affine())
        turn = np.nan_to_num(orientations.ornt_transform(stored, wanted))
        return [int(goal) for goal, _ in turn], [bool(flip < 0) for _, flip in turn]

    def side(self, axis: int) -> int:
        """Pixels along an axis."""
        return self.stored[self.goals.index(axis)]

    def slices(self, axis: int) -> int:
        """Number of slices across an axis, over all time points."""
        return self.side(axis) * math.prod(self.times)

    def picture(self, axis: int, number: int) -> Array:
        """(rows, columns) of one slice: the head is up, else the front; the patient's right is on the left."""
        columns, rows = (other for other in range(3) if other != axis)
        reserve(self.side(columns), self.side(rows), 1, 8, self.file.where)
        time, level = divmod(number, self.side(axis))
        source = self.goals.index(axis)
        index: list[Any] = [slice(None)] * 3
        index[source] = self.side(axis) - 1 - level if self.flipped[source] else level
        index = index[:2] if self.flat else index
        cut = self._read(
            (*index, *(int(n) for n in np.unravel_index(time, self.times))) if self.times else tuple(index)
        )
        left = [place for place in range(3) if place != source]
        cut = cut.reshape([self.stored[place] for place in left])
        cut = cut[tuple(slice(None, None, -1 if self.flipped[place] else 1) for place in left)]
        picture = cut.T if self.goals[left[0]] == columns else cut
        return picture[::-1] if axis != 2 else picture

    def _read(self, index: tuple[Any, ...]) -> Array:
        """Values at an index; only their own bytes are read where the file is not compressed."""
        from nibabel.arrayproxy import ArrayProxy

        if self.compressed:
            with _lock:
                return np.asarray(_unpacked_volume(self.file, self.second)[index])
        with _stream(self.file.path, False) as stream:
            return np.asarray(ArrayProxy(stream, self.header, mmap=False)[index])

    def spacing(self, axis: int) -> tuple[float, float] | None:
        """Millimetres from row to row and column to column, which are meant where no unit is named."""
        unit = {"mm": 1.0, "unknown": 1.0, "micron": 1e-3, "meter": 1000.0}.get(self.header.get_xyzt_units()[0], 0.0)
        zooms = [float(zoom) * unit for zoom in (*self.header.get_zooms()[:3], 0.0, 0.0)[:3]]
        columns, rows = (zooms[self.goals.index(other)] for other in range(3) if other != axis)
        return (rows, columns) if rows > 0 and columns > 0 else None


@lru_cache(maxsize=1)
def _unpacked_volume(file: ImageFile, second: bool) -> Array:
    """A compressed volume, unpacked once for all its slices."""
    from nibabel.arrayproxy import ArrayProxy

    with _stream(file.path, True) as stream:
        header = _header(stream, second)
        size = math.prod(int(side) for side in header.get_data_shape())
        refuse_too_large(size, 1, 1, header.get_data_dtype().itemsize, file.where)
        values = np.asarray(ArrayProxy(stream, header, mmap=False))
        while stream.read(CHUNK):  # the checksum stands at the end
            pass
        return values.astype(np.float32) if values.dtype == np.float64 else values


DECODER = Nifti()
