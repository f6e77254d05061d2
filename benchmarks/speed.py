"""How fast, as ratios taken in one run: ours, a notebook's loop, fastai, Hugging Face Trainer, timm with scikit-learn.

    python -m venv peers
    peers/bin/pip install -e . -r benchmarks/speed_peers/requirements.txt
    peers/bin/python benchmarks/speed.py --json speed.json

Every way is a script in a process of its own (`speed_peers/`), on the same images, network, weights, batch size,
learning rate and epochs. Its time is that of the whole process: imports, reading, training, validation after every
epoch, scoring of the test images. A way that trained k < EPOCHS epochs is *extrapolated*: its own time + (EPOCHS − k)
× its median epoch; the table says so, and beside it stands ours after as many epochs, for the accuracy. Peers that
cannot be imported are *missing*. Ratios are the other way's seconds over ours; square brackets hold the least and the
largest that the repeats of ours and the slowest and fastest epoch of the other allow.

The study of tasks A to D is EfficientNet-Lite0 and ResNet34 × finetune and frozen: ours in one `heldout run`, which
ends with the comparison, in float32 and (`ours_mixed`) with `--precision auto`; the notebook's are four processes. Also
the overhead of loader and bookkeeping against a bare loop, and the share of the machine's peak (`speed_machine.py`).
The images are chest X-rays where they are at hand, else noise.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.speed_runs import Way, call, extrapolated, line, measure, ratio

LITE0, RESNET = "efficientnet_lite0", "resnet34"
PEERS = {"notebook": "", "fastai_": "fastai", "hf_trainer": "transformers", "timm_sklearn": "sklearn"}
"""Peer -> the module that it needs beside torch and timm."""


def strategy_table(folder: Path, options: argparse.Namespace, strategy: str) -> list[Way]:
    """Ours at all epochs and at as many as the peers, and the peers."""
    repeats = options.repeats if strategy == "frozen" else 1
    whole = options.epochs if strategy != "finetune" else options.peer_epochs
    ways = [measure(folder, "ours", LITE0, strategy, whole, repeats, options.threads)]
    if whole != options.peer_epochs:
        ways.append(measure(folder, "ours", LITE0, strategy, options.peer_epochs, 1, options.threads))
    if strategy == "frozen":
        ways.append(measure(folder, "ours", LITE0, "probe", 0, options.repeats, options.threads))
    for peer in options.peers:
        plain = peer == "timm_sklearn"
        if plain and strategy != "frozen":
            continue
        epochs, times = (0, options.repeats) if plain else (options.peer_epochs, 1)
        ways.append(measure(folder, peer, LITE0, strategy, epochs, times, options.threads))
    show(f"{strategy}, EfficientNet-Lite0, {options.epochs} epochs", ways, options.epochs)
    return ways


def study_table(folder: Path, options: argparse.Namespace, before: dict[str, list[Way]]) -> dict[str, Any]:
    """ResNet34 alone, and the four runs of the founding experiment."""
    few = options.study_epochs
    ways = ("ours", "ours_mixed", "notebook")
    alone = [measure(folder, way, RESNET, "finetune", few, 1, options.threads) for way in ways]
    show(f"finetune, ResNet34, {options.epochs} epochs", alone, options.epochs)
    both = (f"{LITE0},{RESNET}", "finetune,frozen", few, 1, options.threads)
    studies = [measure(folder, way, *both) for way in ways[:2]]
    four = [way for ways in before.values() for way in ways if way.name == "notebook" and way.strategy != "last-block"]
    four += [alone[2], measure(folder, "notebook", RESNET, "frozen", few, 1, options.threads)]
    theirs = None
    if len(four) == 4 and not any(way.missing for way in four):
        theirs = [sum(ends) for ends in zip(*(extrapolated(way, options.epochs) for way in four), strict=True)]
    print(f"\nthe whole study, four runs of {options.epochs} epochs")
    for study in studies:
        print(line(study, options.epochs, None))
        if theirs and not study.missing:
            low, middle, high = theirs
            quotient = ratio((low, middle, high), extrapolated(study, options.epochs))
            print(
                f"    notebook, four processes: {middle:.0f} s [{low:.0f}, {high:.0f}], extrapolated; ratio {quotient}"
            )
    return {"resnet34": alone, "studies": studies, "notebook_seconds": theirs}


def overhead(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """A fine-tuning epoch of ours against a bare loop, in turn."""
    found = call(folder, "bare", LITE0, "finetune", options.peer_epochs, threads=options.threads)
    if "missing" in found:
        print(f"\nbare loop: {found['missing']}")
        return found
    ratios = sorted(a / b for a, b in zip(found["ours"], found["bare"], strict=True))
    print("\none epoch of fine-tuning, ours over a bare channels-last loop, in turn")
    print(f"  {ratios[len(ratios) // 2]:.3f} [{ratios[0]:.3f}, {ratios[-1]:.3f}]")
    return found


def peak(options: argparse.Namespace) -> dict[str, Any]:
    """Shares of the machine's peak."""
    words = ["benchmarks.speed_machine", "--json", "--size", str(options.size)]
    found = call(None, *words, threads=options.threads)
    if "missing" in found:
        print(f"\npeak: {found['missing']}")
        return found
    print("\nGFLOP/s: " + ", ".join(f"{name} {value:.0f}" for name, value in found["peak_gflops"].items()))
    for one in found["models"]:
        parts = (f"{name} {value:.0f} ({one['share'][name]:.0%})" for name, value in one["gflops"].items())
        print(f"  {one['model']}: " + ", ".join(parts))
    return found


def show(title: str, ways: list[Way], epochs: int) -> None:
    """Print one table."""
    print(f"\n{title}")
    for way in ways:
        print(line(way, epochs, None if way.name == "ours" else ways[0]), flush=True)
        if way.name == "timm_sklearn" and len(ways) > 2:
            probe = next(other for other in ways if other.strategy == "probe")
            print(line(way, epochs, probe, "against our probe"), flush=True)


def options_of(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30, help="of the trainings that are compared")
    parser.add_argument("--peer-epochs", type=int, default=3, help="epochs that slow ways really train")
    parser.add_argument("--study-epochs", type=int, default=2, help="the same for ResNet34 and the whole study")
    parser.add_argument("--repeats", type=int, default=3, help="of the commands that take seconds")
    parser.add_argument("--images", type=int, nargs=3, default=[1600, 400, 400], metavar=("TRAIN", "VAL", "TEST"))
    parser.add_argument("--size", type=int, default=128, help="side of the images in pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--strategies", nargs="*", default=["frozen", "last-block", "finetune"])
    parser.add_argument("--only-strategies", action="store_true", help="no study, no overhead, no peak")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args(words)
    options.peer_epochs = min(options.peer_epochs, options.epochs)
    options.study_epochs = min(options.study_epochs, options.epochs)
    return options


def main(words: list[str] | None = None) -> None:
    """Prepare, measure, print; with --json write every figure too."""
    options = options_of(words)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    for peer in options.peers:
        if PEERS[peer] and importlib.util.find_spec(PEERS[peer]) is None:
            print(f"{peer}: missing, {PEERS[peer]} is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        counts = dict(zip(("train", "val", "test"), options.images, strict=True))
        prepared = [json.dumps(counts), str(options.size), LITE0, *([] if options.only_strategies else [RESNET])]
        images = call(folder, "benchmarks.speed_peers.prepare", *prepared, threads=options.threads)
        if "missing" in images:
            sys.exit(f"preparing failed: {images['missing']}")
        print(f"{images['images']}, {counts}, {options.size} pixels, {options.threads} threads")
        tables = {name: strategy_table(folder, options, name) for name in options.strategies}
        found: dict[str, Any] = {"options": vars(options), "images": images["images"], "strategies": tables}
        if not options.only_strategies:
            found["study"] = study_table(folder, options, tables)
            found["overhead"] = overhead(folder, options)
            found["peak"] = peak(options)
    if options.json:
        options.json.write_text(
            json.dumps(found, indent=2, default=lambda value: getattr(value, "__dict__", str(value)))
        )


if __name__ == "__main__":
    main()
