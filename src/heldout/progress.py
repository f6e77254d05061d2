"""How long work tells its progress: the library reports, the face (command line, notebook, none) shows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
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


class Gathered:
    """One bar for pieces of work that go on at once: the epochs of all of them are its steps.

    A context, which begins the bar and ends it; may be told from several threads.

    Args:
        reporter: Draws the bar, and is told what the pieces note.
        title: Of the bar.
        total: Steps of all pieces.
    """

    def __init__(self, reporter: Reporter, title: str, total: int) -> None:
        self._reporter = reporter
        self._title = title
        self._total = total
        self._lock = threading.Lock()

    def __enter__(self) -> Gathered:
        self._reporter.begin(self._title, self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reporter.end()

    def piece(self, steps: int) -> Piece:
        """The reporter of a piece of work with so many steps."""
        return Piece(self, steps)

    def move(self, steps: int) -> None:
        """So many steps more are done."""
        with self._lock:
            for _ in range(steps):
                self._reporter.step()

    def note(self, text: str) -> None:
        """One sentence for the person."""
        with self._lock:
            self._reporter.note(text)


class Piece:
    """The reporter of one piece of work among others: a context; what is done by its end has all of its steps.

    Its steps are the epochs that were reached: one that is done again, since a machine was lost, does not count twice.

    Attributes:
        done: Whether it is done.
    """

    def __init__(self, bar: Gathered, steps: int) -> None:
        self.done = False
        self._bar = bar
        self._steps = steps
        self._reached = 0

    def __enter__(self) -> Piece:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.done:
            self.reach(self._steps)

    def reach(self, steps: int) -> None:
        """So many of its steps are done."""
        steps = min(steps, self._steps)
        if steps > self._reached:
            self._bar.move(steps - self._reached)
            self._reached = steps

    def begin(self, title: str, total: int) -> None:
        """Only epochs count."""

    def step(self, epoch: Epoch | None = None) -> None:
        """An epoch was reached."""
        if epoch is not None:
            self.reach(epoch.epoch)

    def end(self) -> None:
        """Only epochs count."""

    def note(self, text: str) -> None:
        """One sentence for the person."""
        self._bar.note(text)
