"""Every image decoded and fitted to its square once: the pixels that training, features and figures take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heldout.array_files import create_array, open_array_file, release_pages, seal
from heldout.claims import claim_of, hold
from heldout.data.squares import Squares, image_at
from heldout.data.squaring import Fitting, Pixels, Squaring
from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import hash_of, read_json, whole_folder, write_json
from heldout.images import ImageError, check_pixels, close_arrays, content_hash, quietly, release_arrays
from heldout.images.memory import one_image
from heldout.images.reading import grey_if_equal, of_array, place_of
from heldout.progress import Reporter, Silent
from heldout.records import Cohort, InputMap
from heldout.records.recipe import Fit

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
        pixels: (n, s, s, c) uint8 or float16, c = 1 for a grey cohort, else 3, or as many as the network takes; mapped
            from disk where a folder was given.
        ids: (n,) ids in the order of the rows.
    """

    pixels: Pixels
    ids: tuple[str, ...]

    @property
    def channels(self) -> int:
        """1 or 3, or as many as the network takes."""
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
        """(m, s, s, c): a copy of the squares of some ids, in their order.

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
    input_map: InputMap | None = None,
    squares: Squares | None = None,
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
        input_map: How values of the files become inputs; None takes 8-bit grey and RGB as they are.
        squares: What was kept when the images were measured; these are not decoded again.

    Returns:
        The squares. c is 1 only if every image of the cohort is grey, whichever ids are asked for.

    Raises:
        InputError: Images that cannot be read any more, or whose pixels are no longer those of the cohort; all of them.
        HeldoutError: An id is not in the cohort.
    """
    grey = bool((cohort.table["channels"] == 1).all())
    how = Squaring(Fitting(image_size, fit, interpolation, input_map), _width(grey, input_map))
    shape = (len(ids), image_size, image_size, how.channels)
    if folder is None:
        pixels = np.empty(shape, dtype=how.fitting.dtype)
        _fill(pixels, cohort, ids, how, reporter, squares)
        return Store(pixels, tuple(ids))
    place = folder / store_key(ids, how)
    if not _is_whole(place, ids, shape, how):
        with hold(claim_of(place)):
            if not _is_whole(place, ids, shape, how):  # another process may just have made it
                _write(place, shape, cohort, ids, how, reporter, squares)
    return Store(np.load(place / "pixels.npy", mmap_mode="r"), tuple(ids))


def _width(grey: bool, input_map: InputMap | None) -> int:
    """Channels of the squares."""
    wanted = None if input_map is None else input_map.width
    return wanted or (1 if grey else 3)


def _write(
    place: Path,
    shape: tuple[int, ...],
    cohort: Cohort,
    ids: Sequence[str],
    how: Squaring,
    reporter: Reporter,
    squares: Squares | None,
) -> None:
    fitting = how.fitting
    if place.exists():
        reporter.note(f"{place} is damaged or cut off, and is made anew.")
    with whole_folder(place, keep=lambda there: _is_whole(there, ids, shape, how)) as temporary:
        mapped = create_array(temporary / "pixels.npy", fitting.dtype, shape)
        _fill(mapped, cohort, ids, how, reporter, squares)
        mapped.flush()  # type: ignore[attr-defined]
        del mapped
        seal(temporary)
        about = {"format": FORMAT, "size": shape[1], "fit": fitting.fit, "interpolation": fitting.interpolation}
        about |= {} if fitting.input_map is None else {"input_map": fitting.input_map.key}
        write_json(temporary / "store.json", {**about, "ids": list(ids)})


def store_key(ids: Sequence[str], how: Squaring) -> str:
    """Name of a store's folder: a hash of all that decides its bytes. Ids are content hashes, so images count too."""
    size, fit, interpolation, rule = how.fitting.key
    return hash_of([FORMAT, list(ids), size, fit, interpolation, how.channels, *([rule] if rule else [])], 16)


def store_of_arrays(
    X: Pixels,
    ids: Sequence[str],
    image_size: int,
    fit: Fit = "stretch",
    interpolation: str = "bilinear",
    input_map: InputMap | None = None,
) -> Store:
    """The same for images in memory.

    Args:
        X: (n, h, w) or (n, h, w, k).
        ids: (n,) ids.
        image_size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.
        input_map: How values become inputs; None takes 8-bit grey and RGB as they are, and nothing else.

    Returns:
        The squares; c is 1 if every image is grey.

    Raises:
        InputError: Arrays of another kind, or another number of ids.
    """
    X = np.asarray(X)
    try:
        check_pixels(X, "X", any_depth=True)
        images = [grey_if_equal(of_array(image, f"X row {row}")) for row, image in enumerate(X)]
        fitting = Fitting(image_size, fit, interpolation, input_map)
        how = Squaring(fitting, _width(all(image.pixels.ndim == 2 for image in images), input_map))
        squares = [how.widened(fitting.fitted(image, f"X row {row}")) for row, image in enumerate(images)]
    except ImageError as error:
        raise InputError([error.problem("X")]) from error
    if len(X) != len(ids):
        raise InputError([Problem("ids", f"{len(ids)} ids", f"{len(X)}, one an image", "Pass arrays of one length.")])
    pixels = np.empty((len(X), image_size, image_size, how.channels), dtype=fitting.dtype)
    for row, square in enumerate(squares):
        pixels[row] = square
    return Store(pixels, tuple(ids))


def _is_whole(place: Path, ids: Sequence[str], shape: tuple[int, ...], how: Squaring) -> bool:
    """Whether an earlier call left this very store; anything else there is replaced."""
    try:
        about = read_json(place / "store.json")
        same = about["ids"] == list(ids)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    mapped = open_array_file(place / "pixels.npy") if same else None
    return mapped is not None and mapped.shape == shape and mapped.dtype == how.fitting.dtype


def _fill(
    pixels: Pixels, cohort: Cohort, ids: Sequence[str], how: Squaring, reporter: Reporter, squares: Squares | None
) -> None:
    """Write the square of every id into its row; threads, since decoding and resizing leave the interpreter's lock."""
    problems: list[Problem] = []
    work = _writer(pixels, cohort, ids, how, squares)
    threads = min(MAX_THREADS, (os.cpu_count() or 1) + 2)
    reporter.begin("Preparing images", len(ids))
    with quietly(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(ids), BATCH):
            for problem in pool.map(work, range(start, min(start + BATCH, len(ids)))):
                if problem is not None:
                    problems.append(problem)
                reporter.step()
            release_pages(pixels)
            release_arrays()
    reporter.end()
    close_arrays()
    if problems:
        raise InputError(problems, title="The images are no longer what they were when the cohort was read")


def _writer(
    pixels: Pixels, cohort: Cohort, ids: Sequence[str], how: Squaring, squares: Squares | None
) -> Callable[[int], Problem | None]:
    """The work for one row: writes it, or returns why not."""
    rows = cohort.table.set_index("id")[["source", "member", "row", "content"]]
    unknown = [id_ for id_ in ids if id_ not in rows.index]
    if unknown:
        raise HeldoutError(f"{len(unknown)} ids are not in the cohort '{cohort.name}' (first: {unknown[0]}).")
    if not cohort.root:
        raise HeldoutError("This cohort lives in memory; build its store with `store_of_arrays`.")
    places = list(rows.loc[list(ids)].itertuples(index=False, name=None))
    root = Path(cohort.root)

    def write(position: int) -> Problem | None:
        with one_image():
            return prepare(position)

    def prepare(position: int) -> Problem | None:
        source, member, row, content = places[position]
        kept = None if squares is None else squares.take((source, member, row), how.fitting)
        if kept is not None:
            pixels[position] = how.widened(kept)
            return None
        try:
            image = image_at(root, (source, member, row), squares)
            square = how.widened(how.fitting.fitted(image, place_of(root / source, member, row)))
        except ImageError as error:
            return error.problem(error.where, source=source)
        found = content_hash(image.pixels, image.window)
        if found != content:
            other = "other pixels" if image.window is None else "other pixels, or another window,"
            return Problem(
                str(root / source) + (f" row {row}" if row >= 0 else ""),
                f"{other} (content {found})",
                f"those that the cohort was read with (content {content})",
                "Put the file back, or start a new study with the data as it is now.",
            )
        pixels[position] = square
        return None

    return write
