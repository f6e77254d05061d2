"""A run that is cut off goes on from its last epoch: all that is needed for it, in one safetensors file.

Only what moves is written (for fixed features: the head), so a checkpoint after every epoch costs next to nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from heldout.backbones import Network
from heldout.files import whole
from heldout.progress import Epoch
from heldout.training.loop import Progress, Resume


@dataclass
class Course:
    """How far a run has come, and the weights it would keep if it ended now.

    Attributes:
        moving: Names of the parameters and buffers that may move.
        keeps: `last`, or `best`: the epoch with the highest validation accuracy, of equals the one with the lower loss.
        history: One row an epoch.
        val_predicted: One (m,) int16 array an epoch.
        kept: Tensors of the kept epoch, by name (only with `best`).
        kept_epoch: Its number; 0 before the first.
        elapsed: Wall seconds of the sittings before this one.
        resume: Where the loop goes on.
    """

    moving: frozenset[str]
    keeps: str
    history: list[Epoch] = field(default_factory=list)
    val_predicted: list[NDArray[np.int16]] = field(default_factory=list)
    kept: dict[str, torch.Tensor] = field(default_factory=dict)
    kept_epoch: int = 0
    elapsed: float = 0.0
    resume: Resume = field(default_factory=Resume)

    def add(self, progress: Progress, network: Network) -> None:
        """Take in one more epoch."""
        self.history.append(progress.epoch)
        self.val_predicted.append(progress.val_predicted)
        if self.keeps == "last":
            self.kept_epoch = progress.epoch.epoch
        elif self.kept_epoch == 0 or _rank(progress.epoch) > _rank(self.history[self.kept_epoch - 1]):
            self.kept_epoch = progress.epoch.epoch
            self.kept = moving_tensors(network, self.moving)

    def put_kept(self, network: Network) -> None:
        """Give the network the weights of the kept epoch."""
        if self.kept:
            network.load_state_dict(self.kept, strict=False)

    def save(self, path: Path, network: Network, progress: Progress, elapsed: float) -> None:
        """Write everything that `load` needs, whole or not at all; `elapsed` is the wall time so far in seconds."""
        tensors = {f"now/{name}": value for name, value in moving_tensors(network, self.moving).items()}
        tensors.update({f"kept/{name}": value for name, value in self.kept.items()})
        tensors["val_predicted"] = torch.from_numpy(np.stack(self.val_predicted))
        if progress.optimizer is not None:
            for index, state in progress.optimizer.state_dict()["state"].items():
                for key, value in state.items():
                    tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value).detach().cpu().contiguous()
        about = {"history": [asdict(row) for row in self.history], "kept_epoch": self.kept_epoch, "elapsed": elapsed}
        with whole(path) as temporary:
            save_file(tensors, temporary, metadata={"course": json.dumps(about)})

    def load(self, path: Path, network: Network) -> None:
        """Put course and network back to where `save` left them."""
        optimizer: dict[int, dict[str, torch.Tensor]] = {}
        now: dict[str, torch.Tensor] = {}
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["course"])
            for key in file.keys():  # noqa: SIM118  (safe_open is no mapping)
                kind, _, name = key.partition("/")
                if kind == "now":
                    now[name] = file.get_tensor(key)
                elif kind == "kept":
                    self.kept[name] = file.get_tensor(key)
                elif kind == "optimizer":
                    index, _, entry = name.partition("/")
                    optimizer.setdefault(int(index), {})[entry] = file.get_tensor(key)
                else:
                    self.val_predicted = list(file.get_tensor(key).numpy())
        self.history = [Epoch(**row) for row in about["history"]]
        self.kept_epoch = about["kept_epoch"]
        self.elapsed = about["elapsed"]
        network.load_state_dict(now, strict=False)
        self.resume = Resume(len(self.history), optimizer or None)


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.val_accuracy, -epoch.val_loss


def moving_tensors(network: Network, names: frozenset[str]) -> dict[str, torch.Tensor]:
    """Copies, on the CPU, of the named parameters and buffers."""
    state = network.state_dict()
    return {name: state[name].detach().cpu().clone().contiguous() for name in sorted(names)}
