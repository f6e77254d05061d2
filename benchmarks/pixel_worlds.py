"""Images with plants in their pixels and the same images without: simulated cells, and real chest X-rays.

Both worlds give a `Set`: images, a table (`id`, `label`, `patient`, `split`) and the twin that lacks the plant but has
the same training images where the plant leaves them alone. `write` lays a set out as `heldout run` reads it.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.pools import KERMANY
from heldout.phantoms import Counts, Phantom, simulate
from heldout.phantoms.plant import Plant
from heldout.phantoms.planting import plant_images, twins
from heldout.phantoms.simulation import simulate_twin
from heldout.phantoms.worlds import worlds

SIZE = 96
TRAIN, VAL = 800, 400
EACH = 10
"""Images of a simulated patient."""


@dataclass(frozen=True)
class Set:
    """Images and what is known of them.

    Attributes:
        images: (n, 96, 96) uint8.
        table: One row an image: `id`, `label`, `patient`, `split`.
    """

    images: NDArray[np.uint8]
    table: pd.DataFrame

    def part(self, name: str) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
        """Images and labels of a part."""
        here = np.flatnonzero(self.table["split"] == name)
        return self.images[here], self.table["label"].to_numpy(dtype=str)[here]


def placed(table: pd.DataFrame) -> pd.DataFrame:
    """The table of a set with where `write` puts each image: `file` and `row` in it."""
    part, label = table["split"].astype(str), table["label"].astype(str)
    file = part + "/" + np.where(part == "train", "", part + "_") + label + ".npy"
    return table.assign(file=file, row=table.groupby(file).cumcount())


def write(made: Set, folder: Path) -> None:
    """One array a class and part, and a table that names patients."""
    shutil.rmtree(folder, ignore_errors=True)
    table = placed(made.table)
    for file, rows in table.groupby("file").indices.items():
        (folder / str(file)).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / str(file), made.images[rows])
    table[["file", "row", "patient"]].to_csv(folder / "metadata.csv", index=False)


def cells(seed: int, n_test: int, plants: Sequence[Plant], known: Phantom | None = None) -> tuple[Set, Set, Phantom]:
    """Simulated cells, ten images a patient, and their twin; the phantom too, so that others need not draw it again."""
    counts = Counts(
        train=TRAIN,
        val=VAL,
        test=n_test,
        train_patients=TRAIN // EACH,
        val_patients=VAL // EACH,
        test_patients=max(2, n_test // EACH),
    )
    phantom = simulate(worlds.get("cells"), seed, counts, SIZE, plants, known=known)
    twin = simulate_twin(phantom) if plants else phantom
    return Set(phantom.images, phantom.table), Set(twin.images, twin.table), phantom


def xrays(seed: int, n_test: int, plants: Sequence[Plant], scratch: Path) -> tuple[Set, Set]:
    """Chest X-rays of the training part of the Kermany set, drawn by patient, and their twin.

    Patients are dealt to train, val and test as 4 : 2 : 4; the first images are in the set, the others stand ready for
    plants that choose.
    """
    images, table = _pool(scratch)
    rng = np.random.default_rng((seed, 31))
    patients = rng.permutation(table["patient"].unique())
    cut = [round(0.4 * len(patients)), round(0.6 * len(patients))]
    part_of = dict.fromkeys(patients[: cut[0]], "train") | dict.fromkeys(patients[cut[0] : cut[1]], "val")
    table = table.assign(split=table["patient"].map(part_of).fillna("test"), spare=True)
    for part, size in (("train", TRAIN), ("val", VAL), ("test", n_test)):
        here = rng.permutation(np.flatnonzero(table["split"] == part))
        if len(here) < size:
            raise ValueError(f"the pool is too small: {len(here)} of {size} images for {part}")
        table.loc[here[:size], "spare"] = False
    planted, bare = (plant_images(images, table, chosen, seed) for chosen in (plants, twins(plants)))
    return Set(planted.images, planted.table), Set(bare.images, bare.table)


def _pool(scratch: Path) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """All X-rays of the training part at 96 pixels, made once, with difficulty from a probe that has not seen them."""
    pixels, table = scratch / "kermany-96.npy", scratch / "kermany-96.parquet"
    if not table.is_file():
        _make_pool(pixels, table)
    return np.load(pixels), pd.read_parquet(table)


def _make_pool(pixels: Path, table: Path) -> None:
    from examples.founding_experiment import patient_of
    from PIL import Image

    from benchmarks.pools import features_of, out_of_fold_error
    from heldout.images import fit_square

    files = sorted((KERMANY / "train").glob("*/*.jpeg"))
    grey = [np.asarray(Image.open(file).convert("L")) for file in files]
    images = np.stack([fit_square(image, SIZE, "stretch", "bicubic") for image in grey])
    labels = np.array([file.parent.name.lower() for file in files])
    patients = np.array([patient_of(file.name) for file in files])
    error = out_of_fold_error(features_of(images[..., None]), (labels == "pneumonia").astype(np.int64), patients)
    pixels.parent.mkdir(parents=True, exist_ok=True)
    np.save(pixels, images)
    names = [file.stem for file in files]
    pd.DataFrame({"id": names, "label": labels, "patient": patients, "difficulty": error}).to_parquet(table)


def maker(world: str, scratch: Path) -> Callable[[int, int, Sequence[Plant]], tuple[Set, Set]]:
    """(seed, n_test, plants) -> a set and its twin, in `phantoms` or `kermany`."""
    if world == "kermany":
        return functools.partial(xrays, scratch=scratch)
    known: dict[tuple[int, int], Phantom] = {}

    def make(seed: int, n_test: int, plants: Sequence[Plant]) -> tuple[Set, Set]:
        made, twin, phantom = cells(seed, n_test, plants, known.get((seed, n_test)))
        if not plants:
            known.clear()
            known[seed, n_test] = phantom
        return made, twin

    return make
