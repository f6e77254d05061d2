"""Weights as arrays of numpy, for a program that knows the network already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from heldout.exporting.format import Ask, Format, Written

if TYPE_CHECKING:
    from heldout.exporting.exportable import Exportable


class Arrays(Format):
    """One array a tensor, under the names that heldout gives them."""

    name: ClassVar[str] = "arrays"
    suffix: ClassVar[str] = ".npz"

    def write(self, run: Exportable, path: Path, about: Mapping[str, str]) -> Written:
        """The run's one network."""
        (network, _), *_ = run.members
        np.savez(path, **{name: tensor.numpy() for name, tensor in network.state_dict().items()})
        return Written(("network",), ("logits",), {"numpy": np.__version__})

    def asked(self, run: Exportable, path: Path) -> Ask:
        """By the network itself, with the tensors of the file."""
        import copy

        import torch

        network = copy.deepcopy(run.members[0][0])
        with np.load(path) as arrays:
            network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
        return replace(run, members=((network, run.recipe),)).probabilities


FORMAT = Arrays()
