"""fastai: a `Learner` with its own Adam, cosine schedule and frozen BatchNorm, on tensors in memory."""

from __future__ import annotations

import time

import fastai
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import ParamScheduler, SchedCos
from fastai.callback.training import BnFreeze
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy as right

from benchmarks.speed_peers.given import Classifier, accuracy, arguments, report, tensors


class Clock(Callback):
    """Seconds of every epoch, validation included."""

    def before_fit(self) -> None:
        """Begin."""
        self.seconds: list[float] = []

    def before_epoch(self) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def after_epoch(self) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self.started)


def main() -> None:
    """Train, validate after every epoch, test at the end."""
    given = arguments()
    torch.manual_seed(0)
    loaders = DataLoaders.from_dsets(
        tensors(given, "train"),
        tensors(given, "val"),
        bs=int(given.settings["batch_size"]),
        num_workers=0,
        device=torch.device("cpu"),
    )
    network, clock = Classifier(given), Clock()
    learner = Learner(
        loaders,
        network,
        loss_func=CrossEntropyLossFlat(),
        metrics=right,
        wd=given.settings["weight_decay"],
        cbs=[BnFreeze(), clock, ParamScheduler({"lr": SchedCos(given.settings["lr"], 0.0)})],
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(given.epochs, lr=given.settings["lr"])
    val = float(learner.recorder.values[-1][-1])
    report(clock.seconds, val, accuracy(network, tensors(given, "test")), f"fastai {fastai.__version__}")


if __name__ == "__main__":
    main()
