"""How fast, as ratios taken in one run: fixed features against the notebook's way, fine-tuning against a bare loop.

    python benchmarks/speed.py                    # both, the notebook's 30 epochs extrapolated from 2
    python benchmarks/speed.py --notebook-epochs 30   # nothing extrapolated (about 10 minutes)

* **frozen**: the whole `heldout run … --strategies frozen` command in a process of its own, imports, reading, feature
  pass, 30 epochs, scoring and writing included; against a notebook's loop: float tensors in NCHW layout, DataLoader,
  the full forward pass of the frozen network in every epoch.
* **finetune**: one epoch of our trainer (training and validation) against a bare channels-last PyTorch loop with the
  same network, optimiser and batch size on float tensors that are in memory already; epochs alternate.

The images are 1600 + 400 of the Kermany set where it is at hand, else simulated: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader, TensorDataset

from heldout import backbones
from heldout.readers import load
from heldout.splits import make_split
from heldout.store import build_store
from heldout.strategies.finetune import Finetune
from heldout.training import ActivationCache, Part, Task, learn, logits_of, machine
from heldout.training import predict as passes

SIZE, BATCH, EPOCHS = 128, 32, 30
KERMANY = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "kermany224"


def make_data(folder: Path) -> Path:
    """1000 + 1000 training and 200 + 200 test images in the founding layout."""
    if KERMANY.is_dir():
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
        from founding_experiment import make_arrays

        return make_arrays(KERMANY, folder, seed=0)
    rng = np.random.default_rng(0)
    for name, count in (("train/a", 1000), ("train/b", 1000), ("test/test_a", 200), ("test/test_b", 200)):
        file = folder / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, rng.integers(0, 256, (count, 224, 224), dtype=np.uint8))
    return folder


def make_task(data: Path, folder: Path) -> Task:
    """The same split that `heldout run` draws, at 128 pixels."""
    cohort = load(data)
    split = make_split(cohort, 0.2, 0)
    parts = []
    for ids in (split.train, split.val):
        store = build_store(cohort, ids, SIZE, "stretch", "bicubic", folder)
        labels = cohort.table.set_index("id").loc[list(ids), "label"].map(cohort.classes.index).to_numpy()
        parts.append(Part(ids, np.array(store.pixels), labels.astype(np.int64)))
    return Task(parts[0], parts[1], cohort.classes)


def floats(part: Part) -> torch.Tensor:
    """Normalised float tensors (n, 3, s, s) in NCHW layout: what a notebook holds in memory."""
    pixels = torch.from_numpy(part.pixels).permute(0, 3, 1, 2).float().div(255).sub(0.498).div(0.502)
    return pixels.expand(-1, 3, -1, -1).contiguous()


def plain_network(classes: int) -> nn.Module:
    """Trunk and new head without anything of ours around them."""
    network = backbones.build(backbones.resolve("efficientnet_lite0"), classes, SIZE, seed=0)
    return nn.Sequential(*[stage for name, stage in network.stages.items() if name != "input"], network.head)


def notebook_frozen(task: Task, epochs: int) -> tuple[float, float]:
    """Seconds an epoch and validation accuracy of the notebook's way with fixed features."""
    network = plain_network(len(task.classes))
    for parameter in network[:-1].parameters():
        parameter.requires_grad_(False)
    train = DataLoader(TensorDataset(floats(task.train), torch.from_numpy(task.train.labels)), BATCH, shuffle=True)
    val = DataLoader(TensorDataset(floats(task.val), torch.from_numpy(task.val.labels)), BATCH)
    optimizer = torch.optim.Adam(network[-1].parameters(), lr=1e-3)
    seconds = []
    for _ in range(epochs):
        started = time.perf_counter()
        network.train()
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
        network.eval()
        right = 0
        with torch.no_grad():
            for x, y in val:
                right += int((network(x).argmax(1) == y).sum())
        seconds.append(time.perf_counter() - started)
        print(f"  notebook, fixed features: {seconds[-1]:.1f} s an epoch", flush=True)
    return statistics.median(seconds), right / len(task.val)


def ours_frozen(data: Path, folder: Path) -> tuple[float, float]:
    """Wall seconds of the whole command, and validation accuracy."""
    words = ["run", str(data), "--models", "efficientnet_lite0", "--strategies", "frozen", "--epochs", str(EPOCHS)]
    words += ["--image-size", str(SIZE), "--out", str(folder), "--json"]
    started = time.perf_counter()
    program = "from heldout.cli import entry; entry()"
    result = subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    return seconds, json.loads(result.stdout)["runs"][0]["val"]["accuracy"]["value"]


def finetune_epochs(task: Task, epochs: int) -> tuple[list[float], list[float]]:
    """Seconds of alternating epochs: ours, and a bare channels-last loop. The first of each warms up and is dropped."""
    place = machine("cpu")
    network = backbones.build(backbones.resolve("efficientnet_lite0"), len(task.classes), SIZE, seed=0)
    network.to(memory_format=torch.channels_last)
    phases = Finetune(epochs=epochs + 1, batch_size=BATCH).phases()
    steps = learn(network, task, phases, seed=0, machine=place, cache=ActivationCache(None))

    bare = plain_network(len(task.classes)).to(memory_format=torch.channels_last)
    x = floats(task.train).contiguous(memory_format=torch.channels_last)
    v = floats(task.val).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(task.train.labels)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=3e-4, weight_decay=0.01, fused=True)

    def bare_epoch() -> None:
        bare.train()
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(bare(x[rows]), y[rows]).backward()
            optimizer.step()
        bare.eval()
        with torch.inference_mode():
            for start in range(0, len(v), 64):
                bare(v[start : start + 64])

    ours, theirs = [], []
    for number in range(epochs + 1):
        started = time.perf_counter()
        next(steps)
        middle = time.perf_counter()
        bare_epoch()
        if number:
            ours.append(middle - started)
            theirs.append(time.perf_counter() - middle)
            print(f"  finetune: ours {ours[-1]:.1f} s, bare loop {theirs[-1]:.1f} s an epoch", flush=True)
    return ours, theirs


def batch_sizes(task: Task) -> None:
    """Images a second of the feature pass by batch size, the sizes taken in turn, median of 5."""
    network = backbones.build(backbones.resolve("efficientnet_lite0"), 2, SIZE, seed=0)
    network.to(memory_format=torch.channels_last)
    place = machine("cpu")
    pixels = task.train.pixels[:512]
    speeds: dict[int, list[float]] = {16: [], 32: [], 64: [], 128: [], 256: []}
    for _ in range(5):
        for size, found in speeds.items():
            passes.EVAL_BATCH = size
            started = time.perf_counter()
            logits_of(network, pixels, place)
            found.append(len(pixels) / (time.perf_counter() - started))
    for size, found in speeds.items():
        print(f"  batch {size:4d}: {statistics.median(found):6.0f} images/s [{min(found):.0f}, {max(found):.0f}]")


def main() -> None:
    """Print the table; with --json write the figures too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebook-epochs", type=int, default=2, help="epochs really run; 30 extrapolates nothing")
    parser.add_argument("--finetune-epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="of our whole frozen command")
    parser.add_argument("--batch-sizes", action="store_true", help="only the feature pass by batch size")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = make_data(folder / "data")
        task = make_task(data, folder / "images")
        if options.batch_sizes:
            batch_sizes(task)
            return
        ours = [ours_frozen(data, folder / f"study{k}") for k in range(options.repeats)]
        seconds = statistics.median(s for s, _ in ours)
        epoch, accuracy = notebook_frozen(task, options.notebook_epochs)
        fine, bare = finetune_epochs(task, options.finetune_epochs)
    ratios = [a / b for a, b in zip(fine, bare, strict=True)]
    notebook = epoch * EPOCHS
    how = "measured" if options.notebook_epochs >= EPOCHS else f"{EPOCHS} × the median of {options.notebook_epochs}"
    print(f"\nfrozen, {EPOCHS} epochs, {len(task.train)} training images, {SIZE} pixels, 2 threads")
    print(f"  ours, whole command  {seconds:8.1f} s  (median of {options.repeats}: {[round(s, 1) for s, _ in ours]})")
    print(f"  notebook's loop      {notebook:8.1f} s  ({how}; {epoch:.1f} s an epoch)")
    print(f"  ratio                {notebook / seconds:8.1f}")
    print(
        f"  validation accuracy  ours {ours[0][1]:.3f}, notebook after {options.notebook_epochs} epochs {accuracy:.3f}"
    )
    print("finetune, one epoch")
    print(f"  ours      {statistics.median(fine):8.1f} s")
    print(f"  bare loop {statistics.median(bare):8.1f} s")
    print(f"  ratio     {statistics.median(ratios):8.3f}  [{min(ratios):.3f}, {max(ratios):.3f}]")
    if options.json:
        figures = {
            "frozen_seconds": [s for s, _ in ours],
            "notebook_epoch_seconds": epoch,
            "finetune": fine,
            "bare": bare,
        }
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
