"""A heldout command with its stages timed, and the largest resident set within each; Linux only.

    python benchmarks/scale_stages.py STAGES.json inspect data
    python benchmarks/scale_stages.py STAGES.json run data --models efficientnet_lite0 --strategies probe --out study

Functions are replaced by ones that tell when they begin and end. Stages within others count for themselves alone. The
kernel's record of the largest resident set is set back between stages (`/proc/self/clear_refs`), so that each has its
own; pages of mapped files count as long as the process has them.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

OUTSIDE = "start and all else"
READING = {
    "heldout.data.load.examine": "cohort",
    "heldout.data.load.measure": "reading",
    "heldout.data.load.near_copies_of": "changed copies",
}
RUN = {
    **READING,
    "heldout.data.store._fill": "squares",
    "heldout.training.prefix.run_stages": "feature pass",
    "heldout.training.shards.Shards.join": "shards joined",
    "heldout.training.objectives.single.solve_head": "head, solved",
    "heldout.training.loop._train": "head, trained",
    "heldout.runs.fit.head_logits": "scores",
    "heldout.training.solve.logits_from": "scores",
    "heldout.runs.fit._write_files": "run's files",
    "heldout.runs.execute.write_study": "study's files",
}
JUDGING = {
    "heldout.stats.joint.draw": "bootstrap, draws",
    "heldout.runs.compare._compare_classes": "comparison",
    "heldout.diagnosis.diagnose.measure_budget": "gap in terms",
    "heldout.diagnosis.diagnose.compare_appearance": "domain classifiers",
    "heldout.diagnosis.diagnose.judged": "causes",
}
STAGES = {
    "inspect": READING,
    "run": {
        **RUN,
        "heldout.stats.joint.draw": "bootstrap, draws",
        "heldout.runs.compare._compare_classes": "comparison",
    },
    "compare": JUDGING,
    "diagnose": {**RUN, **JUDGING},
    "report": JUDGING,
}


@dataclass
class Stage:
    """What a stage took.

    Attributes:
        seconds: Wall time.
        processor: Processor time of all threads, seconds.
        peak_gb: Largest resident set within it, 10⁹ bytes.
    """

    seconds: float = 0.0
    processor: float = 0.0
    peak_gb: float = 0.0


class Watch:
    """Keeps what each stage took, stages within others apart."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self._stack = [OUTSIDE]
        self._began = (time.perf_counter(), time.process_time())

    def close(self) -> None:
        """Count what went by since the last change to the stage that is on."""
        now = time.perf_counter(), time.process_time()
        stage = self.stages.setdefault(self._stack[-1], Stage())
        stage.seconds += now[0] - self._began[0]
        stage.processor += now[1] - self._began[1]
        stage.peak_gb = max(stage.peak_gb, peak())
        Path("/proc/self/clear_refs").write_text("5")
        self._began = time.perf_counter(), time.process_time()

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """A stage."""
        self.close()
        self._stack.append(name)
        try:
            yield
        finally:
            self.close()
            self._stack.pop()

    def told(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The same function, its calls counted to a stage; of a generator, what is done between two of its values."""
        if inspect.isgeneratorfunction(act):

            @functools.wraps(act)
            def step_by_step(*args: Any, **named: Any) -> Iterator[Any]:
                steps = act(*args, **named)
                while True:
                    with self.within(name):
                        try:
                            value = next(steps)
                        except StopIteration:
                            return
                    yield value

            return step_by_step

        @functools.wraps(act)
        def call(*args: Any, **named: Any) -> Any:
            with self.within(name):
                return act(*args, **named)

        return call

    def watch(self, places: dict[str, str]) -> None:
        """Replace functions, by their full names, with ones that tell."""
        for place, name in places.items():
            words = place.split(".")
            split = next(n for n in range(len(words) - 1, 0, -1) if _is_module(".".join(words[:n])))
            owner: Any = importlib.import_module(".".join(words[:split]))
            for word in words[split:-1]:
                owner = getattr(owner, word)
            setattr(owner, words[-1], self.told(getattr(owner, words[-1]), name))


def peak() -> float:
    """Largest resident set since it was set back, 10⁹ bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError("no VmHWM in /proc/self/status")


def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def main() -> None:
    """The command line."""
    out, words = Path(sys.argv[1]), sys.argv[2:]
    watch = Watch()
    watch.watch(STAGES[words[0]])
    from heldout.cli import entry

    sys.argv = ["heldout", *words]
    try:
        entry()
        code: Any = 0
    except SystemExit as ended:
        code = ended.code
    watch.close()
    out.write_text(json.dumps({name: asdict(stage) for name, stage in watch.stages.items()}))
    sys.stdout.flush()
    os._exit(int(code or 0))


if __name__ == "__main__":
    main()
