"""A phantom on disk: the founding layout with its sidecar, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heldout._version import __version__
from heldout.errors import InputError, Problem
from heldout.files import whole_folder, write_json
from heldout.phantoms.latents import LATENTS
from heldout.phantoms.plant import COPY_OF, DOSE, ID, TRUE_LABEL
from heldout.phantoms.simulation import Phantom
from heldout.phantoms.world import SPLITS
from heldout.records.codec import to_data

_TITLE = "The phantom cannot be written"

DERIVED = ("psf_sigma_um", "absorptivity_per_um", "posterior")


TWIN = "twin"
"""Folder of the twin inside a phantom's; readers pass over it, since it is no part of a split."""


def write_phantom(phantom: Phantom, folder: Path, twin: Phantom | None = None) -> Path:
    """Write a phantom, whole or not at all.

    The folder gets `train/<class>.npy`, `test/test_<class>.npy` and, if there is one, `val/val_<class>.npy`, each
    (n, size, size) uint8; `metadata.csv` with a row an image (`file`, `row`, `id`, `patient`, `site`, then every latent
    number, written so that it reads back to the same bits, then what plants did: `true_label`, `copy_of`, doses); and
    `truth.json` with the world, seed, counts and version that make it again, and the plants with the images that
    each touched.

    Args:
        phantom: What to write.
        folder: Where; replaced if it holds a phantom or nothing.
        twin: Its twin without the causes (`simulate_twin`), written to `twin/` in the same layout.

    Returns:
        The folder.

    Raises:
        InputError: The place holds something else, or a class has no image in a part.
    """
    refuse_place(folder)
    problems = [problem for each in (phantom, twin) if each for problem in _class_problems(each)]
    if problems:
        raise InputError(problems, _TITLE)
    with whole_folder(folder) as temporary:
        _write_into(phantom, temporary, TWIN if twin else None)
        if twin:
            (temporary / TWIN).mkdir()
            _write_into(twin, temporary / TWIN, None)
    return folder


def _write_into(phantom: Phantom, folder: Path, twin: str | None) -> None:
    """Arrays, metadata and truth into a folder that is there."""
    pieces: list[pd.DataFrame] = []
    for split in [name for name in SPLITS if getattr(phantom.counts, name)]:
        (folder / split).mkdir()
        for label in phantom.classes:
            chosen = np.flatnonzero((phantom.table["split"] == split) & (phantom.table["label"] == label))
            file = file_of(split, label)
            np.save(folder / file, phantom.images[chosen], allow_pickle=False)
            pieces.append(phantom.table.iloc[chosen].assign(file=file, row=np.arange(chosen.size)))
    columns = ["file", "row", ID, "patient", "site", *LATENTS, *DERIVED]
    planted = [
        name for name in map(str, phantom.table.columns) if name in (TRUE_LABEL, COPY_OF) or name.startswith(DOSE)
    ]
    pd.concat(pieces)[columns + planted].to_csv(folder / "metadata.csv", index=False)
    write_json(folder / "truth.json", truth(phantom) | {"twin": twin})


def file_of(split: str, label: str) -> str:
    """Path of a class's array in the founding layout, whose file names repeat the part except in train."""
    return f"{split}/{label}.npy" if split == "train" else f"{split}/{split}_{label}.npy"


def truth(phantom: Phantom) -> dict[str, Any]:
    """What `truth.json` says."""
    return {
        "format": 1,
        "world": phantom.world.name,
        "seed": phantom.seed,
        "counts": to_data(phantom.counts),
        "image_size": phantom.size,
        "classes": list(phantom.classes),
        "version": __version__,
        "ceiling": phantom.world.test.population.ceiling(),
        "plants": to_data(list(phantom.truth)),
        "settings": {split: to_data(phantom.world.source(split)) for split in SPLITS},
    }


def refuse_place(folder: Path) -> None:
    """Stop before anything of the person's is replaced.

    Raises:
        InputError: The place holds something that is no phantom.
    """
    free = not folder.exists() or (folder.is_dir() and ((folder / "truth.json").is_file() or not any(folder.iterdir())))
    if not free:
        expected = "a new or empty folder, or an older phantom"
        raise InputError([Problem(str(folder), "other files", expected, "Choose another folder.")], _TITLE)


def _class_problems(phantom: Phantom) -> list[Problem]:
    found = set(zip(phantom.table["split"], phantom.table["label"], strict=True))
    return [
        Problem(
            f"{split} of world {phantom.world.name}, seed {phantom.seed}",
            f"no {label} among {getattr(phantom.counts, split)} images of "
            f"{getattr(phantom.counts, f'{split}_patients')} patients",
            "images of both classes",
            "Ask for more images or patients, or take another seed.",
        )
        for split in SPLITS
        for label in phantom.classes
        if getattr(phantom.counts, split) and (split, label) not in found
    ]
