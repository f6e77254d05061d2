"""Real chest X-rays, 12 % of the test labels turned round, nobody has read any: wrong labels are not "harder images".

And the converse: a test set of images that are hard, all labels right. Both go the whole way of `heldout diagnose`,
with fixed features at 96 pixels, since the pooled classifiers must be those of the program.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from examples.founding_experiment import patient_of
from PIL import Image

from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.interventions import run_interventions
from heldout.images import fit_square
from heldout.phantoms.planting import plant_images
from heldout.phantoms.plants import parse_plants
from heldout.records import Diagnosis, Finding
from heldout.runs.folder import read_study
from heldout.study import Study
from tests.data_folder import shared_data

SIZE = 96
TRAIN, TEST = 1400, 700


def drawn(seed: int, spare: int) -> tuple[np.ndarray, pd.DataFrame]:
    """1400 X-rays for training and 700 for test of other patients, and so many more that stand ready for test."""
    files = sorted((shared_data("kermany224") / "train").glob("*/*.jpeg"))
    patients = np.array([patient_of(file.name) for file in files])
    rng = np.random.default_rng(seed)
    rank = {name: place for place, name in enumerate(rng.permutation(np.unique(patients)))}
    order = sorted(range(len(files)), key=lambda i: rank[patients[i]])
    cut = next(i for i in range(TRAIN, len(order)) if patients[order[i]] != patients[order[i - 1]])
    chosen = [*order[:TRAIN], *order[cut : cut + TEST + spare]]
    grey = [np.asarray(Image.open(files[i]).convert("L")) for i in chosen]
    images = np.stack([fit_square(image, SIZE, "stretch", "bicubic") for image in grey])
    labels = [files[i].parent.name.lower() for i in chosen]
    part = ["train"] * TRAIN + ["test"] * (TEST + spare)
    table = pd.DataFrame({"id": [files[i].stem for i in chosen], "label": labels, "patient": patients[chosen]})
    return images, table.assign(split=part, spare=np.arange(len(chosen)) >= TRAIN + TEST)


def diagnosed(images: np.ndarray, table: pd.DataFrame, folder: Path) -> Diagnosis:
    """The diagnosis of a probe, nobody having read a label."""
    rows = []
    for (split, label), some in table.reset_index(drop=True).groupby(["split", "label"]):
        name = f"train/{label}.npy" if split == "train" else f"test/test_{label}.npy"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, images[some.index.to_numpy()])
        rows += [{"file": name, "row": place, "patient": one} for place, one in enumerate(some["patient"])]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    study = Study(str(folder), ["efficientnet_lite0"], ["probe"], folder / "study", image_size=SIZE, device="cpu")
    study.run()
    read = read_study(study.folder)
    run_interventions(read, device="cpu", limit=100)
    (found,) = diagnose(read, bootstrap=400)
    return found


def finding(found: Diagnosis, code: str) -> Finding:
    (one,) = (item for item in found.findings if item.code == code)
    return one


@pytest.mark.slow
def test_turned_labels_of_real_x_rays_are_called_wrong_labels_and_nothing_is_established(tmp_path: Path) -> None:
    images, table = drawn(0, 0)
    rng = np.random.default_rng(12)
    wrong = (table["split"] == "test").to_numpy() & (rng.random(len(table)) < 0.12)
    other = table["label"].map({"normal": "pneumonia", "pneumonia": "normal"})
    found = diagnosed(images, table.assign(label=np.where(wrong, other, table["label"])), tmp_path)
    labels, difficulty = finding(found, "labels"), finding(found, "difficulty")
    named = [item for item in found.findings if item.verdict in ("established", "suggested") and item.priority > 0]
    assert named[0] is labels and labels.verdict == "suggested", found.summary
    assert labels.points is not None and labels.points.value == pytest.approx(100 * wrong.sum() / TEST, abs=3.5)
    assert labels.points.low > 5 and "difficulty" in labels.alternatives and found.review
    assert difficulty.verdict != "established" and difficulty.priority < labels.priority / 2
    assert "labels" in difficulty.alternatives


@pytest.mark.slow
def test_hard_x_rays_with_right_labels_are_called_harder_images(tmp_path: Path) -> None:
    """The images that show least: their lungs are hardly told from those of the other class by a probe."""
    from benchmarks.pools import features_of, out_of_fold_error

    images, table = drawn(1, 2400)
    ill = (table["label"] == "pneumonia").to_numpy(dtype=np.int64)
    error = out_of_fold_error(features_of(images[..., None]), ill, table["patient"].to_numpy(dtype=str))
    table = table.assign(difficulty=1 - np.abs(2 * error - 1))
    planted = plant_images(images, table, parse_plants(["hard:share=0.7,fraction=0.2"]), 1)
    found = diagnosed(planted.images, planted.table, tmp_path)
    labels, difficulty = finding(found, "labels"), finding(found, "difficulty")
    assert difficulty.verdict == "suggested" and difficulty.points is not None, found.summary
    assert difficulty.points.value > 4 and difficulty.priority > 2
    assert labels.verdict == "not identifiable" and difficulty.alternatives == ("labels",)
    named = [item for item in found.findings if item.verdict in ("established", "suggested") and item.priority > 0]
    assert named[0] is difficulty
