"""Does `--strategies auto` do at least as well as the best single strategy with its defaults, in the time that it took?

    python benchmarks/auto_against_defaults.py run --out auto
    python benchmarks/auto_against_defaults.py table --out auto

Four sets at 96 pixels (MHSMA 64), EfficientNet-Lite0, ten epochs, seed 0. First `auto` with a budget of four minutes,
its test images scored once at its end; then every other strategy by itself, with its defaults. One that took longer
than the whole search is not counted. *Best on the set* is the default strategy that has the most test images right,
which nobody could have known: the hardest to beat. *Best of all sets* is the one with the highest mean over the four,
which nobody could have known either. Differences are paired on the same test images, with a bootstrap over patients.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.elsewhere import skin
from benchmarks.planted_tables import markdown
from benchmarks.strategies import commands, interval, mean_right
from heldout.cli import main as heldout
from heldout.runs.folder import RunFiles, read_study
from heldout.stats.bootstrap import draw

MINUTES, EPOCHS = 4, 10
DEFAULTS = "probe,knn,frozen,last-block,lora,lp-ft,finetune"
SETS = ("xrays", "wbc", "mhsma", "ham")


def words_of(name: str, out: Path) -> list[str]:
    """The words after `heldout run` that say which images."""
    if name != "ham":
        return commands(out)[name]
    manifest = out / "ham.csv"
    pd.DataFrame(skin(), columns=["path", "label", "split", "patient"]).to_csv(manifest, index=False)
    return [str(manifest), "--image-size", "96"]


def run(out: Path, names: list[str]) -> None:
    """The studies; the search stands in a folder of its own, so that it shares no cache with the others."""
    for name in names:
        common = ["run", *words_of(name, out), "--models", "efficientnet_lite0", "--epochs", str(EPOCHS)]
        file = out / f"{name}-auto.seconds"
        if not file.exists():
            started = time.perf_counter()
            words = ["--strategies", "auto", "--budget-minutes", str(MINUTES), "--out", str(out / f"{name}-auto")]
            heldout([*common, *words])
            file.write_text(f"{time.perf_counter() - started:.1f}")
        heldout([*common, "--strategies", DEFAULTS, "--out", str(out / name)])


def tables(out: Path, names: list[str]) -> str:
    """One row a set: what `auto` took and scored, and how far the best defaults lie from it."""
    found = {name: (_auto(out / f"{name}-auto"), _defaults(out, name)) for name in names}
    shared = set.intersection(*(set(runs) for _, runs in found.values()))
    means = {key: float(np.mean([_accuracy(runs[key]) for _, runs in found.values()])) for key in shared}
    overall = max(means, key=lambda key: means[key])
    rows = []
    for name, (auto, runs) in found.items():
        best = max(runs, key=lambda key: _accuracy(runs[key]))
        seconds = float((out / f"{name}-auto.seconds").read_text())
        changed = {k: v for k, v in auto.recipe.settings.items() if k in ("augment", "keep", "layer_decay")}
        recipe = f"`{auto.record.strategy}` {' '.join(f'{k}={v}' for k, v in changed.items())}"
        ours = f"{_accuracy(auto):.1f}"
        rows.append([name, f"{seconds:.0f}", recipe, ours, _against(out / name, auto, runs, best)])
        rows[-1].append(_against(out / name, auto, runs, overall))
    header = ["set", "seconds of `auto`", "recommended", "test, %", "− best on the set", f"− `{overall}`"]
    return markdown(header, rows) + f"\n\nMeans of the defaults over the sets: {_sorted(means)}"


def _sorted(means: dict[str, float]) -> str:
    order = sorted(means, key=lambda key: -means[key])
    return ", ".join(f"`{key}` {means[key]:.1f}" for key in order)


def _auto(study: Path) -> RunFiles:
    (one,) = read_study(study).runs
    return one


def _defaults(out: Path, name: str) -> dict[str, RunFiles]:
    """Strategy -> its run, of those that took no longer than the search."""
    seconds = float((out / f"{name}-auto.seconds").read_text())
    runs = read_study(out / name).runs
    return {one.record.strategy: one for one in runs if (one.record.wall_seconds or 0) <= seconds}


def _accuracy(one: RunFiles) -> float:
    return float(100 * mean_right([one], "test").mean())


def _against(study: Path, auto: RunFiles, runs: dict[str, RunFiles], key: str) -> str:
    files = read_study(study)
    theirs = runs[key].predictions["test"]
    ours = auto.predictions["test"]
    assert list(theirs.ids) == list(ours.ids)
    draws = draw(theirs.labels, files.split.part("test"), files.patients("test"), replicates=2000, seed=0)
    lead = 100 * (mean_right([auto], "test") - mean_right([runs[key]], "test"))
    low, high = interval(lead, lead.mean(), draws)
    return f"`{key}` {_accuracy(runs[key]):.1f}: {lead.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--out", type=Path, default=Path("auto"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.sets.split(",")
    if options.what == "run":
        run(options.out, names)
    else:
        print(tables(options.out, names))


if __name__ == "__main__":
    main()
