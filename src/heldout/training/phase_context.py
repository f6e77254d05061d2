"""What a phase is carried out with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heldout.backbones import Network
from heldout.strategies import Phase
from heldout.training.device import Machine
from heldout.training.predict import Inputs
from heldout.training.state import State
from heldout.training.task import Task


@dataclass(frozen=True)
class PhaseContext:
    """All that one phase works on, whether it is trained or solved.

    Attributes:
        network: Changed in place.
        task: Training and validation images.
        phase: The plan.
        number: Number of the phase.
        begun: Epochs of the phases before.
        views: Inputs of the training images after the first `length` stages, which the epochs take in turn; the first
            are those of the images as they are.
        val: Those of the validation images.
        length: See above.
        ends: Number of an earlier phase -> weights at its end.
        seed: Decides the order of images and all that is drawn.
        machine: Device and precision.
    """

    network: Network
    task: Task
    phase: Phase
    number: int
    begun: int
    views: Sequence[Inputs]
    val: Inputs
    length: int
    ends: Mapping[int, State]
    seed: int
    machine: Machine
