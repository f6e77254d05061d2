"""Bars of a notebook: one output a cell, moved seldom, and chosen only where a notebook is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from heldout.notebook import usual_reporter
from heldout.notebook.bars import SHOWN, Bars
from heldout.progress import Epoch, Silent
from heldout.study import Study
from tests.notebook.markup import Markup, check_harmless

EPOCH = Epoch(1, "head", 2.0, 1e-3, 0.4, 0.9, 0.5, 0.85)


@dataclass
class Front:
    """A notebook's side: outputs with what each shows last, a clock, and the cell that runs."""

    outputs: list[dict[str, str]] = field(default_factory=list)
    messages: int = 0
    now: float = 0.0
    cell: int = 1

    def show(self, bundle: dict[str, str], output: Any) -> Any:
        self.messages += 1
        if output is None:
            self.outputs.append(bundle)
            return len(self.outputs) - 1
        self.outputs[output] = bundle
        return output

    def bars(self) -> Bars:
        return Bars(show=self.show, cell=lambda: self.cell, clock=lambda: self.now)

    def page(self, number: int = -1) -> Markup:
        page = Markup(self.outputs[number]["text/html"])
        check_harmless(page)
        return page


def test_all_work_of_a_cell_stays_in_one_output() -> None:
    front = Front()
    bars = front.bars()
    bars.begin("study", 2)
    for name in ("one <b>", "two"):
        bars.begin(name, 4)
        for _ in range(4):
            front.now += 2.0
            bars.step(EPOCH)
        bars.end()
        bars.step()
    bars.note("weights <script> were here")
    bars.end()
    assert len(front.outputs) == 1
    page, plain = front.page(), front.outputs[0]["text/plain"]
    shares = [float(attributes["value"]) for tag, attributes in page.tags if tag == "progress"]
    assert shares == [1.0, 1.0, 1.0]
    assert "one <b>" in page.texts and "weights <script> were here" in page.texts
    assert "train 90.0 %, validation 85.0 %, 2.00 s an epoch" in page.text
    assert "two · 4 of 4 · 8.00 s · train 90.0 %" in plain
    bars.begin("more of it", 1)
    assert len(front.outputs) == 1 and front.page().texts[-2:] == ["more of it", "0 of 1"]
    assert plain.splitlines()[-1] == "weights <script> were here", "in the order in which it came"
    front.cell += 1
    bars.begin("the next", 1)
    assert len(front.outputs) == 2, "an earlier cell is left as it is"


def test_time_left_is_by_the_pace_so_far() -> None:
    front = Front()
    bars = front.bars()
    bars.begin("run", 10)
    front.now = 6.0
    bars.step()
    bars.step()
    front.now = 7.0
    bars.note("now")
    assert "28.0 s left" in front.page().texts


def test_updates_are_few_and_the_last_one_always_comes() -> None:
    front = Front()
    bars = front.bars()
    bars.begin("batches", 10_000)
    for _ in range(10_000):
        front.now += 0.001
        bars.step()
    bars.end()
    assert front.messages <= 2 + 10 / 0.25
    assert "10,000 of 10,000" in front.page().texts


def test_of_many_runs_the_last_stay_in_sight() -> None:
    front = Front()
    bars = front.bars()
    bars.begin("study", 50)
    for number in range(50):
        bars.begin(f"run {number}", 1)
        front.now += 1.0
        bars.end()
        bars.step()
    assert f"{50 - SHOWN} earlier, finished" in front.page().texts
    front.now += 1.0
    bars.end()
    texts = front.page().texts
    assert f"{51 - SHOWN} earlier, finished" in texts
    shown = [text for text in texts if text.startswith(("study", "run "))]
    assert shown == ["study", *(f"run {n}" for n in range(51 - SHOWN, 50))], "the last that ended"


def test_work_that_was_interrupted_is_left_behind() -> None:
    front = Front()
    bars = front.bars()
    bars.begin("interrupted", 3)
    bars.step()
    front.cell = 2
    bars.begin("again", 3)
    bars.end()
    assert len(front.outputs) == 2
    assert "interrupted" not in front.page(1).texts


def test_bars_are_for_notebooks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def shell(kernel: object) -> object:
        return SimpleNamespace(get_ipython=lambda: None if kernel is None else SimpleNamespace(kernel=kernel))

    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(usual_reporter(), Silent), "no IPython"
    monkeypatch.setitem(sys.modules, "IPython", shell(None))  # type: ignore[arg-type]
    assert isinstance(usual_reporter(), Silent), "IPython was imported, nothing more"
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", terminal)  # type: ignore[arg-type]
    assert isinstance(usual_reporter(), Silent), "IPython in a terminal has no kernel"
    monkeypatch.setitem(sys.modules, "IPython", shell("a kernel"))  # type: ignore[arg-type]
    assert isinstance(usual_reporter(), Bars)
    assert isinstance(Study("x", ["efficientnet_lite0"]).reporter, Bars)
    given = Silent()
    assert Study("x", ["efficientnet_lite0"], reporter=given).reporter is given
