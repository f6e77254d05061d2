"""What does not change is computed once: activations of a frozen prefix, cached on disk and shared by runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.array_files import create_array, open_array_file, release_pages, seal
from heldout.backbones import Network
from heldout.claims import claim_of, hold
from heldout.files import hash_of, whole, whole_folder, write_json
from heldout.progress import Reporter, Silent
from heldout.records import Recipe
from heldout.training.device import Machine
from heldout.training.engine import Prefix, prefix_of
from heldout.training.phases import hash_tensors
from heldout.training.predict import EVAL_BATCH, RELEASED, run_stages
from heldout.training.shards import Shards
from heldout.training.task import Part, rows_of

Activations = NDArray[Any]
"""float32; maps within the trunk mostly float16."""


HARMLESS = 2e-3
"""Largest change of the pooled features, relative to the largest of them, at which activations are kept in half
precision. float16 rounds to one part in 2,048 (5e-4)."""

CHECKED = 64
"""Images on which that is held before the rest is written."""

SHARDS = ".shards"
"""Ending of the folder beside a cache's own in which the shards of a pass are kept until it is over."""


@dataclass(frozen=True)
class ActivationCache:
    """Activations at a stage boundary, one folder a set of images and prefix.

    Pooled features are kept in float32. Maps within the trunk are kept in float16 where the features they lead to
    change by less than `HARMLESS`, which halves what an epoch reads.

    Attributes:
        folder: Where they are kept; None keeps nothing on disk.
        source: What the tensors and the ids do not tell: the backbone (its activation functions, its padding), and how
            the pixels were made (image size, interpolation, way of becoming square).
        precision: Precision they are computed in.
        engine: What computes them, as `Machine.engine` names it; PyTorch where that cannot.
        whole: Images that the folds of a cross-validation are taken from: their activations are computed once, and a
            fold's are rows of them. None where parts stand for themselves.
    """

    folder: Path | None
    source: str = ""
    precision: str = "no"
    engine: str = "torch"
    whole: Part | None = None
    _made: dict[str, tuple[Prefix, str]] = field(default_factory=dict, repr=False, compare=False)  # the last one

    @classmethod
    def of_study(cls, folder: Path, recipe: Recipe, machine: Machine, whole: Part | None = None) -> ActivationCache:
        """The cache of a study in `folder`: its runs share it, and what is asked of them later finds it again."""
        source = f"{recipe.backbone} {recipe.image_size} {recipe.fit} {recipe.interpolation}"
        source += "" if recipe.input_map is None else f" {recipe.input_map.key}"
        return cls(folder / "features", source, recipe.precision, machine.engine, whole)

    def key(self, network: Network, length: int, part: Part) -> str:
        """Hash of all that decides the activations: prefix, images and their order, precision, engine."""
        return hash_of([self._prefix_key(network, length, part), list(part.ids)], 20)

    def file(self, network: Network, length: int, part: Part) -> Path:
        """Where `activations` keeps what it is asked for; a cache without a folder has no such place."""
        assert self.folder is not None
        return self.folder / self.key(network, length, part) / "activations.npy"

    def _prefix_key(self, network: Network, length: int, part: Part) -> str:
        stages = list(network.stages)[:length]
        prefix = tuple(f"stages.{name}." for name in stages)
        tensors = hash_tensors(network, [name for name in network.state_dict() if name.startswith(prefix)])
        return hash_of([stages, tensors, list(part.pixels.shape[1:]), self.source, self.precision, self.engine], 20)

    def _prefix(
        self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter
    ) -> tuple[Prefix, str]:
        """What runs the first stages, and its name; compiled once for all parts of a run."""
        if self.engine == "torch" or machine.device.type != "cpu":
            return network, "torch"
        key = self._prefix_key(network, length, part)
        if key not in self._made:
            prefix, reason = prefix_of(self.engine, network, length, part.pixels)
            if reason:
                reporter.note(f"PyTorch computes the fixed features, not {self.engine}: {reason}.")
            self._made.clear()
            self._made[key] = prefix, "torch" if prefix is network else self.engine
        return self._made[key]

    def boundary(self, network: Network, frozen: int, part: Part, machine: Machine) -> int:
        """The last boundary within the first `frozen` stages at which activations are worth keeping; 0 for none.

        Worth it are those that take no more room than the images themselves would as float32: early maps are many times
        larger, and reading them costs about as much as computing them. So is never the output of the input stage alone.
        """
        if frozen == len(network.stages):
            return frozen
        room = 3 * part.pixels.shape[1] * part.pixels.shape[2]
        sizes, x = [0], part.pixels[:1]
        for number in range(frozen):
            x = run_stages(network, x, number, number + 1, machine)  # type: ignore[assignment]
            sizes.append(x.size)
        return max((length for length in range(2, frozen + 1) if sizes[length] <= room), default=0)

    def activations(
        self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter | None = None
    ) -> Activations:
        """Activations (n, …) float32 or float16 after the first `length` stages, from disk where they are there.

        The prefix must be frozen; `frozen_stages` says how long it may be. Memory-mapped when a folder is given.
        """
        reporter = reporter or Silent()
        if (rows := self._rows(part)) is not None:
            assert self.whole is not None
            of_all = replace(self, whole=None).activations(network, length, self.whole, machine, reporter)
            return np.asarray(of_all[rows]) if of_all.ndim == 2 else rows_of(of_all, rows)
        if self.folder is None:
            prefix, _ = self._prefix(network, length, part, machine, reporter)
            found = run_stages(prefix, part.pixels, 0, length, machine)
            assert found is not None
            return _halved(found) if _half_is_harmless(network, length, found, machine) else found
        file = self.file(network, length, part)
        if not _is_whole(file, len(part)):
            with hold(claim_of(file.parent)):
                if not _is_whole(file, len(part)):  # another process may just have computed them
                    if file.parent.exists():
                        reporter.note(f"{file.parent} is damaged or cut off, and is computed anew.")
                    reporter.begin("fixed features", math.ceil(len(part) / EVAL_BATCH))
                    keep = partial(_is_whole_folder, images=len(part))
                    with whole_folder(file.parent, keep=keep) as temporary:
                        self._write(network, length, part, machine, reporter, temporary)
                    self.shards(network, length, part).remove()
                    reporter.end()
        mapped: Activations = np.load(file, mmap_mode="r")
        return mapped

    def _rows(self, part: Part) -> NDArray[np.int64] | None:
        """Where a part's images stand among `whole`; None where one of them, such as a changed view, is not there."""
        places = self._places
        if self.whole is None or not all(id_ in places for id_ in part.ids):
            return None
        return np.array([places[id_] for id_ in part.ids], dtype=np.int64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {} if self.whole is None else {id_: row for row, id_ in enumerate(self.whole.ids)}

    def shards(self, network: Network, length: int, part: Part) -> Shards:
        """The shards of a pass, which are kept until all are there and one file is made of them."""
        return Shards(self.file(network, length, part).parent.with_suffix(SHARDS), len(part))

    def is_there(self, network: Network, length: int, part: Part) -> bool:
        """Whether an earlier call left the activations on disk."""
        return _is_whole(self.file(network, length, part), len(part))

    def compute_shards(
        self,
        network: Network,
        length: int,
        part: Part,
        machine: Machine,
        reporter: Reporter,
        rows: Sequence[range],
    ) -> None:
        """Compute some shards of a pass over the whole trunk, those that are there left as they are.

        Args:
            network: Frozen.
            length: All of its stages.
            part: The images of the whole pass.
            machine: Device and precision.
            reporter: Told of every batch.
            rows: Which shards, as `Shards.rows` has them.
        """
        self._pass(network, length, part, machine, reporter).write_shards(self.shards(network, length, part), rows)

    def _pass(self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter) -> _Pass:
        return _Pass(network, length, part, machine, reporter, *self._prefix(network, length, part, machine, reporter))

    def _write(
        self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter, folder: Path
    ) -> None:
        """Activations of all images into a folder: in one pass, or in shards, which stay if this is interrupted."""
        file = folder / "activations.npy"
        run = self._pass(network, length, part, machine, reporter)
        shards = self.shards(network, length, part)
        try:
            out = run.write(file) if len(shards.rows) == 1 else run.write_shards(shards).join(file)
        except _TooLargeError:  # a later image than those that were held up: all of it again, in float32
            again = replace(run, kind=np.dtype(np.float32), reporter=Silent())
            shards.remove()
            out = again.write(file) if len(shards.rows) == 1 else again.write_shards(shards).join(file)
        seal(folder)
        stages = list(network.stages)[:length]
        about = {"stages": stages, "images": len(part), "precision": self.precision, "engine": run.engine}
        write_json(folder / "about.json", {"format": 1, **about, "type": str(out.dtype)})


@dataclass(frozen=True)
class _Pass:
    """A pass over the images of a part that writes what comes out.

    Attributes:
        network: The network.
        length: Stages that are run.
        part: The images.
        machine: Device and precision.
        reporter: Told of every batch.
        prefix: What runs the stages.
        engine: Its name.
        kind: What is written; None decides by the first images.
    """

    network: Network
    length: int
    part: Part
    machine: Machine
    reporter: Reporter
    prefix: Prefix
    engine: str
    kind: np.dtype[Any] | None = None

    def write(self, file: Path, rows: range | None = None) -> Activations:
        """Activations of some images, all by default, as one array file.

        Raises:
            _TooLargeError: A value does not fit into half precision, which was decided for.
        """
        rows = range(len(self.part)) if rows is None else rows
        out: Activations | None = None

        def write(start: int, values: NDArray[np.float32]) -> None:
            nonlocal out
            if out is None:
                out = create_array(file, self.kind or self._kind(values), (len(rows), *values.shape[1:]))
            if out.dtype == np.float16 and not _fits_half(values):
                raise _TooLargeError
            out[start - rows.start : start - rows.start + len(values)] = values
            if (start - rows.start) % RELEASED == 0:
                release_pages(out)

        run_stages(self.prefix, self.part.pixels, 0, self.length, self.machine, self.reporter, write, rows)
        assert out is not None
        out.flush()  # type: ignore[attr-defined]
        return out

    def write_shards(self, shards: Shards, rows: Sequence[range] | None = None) -> Shards:
        """Every shard that is not there yet, or of some those; all are of the kind of the first.

        Raises:
            _TooLargeError: As `write`.
        """
        run = self
        for some in shards.rows if rows is None else rows:
            there = shards.open(some)
            if there is None:
                with whole(shards.file(some)) as temporary:
                    there = run.write(temporary, some)
            else:
                for _ in range(0, len(some), EVAL_BATCH):
                    self.reporter.step()
            run = replace(run, kind=there.dtype)
        return shards

    def _kind(self, values: NDArray[np.float32]) -> np.dtype[Any]:
        half = _half_is_harmless(self.network, self.length, values, self.machine)
        return np.dtype(np.float16 if half else np.float32)


def _is_whole(file: Path, images: int) -> bool:
    """Whether an earlier call left these activations; anything else there is replaced."""
    mapped = open_array_file(file)
    return mapped is not None and len(mapped) == images


def _is_whole_folder(folder: Path, images: int) -> bool:
    return _is_whole(folder / "activations.npy", images)


class _TooLargeError(Exception):
    """A value that float16 cannot hold."""


def _fits_half(values: NDArray[np.float32]) -> bool:
    return bool(np.abs(values).max(initial=0.0) <= np.finfo(np.float16).max)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float16]:
    half: NDArray[np.float16] = values.astype(np.float16)
    return half


def _half_is_harmless(network: Network, length: int, values: NDArray[np.float32], machine: Machine) -> bool:
    """Whether the pooled features of the first images stay what they are when activations are rounded to float16."""
    stages = len(network.stages)
    if length == stages or not _fits_half(values):
        return False
    some = values[:CHECKED]
    exact = run_stages(network, some, length, stages, machine)
    rounded = run_stages(network, _halved(some), length, stages, machine)
    assert exact is not None and rounded is not None
    return bool(np.abs(rounded - exact).max() <= HARMLESS * np.abs(exact).max())
