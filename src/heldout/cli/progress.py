"""Progress on the terminal: epoch, seconds an epoch, time left, training and validation accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from heldout.progress import Epoch


class Bars:
    """A reporter that draws a bar a piece of work; without a terminal it prints one line a note and a tenth."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal
        self._bars: list[tuple[Progress, TaskID]] = []
        self._counts: list[tuple[str, int, int]] = []

    def begin(self, title: str, total: int) -> None:
        """Open a bar."""
        self._counts.append((title, 0, total))
        if self._bars:
            progress = self._bars[0][0]
        else:
            progress = Progress(
                TextColumn("  {task.description:<16}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[detail]}", markup=False),
                console=self.console,
                disable=not self.live,
                transient=False,
            )
            progress.start()
        self._bars.append((progress, progress.add_task(title, total=total, detail="")))

    def step(self, epoch: Epoch | None = None) -> None:
        """Move the innermost bar by one."""
        progress, task = self._bars[-1]
        title, done, total = self._counts[-1]
        self._counts[-1] = (title, done + 1, total)
        detail = "" if epoch is None else _said(epoch)
        progress.update(task, advance=1, detail=detail)
        tenths = (done + 1) * 10 // total - done * 10 // total if total else 0
        if not self.live and epoch is not None and (tenths or done + 1 == total):
            before = epoch.epoch - (done + 1)  # epochs of an earlier sitting, where a run that was cut off goes on
            self.console.print(f"  {title}: epoch {epoch.epoch} of {before + total}, {detail}")

    def end(self) -> None:
        """Close the innermost bar."""
        progress, _ = self._bars.pop()
        self._counts.pop()
        if not self._bars:
            progress.stop()

    def note(self, text: str) -> None:
        """Print one sentence."""
        self.console.print(text)


def _said(epoch: Epoch) -> str:
    """What an epoch took and reached."""
    from heldout.answer.texts import duration, percent

    accuracies = f"train {percent(epoch.train_accuracy)}  val {percent(epoch.val_accuracy)}"
    return f"{duration(epoch.seconds)} an epoch  {accuracies}"
