"""What the loop hands out after every epoch, and what it takes to go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.progress import Epoch
from heldout.ties import SAME, SAME_LOSS

State = dict[str, torch.Tensor]
"""Parameters and buffers by name, on the CPU."""


@dataclass(frozen=True)
class Progress:
    """The state after an epoch.

    Attributes:
        epoch: Its row of the history.
        val_predicted: (m,) int16, the class predicted for each validation image; of several labels (m, k) of 0 and 1.
        optimizer: The phase's optimiser, for a checkpoint; None where nothing would have to be resumed.
        phase: Number of the phase that the epoch belongs to.
        ends: What later phases need of the ends of earlier ones.
        choices: What was chosen among on validation: name -> (m, k) float32 logits of the validation images; empty
            where nothing was.
        resumable: Whether a checkpoint could be gone on from; not where the head was replaced by one of another kind,
            which is made anew sooner than read.
    """

    epoch: Epoch
    val_predicted: NDArray[np.int16]
    optimizer: torch.optim.Optimizer | None
    phase: int = 0
    ends: Mapping[int, State] = field(default_factory=dict)
    choices: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    resumable: bool = True


@dataclass(frozen=True)
class Resume:
    """Where to go on: the network itself was already put back by the caller.

    Attributes:
        rows: (number of the phase, row) of every epoch done.
        optimizer: State of the optimiser of the phase that was cut off.
        ends: Weights at the ends of phases that later ones need; `BEGINNING` for those before the first.
    """

    rows: tuple[tuple[int, Epoch], ...] = ()
    optimizer: dict[int, dict[str, torch.Tensor]] | None = None
    ends: Mapping[int, State] = field(default_factory=dict)


def better(epoch: Epoch, than: Epoch) -> bool:
    """Whether an epoch is better than an earlier one: by validation accuracy, of equals by loss; not if equal in both.

    Equal up to rounding (`heldout.ties`), so that the earlier one is kept where only the last digits differ.
    """
    gained = epoch.val_accuracy - than.val_accuracy
    if abs(gained) > SAME:
        return gained > 0
    return epoch.val_loss < than.val_loss - SAME_LOSS
