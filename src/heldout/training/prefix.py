"""What does not change is computed once: activations of a frozen prefix, cached on disk and shared by runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.backbones import Network
from heldout.files import hash_of, whole_folder, write_json
from heldout.progress import Reporter, Silent
from heldout.training.device import Machine
from heldout.training.phases import hash_tensors
from heldout.training.predict import EVAL_BATCH, run_stages
from heldout.training.task import Part


@dataclass(frozen=True)
class ActivationCache:
    """Activations at a stage boundary, one folder a set of images and prefix.

    Attributes:
        folder: Where they are kept; None keeps nothing on disk.
        source: What the tensors and the ids do not tell: the backbone (its activation functions, its padding), and how
            the pixels were made (image size, interpolation, way of becoming square).
        precision: Precision they are computed in.
    """

    folder: Path | None
    source: str = ""
    precision: str = "no"

    def key(self, network: Network, length: int, part: Part) -> str:
        """Hash of all that decides the activations: the prefix's tensors, the images and their order, the precision."""
        stages = list(network.stages)[:length]
        prefix = tuple(f"stages.{name}." for name in stages)
        tensors = hash_tensors(network, [name for name in network.state_dict() if name.startswith(prefix)])
        shape = list(part.pixels.shape[1:])
        return hash_of([stages, tensors, list(part.ids), shape, self.source, self.precision], 20)

    def activations(
        self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter | None = None
    ) -> NDArray[np.float32]:
        """Activations (n, …) float32 after the first `length` stages, from disk where they are already there.

        The prefix must be frozen; `frozen_stages` says how long it may be. Memory-mapped when a folder is given.
        """
        reporter = reporter or Silent()
        if self.folder is None:
            found = run_stages(network, part.pixels, 0, length, machine)
            assert found is not None
            return found
        place = self.folder / self.key(network, length, part)
        file = place / "activations.npy"
        if not file.exists():
            reporter.begin("fixed features", math.ceil(len(part) / EVAL_BATCH))
            with whole_folder(place) as temporary:
                self._write(network, length, part, machine, reporter, temporary)
            reporter.end()
        mapped: NDArray[np.float32] = np.load(file, mmap_mode="r")
        return mapped

    def _write(
        self, network: Network, length: int, part: Part, machine: Machine, reporter: Reporter, folder: Path
    ) -> None:
        out: NDArray[np.float32] | None = None

        def write(start: int, values: NDArray[np.float32]) -> None:
            nonlocal out
            if out is None:
                shape = (len(part), *values.shape[1:])
                out = np.lib.format.open_memmap(folder / "activations.npy", mode="w+", dtype=np.float32, shape=shape)
            out[start : start + len(values)] = values

        run_stages(network, part.pixels, 0, length, machine, reporter, write)
        assert out is not None
        out.flush()  # type: ignore[attr-defined]
        about = {"format": 1, "stages": list(network.stages)[:length], "images": len(part), "precision": self.precision}
        write_json(folder / "about.json", about)
