"""Run folders that nobody trained: random weights, as `runs.fit` would have left them; and images to check with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from heldout import backbones
from heldout.backbones import Network
from heldout.files import write_json
from heldout.records import InputMap, Recipe, RunRecord
from heldout.records.codec import to_data, write_record
from heldout.records.recipe import Fit
from heldout.records.run import Learning

CLASSES = ("dark", "grey", "light")


def made_recipe(
    model: str, size: int = 64, fit: Fit = "stretch", interpolation: str = "bilinear", rule: InputMap | None = None
) -> Recipe:
    return Recipe(
        "cohort", "split", CLASSES, model, "random", "frozen", {}, size, fit, interpolation, 0, input_map=rule
    )


def made_run(folder: Path, recipe: Recipe, members: tuple[str, ...] = ()) -> Path:
    """A finished run of random weights, at `folder/runs/<id>`; with `members` one that has none of its own."""
    run = folder / "runs" / recipe.id
    run.mkdir(parents=True)
    write_record(run / "recipe.json", recipe)
    info = backbones.resolve(recipe.backbone)
    if not members:
        size, channels = recipe.image_size, recipe.in_channels
        network = backbones.build(info, len(CLASSES), size, recipe.seed, pretrained=False, channels=channels)
        spread(network)
        save_file(
            {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, run / "model.safetensors"
        )
    learning = Learning(backbone_trained=False, uses_seed=True)
    record = RunRecord(
        recipe.id,
        info.name,
        "frozen",
        0,
        CLASSES,
        1,
        1,
        1,
        1,
        1.0,
        1.0,
        "cpu",
        None,
        0,
        learning,
        "now",
        members=members,
    )
    write_json(run / "run.json", to_data(record))
    return run


@torch.no_grad()
def spread(network: Network, seed: int = 1) -> None:
    """Change random weights so that a mistake shows: statistics of BatchNorm and scales other than those of a new one.

    New ones make layers the identity, and answers nearly the same for all images.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.startswith("stages.input") or not tensor.is_floating_point():
            continue
        if name.endswith("running_var"):
            tensor.mul_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.ndim == 1:
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    head = network.head
    assert isinstance(head, torch.nn.Linear)
    head.weight.normal_(0, 2 / head.in_features**0.5, generator=generator)


def noise_images(folder: Path, count: int = 32, seed: int = 0) -> Path:
    """Grey and colour PNG of many sizes: blobs, whose contrast outlives a resize."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        height, width = (int(side) for side in rng.integers(40, 160, 2))
        shape = (6, 6) if k % 4 == 0 else (6, 6, 3)
        blobs = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        blobs.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{k:02d}.png")
    return folder
