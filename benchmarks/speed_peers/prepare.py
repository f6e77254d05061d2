"""Images, networks and settings written once, so that every peer has the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from benchmarks.speed_peers.given import Given, library_model
from heldout import backbones
from heldout.strategies import strategies
from heldout.training.phases import trainable_names

KERMANY = Path(__file__).resolve().parents[3] / "shared" / "data" / "kermany224"
STRATEGIES = ("frozen", "last-block", "finetune")
ARCHITECTURES = {"efficientnet_lite0": ("timm", "tf_efficientnet_lite0"), "resnet34": ("torchvision", "resnet34")}
"""Model -> library and name there. Weights of resnet34 are random unless they are on this machine: time is the same."""


def prepare(folder: Path, size: int, counts: dict[str, int], models: list[str]) -> str:
    """Write `data/PART/CLASS.npy`, `settings.json`, `MODEL.pt`, and `MODEL.pth` where our catalogue needs a file.

    Args:
        folder: Where to.
        size: Side of the images in pixels.
        counts: Part -> number of images, half of them of each class.
        models: Keys of `ARCHITECTURES`.

    Returns:
        What the images are.
    """
    images = kermany(size, counts) if KERMANY.is_dir() else simulated(size, counts)
    for (part, label), pixels in images.items():
        file = folder / "data" / part / f"{label}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, pixels)
    settings: dict[str, object] = {"image_size": size}
    for name in STRATEGIES:
        (phase,) = strategies.get(name)().phases()
        settings[name] = {"lr": phase.lr, "weight_decay": phase.weight_decay, "batch_size": phase.batch_size}
    (folder / "settings.json").write_text(json.dumps(settings))
    for model in models:
        write_network(folder, model, size)
    return "chest X-rays" if KERMANY.is_dir() else "noise whose brightness tells the class"


def kermany(size: int, counts: dict[str, int]) -> dict[tuple[str, str], NDArray[np.uint8]]:
    """(part, class) -> (n, s, s) uint8; validation is drawn from the training images."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
    from founding_experiment import CLASSES

    rng, found = np.random.default_rng(0), {}
    for part, sources in {"train": ("train", "val"), "test": ("test",)}.items():
        for directory, label in CLASSES.items():
            files = rng.permutation(sorted((KERMANY / part / directory).glob("*.jpeg")))
            begin = 0
            for source in sources:
                end = begin + counts[source] // 2
                found[source, label] = np.stack([read(Path(file), size) for file in files[begin:end]])
                begin = end
    return found


def read(file: Path, size: int) -> NDArray[np.uint8]:
    """A grey image (s, s)."""
    with Image.open(file) as image:
        return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BICUBIC))


def simulated(size: int, counts: dict[str, int]) -> dict[tuple[str, str], NDArray[np.uint8]]:
    """The same shape, of noise."""
    rng = np.random.default_rng(0)
    return {
        (part, label): np.clip(rng.normal(mean, 50, (count // 2, size, size)), 0, 255).astype(np.uint8)
        for part, count in counts.items()
        for label, mean in (("dark", 110), ("light", 120))
    }


def write_network(folder: Path, model: str, size: int) -> None:
    """Our network's weights and head under the library's names, and what each strategy trains.

    Raises:
        ValueError: The library's network does not give what ours gives.
    """
    info = backbones.resolve(model)
    here = backbones.weights_here(info)
    network = backbones.build(info, 2, size, seed=0, pretrained=here).eval()
    library, architecture = ARCHITECTURES[model]
    about = {"library": library, "architecture": architecture, "classes": 2, "mean": info.mean, "std": info.std}
    bare = library_model(Given(folder, model, "", 0, {}, about | {"state": {}}), strict=False)
    theirs, ours = dict(bare.named_parameters()), dict(network.named_parameters())
    names = dict(zip(theirs, ours, strict=True))  # both in the order in which the network runs
    fill(bare, network)
    x = torch.rand(2, 3, size, size)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (info.mean, info.std))
    with torch.no_grad():
        if not torch.allclose(bare.eval()((x - mean) / std), network(x), atol=1e-3):
            raise ValueError(f"{library}'s {architecture} does not give what our {model} gives")
    trainable = {}
    for name in STRATEGIES:
        learning = trainable_names(network, strategies.get(name)().phases()[0])
        trainable[name] = [theirs_name for theirs_name, ours_name in names.items() if ours_name in learning]
    torch.save(about | {"state": bare.state_dict(), "trainable": trainable}, folder / f"{model}.pt")
    if not here:
        torch.save(bare.state_dict(), folder / f"{model}.pth")


def fill(bare: nn.Module, network: nn.Module) -> None:
    """Copy tensors in order; ours has two of its own in the input stage, which are no parameters."""
    source = [value for name, value in network.state_dict().items() if not name.startswith("stages.input.")]
    target = bare.state_dict()
    if [value.shape for value in target.values()] != [value.shape for value in source]:
        raise ValueError("the tensors of the two networks do not have the same shapes in the same order")
    bare.load_state_dict(dict(zip(target, source, strict=True)))


def main() -> None:
    """Words: FOLDER COUNTS SIZE MODEL …, the counts as JSON."""
    folder, counts, size, *models = sys.argv[1:]
    print(json.dumps({"images": prepare(Path(folder), int(size), json.loads(counts), models)}))


if __name__ == "__main__":
    main()
