"""Progress in a notebook: one output a cell, whose bars move while work lasts and stay as they ended.

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
from heldout.notebook.blocks import ProgressLine
from heldout.notebook.html import progress_html
from heldout.progress import Epoch

PAUSE = 0.25
"""Seconds between two updates of an output, at least: a reader sees no more, and each one is a message."""

SHOWN = 8
"""Finished bars of a cell that stay in sight, the last ones; the number of the others is told."""

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

    def line(self, now: float) -> ProgressLine:
        """As it is shown."""
        share = min(self.done / self.total, 1.0) if self.total else 0.0
        steps = f"{self.done:,} of {self.total:,}"
        return ProgressLine(self.title, share, steps, self._time(now), self.detail)

    def _time(self, now: float) -> str:
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
    _told: list[Bar | str] = field(default_factory=list, init=False)
    _hidden: int = field(default=0, init=False)
    _output: Any = field(default=None, init=False)
    _shown: float = field(default=0.0, init=False)
    _cell: int = field(default=-1, init=False)

    def begin(self, title: str, total: int) -> None:
        """Open a bar."""
        self._arrive()
        bar = Bar(title, total, self.clock())
        self._open.append(bar)
        self._told.append(bar)
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
        """Close the innermost bar."""
        bar = self._open.pop()
        bar.seconds = self.clock() - bar.begun
        finished = [one for one in self._told if isinstance(one, Bar) and one.seconds is not None]
        if len(finished) > SHOWN:
            self._told.remove(min(finished, key=lambda one: one.begun + (one.seconds or 0.0)))  # the first that ended
            self._hidden += 1
        self._draw(at_once=not self._open)

    def note(self, text: str) -> None:
        """Say one sentence."""
        self._arrive()
        self._told.append(text)
        self._draw(at_once=True)

    def _arrive(self) -> None:
        """Leave the output of an earlier cell, and its work if that was interrupted."""
        if self.cell() != self._cell:
            self._open, self._told, self._hidden, self._output = [], [], 0, None
            self._cell = self.cell()

    def _draw(self, at_once: bool = False) -> None:
        now = self.clock()
        if not at_once and now - self._shown < PAUSE:
            return
        self._shown = now
        lines = [one if isinstance(one, str) else one.line(now) for one in self._told]
        earlier = f"{self._hidden} earlier, finished" if self._hidden else ""
        plain = [line if isinstance(line, str) else line.text for line in lines]
        bundle = {"text/html": progress_html(lines, earlier), "text/plain": "\n".join(filter(None, (earlier, *plain)))}
        self._output = self.show(bundle, self._output)


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
