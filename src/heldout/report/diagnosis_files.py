"""What a diagnosis left in the study's folder: the records, the property table, and the squares that galleries show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.array_files import open_array_file
from heldout.errors import InputError
from heldout.files import read_json
from heldout.images.levels import eight_bit
from heldout.records import Diagnosis, Recipe
from heldout.records.codec import read_record
from heldout.records.table_file import load_table

Pixels = npt.NDArray[np.uint8]


def read_diagnoses(folder: Path) -> dict[str, Diagnosis | str]:
    """Run id -> its diagnosis, or in words why `<run id>.json` of a folder of diagnoses cannot be read."""
    found: dict[str, Diagnosis | str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            diagnosis = read_record(Diagnosis, path)
        except InputError as error:
            first = error.problems[0]
            more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
            where = first.where.replace(str(path), path.name)
            what = f"found {first.found.replace(str(path), path.name)}, expected {first.expected}{more}"
            found[path.stem] = f"{where}: {what}; `heldout diagnose` makes it anew"
            continue
        found[path.stem] = (
            diagnosis
            if diagnosis.run == path.stem
            else f"{path.name} speaks of the run {diagnosis.run}; `heldout diagnose` makes it anew"
        )
    return found


@dataclass(frozen=True)
class Squares:
    """Images as the network saw them, mapped from disk.

    Attributes:
        places: Id -> (pixels of its store, (n, s, s, c), uint8 or float16 in 0 … 1; its row there).
    """

    places: dict[str, tuple[npt.NDArray[Any], int]]

    def of(self, id_: str) -> Pixels | None:
        """(s, s, 1 or 3) in 8 bits, or None if the image is not among them."""
        if id_ not in self.places:
            return None
        pixels, row = self.places[id_]
        return eight_bit(np.asarray(pixels[row]))


def read_squares(folder: Path, recipe: Recipe) -> Squares:
    """The squares of a study's images, those that the run was made on before others; empty where all are gone.

    A study keeps one store a part. A store that cannot be read is passed over: a report does without pictures.
    """
    own: dict[str, tuple[npt.NDArray[Any], int]] = {}
    others: dict[str, tuple[npt.NDArray[Any], int]] = {}
    key = "" if recipe.input_map is None else recipe.input_map.key
    for path in sorted(folder.glob("images/*/store.json")):
        try:
            about = read_json(path)
            pixels = open_array_file(path.parent / "pixels.npy")
            ids = [str(id_) for id_ in about["ids"]]
            seen = (about["size"], about["fit"], about["interpolation"], about.get("input_map", ""))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if pixels is None or pixels.ndim != 4 or pixels.dtype not in (np.uint8, np.float16) or len(pixels) != len(ids):
            continue
        kept = own if seen == (recipe.image_size, recipe.fit, recipe.interpolation, key) else others
        kept.update({id_: (pixels, row) for row, id_ in enumerate(ids)})
    return Squares(others | own)


def read_properties(folder: Path, recipe: Recipe) -> pd.DataFrame | None:
    """The property table that `heldout diagnose` left in `quality/`, index = id; None where nothing was measured.

    Raises:
        ValueError: The file is no table with a column `id`.
    """
    tables = {path.stem: path for path in sorted(folder.glob("quality/*.parquet"))}
    if not tables:
        return None
    path = tables.get(recipe.squares, next(iter(tables.values())))
    try:
        table = load_table(path)
    except InputError as error:
        raise ValueError(f"quality/{path.name} is no Parquet table") from error
    if "id" in table.columns:
        table = table.set_index("id")
    if table.index.name != "id":
        raise ValueError(f"quality/{path.name} has no column `id`")
    return table
