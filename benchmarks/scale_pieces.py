"""The pieces of a study of a million images that cost memory, each alone at that size, with as little work as can be.

    python benchmarks/scale_pieces.py features --images 1000000   # 10 GB of disk, 5 of them for a moment
    python benchmarks/scale_pieces.py head --images 640000        # the training images of a million; 3 GB of disk
    python benchmarks/scale_pieces.py bootstrap --images 200000   # its test images, each a unit

**features** passes over blank images of 64 pixels with a network that only averages: what is left is reading, shards,
joining and their memory. **head** solves on made-up features, 1,280 an image, at one strength and for a few iterations:
the seconds of a pass over the file, and the memory. **bootstrap** draws and scores made-up answers. Seconds are of
processors; peaks are the largest resident set of each step (`scale_stages.py`).
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scale_stages import peak

SIDE, WIDTH, ROWS = 64, (32, 40), 4096


def told(title: str, act: Callable[[], Any]) -> Any:
    """Do a step and say what it took."""
    Path("/proc/self/clear_refs").write_text("5")
    began = time.process_time()
    result = act()
    print(f"{title}: {time.process_time() - began:.1f} s, {peak():.2f} GB", flush=True)
    return result


def features(images: int, folder: Path) -> None:
    """A pass of a network that costs nothing over images that take no disk."""
    import torch

    from heldout.backbones import Network
    from heldout.backbones.network import Input
    from heldout.training import ActivationCache, Part, machine

    class Average(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.adaptive_avg_pool2d(x[:, :1], WIDTH).flatten(1)

    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.memmap(folder / "pixels", dtype=np.uint8, mode="w+", shape=(images, SIDE, SIDE, 1))  # a hole
    stages = {"input": Input((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), "pool": Average()}
    network = Network(stages, WIDTH[0] * WIDTH[1], 2, 0)
    part = Part(tuple(f"{number:016x}" for number in range(images)), pixels, np.zeros(images, dtype=np.int64))
    cache, cpu = ActivationCache(folder / "features"), machine("cpu")
    made = told(f"features of {images:,} images", lambda: cache.activations(network, len(stages), part, cpu))
    assert made.shape == (images, WIDTH[0] * WIDTH[1])
    told("the same again, from disk", lambda: cache.activations(network, len(stages), part, cpu))


def head(images: int, folder: Path) -> None:
    """A head on features that are mapped from a file."""
    from heldout.training import logistic

    folder.mkdir(parents=True, exist_ok=True)
    rng, width = np.random.default_rng(0), WIDTH[0] * WIDTH[1]
    labels = np.arange(images) % 2
    block = rng.normal(size=(ROWS, width)).astype(np.float32) + 0.05 * labels[:ROWS, None].astype(np.float32)
    train = np.memmap(folder / "train", dtype=np.float32, mode="w+", shape=(images, width))
    for start in range(0, images, ROWS):
        train[start : start + ROWS] = block[: images - start]
    del train
    train = np.memmap(folder / "train", dtype=np.float32, mode="r", shape=(images, width))
    for most in (1, 6):
        logistic.MAX_ITERATIONS = most
        told(
            f"a head on {images:,} images, {most} iterations",
            lambda: logistic.solve_head(train, labels, block, labels[:ROWS], 2, (1e-3,)),
        )


def bootstrap(images: int, folder: Path) -> None:
    """Scores of made-up answers with intervals, every image a unit of its own."""
    from heldout.stats.bootstrap import draw, resampled_auc
    from heldout.stats.further import Answers, Asked, further_estimates

    rng = np.random.default_rng(0)
    labels = np.arange(images) % 2
    logits = rng.normal(size=(images, 2)) + 1.5 * np.eye(2)[labels]
    names, which = [f"i{number}" for number in range(images)], f"{images:,} units, 1,000 replicates"
    drawn = told(f"{which}, draws", lambda: draw(labels, names, [""] * images))
    told(f"{which}, accuracy", lambda: drawn.totals(logits.argmax(axis=1) == labels))
    told(f"{which}, AUC", lambda: resampled_auc(labels, logits, drawn))
    told(f"{which}, further scores", lambda: further_estimates(Answers(labels, logits, Asked()), drawn))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pieces = {"features": features, "head": head, "bootstrap": bootstrap}
    parser.add_argument("piece", choices=list(pieces))
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("pieces"), help="is removed at the end")
    options = parser.parse_args()
    if options.folder.exists():
        parser.error(f"found {options.folder}; expected a folder that is not there, since it is removed at the end")
    try:
        pieces[options.piece](options.images, options.folder)
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
