"""A phantom on disk: the founding layout with its sidecar, and the truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heldout._version import __version__
from heldout.errors import InputError, Problem
from heldout.files import read_json, sha256_of, whole_folder, write_json
from heldout.phantoms.latents import LATENTS
from heldout.phantoms.plant import COPY_OF, DOSE, ID, TRUE_LABEL
from heldout.phantoms.simulation import Phantom
from heldout.phantoms.world import SPLITS
from heldout.records.codec import to_data

_TITLE = "The phantom cannot be written"

DERIVED = ("psf_sigma_um", "absorptivity_per_um", "posterior")


TWIN = "twin"
"""Folder of the twin inside a phantom's; readers pass over it, since it is no part of a split."""

TRUTH, FILES = "truth.json", "files"
"""The record of a phantom, and its field that lists the files beside it: path -> SHA-256."""

SHOWN = 5
"""Files of the person's that an error names; the rest are counted."""


def write_phantom(phantom: Phantom, folder: Path, twin: Phantom | None = None) -> Path:
    """Write a phantom, whole or not at all.

    The folder gets `train/<class>.npy`, `test/test_<class>.npy` and, if there is one, `val/val_<class>.npy`, each
    (n, size, size) uint8; `metadata.csv` with a row an image (`file`, `row`, `id`, `patient`, `site`, then every latent
    number, written so that it reads back to the same bits, then what plants did: `true_label`, `copy_of`, doses); and
    `truth.json` with the world, seed, counts and version that make it again, the plants with the images that each
    touched, and all other files that were written, with their SHA-256.

    Args:
        phantom: What to write.
        folder: Where; what an earlier phantom wrote there is replaced. A link stays, its target is written to.
        twin: Its twin without the causes (`simulate_twin`), written to `twin/` in the same layout.

    Returns:
        The folder.

    Raises:
        InputError: The place holds anything else, or a class has no image in a part.
    """
    refuse_place(folder)
    problems = [problem for each in (phantom, twin) if each for problem in _class_problems(each)]
    if problems:
        raise InputError(problems, _TITLE)
    with whole_folder(folder.resolve(), remove_own) as temporary:
        if twin:
            (temporary / TWIN).mkdir()
            _write_into(twin, temporary / TWIN, None)
        _write_into(phantom, temporary, TWIN if twin else None)
        refuse_place(folder)  # once more: making the images takes minutes
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
    files = {name: sha256_of(folder / name) for name in _inside(folder)}
    write_json(folder / TRUTH, truth(phantom) | {"twin": twin, FILES: files})


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
        InputError: The place holds a file that no phantom wrote, or that was changed since.
    """
    if not folder.exists():
        return
    others = not_ours(folder) if folder.is_dir() else ("a file",)
    if others:
        found = ", ".join(others[:SHOWN]) + (f" and {len(others) - SHOWN} more" if len(others) > SHOWN else "")
        expected = "a new or empty folder, or one that holds nothing but what an earlier call wrote"
        remedy = "Choose another folder, or move these away."
        raise InputError([Problem(str(folder), found, expected, remedy)], _TITLE)


def not_ours(folder: Path) -> tuple[str, ...]:
    """Paths in a folder that no phantom wrote there as they are now: other files, links, and empty folders."""
    own = _own_files(folder)
    return tuple(name for name in _inside(folder) if name not in own)


def remove_own(folder: Path) -> None:
    """Remove a phantom, file by file; anything else stays where it is, with the folders above it."""
    for name in _own_files(folder):
        (folder / name).unlink()
    for base, _, _ in os.walk(folder, topdown=False):
        if not any(Path(base).iterdir()):
            Path(base).rmdir()


def _own_files(folder: Path) -> tuple[str, ...]:
    """The files that a phantom wrote into a folder, as they were then; its record comes last."""
    try:
        listed = {} if (folder / TRUTH).is_symlink() else dict(read_json(folder / TRUTH)[FILES])
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that has no list of files
        listed = {}
    if not listed:
        return ()
    here = [name for name in _inside(folder) if name in listed and not (folder / name).is_symlink()]
    return (*(name for name in here if sha256_of(folder / name) == listed[name]), TRUTH)


def _inside(folder: Path) -> list[str]:
    """Files, links and empty folders below a folder, relative to it with `/`, sorted; links are not followed."""
    found = []
    for base, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        ends = [*files, *links]
        found += [Path(base, name).relative_to(folder).as_posix() for name in ends]
        if Path(base) != folder and not (folders or files):
            found.append(Path(base).relative_to(folder).as_posix())
    return sorted(found)


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
