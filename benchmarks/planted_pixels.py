"""Plants that change pixels, through the whole program: simulate, train, experiment, diagnose; the truth from the twin.

    python benchmarks/planted_pixels.py --seeds 3 --out planted

Every study is made by the commands that a person would use (`heldout phantom --plant`, `run`, `diagnose`): 800 + 400 +
400 images of 96 pixels, EfficientNet-Lite0 with fixed features. What a plant truly costs is the accuracy of the same
trained network on the test twin, the same cells without the plant, minus that on test. `table` prints the result.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.planted_tables import markdown
from heldout.diagnose import diagnose
from heldout.experiments import run_experiments
from heldout.phantoms import Counts, Phantom, simulate, write_phantom
from heldout.phantoms._simulate import simulate_twin
from heldout.phantoms.plants import parse_plants
from heldout.phantoms.worlds import worlds
from heldout.predict import load_network
from heldout.store import store_of_arrays
from heldout.study import Study
from heldout.training import logits_of, machine

COUNTS = Counts(train=800, val=400, test=400, train_patients=80, val_patients=40, test_patients=40)

PLANTS = {
    "none": ("", ""),
    "blur": ("blur=2:parts=test", "image-quality"),
    "blur of one class": ("blur=3:classes=echinocyte,parts=test", "image-quality"),
    "noise": ("noise=16:parts=test", "image-quality"),
    "contrast": ("contrast=0.6:parts=test", "image-quality"),
    "jpeg": ("jpeg=10:parts=test", "image-quality"),
    "token": ("token=0.95", "shortcut"),
    "withheld": ("withheld=0.35", "covariate-shift"),
}


def study_row(name: str, seed: int, folder: Path, known: Phantom | None) -> tuple[dict[str, object], Phantom]:
    """One study from pixels to findings."""
    text, cause = PLANTS[name]
    started = time.perf_counter()
    plants = parse_plants([text]) if text else ()
    phantom = simulate(worlds.get("cells"), seed, COUNTS, plants=plants, known=known)
    data = folder / "data"
    shutil.rmtree(folder, ignore_errors=True)
    write_phantom(phantom, data)
    study = Study(
        str(data), ["efficientnet_lite0"], ["frozen"], folder / "study", epochs=20, image_size=96, device="cpu"
    )
    study.run()
    run_experiments(folder / "study", device="cpu")
    (found,) = diagnose(folder / "study")
    row: dict[str, object] = {"plant": name, "seed": seed, "cause": cause, "explained": found.explained}
    row["gap"] = found.gap_points.value if found.gap_points else np.nan
    row["truth"] = twin_cost(phantom, study) if plants else 0.0
    told = [item for item in found.findings if item.verdict in ("established", "suggested") and item.priority > 0]
    told = [item for item in told if item.code != "chance"]
    row["first"] = told[0].code if told else ""
    row["second"] = told[1].code if len(told) > 1 else ""
    row["established"] = ",".join(item.code for item in told if item.verdict == "established")
    mine = next((item for item in found.findings if item.code == cause), None)
    row["verdict"] = mine.verdict if mine else ""
    row["points"] = mine.points.value if mine and mine.points else np.nan
    row["sentence"] = mine.sentence if mine else ""
    row["seconds"] = time.perf_counter() - started
    return row, phantom


def twin_cost(phantom: Phantom, study: Study) -> float:
    """Points that the study's network loses on test against the same cells without the plant."""
    (record,) = study.records()
    network, recipe = load_network(study.folder / "runs" / record.id)
    accuracies = []
    for made in (simulate_twin(phantom), phantom):
        here = np.flatnonzero(made.table["split"] == "test")
        names = [str(i) for i in here]
        pixels = store_of_arrays(made.images[here], names, recipe.image_size, recipe.fit, recipe.interpolation).pixels
        truth = made.table["label"].to_numpy()[here]
        answers = np.array(recipe.classes)[logits_of(network, pixels, machine("cpu")).argmax(axis=1)]
        accuracies.append(float((answers == truth).mean()))
    return 100 * (accuracies[0] - accuracies[1])


def table(frame: pd.DataFrame) -> str:
    """One row a plant."""
    rows = []
    for name, cell in frame.groupby("plant", sort=False):
        cause = cell["cause"].iloc[0]
        told = cell[cell["explained"]]
        first = f"{(told['first'] == cause).sum()} of {len(told)}" if cause else "–"
        two = f"{((told['first'] == cause) | (told['second'] == cause)).sum()} of {len(told)}" if cause else "–"
        instead = told.loc[told["first"] != cause, "first"].replace("", "nothing").value_counts()
        words = ", ".join(f"{code} {number}" for code, number in instead.items()) or "–"
        rows.append(
            [str(name), cause or "–", str(len(cell)), f"{cell['truth'].mean():.1f}", f"{cell['gap'].mean():.1f}"]
        )
        points = cell["points"].dropna()
        rows[-1] += [f"{points.mean():.1f}" if len(points) else "–", first, two, words]
    header = ["plant", "cause", "studies", "truth, points", "gap", "cause's points", "named first", "first or second"]
    return markdown([*header, "named instead"], rows)


def main() -> None:
    """The command line; goes on where the last call stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["run", "table"], default="run")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plants", default=",".join(PLANTS))
    parser.add_argument("--out", type=Path, default=Path("planted"))
    options = parser.parse_args()
    file = options.out / "pixels-phantoms.parquet"
    frame = pd.read_parquet(file) if file.is_file() else pd.DataFrame(columns=["plant", "seed"])
    if options.what == "table":
        print(table(frame))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    done = set(zip(frame["plant"], frame["seed"], strict=True))
    rows = frame.to_dict("records")
    for seed in range(options.seeds):
        known: Phantom | None = None
        for name in options.plants.split(","):
            if (name, seed) in done:
                continue
            row, phantom = study_row(name, seed, options.out / "pixel-study", known)
            known = known or phantom
            rows.append(row)
            pd.DataFrame(rows).to_parquet(file, index=False)
            print(
                {key: row[key] for key in ("plant", "seed", "gap", "truth", "first", "second", "points", "seconds")},
                flush=True,
            )


if __name__ == "__main__":
    main()
