"""Plants put into a set of images, real or simulated, with a record of what each did."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

from heldout.errors import InputError, Problem
from heldout.phantoms.choose import shares_of
from heldout.phantoms.plant import (
    COPY_OF,
    DOSE,
    ID,
    LABEL,
    PATIENT,
    SPARE,
    SPLIT,
    TRUE_LABEL,
    Floats,
    Lots,
    Pixels,
    Plant,
)
from heldout.phantoms.world import SPLITS

_PLACE = "_place"

Shares = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Truth:
    """What one plant did.

    Attributes:
        key: Name of the plant, with a number behind it if it is there twice; `plant_<key>` is its column of doses.
        name: Name of the plant.
        cause: Code of the cause that a diagnosis should name.
        settings: All its settings, defaults included.
        touched: Ids of the images in the finished set whose dose is not 0: pixels, label or place are the plant's work.
        added: Ids that it took into the set.
        removed: Ids that it took out.
        shares_before: Part -> class -> share of the part by true label, as the plant found it.
        shares_after: The same as it left it.
    """

    key: str
    name: str
    cause: str
    settings: Mapping[str, str | int | float | bool | tuple[str, ...]]
    touched: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    shares_before: Shares
    shares_after: Shares


class Planted(NamedTuple):
    """A set of images with plants in it.

    Attributes:
        images: (n, h, w) or (n, h, w, channels) uint8.
        table: One row an image, in the order of `images`.
        truth: One record a plant, in their order.
    """

    images: Pixels
    table: pd.DataFrame
    truth: tuple[Truth, ...]


def plant_images(images: Pixels, table: pd.DataFrame, plants: Sequence[Plant], seed: int = 0) -> Planted:
    """Put plants into any set of images.

    Args:
        images: (n, h, w) or (n, h, w, channels) uint8; not changed.
        table: One row an image: `label`, `split` (train, val, test), and where known `id`, `patient`, `site`, `spare`
            (True for images that stand ready but are not in the set), and more that plants may look at. Not changed.
            `brightness`, `contrast` and `sharpness` are measured if a plant asks for them and they are not there.
        plants: In this order. `twins(plants)` makes the set to compare with.
        seed: Equal seeds give equal sets.

    Returns:
        Pixels, table and truth. The table gains `id` (if it had none), `true_label`, `copy_of`, and a column
        `plant_<key>` of doses for each plant that touches images; spare rows are gone.

    Raises:
        InputError: The table does not fit the images.
        UsageError: A plant cannot be put into this set.

    Example:
        >>> import numpy as np, pandas as pd
        >>> from heldout.phantoms.plants import plants
        >>> table = pd.DataFrame({"label": ["a", "b"] * 4, "split": ["train"] * 4 + ["test"] * 4})
        >>> flips = plants.get("flips")(rate=0.5)
        >>> images, table, truth = plant_images(np.zeros((8, 16, 16), np.uint8), table, [flips])
        >>> int((table["label"] != table["true_label"]).sum()), len(truth[0].touched)
        (2, 2)
    """
    _check(images, table)
    placed = _measured(images, table.assign(**{_PLACE: np.arange(len(table))}), plants)
    planted, truth = plant_table(placed, plants, seed)
    pixels = images[planted[_PLACE].to_numpy(dtype=np.int64)]
    return Planted(paint(pixels, planted, keyed(plants), seed), planted.drop(columns=_PLACE), truth)


def plant_table(table: pd.DataFrame, plants: Sequence[Plant], seed: int = 0) -> tuple[pd.DataFrame, tuple[Truth, ...]]:
    """The part of the work that needs no pixels: which images, which labels, which doses.

    Args:
        table: As in `plant_images`.
        plants: In this order.
        seed: Equal seeds give equal tables.

    Returns:
        The table without its spare rows, index 0 … n−1, and one record a plant.

    Raises:
        UsageError: A plant cannot be put into this set.
    """
    table = _prepared(table)
    steps: list[tuple[str, Plant, pd.DataFrame, pd.DataFrame]] = []
    for key, plant in keyed(plants):
        before = table
        table = plant.on_table(before, Lots(seed, key), dose_column(key))
        doses = [name for name in table.columns if name.startswith(DOSE)]
        table = table.fillna(dict.fromkeys(doses, 0.0))
        steps.append((key, plant, before, table))
    done = table[~table[SPARE]].drop(columns=SPARE).reset_index(drop=True)
    return done, tuple(_truth(key, plant, before, after, done) for key, plant, before, after in steps)


def paint(images: Pixels, table: pd.DataFrame, keyed_plants: Sequence[tuple[str, Plant]], seed: int) -> Pixels:
    """The pixels after the doses that the table gives.

    Args:
        images: Of the rows of the table, (n, h, w[, channels]) uint8; not changed.
        table: As `plant_table` returns it.
        keyed_plants: As `keyed` returns them; those whose work is done already may be left out.
        seed: As for `plant_table`.

    Returns:
        Other pixels of the same shape. An image depends only on its own pixels, doses and `copy_of` or `id`.
    """
    images = images.copy()
    if not keyed_plants:
        return images
    origins = table[COPY_OF].where(table[COPY_OF] != "", table[ID]).tolist()
    for key, plant in keyed_plants:
        lots, doses = Lots(seed, key), doses_of(table, key)
        for row in np.flatnonzero(doses):
            images[row] = plant.on_image(images[row].copy(), float(doses[row]), lots.stream(origins[row]))
    return images


def twins(plants: Sequence[Plant]) -> tuple[Plant, ...]:
    """The plants that make the twin: the same training images, validation and test without the causes."""
    return tuple(dataclasses.replace(plant, planted=False) for plant in plants)


def paired_rows(table: pd.DataFrame, twin: pd.DataFrame, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images that are in a part of both sets, (m,) and (m,), in the same order."""
    left, right = (frame.assign(_row=np.arange(len(frame)))[frame[SPLIT] == part] for frame in (table, twin))
    both = left.merge(right, on=ID, suffixes=("", "_twin"))
    return both["_row"].to_numpy(dtype=np.int64), both["_row_twin"].to_numpy(dtype=np.int64)


def keyed(plants: Sequence[Plant]) -> list[tuple[str, Plant]]:
    """(key, plant): its name, with -2, -3 … from the second of a name on."""
    seen: Counter[str] = Counter()
    result = []
    for plant in plants:
        seen[plant.name] += 1
        number = seen[plant.name]
        result.append((plant.name if number == 1 else f"{plant.name}-{number}", plant))
    return result


def dose_column(key: str) -> str:
    """`blur-2` -> `plant_blur_2`."""
    return DOSE + key.replace("-", "_")


def doses_of(table: pd.DataFrame, key: str) -> Floats:
    """Dose of every row, (n,); zeros if the plant touches none."""
    column = dose_column(key)
    return table[column].to_numpy(dtype=np.float64) if column in table else np.zeros(len(table))


def _prepared(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with all columns that plants count on."""
    table = table.reset_index(drop=True)
    new: dict[str, str | list[str]] = {}
    if ID not in table:
        new[ID] = [f"image-{row:05d}" for row in range(len(table))]
    if PATIENT not in table:
        new[PATIENT] = ""
    if COPY_OF not in table:
        new[COPY_OF] = ""
    table = table.assign(**new)
    spare = table[SPARE].astype(bool) if SPARE in table else False
    true = table[TRUE_LABEL] if TRUE_LABEL in table else table[LABEL]
    return table.assign(**{SPARE: spare, TRUE_LABEL: true})


def _truth(key: str, plant: Plant, before: pd.DataFrame, after: pd.DataFrame, done: pd.DataFrame) -> Truth:
    had, has = (frame.loc[~frame[SPARE], ID] for frame in (before, after))
    return Truth(
        key=key,
        name=plant.name,
        cause=plant.cause,
        settings=dataclasses.asdict(plant),
        touched=tuple(done.loc[doses_of(done, key) != 0, ID]),
        added=tuple(has[~has.isin(had)]),
        removed=tuple(had[~had.isin(has)]),
        shares_before={part: shares_of(before, part) for part in SPLITS},
        shares_after={part: shares_of(after, part) for part in SPLITS},
    )


_MEASURES: dict[str, Callable[[Floats], float]] = {
    "brightness": lambda grey: float(grey.mean()),
    "contrast": lambda grey: float(grey.std()),
    "sharpness": lambda grey: float(ndimage.laplace(grey).var()),
}
"""Properties of an image by which a sub-population may be told: mean grey level, its standard deviation, and the
variance of the Laplacian (Pech-Pacheco et al. 2000), from a grey image (h, w)."""


def _measured(images: Pixels, table: pd.DataFrame, plants: Sequence[Plant]) -> pd.DataFrame:
    """The table with the properties that plants ask for."""
    asked = {name for plant in plants for name in plant.wants(table)}
    for name in sorted(asked & set(_MEASURES) - set(table.columns)):
        grey = (image.mean(axis=-1) if image.ndim == 3 else image for image in images)
        table = table.assign(**{name: [_MEASURES[name](image.astype(np.float64)) for image in grey]})
    return table


def _check(images: Pixels, table: pd.DataFrame) -> None:
    problems = []
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) != len(table):
        problems.append(
            Problem(
                "images",
                f"{images.dtype} of shape {images.shape} for {len(table)} rows",
                "uint8 (n, h, w) or (n, h, w, channels), one image a row",
                "Convert them.",
            )
        )
    missing = [name for name in (LABEL, SPLIT) if name not in table]
    if missing:
        problems.append(
            Problem("table", f"no column {', '.join(missing)}", "label and split", "Say of each image what it is.")
        )
    parts = sorted(set(map(str, table[SPLIT])) - set(SPLITS)) if SPLIT in table else []
    if parts:
        problems.append(Problem("table, column split", ", ".join(parts), ", ".join(SPLITS), "Rename the parts."))
    if ID in table and not table[ID].is_unique:
        problems.append(Problem("table, column id", "an id twice", "every id once", "Number the images."))
    if problems:
        raise InputError(problems, "Nothing can be planted into these images")
