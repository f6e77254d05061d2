"""The founding question: do fixed features beat fine-tuning on test, by how much, and how sure is that?

    python benchmarks/fixed_or_finetuned.py run --image-size 96 --out question       # five folds, ten repeats
    python benchmarks/fixed_or_finetuned.py table --out question

A repeat draws other folds by patient and trains with another seed; its test images are answered by the mean of the
five networks of its folds. The difference is that of the two strategies of one repeat on the same image. Its interval
draws test patients and repeats with replacement, each by itself, and weighs an answer by the product (the pigeonhole
bootstrap: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 2007, which is a little too wide rather than
too narrow).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from examples.founding_experiment import make_arrays
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.planted_tables import markdown
from benchmarks.pools import KERMANY
from heldout.cli import main as heldout
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.stats.bootstrap import draw, percentile_interval

Reals = NDArray[np.float64]
REPLICATES = 5000


def run(out: Path, model: str, repeats: int, epochs: int, size: int) -> None:
    """The study; a second call goes on."""
    arrays = out / "arrays"
    if not arrays.is_dir():
        make_arrays(KERMANY, arrays, seed=0)
    words = ["run", str(arrays), "--models", model, "--strategies", "frozen,finetune", "--epochs", str(epochs)]
    words += ["--image-size", str(size), "--folds", "5", "--repeats", str(repeats), "--out", str(out / "study")]
    print("heldout " + " ".join(words), flush=True)
    heldout(words)


def right(runs: list[RunFiles], part: str) -> Reals:
    """(r, n) whether the run of a repeat is right on an image."""
    return np.stack([one.predictions[part].right.astype(float) for one in runs])


def table(files: StudyFiles) -> str:
    """Both strategies, and their difference on test and out of fold."""
    runs: dict[str, list[RunFiles]] = {}
    for one in sorted(files.runs, key=lambda one: one.record.seed):
        runs.setdefault(one.record.strategy, []).append(one)
    both = min(map(len, runs.values()))
    rows = []
    for name, ones in sorted(runs.items()):
        cells = [name, str(len(ones))]
        for part in ("val", "test"):
            shares = 100 * right(ones, part).mean(axis=1)
            cells.append(f"{shares.mean():.1f} ({shares.min():.1f} to {shares.max():.1f})")
        cells += of_test(files, ones)
        rows.append(cells)
    header = ["strategy", "repeats", "out of fold, % (range over repeats)", "test, % (range over repeats)"]
    header += ["AUC on test", *(f"recall of {name}, %" for name in files.cohort.classes), "test at its best cut, %"]
    words = [markdown(header, rows)]
    for part, title in (("val", "out of fold"), ("test", "on test")):
        lead = 100 * (right(runs["frozen"][:both], part) - right(runs["finetune"][:both], part))
        value, low, high, above = crossed(files, part, lead)
        by_repeat = lead.mean(axis=1)
        words.append(
            f"Fixed features minus fine-tuning {title}: {value:+.1f} points [{low:+.1f}, {high:+.1f}] over patients "
            f"and repeats; ahead in {int((by_repeat > 0).sum())} of {both} repeats, and in {above:.0%} of the draws."
        )
    return "\n\n".join(words)


def of_test(files: StudyFiles, runs: list[RunFiles]) -> list[str]:
    """Means over repeats on test: AUC, recall of each class, and accuracy at the cut that is best there."""
    found = []
    for one in runs:
        side = one.predictions["test"]
        margin = side.logits[:, 1] - side.logits[:, 0]
        best = max(float(((margin >= cut) == side.labels).mean()) for cut in margin)
        recalls = [100 * side.right[side.labels == k].mean() for k in range(len(files.cohort.classes))]
        found.append([float(roc_auc_score(side.labels, margin)), *recalls, 100 * best])
    auc, *shares = np.mean(found, axis=0)
    return [f"{auc:.3f}", *(f"{share:.1f}" for share in shares)]


def crossed(files: StudyFiles, part: str, lead: Reals) -> tuple[float, float, float, float]:
    """Mean of (r, n) differences, its 95 % interval, and the share of draws above 0."""
    predictions = files.runs[0].predictions[part]
    draws = draw(predictions.labels, predictions.ids, files.patients(part), replicates=REPLICATES, seed=0)
    repeats = len(lead)
    times = np.random.default_rng(1).multinomial(repeats, np.full(repeats, 1 / repeats), REPLICATES).T  # (r, B)
    totals = (times * draws.totals(lead)).sum(axis=0) / repeats
    replicates = totals / draws.totals(np.ones(lead.shape[1]))
    value = float(lead.mean())
    low, high = percentile_interval(replicates, value)
    return value, low, high, float((replicates > 0).mean())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("question"))
    options = parser.parse_args()
    if options.what == "run":
        run(options.out, options.model, options.repeats, options.epochs, options.image_size)
    else:
        print(table(read_study(options.out / "study")))


if __name__ == "__main__":
    main()
