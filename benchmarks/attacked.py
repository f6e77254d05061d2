"""What the attacks have in common: a study of seconds, and processes that start at work.

Nearly all of a short study's time goes into importing and building networks, where there is nothing to lose. So the
processes are forked from one that has imported whatever an undisturbed one did, and the network has two layers; it is
put on its shelf as another package puts it there.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

MODEL, IMAGE_SIZE, EPOCHS = "elsewhere:two_layers.cells", 32, 3


def make_data(folder: Path, train: int = 24, test: int = 8) -> Path:
    """Two classes that differ in brightness."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label, level in (("dark", 70), ("light", 170)):
            file = folder / split / (f"{label}.npy" if split == "train" else f"test_{label}.npy")
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, np.clip(rng.normal(level, 40, (count, IMAGE_SIZE, IMAGE_SIZE)), 0, 255).astype(np.uint8))
    return folder


def install_network(out: Path) -> None:
    """Put `MODEL` on the shelf of this process and its forks; its weights are drawn once, and kept in OUT."""
    about, weights = out / "site" / "elsewhere-1.0.dist-info", out / "weights"
    about.mkdir(parents=True, exist_ok=True)
    weights.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    points = "[heldout.backbones.sources]\nelsewhere = tests.contract.elsewhere.a_source:SOURCE\n"
    (about / "entry_points.txt").write_text(points)
    sys.path.insert(0, str(about.parent))
    os.environ["ELSEWHERE"] = str(weights)
    if not any(weights.iterdir()):
        done_in_a_fork(_draw, out / "weights.log")


def _draw() -> None:
    import torch
    from safetensors.torch import save_file

    from heldout.backbones import resolve
    from heldout.backbones.lookup import entry_of, source_of

    torch.manual_seed(11)
    entry = entry_of(resolve(MODEL))
    model = source_of(entry.info).model(entry, IMAGE_SIZE)
    save_file(model.state_dict(), Path(os.environ["ELSEWHERE"]) / entry.file)


def fork(work: Callable[[], object], log: Path) -> int:
    """A process that does something and ends with status 0, or 1 where it raises; what it says goes to `log`."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            work()
            sys.stdout.flush()
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def done_in_a_fork(work: Callable[[], object], log: Path) -> None:
    """Wait for a process that does something; what it imported is imported here, so that no later fork has to.

    Raises:
        SystemExit: It failed; with what it said.
    """
    names = log.with_suffix(".modules")

    def all_of_it() -> None:
        work()
        names.write_text("\n".join(sys.modules))

    if os.waitstatus_to_exitcode(os.waitpid(fork(all_of_it, log), 0)[1]):
        sys.exit(f"Undisturbed, it failed: {log.read_text()[-2000:]}")
    for name in names.read_text().splitlines():
        if name not in sys.modules:
            with suppress(ImportError):  # made at run time, and no module of a file
                importlib.import_module(name)
