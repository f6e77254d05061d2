"""Pools of images with known truth, from which the planted-cause benchmark draws its studies.

A pool is many patients' images with the features of a pretrained network, measured once and cached in a folder. Train,
validation and test are drawn from it by patient, so that nothing shifts unless it is planted; what a plant truly costs
is measured on the patients that are left over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.images.quality import quality_of

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
KERMANY = DATA / "kermany224"
SKIN = DATA / "ham_vienna"
LESIONS = ("mel", "nv", "bkl", "bcc", "vasc", "df", "akiec")
"""Classes of the skin lesions; plants act on the first two, melanoma and nevus, as on the classes of other pools."""


@dataclass(frozen=True)
class Pool:
    """Images of many patients.

    Attributes:
        name: `made`, `phantoms`, `kermany` or `skin`.
        classes: Class names.
        labels: (n,) class indices.
        patients: (n,) patient of each image.
        features: (n, d) float32 of the pretrained network.
        quality: One row an image, as `heldout.images.quality`.
        hardness: (n,) how hard an image is, from 0 to 1: phantoms know it (posterior), real images have the
            out-of-fold error of a probe on the whole pool.
        subgroup: (n,) a number by which a sub-population can be told: a latent of the cell, or brightness.
    """

    name: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    patients: NDArray[np.str_]
    features: NDArray[np.float32]
    quality: pd.DataFrame
    hardness: NDArray[np.float64]
    subgroup: NDArray[np.float64]

    def save(self, folder: Path) -> None:
        """Write everything to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "features.npy", self.features)
        self.quality.to_parquet(folder / "quality.parquet", index=False)
        table = {"label": self.labels, "patient": self.patients, "hardness": self.hardness, "subgroup": self.subgroup}
        pd.DataFrame(table).to_parquet(folder / "table.parquet", index=False)
        (folder / "classes.txt").write_text("\n".join(self.classes))

    @classmethod
    def load(cls, folder: Path) -> Pool:
        """Read what `save` wrote."""
        table = pd.read_parquet(folder / "table.parquet")
        return cls(
            folder.name,
            tuple((folder / "classes.txt").read_text().split("\n")),
            table["label"].to_numpy(dtype=np.int64),
            table["patient"].to_numpy(dtype=str),
            np.load(folder / "features.npy"),
            pd.read_parquet(folder / "quality.parquet"),
            table["hardness"].to_numpy(dtype=np.float64),
            table["subgroup"].to_numpy(dtype=np.float64),
        )


def pool_of(name: str, folder: Path, images: int) -> Pool:
    """A pool by name, from the folder where it was made before."""
    place = folder / name
    if not (place / "classes.txt").is_file():
        MAKERS[name](images).save(place)
    return Pool.load(place)


def made_up(images: int = 6000) -> Pool:
    """Numbers, no images: two classes apart in 12 of 400 features, patients of five with a shift of their own."""
    rng = np.random.default_rng(1)
    unit = np.arange(images) // 5
    labels = (rng.random(unit.max() + 1) < 0.5)[unit].astype(np.int64)
    features = rng.normal(size=(images, 400)).astype(np.float32)
    own = rng.normal(size=unit.max() + 1)[unit]
    features[:, :12] += (1.0 * (labels - 0.5) + 0.12 * own)[:, None]
    hardness = 1 / (1 + np.abs(features[:, :12].sum(axis=1)))
    quality = pd.DataFrame({"sharpness": rng.normal(size=images), "brightness": features[:, 20]})
    patients = np.array([f"p{number}" for number in unit])
    subgroup = features[:, 20].astype(np.float64)
    return Pool("made", ("a", "b"), labels, patients, features, quality, hardness, subgroup)


def make_phantoms(images: int) -> Pool:
    """Simulated cells, ten images a patient, 96 pixels."""
    from heldout.phantoms import Counts, simulate
    from heldout.phantoms.worlds import worlds

    counts = Counts(train=images - 20, test=20, train_patients=(images - 20) // 10, test_patients=2)
    phantom = simulate(worlds.get("cells"), seed=20261124, counts=counts)
    table = phantom.table
    posterior = table["posterior"].to_numpy(dtype=np.float64)
    labels = (table["label"] == phantom.classes[1]).to_numpy(dtype=np.int64)
    pixels = phantom.images[..., None]
    return Pool(
        "phantoms",
        phantom.classes,
        labels,
        table["patient"].to_numpy(dtype=str),
        features_of(pixels),
        quality_of(pixels),
        1 - np.abs(2 * posterior - 1),
        table["stage"].to_numpy(dtype=np.float64) - 3.6 * labels,
    )


def make_kermany(images: int) -> Pool:
    """The training part of the chest X-rays, 128 pixels; patients from the file names."""
    from examples.founding_experiment import patient_of
    from PIL import Image

    from heldout.images import fit_square

    files = sorted((KERMANY / "train").glob("*/*.jpeg"))
    rng = np.random.default_rng(0)
    files = [files[i] for i in sorted(rng.permutation(len(files))[:images])]
    grey = [np.asarray(Image.open(file).convert("L")) for file in files]
    pixels = np.stack([fit_square(image, 128, "stretch", "bicubic") for image in grey])[..., None]
    labels = np.array([int(file.parent.name == "PNEUMONIA") for file in files], dtype=np.int64)
    patients = np.array([patient_of(file.name) for file in files])
    features, quality = features_of(pixels), quality_of(pixels)
    hardness = out_of_fold_error(features, labels, patients)
    brightness = quality["brightness"].to_numpy(dtype=np.float64)
    return Pool("kermany", ("normal", "pneumonia"), labels, patients, features, quality, hardness, brightness)


def make_skin(images: int) -> Pool:
    """Dermoscopic images of seven classes, a long tail, of one clinic and camera; 128 pixels, a lesion is a patient."""
    from PIL import Image

    from heldout.images import fit_square

    table = pd.read_csv(SKIN / "manifest.csv")
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:images])
    table = table.iloc[rows].reset_index(drop=True)
    colour = [np.asarray(Image.open(SKIN / path).convert("RGB")) for path in table["path"]]
    pixels = np.stack([fit_square(image, 128, "stretch", "bicubic") for image in colour])
    labels = np.array([LESIONS.index(name) for name in table["label"]], dtype=np.int64)
    patients = table["patient"].to_numpy(dtype=str)
    features, quality = features_of(pixels), quality_of(pixels)
    hardness = out_of_fold_error(features, labels, patients)
    brightness = quality["brightness"].to_numpy(dtype=np.float64)
    return Pool("skin", LESIONS, labels, patients, features, quality, hardness, brightness)


def features_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pooled features (n, d) of the pretrained EfficientNet-Lite0."""
    import torch

    from heldout import backbones
    from heldout.training import machine
    from heldout.training.predict import run_stages

    network = backbones.build(backbones.resolve("efficientnet_lite0"), 2, pixels.shape[1], 0)
    network.to(memory_format=torch.channels_last)
    found = run_stages(network, pixels, 0, len(network.stages), machine("cpu"))
    assert found is not None
    return found


def out_of_fold_error(
    features: NDArray[np.float32], labels: NDArray[np.int64], patients: NDArray[np.str_]
) -> NDArray[np.float64]:
    """(n,) probability of the wrong class from a probe that has not seen the patient."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))
    p = cross_val_predict(model, features, labels, groups=patients, cv=GroupKFold(5), method="predict_proba")
    error: NDArray[np.float64] = 1 - p[np.arange(len(labels)), labels]
    return error


MAKERS: dict[str, Callable[[int], Pool]] = {
    "made": made_up,
    "phantoms": make_phantoms,
    "kermany": make_kermany,
    "skin": make_skin,
}
"""Name of a pool -> what makes it with about so many images."""
