"""A notebook's loop: DataLoader, NCHW layout, the full forward pass of the network in every epoch.

The founding notebook left frozen BatchNorm layers in training mode. Here they are in eval mode, as in all other ways:
that is less work for the loop, and gives the features that ours learns from.
"""

from __future__ import annotations

import time

import torch
from torch.nn import functional as F  # noqa: N812  (the field's name for it)
from torch.utils.data import DataLoader

from benchmarks.speed_peers.given import Classifier, accuracy, arguments, report, tensors


def main() -> None:
    """Train, validate after every epoch, test at the end."""
    given = arguments()
    torch.manual_seed(0)
    network, batch = Classifier(given), int(given.settings["batch_size"])
    train = DataLoader(tensors(given, "train"), batch, shuffle=True)
    val = tensors(given, "val")
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=given.settings["lr"], weight_decay=given.settings["weight_decay"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, given.epochs * len(train))
    seconds, right = [], 0.0
    for _ in range(given.epochs):
        started = time.perf_counter()
        network.train()
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
            schedule.step()
        right = accuracy(network, val)
        seconds.append(time.perf_counter() - started)
    report(seconds, right, accuracy(network, tensors(given, "test")), f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
