"""Images on both sides of the split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.choose import replaced_of_val, smallest, used
from heldout.phantoms.plant import (
    COPY_OF,
    ID,
    PATIENT,
    SPARE,
    SPLIT,
    TRUE_LABEL,
    Flags,
    Lots,
    Pixels,
    Plant,
)

_EXACT, _CHANGED = 1.0, 2.0


@dataclass(frozen=True, kw_only=True)
class CopiesInVal(Plant):
    """Puts copies of training images into validation, in the place of as many images of the same class.

    Exact copies have equal pixels. Changed ones are moved by one pixel to the right and down (the border is repeated)
    and are brighter by some grey levels: what another export of the same image does. `copy_of` names the original.

    Attributes:
        share: Severity: share of validation that is replaced, 0 to 1.
        changed: Share of the copies that are changed, 0 to 1.
        brighter: Grey levels that are added to changed copies.
        hidden: Copies take the patient of the image they replace, so that only pixels tell; False keeps their own.
        planted: False leaves validation as it is.
    """

    name: ClassVar[str] = "copies-in-val"
    title: ClassVar[str] = "copies of training images in validation"
    cause: ClassVar[str] = "leakage"
    severity: ClassVar[str] = "share"
    levels: ClassVar[tuple[float, float, float]] = (0.1, 0.3, 0.6)

    share: float = 0.3
    changed: float = 0.0
    brighter: int = 4
    hidden: bool = True

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.changed <= 1 and 0 <= self.brighter <= 255):
            raise ValueError(
                f"expected share and changed from 0 to 1, brighter from 0 to 255; found {self.share}, {self.changed}, "
                f"{self.brighter}"
            )

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Copied rows at the end of the table; as many of val make room."""
        if not used(table, "val").any():
            raise UsageError(
                f"Plant {self.name}: found no validation images; expected some. Make them (`--val` for a phantom), or "
                f"split first."
            )
        if not self.planted:
            return table
        pieces, room = [table], np.zeros(len(table), dtype=bool)
        for label, wanted in replaced_of_val(table, self.share).items():
            own = (table[TRUE_LABEL] == label).to_numpy(dtype=bool)
            sources, inside = own & used(table, "train"), own & used(table, "val")
            count = min(wanted, int(sources.sum()))
            replaced = smallest(table, inside, count, lots)
            room |= replaced
            pieces.append(self._copies(table, smallest(table, sources, count, lots), replaced, lots, dose))
        spare = table[SPARE].to_numpy(dtype=bool) | room
        pieces[0] = table.assign(**{SPARE: spare})
        return pd.concat(pieces, ignore_index=True)

    def _copies(self, table: pd.DataFrame, sources: Flags, replaced: Flags, lots: Lots, dose: str) -> pd.DataFrame:
        """The new rows."""
        copies = table[sources].reset_index(drop=True)
        order = np.argsort(lots.of(copies[ID] + "/changed"))
        doses = np.full(len(copies), _EXACT)
        doses[order[: round(self.changed * len(copies))]] = _CHANGED
        origin = copies[COPY_OF].where(copies[COPY_OF] != "", copies[ID])
        names = copies[ID] + f"-{lots.key}"
        patients = table.loc[replaced, PATIENT].tolist() if self.hidden else copies[PATIENT]
        copies[ID], copies[COPY_OF], copies[PATIENT] = names, origin, patients
        copies[SPLIT], copies[SPARE], copies[dose] = "val", False, doses
        return copies

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """Exact copies stay; changed ones are moved and brighter."""
        if dose == _EXACT:
            return image
        moved = np.pad(image, [(1, 0), (1, 0), (0, 0)][: image.ndim], mode="edge")[:-1, :-1]
        return np.clip(moved.astype(np.int64) + self.brighter, 0, 255).astype(np.uint8)


PLANT = CopiesInVal
