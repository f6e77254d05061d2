"""Tiny data sets on disk, in every layout."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import heldout
from heldout.errors import InputError, Problem
from heldout.records import Cohort

PARTS = ("train", "test")
CLASSES = ("normal", "sick")


def picture(seed: int, shape: tuple[int, ...] = (8, 10)) -> npt.NDArray[np.uint8]:
    """Noise: no two seeds give the same picture."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_image(path: Path, seed: int, shape: tuple[int, ...] = (8, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, shape)).save(path)


def folder(
    root: Path, parts: Iterable[str] = PARTS, classes: Iterable[str] = CLASSES, each: int = 3, name: str = "{i}.png"
) -> Path:
    """`<part>/<class>/<name>`; a part that is empty text leaves its folder out."""
    seed = 0
    for part in parts:
        for label in classes:
            for i in range(each):
                write_image(root / part / label / name.format(i=i), seed)
                seed += 1
    return root


def arrays(root: Path, each: int = 3, shape: tuple[int, ...] = (8, 10)) -> Path:
    """The founding layout: train/normal.npy, test/test_normal.npy, …"""
    for number, (part, label) in enumerate((part, label) for part in PARTS for label in CLASSES):
        file = root / part / (f"test_{label}.npy" if part == "test" else f"{label}.npy")
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, picture(number, (each, *shape)))
    return root


def npz(path: Path, each: int = 4, shape: tuple[int, ...] = (8, 8), column: bool = True) -> Path:
    """MedMNIST's layout with two classes and three parts."""
    content = {}
    for number, part in enumerate(("train", "val", "test")):
        content[f"{part}_images"] = picture(number, (each, *shape))
        labels = np.arange(each) % 2
        content[f"{part}_labels"] = (labels[:, None] if column else labels).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **content)
    return path


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def labels(cohort: Cohort) -> dict[str, int]:
    return cohort.table["label"].value_counts().to_dict()


def problems(data: object, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        heldout.load(data, **options)  # type: ignore[arg-type]
    return caught.value.problems
