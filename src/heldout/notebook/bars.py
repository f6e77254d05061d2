"""Progress in a notebook: one output a piece of work, whose bars move while it lasts and stay as they ended.

Made of IPython's own display handles. Bars of ipywidgets (tqdm, rich) need a second package on the notebook's side and
are gone from a saved notebook, where nothing but "widget not found" is left of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from heldout.answer.texts import duration, percent
from heldout.notebook.html import progress_html
from heldout.progress import Epoch

PAUSE = 0.25
"""Seconds between two updates of an output, at least: a reader sees no more, and each one is a message."""

SHOWN = 8
"""Finished bars inside another one that stay in sight; the number of the others is told."""

Show = Callable[[dict[str, str], Any], Any]
"""Shows text by kind (`text/html`, `text/plain`): a new output where given None, else the same one; returns it."""


@dataclass(eq=False)
class Bar:
    """One piece of work."""

    title: str
    total: int
    begun: float
    done: int = 0
    detail: str = ""
    seconds: float | None = None

    @property
    def share(self) -> float:
        """Of its steps, 0 … 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def time_told(self, now: float) -> str:
        """What it took, or what is left at the pace so far."""
        if self.seconds is not None:
            return duration(self.seconds)
        if not 0 < self.done < self.total:
            return ""
        return f"{duration((now - self.begun) / self.done * (self.total - self.done))} left"


@dataclass
class Bars:
    """A reporter for notebooks.

    Attributes:
        show: Shows an output, or changes it.
        cell: Number of the cell that runs: work of another one that was interrupted is not gone on with.
        clock: Seconds.
    """

    show: Show = field(default_factory=lambda: show_in_notebook)
    cell: Callable[[], int] = field(default_factory=lambda: cell_running)
    clock: Callable[[], float] = time.monotonic
    _open: list[Bar] = field(default_factory=list, init=False)
    _bars: list[Bar] = field(default_factory=list, init=False)
    _hidden: int = field(default=0, init=False)
    _notes: list[str] = field(default_factory=list, init=False)
    _output: Any = field(default=None, init=False)
    _shown: float = field(default=0.0, init=False)
    _cell: int = field(default=-1, init=False)

    def begin(self, title: str, total: int) -> None:
        """Open a bar; the first one opens an output."""
        self._arrive()
        bar = Bar(title, total, self.clock())
        self._open.append(bar)
        self._bars.append(bar)
        self._draw(at_once=len(self._open) == 1)

    def step(self, epoch: Epoch | None = None) -> None:
        """Move the innermost bar by one."""
        bar = self._open[-1]
        bar.done += 1
        if epoch is not None:
            accuracies = f"train {percent(epoch.train_accuracy)}, validation {percent(epoch.val_accuracy)}"
            bar.detail = f"{accuracies}, {duration(epoch.seconds)} an epoch"
        self._draw()

    def end(self) -> None:
        """Close the innermost bar; with the last one the output is left as it is."""
        bar = self._open.pop()
        bar.seconds = self.clock() - bar.begun
        finished = [one for one in self._bars if one.seconds is not None and one is not self._bars[0]]
        if len(finished) > SHOWN:
            self._bars.remove(finished[0])
            self._hidden += 1
        self._draw(at_once=not self._open)
        if not self._open:
            self._forget()

    def note(self, text: str) -> None:
        """Say one sentence, in the output of the work that goes on, else in one of its own."""
        self._arrive()
        self._notes.append(text)
        self._draw(at_once=True)
        if not self._open:
            self._forget()

    def _arrive(self) -> None:
        """Leave the output of an earlier cell, whose work was interrupted."""
        if self.cell() != self._cell:
            self._forget()
            self._cell = self.cell()

    def _forget(self) -> None:
        self._open, self._bars, self._hidden, self._notes, self._output = [], [], 0, [], None

    def _draw(self, at_once: bool = False) -> None:
        now = self.clock()
        if not at_once and now - self._shown < PAUSE:
            return
        self._shown = now
        lines = [
            (bar.title, bar.share, f"{bar.done:,} of {bar.total:,}", bar.time_told(now), bar.detail)
            for bar in self._bars
        ]
        plain = [" · ".join(filter(None, (title, steps, left, detail))) for title, _, steps, left, detail in lines]
        earlier = f"{self._hidden} earlier, finished" if self._hidden else ""
        text = "\n".join(filter(None, (*plain, earlier, *self._notes)))
        page = progress_html(lines, earlier, self._notes)
        self._output = self.show({"text/html": page, "text/plain": text}, self._output)


def cell_running() -> int:
    """Number of the cell that runs; 0 where there is no notebook."""
    asked = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return int(getattr(asked() if asked else None, "execution_count", 0))


def show_in_notebook(bundle: dict[str, str], output: Any) -> Any:
    """Show a bundle in the cell that runs, or change the output that was shown before."""
    from IPython.display import display

    if output is None:
        return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    output.update(bundle, raw=True)
    return output
