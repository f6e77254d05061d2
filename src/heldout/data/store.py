"""Every image decoded and fitted to its square once: the pixels that training, features and figures take."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heldout.array_files import create_array, open_array_file, seal
from heldout.claims import claim_of, hold
from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import hash_of, read_json, whole_folder, write_json
from heldout.images import ImageError, check_pixels, close_arrays, content_hash, fit_square, read_pixels
from heldout.images.reading import as_grey
from heldout.progress import Reporter, Silent
from heldout.records import Cohort
from heldout.records.recipe import Fit

Pixels = npt.NDArray[np.uint8]

SILENT = Silent()

FORMAT = 1
"""Part of a store's key: raised whenever the same images would give other bytes."""

MAX_THREADS = 8

BATCH = 4096
"""Images handed to the threads at a time."""


@dataclass(frozen=True)
class Store:
    """Squares of one size.

    Attributes:
        pixels: (n, s, s, c) uint8, c = 1 for a grey cohort, else 3; mapped from disk where a folder was given.
        ids: (n,) ids in the order of the rows.
    """

    pixels: Pixels
    ids: tuple[str, ...]

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.pixels.shape[-1])

    @cached_property
    def _position(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """(m,) rows of some ids.

        Raises:
            HeldoutError: An id is not in the store.
        """
        missing = [id_ for id_ in ids if id_ not in self._position]
        if missing:
            raise HeldoutError(
                f"{len(missing)} of {len(ids)} images are not in this store of {len(self.ids)} (first: {missing[0]}). "
                f"Build it with all the ids that are to be taken from it."
            )
        return np.asarray([self._position[id_] for id_ in ids], dtype=np.int64)

    def take(self, ids: Sequence[str]) -> Pixels:
        """(m, s, s, c) uint8: a copy of the squares of some ids, in their order.

        Raises:
            HeldoutError: An id is not in the store.
        """
        return np.asarray(self.pixels[self.rows(ids)])


def build_store(
    cohort: Cohort,
    ids: Sequence[str],
    image_size: int,
    fit: Fit,
    interpolation: str,
    folder: Path | None,
    reporter: Reporter = SILENT,
) -> Store:
    """Decode and fit images, or map what an earlier call wrote.

    Args:
        cohort: The images.
        ids: Which of them, in this order.
        image_size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`; see `heldout.images.fit_square`.
        interpolation: `bilinear` or `bicubic`.
        folder: Where stores are kept, one folder a key; None keeps the squares in memory.
        reporter: Is told of every image; silent where the store is there already.

    Returns:
        The squares. c is 1 only if every image of the cohort is grey, whichever ids are asked for.

    Raises:
        InputError: Images that cannot be read any more, or whose pixels are no longer those of the cohort; all of them.
        HeldoutError: An id is not in the cohort.
    """
    channels = 1 if (cohort.table["channels"] == 1).all() else 3
    shape = (len(ids), image_size, image_size, channels)
    if folder is None:
        pixels = np.empty(shape, dtype=np.uint8)
        _fill(pixels, cohort, ids, fit, interpolation, reporter)
        return Store(pixels, tuple(ids))
    place = folder / store_key(ids, image_size, fit, interpolation, channels)
    if not _is_whole(place, ids, shape):
        with hold(claim_of(place)):
            if not _is_whole(place, ids, shape):  # another process may just have made it
                _write(place, shape, cohort, ids, fit, interpolation, reporter)
    return Store(np.load(place / "pixels.npy", mmap_mode="r"), tuple(ids))


def _write(
    place: Path,
    shape: tuple[int, ...],
    cohort: Cohort,
    ids: Sequence[str],
    fit: Fit,
    interpolation: str,
    reporter: Reporter,
) -> None:
    if place.exists():
        reporter.note(f"{place} is damaged or cut off, and is made anew.")
    with whole_folder(place, keep=lambda there: _is_whole(there, ids, shape)) as temporary:
        mapped = create_array(temporary / "pixels.npy", np.uint8, shape)
        _fill(mapped, cohort, ids, fit, interpolation, reporter)
        mapped.flush()  # type: ignore[attr-defined]
        del mapped
        seal(temporary)
        about = {"format": FORMAT, "size": shape[1], "fit": fit, "interpolation": interpolation}
        write_json(temporary / "store.json", {**about, "ids": list(ids)})


def store_key(ids: Sequence[str], image_size: int, fit: Fit, interpolation: str, channels: int) -> str:
    """Name of a store's folder: a hash of all that decides its bytes. Ids are content hashes, so images count too."""
    return hash_of([FORMAT, list(ids), image_size, fit, interpolation, channels], 16)


def store_of_arrays(
    X: Pixels, ids: Sequence[str], image_size: int, fit: Fit = "stretch", interpolation: str = "bilinear"
) -> Store:
    """The same for images in memory.

    Args:
        X: (n, h, w), (n, h, w, 1) or (n, h, w, 3) uint8.
        ids: (n,) ids.
        image_size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.

    Returns:
        The squares; c is 1 if every image is grey.

    Raises:
        InputError: Arrays of another kind, or another number of ids.
    """
    X = np.asarray(X)
    try:
        check_pixels(X, "X")
    except ImageError as error:
        raise InputError([error.problem("X")]) from error
    if len(X) != len(ids):
        raise InputError([Problem("ids", f"{len(ids)} ids", f"{len(X)}, one an image", "Pass arrays of one length.")])
    images = [as_grey(image) for image in X]
    channels = 1 if all(image.ndim == 2 for image in images) else 3
    pixels = np.empty((len(X), image_size, image_size, channels), dtype=np.uint8)
    for row, image in enumerate(images):
        pixels[row] = _square(image, image_size, fit, interpolation, channels)
    return Store(pixels, tuple(ids))


def _is_whole(place: Path, ids: Sequence[str], shape: tuple[int, ...]) -> bool:
    """Whether an earlier call left this very store; anything else there is replaced."""
    try:
        about = read_json(place / "store.json")
        same = about["ids"] == list(ids)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    mapped = open_array_file(place / "pixels.npy") if same else None
    return mapped is not None and mapped.shape == shape and mapped.dtype == np.uint8


def _square(image: Pixels, size: int, fit: Fit, interpolation: str, channels: int) -> Pixels:
    """(s, s, c): fitted, a grey image repeated over three channels in a colour cohort."""
    square = fit_square(image, size, fit, interpolation)
    square = square[..., None] if square.ndim == 2 else square
    return np.broadcast_to(square, (size, size, channels))


def _fill(pixels: Pixels, cohort: Cohort, ids: Sequence[str], fit: Fit, interpolation: str, reporter: Reporter) -> None:
    """Write the square of every id into its row; threads, since decoding and resizing leave the interpreter's lock."""
    problems: list[Problem] = []
    work = _writer(pixels, cohort, ids, fit, interpolation)
    threads = min(MAX_THREADS, (os.cpu_count() or 1) + 2)
    reporter.begin("Preparing images", len(ids))
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.filterwarnings("ignore", module="PIL")  # it warns of a damaged file and then raises, which is enough
        for start in range(0, len(ids), BATCH):
            for problem in pool.map(work, range(start, min(start + BATCH, len(ids)))):
                if problem is not None:
                    problems.append(problem)
                reporter.step()
    reporter.end()
    close_arrays()
    if problems:
        raise InputError(problems, title="The images are no longer what they were when the cohort was read")


def _writer(
    pixels: Pixels, cohort: Cohort, ids: Sequence[str], fit: Fit, interpolation: str
) -> Callable[[int], Problem | None]:
    """The work for one row: writes it, or returns why not."""
    rows = cohort.table.set_index("id")[["source", "member", "row", "content"]]
    unknown = [id_ for id_ in ids if id_ not in rows.index]
    if unknown:
        raise HeldoutError(f"{len(unknown)} ids are not in the cohort '{cohort.name}' (first: {unknown[0]}).")
    if not cohort.root:
        raise HeldoutError("This cohort lives in memory; build its store with `store_of_arrays`.")
    places = list(rows.loc[list(ids)].itertuples(index=False, name=None))
    root, size, channels = Path(cohort.root), pixels.shape[1], pixels.shape[-1]

    def write(position: int) -> Problem | None:
        source, member, row, content = places[position]
        try:
            image = read_pixels(root / source, member, row)
        except ImageError as error:
            return error.problem(error.where, source=source)
        found = content_hash(image)
        if found != content:
            return Problem(
                str(root / source) + (f" row {row}" if row >= 0 else ""),
                f"other pixels (content {found})",
                f"those that the cohort was read with (content {content})",
                "Put the file back, or start a new study with the data as it is now.",
            )
        pixels[position] = _square(image, size, fit, interpolation, channels)
        return None

    return write
