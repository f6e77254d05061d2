"""`medmnist:NAME[@SIZE]`: a data set of MedMNIST, found on disk or downloaded by its own package."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import ClassVar

from heldout.data.entries import Draft, Reader
from heldout.data.readers.npz import read_npz
from heldout.errors import HeldoutError, UsageError
from heldout.files import cache_folder
from heldout.optional import require
from heldout.progress import Reporter

PREFIX = "medmnist:"

SIZES = (28, 64, 128, 224)

ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)

CLASSES: dict[str, tuple[str, ...]] = {
    "pathmnist": (
        "adipose",
        "background",
        "debris",
        "lymphocytes",
        "mucus",
        "smooth muscle",
        "normal colon mucosa",
        "cancer-associated stroma",
        "colorectal adenocarcinoma epithelium",
    ),
    "chestmnist": (
        "atelectasis",
        "cardiomegaly",
        "effusion",
        "infiltration",
        "mass",
        "nodule",
        "pneumonia",
        "pneumothorax",
        "consolidation",
        "edema",
        "emphysema",
        "fibrosis",
        "pleural",
        "hernia",
    ),
    "dermamnist": (
        "actinic keratoses and intraepithelial carcinoma",
        "basal cell carcinoma",
        "benign keratosis-like lesions",
        "dermatofibroma",
        "melanoma",
        "melanocytic nevi",
        "vascular lesions",
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("0", "1", "2", "3", "4"),
    "breastmnist": ("malignant", "normal, benign"),
    "bloodmnist": (
        "basophil",
        "eosinophil",
        "erythroblast",
        "immature granulocytes",
        "lymphocyte",
        "monocyte",
        "neutrophil",
        "platelet",
    ),
    "tissuemnist": (
        "Collecting Duct, Connecting Tubule",
        "Distal Convoluted Tubule",
        "Glomerular endothelial cells",
        "Interstitial endothelial cells",
        "Leukocytes",
        "Podocytes",
        "Proximal Tubule Segments",
        "Thick Ascending Limb",
    ),
    "organamnist": ORGANS,
    "organcmnist": ORGANS,
    "organsmnist": ORGANS,
}
"""The two-dimensional sets and the names of their classes 0, 1, … (MedMNIST v2, Yang et al. 2023, Scientific Data
10:41; `medmnist.INFO` of version 3). They stand here so that a cohort is the same whether the package is installed or
not. ChestMNIST has several labels an image."""


class MedmnistReader(Reader):
    """Standardised biomedical images; sizes 28 (default), 64, 128 and 224 pixels.

    The file is looked for in `~/.medmnist` (where the package `medmnist` puts it) and in `medmnist/` of our cache
    folder, and downloaded there if the extra `heldout[medmnist]` is installed.
    """

    name: ClassVar[str] = "medmnist"
    title: ClassVar[str] = "medmnist:NAME[@SIZE], for example medmnist:pneumoniamnist@64"

    def accepts(self, data: str) -> bool:
        """Text that begins with `medmnist:`."""
        return data.startswith(PREFIX)

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Find or download the file, and read it as an `.npz` in MedMNIST's layout.

        Raises:
            UsageError: No such set or size.
            HeldoutError: The file is not here and cannot be downloaded; the text says where to put it.
        """
        name, size = parse(data)
        file = name + ("" if size == 28 else f"_{size}") + ".npz"
        here = [folder / file for folder in folders() if (folder / file).is_file()]
        path = here[0] if here else _download(name, size, file, reporter)
        return read_npz(path.resolve(), CLASSES[name])


def parse(data: str) -> tuple[str, int]:
    """`medmnist:BloodMNIST@64` -> (`bloodmnist`, 64).

    Raises:
        UsageError: No such set or size.
    """
    name, at, size = data.removeprefix(PREFIX).lower().partition("@")
    if name not in CLASSES:
        raise UsageError(
            f"Found '{data}'; expected medmnist:NAME[@SIZE] with NAME one of {', '.join(sorted(CLASSES))}."
        )
    if at and size not in map(str, SIZES):
        raise UsageError(f"Found '{data}'; expected a size of {', '.join(map(str, SIZES))} pixels after the @.")
    return name, int(size) if at else 28


def folders() -> tuple[Path, Path]:
    """Where a file may lie: the package's own folder, and ours."""
    return Path.home() / ".medmnist", cache_folder() / "medmnist"


def _download(name: str, size: int, file: str, reporter: Reporter) -> Path:
    package = require("medmnist", "medmnist")
    folder = folders()[1]
    folder.mkdir(parents=True, exist_ok=True)
    reporter.note(f"Downloading {file} …")
    info = package.INFO[name]
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the package prints, and our output may be JSON
            getattr(package, info["python_class"])(split="train", download=True, size=size, root=str(folder))
    except Exception as error:  # it raises RuntimeError for a failed download, and others pass through
        address = info.get("url" if size == 28 else f"url_{size}", "the MedMNIST site")
        raise HeldoutError(
            f"Found no {file}, and it could not be downloaded ({type(error).__name__}). Expected it in "
            f"{' or '.join(map(str, folders()))}: fetch it from {address} and put it there."
        ) from error
    return folder / file


READER = MedmnistReader()
