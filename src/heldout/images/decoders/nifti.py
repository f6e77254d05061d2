"""NIfTI: volumes of MR, CT and PET as research keeps them."""

from __future__ import annotations

import math
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import choose_frame
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.faithful import faithful
from heldout.images.memory import reserve
from heldout.images.opened import ImageFile
from heldout.optional import require

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

Array = npt.NDArray[Any]

GZIP = b"\x1f\x8b"

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
        return _slices(_open(file), _axis(member, file.where), file.where)[2]

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One slice."""
        image = _open(file)
        axis = _axis(member, file.where)
        shape, places, count = _slices(image, axis, file.where)
        number = choose_frame(file.where, count, row, "slices", alike=True)
        time, level = divmod(number, places[axis])
        reserve(shape[0], shape[1], 1, 8, file.where)
        plain = _slope(image) == (1.0, 0.0)
        cut = _slice(file, image, axis, level, time, plain)
        spacing = _spacing(image, axis)
        pixels = faithful(cut, file.where)
        return Decoded(pixels, pixels.dtype.itemsize * 8, "grey", spacing=spacing)


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 1024)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _open(file: ImageFile) -> Nifti1Image:
    nibabel = require("nibabel", "nifti")
    kind = nibabel.Nifti2Image if _is_second(file.head) else nibabel.Nifti1Image
    content = {"image": nibabel.FileHolder(filename=str(file.path))}
    image: Nifti1Image = kind.from_file_map(content)
    return image


def _is_second(head: bytes) -> bool:
    return (_unpacked(head) if head.startswith(GZIP) else head)[4:7] == b"n+2"


def _axis(member: str, where: str) -> int:
    direction = member.strip().lower()
    if direction not in AXES:
        expected = "axial, coronal or sagittal"
        raise ImageError(where, f"the direction '{member}'", expected, "Correct the column `array`.")
    return AXES[direction]


def _turn(image: Nifti1Image) -> Array:
    """(3, 2): to which axis of left, posterior, superior each stored one belongs, and whether it runs against it."""
    from nibabel import orientations

    wanted = orientations.axcodes2ornt(("L", "P", "S"))
    turn: Array = orientations.ornt_transform(orientations.io_orientation(image.affine), wanted)
    return turn


def _slices(image: Nifti1Image, axis: int, where: str) -> tuple[tuple[int, int], list[int], int]:
    """(rows, columns) of a slice, sides of the turned volume, and the number of slices."""
    shape = tuple(int(side) for side in image.shape)
    if len(shape) < 2 or not all(shape):
        raise ImageError(where, f"a volume of shape {shape}", "two dimensions or more", "Save it as a volume.")
    stored = (*shape[:3], *(1,) * (3 - len(shape[:3])))
    sides = [0, 0, 0]
    for place, (goal, _) in enumerate(_turn(image)):
        sides[int(goal)] = stored[place]
    across = [side for place, side in enumerate(sides) if place != axis]
    return (across[1], across[0]), sides, sides[axis] * math.prod(shape[3:])


def _slope(image: Nifti1Image) -> tuple[float, float]:
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    return float(slope), float(intercept)


def _slice(file: ImageFile, image: Nifti1Image, axis: int, level: int, time: int, plain: bool) -> Array:
    """(rows, columns) of one slice; only its own bytes are read where the file is not compressed."""
    turn = _turn(image)
    source = next(place for place, (goal, _) in enumerate(turn) if int(goal) == axis)
    side = image.shape[source] if source < len(image.shape) else 1
    stored_level = level if turn[source][1] > 0 else side - 1 - level
    index: list[Any] = [slice(None)] * min(3, len(image.shape))
    if source < len(index):
        index[source] = stored_level
    index += list(np.unravel_index(time, image.shape[3:])) if len(image.shape) > 3 else []
    if file.head.startswith(GZIP):
        data = _volume(str(file.path), file.path.stat().st_mtime_ns, plain)
        cut = np.asarray(data[tuple(index)])
    else:
        proxy = image.dataobj
        cut = np.asarray(proxy.get_unscaled()[tuple(index)] if plain else proxy[tuple(index)])
    rest = [(int(goal), flip) for place, (goal, flip) in enumerate(turn) if place != source][: cut.ndim]
    cut = cut[tuple(slice(None, None, -1 if flip < 0 else 1) for _, flip in rest)]
    first_is_column = rest[0][0] < rest[1][0]  # columns run along the lower axis: to the left, or to the back
    picture = cut.T if first_is_column else cut
    return picture[::-1] if axis != 2 else picture  # the head is up


@lru_cache(maxsize=2)
def _volume(path: str, _changed: int, plain: bool) -> Array:
    """A compressed volume, unpacked once for all its slices."""
    import nibabel

    image = nibabel.load(path)
    size = math.prod(int(side) for side in image.shape)
    reserve(size, 1, 1, image.get_data_dtype().itemsize if plain else 8, path)
    return np.asarray(image.dataobj.get_unscaled() if plain else image.dataobj, dtype=None if plain else np.float32)


def _spacing(image: Nifti1Image, axis: int) -> tuple[float, float] | None:
    """Millimetres; NIfTI's default unit is taken where none is said."""
    unit = {"mm": 1.0, "unknown": 1.0, "micron": 1e-3, "meter": 1000.0}.get(image.header.get_xyzt_units()[0], 0.0)
    zooms = [*image.header.get_zooms()[:3], 0.0, 0.0][:3]
    sides = [0.0, 0.0, 0.0]
    for place, (goal, _) in enumerate(_turn(image)):
        sides[int(goal)] = float(zooms[place]) * unit
    across = [side for place, side in enumerate(sides) if place != axis]
    return (across[1], across[0]) if all(side > 0 for side in across) else None


DECODER = Nifti()
