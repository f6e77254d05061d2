"""Patients on both sides of the split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.choose import replaced_of_val, smallest, used
from heldout.phantoms.plant import ID, PATIENT, SPARE, SPLIT, TRUE_LABEL, Flags, Lots, Plant


@dataclass(frozen=True, kw_only=True)
class PatientsInVal(Plant):
    """Puts other images of training patients into validation, in the place of as many images of the same class.

    The images themselves are not in train: only the patients are. A phantom draws further images of its training
    patients. Other sets of images take those marked spare, and where there are too few, images out of train (never a
    patient's last one); the twin's train lacks them too, so that one trained model serves both.

    Attributes:
        share: Severity: share of validation that is replaced, 0 to 1; less where there are not as many images to take.
        planted: False leaves validation as it is.
    """

    name: ClassVar[str] = "patients-in-val"
    title: ClassVar[str] = "training patients in validation"
    cause: ClassVar[str] = "leakage"
    severity: ClassVar[str] = "share"
    levels: ClassVar[tuple[float, float, float]] = (0.3, 0.6, 1.0)
    spare: ClassVar[dict[str, float]] = {"train": 1.0}

    share: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"expected a share from 0 to 1; found {self.share}")

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Images of train become images of val; as many of val make room."""
        _check(table, self.name)
        free = _may_leave_train(table, lots)
        leaving, room = np.zeros((2, len(table)), dtype=bool)
        for label, wanted in replaced_of_val(table, self.share).items():
            own = (table[TRUE_LABEL] == label).to_numpy(dtype=bool)
            candidates = np.flatnonzero(own & free)
            order = np.lexsort((lots.of(table[ID].iloc[candidates]), ~table[SPARE].iloc[candidates]))
            inside = own & used(table, "val")
            count = min(wanted, candidates.size)
            leaving[candidates[order[:count]]] = True
            room |= smallest(table, inside, count, lots)
        if not self.planted:
            return table[~leaving].reset_index(drop=True)  # not even spare: no other plant may put them back into train
        split, spare = table[SPLIT].to_numpy(dtype=object).copy(), table[SPARE].to_numpy(dtype=bool).copy()
        split[leaving], spare[leaving], spare[room] = "val", False, True
        return table.assign(**{SPLIT: split, SPARE: spare, dose: leaving.astype(np.float64)})


def _may_leave_train(table: pd.DataFrame, lots: Lots) -> Flags:
    """Spare images of patients who have images in train, and all but one of those images."""
    train = (table[SPLIT] == "train").to_numpy(dtype=bool)
    inside = used(table, "train")
    known = table[PATIENT].isin(set(table.loc[inside, PATIENT])).to_numpy(dtype=bool)
    rows = np.flatnonzero(inside)
    order = rows[np.argsort(lots.of(table[ID].iloc[rows]))]
    stays = order[~table[PATIENT].iloc[order].duplicated(keep="last").to_numpy(dtype=bool)]
    free: Flags = train & known
    free[stays] = False
    return free


def _check(table: pd.DataFrame, owner: str) -> None:
    """Refuse what cannot leak.

    Raises:
        UsageError: No validation part, or training images whose patient is not known.
    """
    if not used(table, "val").any():
        raise UsageError(
            f"Plant {owner}: found no validation images; expected some. Make them (`--val` for a phantom), or "
            f"split first."
        )
    patients = table.loc[used(table, "train"), PATIENT]
    if patients.isna().any() or (patients == "").any():
        raise UsageError(
            f"Plant {owner}: found training images without patient; expected every patient to be known. "
            f"Fill the column patient, or plant copies-in-val, which needs none."
        )


PLANT = PatientsInVal
