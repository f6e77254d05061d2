"""From drawn parts to a `Split`: what the ways have in common."""

from __future__ import annotations

import numpy as np

from heldout.data.splits._draw import draw_part
from heldout.data.splits.split_method import Draw
from heldout.records import Cohort, Split


def given_parts(cohort: Cohort) -> set[str]:
    """Which of train, val and test the data names; empty if no split is given."""
    return set(cohort.table["split"]) - {""}


def fill_in(cohort: Cohort, draw: Draw, by_patient: bool) -> Split:
    """Draw the parts that are not given: validation out of train, and test first where nothing is given at all."""
    given = given_parts(cohort)
    part = cohort.table["split"].to_numpy(dtype=object).copy()
    drawn: list[str] = []
    whole: tuple[str, ...] = ()
    if not given:
        out, _ = draw_part(
            cohort.table, cohort.classes, draw.test_fraction, draw.seed, by_patient, "test", cohort.labelling
        )
        part[:] = np.where(out, "test", "train")
        drawn.append(f"test ({draw.test_fraction:.0%}) drawn from all images, validation")
    if "val" not in given:
        rows = np.flatnonzero(part == "train")
        table = cohort.table.iloc[rows].reset_index(drop=True)
        out, whole = draw_part(
            table, cohort.classes, draw.val_fraction, draw.seed, by_patient, "validation", cohort.labelling
        )
        part[rows[out]] = "val"
        drawn.append(f"{'' if drawn else 'validation '}({draw.val_fraction:.0%}) drawn from train")
    ids = cohort.table["id"].to_numpy(dtype=object)
    how = "by patient" if by_patient else "by image, exact copies kept together"
    if by_patient and not cohort.patients_known:
        how = "by patient where one is named"
    return Split(
        train=tuple(ids[part == "train"]),
        val=tuple(ids[part == "val"]),
        test=tuple(ids[part == "test"]),
        method=f"{' '.join(drawn)}, stratified by {cohort.labelling.noun}, {how}{kept_whole(whole, by_patient)}",
        seed=draw.seed,
        grouped=cohort.patients_known and by_patient,
    )


def kept_whole(classes: tuple[str, ...], by_patient: bool, where: str = "validation") -> str:
    """What the method says of classes that validation, or every fold, does without."""
    if not classes:
        return ""
    unit = "patient" if by_patient else "image"
    return f"; {where} has no {' and no '.join(classes)}, of which train has a single {unit}"
