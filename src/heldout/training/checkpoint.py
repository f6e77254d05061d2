"""A run that is cut off goes on from its last epoch: all that is needed for it, in one safetensors file.

Only what moves is written (for fixed features: the head), so a checkpoint after every epoch costs next to nothing.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from heldout.backbones import Network
from heldout.errors import HeldoutError
from heldout.files import whole
from heldout.progress import Epoch
from heldout.strategies import BEGINNING
from heldout.strategies.strategy import Keep
from heldout.training.averaging import between, put
from heldout.training.phases import moving_tensors
from heldout.training.state import Progress, Resume, State, better

AVERAGED = 5
"""Epochs that `keep=average` amounts to: the plain mean of so many, then an exponential one; the newest weighs 1/5."""


@dataclass
class Course:
    """How far a run has come, and the weights it would keep if it ended now.

    Attributes:
        moving: Names of the parameters and buffers that may move.
        keeps: `last`; `best`: the epoch with the highest validation accuracy, of equals the one with the lower loss; or
            `average`: the mean over the last epochs of the last phase.
        history: One row an epoch.
        phase_of: Number of the phase of each.
        val_predicted: One (m,) int16 array an epoch; of several labels (m, k).
        choices: Name -> (m, k) logits of the validation images, of what solved phases chose among; a run that is gone
            on with after such a phase has none.
        kept: Tensors of the kept epoch, by name (not with `last`).
        kept_epoch: Its number; 0 before the first.
        elapsed: Wall seconds of the sittings before this one.
        resume: Where the loop goes on.
    """

    moving: frozenset[str]
    keeps: Keep
    history: list[Epoch] = field(default_factory=list)
    phase_of: list[int] = field(default_factory=list)
    val_predicted: list[NDArray[np.int16]] = field(default_factory=list)
    choices: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    kept: State = field(default_factory=dict)
    kept_epoch: int = 0
    elapsed: float = 0.0
    resume: Resume = field(default_factory=Resume)

    def add(self, progress: Progress, network: Network) -> None:
        """Take in one more epoch."""
        self.history.append(progress.epoch)
        self.phase_of.append(progress.phase)
        self.val_predicted.append(progress.val_predicted)
        self.choices.update(progress.choices)
        if self.keeps == "best":
            if self.kept_epoch and not better(progress.epoch, self.history[self.kept_epoch - 1]):
                return
            self.kept = moving_tensors(network, self.moving)
        elif self.keeps == "average":
            now, count = moving_tensors(network, self.moving), self.phase_of.count(progress.phase)
            self.kept = now if count == 1 else between(self.kept, now, 1 / min(count, AVERAGED))
        self.kept_epoch = progress.epoch.epoch

    def put_kept(self, network: Network) -> None:
        """Give the network the weights of the kept epoch."""
        if self.kept:
            put(network, self.kept)

    def save(self, path: Path, network: Network, progress: Progress, elapsed: float) -> None:
        """Write everything that `load` needs, whole or not at all; `elapsed` is the wall time so far in seconds."""
        tensors = {f"now/{name}": value for name, value in moving_tensors(network, self.moving).items()}
        tensors.update({f"kept/{name}": value for name, value in self.kept.items()})
        for number, end in progress.ends.items():
            if number != BEGINNING:  # it is made again from the pretrained weights
                tensors.update({f"end/{number}/{name}": value for name, value in end.items()})
        tensors["val_predicted"] = torch.from_numpy(np.stack(self.val_predicted))
        if progress.optimizer is not None:
            for index, state in progress.optimizer.state_dict()["state"].items():
                for key, value in state.items():
                    tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value).detach().cpu().contiguous()
        about = {
            "history": [asdict(row) for row in self.history],
            "phase_of": self.phase_of,
            "kept_epoch": self.kept_epoch,
            "elapsed": elapsed,
        }
        text = json.dumps(about)
        with whole(path, make_folder=False) as temporary:
            save_file(tensors, temporary, metadata={"course": text, "checksum": _checksum(tensors, text)})

    def load(self, path: Path, network: Network, beginning: State | None = None) -> None:
        """Put course and network back to where `save` left them.

        Args:
            path: What `save` wrote.
            network: As it was before the first phase.
            beginning: Its weights then, where a phase needs them.

        Raises:
            HeldoutError: The file is damaged; nothing was changed.
        """
        tensors, about = _read(path)
        groups: dict[str, dict[int, State]] = {"optimizer": {}, "end": {}}
        now: State = {}
        for key, value in tensors.items():
            kind, _, name = key.partition("/")
            if kind == "now":
                now[name] = value
            elif kind == "kept":
                self.kept[name] = value
            elif kind in groups:
                index, _, entry = name.partition("/")
                groups[kind].setdefault(int(index), {})[entry] = value
            else:
                self.val_predicted = list(value.numpy())
        self.history = [Epoch(**row) for row in about["history"]]
        self.phase_of = about["phase_of"]
        self.kept_epoch = about["kept_epoch"]
        self.elapsed = about["elapsed"]
        put(network, now)
        ends = groups["end"] if beginning is None else {**groups["end"], BEGINNING: beginning}
        rows = tuple(zip(self.phase_of, self.history, strict=True))
        self.resume = Resume(rows, groups["optimizer"] or None, ends)


def _read(path: Path) -> tuple[State, dict[str, Any]]:
    """Tensors and record of a checkpoint.

    Raises:
        HeldoutError: They are not what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (safe_open is no mapping)
        text = metadata["course"]
        about: dict[str, Any] = json.loads(text)
    except Exception as error:  # the library has an error of its own, and a header can hold nearly anything
        raise HeldoutError(f"{path} is damaged ({type(error).__name__}).") from error
    if metadata.get("checksum", "") not in ("", _checksum(tensors, text)):  # 0.1.0 wrote none
        raise HeldoutError(f"{path} is damaged: its checksum is another one.")
    return tensors, about


def _checksum(tensors: State, text: str) -> str:
    """CRC-32 of the record and of all tensors, by name."""
    found = zlib.crc32(text.encode())
    for name in sorted(tensors):
        found = zlib.crc32(name.encode(), found)
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        found = zlib.crc32(flat.view(torch.uint8).numpy().data, found)
    return f"{found:08x}"
