"""How long work tells its progress: the library reports, the face (command line, notebook, none) shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Epoch:
    """One row of a run's history. Accuracies are fractions, losses are mean cross-entropies in nats.

    Attributes:
        epoch: From 1 on, counted through all phases.
        phase: Name of the phase it belongs to.
        seconds: Wall time of training and of validating this epoch.
        lr: Learning rate of the head at the end of the epoch.
        train_loss: Mean over the epoch's batches, as the network was while it learned.
        train_accuracy: Likewise.
        val_loss: After the epoch, in eval mode.
        val_accuracy: Likewise.
        converged: Whether a solver reached its tolerance; True of an epoch that was trained.
    """

    epoch: int
    phase: str
    seconds: float
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    converged: bool = True


class Reporter(Protocol):
    """Takes word of what happens. None of its methods may change a result."""

    def begin(self, title: str, total: int) -> None:
        """A piece of work with `total` steps begins (epochs of a run, batches of a pass, runs of a study)."""

    def step(self, epoch: Epoch | None = None) -> None:
        """One step is done; for a step that is an epoch, its row."""

    def end(self) -> None:
        """The piece of work that began last has ended."""

    def note(self, text: str) -> None:
        """One sentence for the person."""


class Silent:
    """The reporter that says nothing: the default of the library."""

    def begin(self, title: str, total: int) -> None:
        """Say nothing."""

    def step(self, epoch: Epoch | None = None) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
