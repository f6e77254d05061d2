"""The far side of `--on ray`: a work item on the machine that does it, in a folder of its own."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from heldout._version import __version__
from heldout.claims import claim_of, hold
from heldout.errors import HeldoutError
from heldout.files import whole, whole_folder
from heldout.optional import require
from heldout.progress import Epoch, Reporter

CHUNK = 64 * 2**20
"""Bytes of a file that travel as one object: stores of any size go through an object store of any size."""


@dataclass(frozen=True)
class Order:
    """An item as it is sent. References are to objects in Ray's store.

    Attributes:
        work: Of the item.
        common: One reference.
        files: Name of each file that it reads -> references to its pieces.
        leaves: Of the item.
        kept: Of the item.
        version: Of heldout where the study is.
        session: Tells the copies of one driver from those of others.
    """

    work: Callable[[Any, Path, Reporter], Any]
    common: tuple[Any, ...]
    files: dict[str, tuple[Any, ...]]
    leaves: Callable[[Path], Sequence[str]]
    kept: tuple[str, ...]
    version: str
    session: str


def _session_folder(session: str) -> Path:
    return Path(tempfile.gettempdir()) / f"heldout-ray-{session}"


def do(order: Order) -> Iterator[tuple[str, Any]]:
    """Do an item in a folder of its own; gives epochs and notes as they come, then the files, then the result."""
    ray: Any = require("ray", "ray")
    if order.version != __version__:
        text = f"Found heldout {__version__} on a machine of the cluster; expected {order.version}, as the study has."
        yield "error", HeldoutError(text)
        return
    node = _session_folder(order.session) / ray.get_runtime_context().get_node_id()
    study = node / "items" / uuid.uuid4().hex
    try:
        common = importlib.import_module("ray.cloudpickle").loads(ray.get(order.common[0]))
        before = _lay_out(order, node, study, ray)
        told: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        worker = threading.Thread(target=_work, args=(order, common, study, told), daemon=True)
        worker.start()
        kind, content = told.get()
        while kind in ("epoch", "note"):
            yield kind, content
            kind, content = told.get()
        if kind == "result":
            for file in _files(study, order.leaves(study)):
                name = file.relative_to(study).as_posix()
                if before.get(name) != file.stat().st_mtime_ns:
                    values = np.fromfile(file, dtype=np.uint8)
                    for start in range(0, max(1, len(values)), CHUNK):
                        yield "piece", (name, values[start : start + CHUNK])
        yield kind, content
    finally:
        shutil.rmtree(study, ignore_errors=True)


def _lay_out(order: Order, node: Path, study: Path, ray: Any) -> dict[str, int]:
    """Make the study's folder as far as an item needs it; name -> time of each file that is not shared."""
    study.mkdir(parents=True)
    for name in order.kept:
        (node / name).mkdir(parents=True, exist_ok=True)
        (study / name).symlink_to(node / name, target_is_directory=True)
    times: dict[str, int] = {}
    shared: dict[Path, dict[str, tuple[Any, ...]]] = {}
    for name, pieces in order.files.items():
        parts = Path(name).parts
        if parts[0] in order.kept and len(parts) > 2:
            shared.setdefault(node / parts[0] / parts[1], {})["/".join(parts[2:])] = pieces
        else:
            with whole(study / name) as temporary:
                _fetch(temporary, pieces, ray)
            times[name] = (study / name).stat().st_mtime_ns
    for place, files in shared.items():
        with hold(claim_of(place)):
            if not place.exists():  # another item of this machine may have fetched it
                with whole_folder(place) as temporary:
                    for name, pieces in files.items():
                        _fetch(temporary / name, pieces, ray)
    return times


def _files(study: Path, names: Sequence[str]) -> list[Path]:
    """All files of some files and folders; not what is half written."""
    places = [study / name for name in names]
    found = [file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    return [file for file in found if file.is_file() and not file.name.startswith(".")]


def _fetch(file: Path, pieces: Sequence[Any], ray: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        for piece in pieces:
            out.write(ray.get(piece))


def _work(order: Order, common: Any, study: Path, told: SimpleQueue[tuple[str, Any]]) -> None:
    """Do it, and tell how it ended."""
    pickle: Any = importlib.import_module("ray.cloudpickle")
    try:
        told.put(("result", order.work(common, study, _Told(told))))
    except BaseException as error:  # whatever it is, the driver is told
        try:
            pickle.loads(pickle.dumps(error))
            told.put(("error", error))
        except Exception:  # some errors cannot be made anew from their arguments: their text can
            told.put(("error", HeldoutError(str(error) or type(error).__name__)))


@dataclass(frozen=True)
class _Told:
    """A reporter on another machine: epochs and notes are sent, passes over images are not."""

    told: SimpleQueue[tuple[str, Any]]

    def begin(self, title: str, total: int) -> None:
        """Nothing is sent."""

    def step(self, epoch: Epoch | None = None) -> None:
        """An epoch is sent."""
        if epoch is not None:
            self.told.put(("epoch", epoch))

    def end(self) -> None:
        """Nothing is sent."""

    def note(self, text: str) -> None:
        """It is sent."""
        self.told.put(("note", text))


def clear(session: str) -> None:
    """Remove what was copied to this machine."""
    shutil.rmtree(_session_folder(session), ignore_errors=True)
