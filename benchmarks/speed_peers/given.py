"""What every peer is given: images, network, settings; and how it reports. Needs numpy and torch, nothing of ours."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Given:
    """Arguments and settings of one training.

    Attributes:
        folder: As `prepare.py` wrote it.
        model: Name of the network.
        strategy: `frozen`, `last-block` or `finetune`.
        epochs: Passes over the training images.
        settings: `lr`, `weight_decay`, `batch_size` of the strategy.
        network: `library`, `architecture`, `classes`, `mean`, `std`, `state`, `trainable` (strategy -> names).
    """

    folder: Path
    model: str
    strategy: str
    epochs: int
    settings: dict[str, float]
    network: dict[str, Any]


def arguments() -> Given:
    """From the command line: FOLDER MODEL STRATEGY EPOCHS."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    parser.add_argument("strategy")
    parser.add_argument("epochs", type=int)
    options = parser.parse_args()
    settings = json.loads((options.folder / "settings.json").read_text())[options.strategy]
    network = torch.load(options.folder / f"{options.model}.pt", weights_only=True)
    return Given(options.folder, options.model, options.strategy, options.epochs, settings, network)


def tensors(given: Given, part: str) -> TensorDataset:
    """Normalised images (n, 3, s, s) float32 in NCHW layout, and labels (n,)."""
    files = sorted((given.folder / "data" / part).glob("*.npy"))  # one a class, (n, s, s) uint8
    arrays = [np.load(file) for file in files]
    labels = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    grey = torch.from_numpy(np.concatenate(arrays)).unsqueeze(1).float().div(255)
    mean, std = (torch.tensor(given.network[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    return TensorDataset(((grey - mean) / std).contiguous(), torch.from_numpy(labels))


def library_model(given: Given, classes: int | None = None, strict: bool = True) -> nn.Module:
    """The library's own network with our weights and our new head (or none, for features); all of it learns."""
    count = given.network["classes"] if classes is None else classes
    if given.network["library"] == "timm":
        import timm

        model: nn.Module = timm.create_model(given.network["architecture"], num_classes=count)
    else:
        import torchvision

        model = torchvision.models.get_model(given.network["architecture"], num_classes=count)
    model.load_state_dict(given.network["state"], strict=strict and classes is None)
    return model


class Classifier(nn.Module):
    """The network; what does not learn stays in eval mode, so that fixed features are fixed."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.network = library_model(given)
        trainable = set(given.network["trainable"][given.strategy])
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(name in trainable)

    def train(self, mode: bool = True) -> Classifier:
        """Training mode for modules with something that learns."""
        super().train(mode)
        for module in self.network.modules():
            if not any(parameter.requires_grad for parameter in module.parameters()):
                module.eval()
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, s, s) -> logits (n, k)."""
        logits: torch.Tensor = self.network(x)
        return logits


@torch.inference_mode()
def accuracy(network: nn.Module, data: TensorDataset) -> float:
    """Share of the images that are classified rightly, in eval mode."""
    network.eval()
    x, y = data.tensors
    right = sum(int((network(a).argmax(1) == b).sum()) for a, b in zip(x.split(64), y.split(64), strict=True))
    return right / len(y)


def report(epoch_seconds: list[float], val: float, test: float, version: str) -> None:
    """Print the line that `benchmarks/speed.py` reads."""
    print(json.dumps({"epoch_seconds": epoch_seconds, "val": val, "test": test, "version": version}))
