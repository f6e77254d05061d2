"""Validation images made as blurred, noisy, dark … as test images of their class are, and scored again."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention, NothingToDoError
from heldout.diagnosis.interventions.mapping import Shifted, mapped, shifted_properties
from heldout.records import ReasonKind
from heldout.records.logit_table import logits_in


class Quality(Intervention):
    """What a shift of a measured property costs, found by making it.

    Within each class, the properties of `images.quality` whose means differ between validation and test by more than
    0.2 standard deviations and 3 standard errors (patients being the units) are mapped: the validation image of rank r
    is given the value of rank r in test, as far as that can be done honestly (`images.mapping`: blurred but never
    sharpened). Images of classes that do not differ stay as they are.

    Variant `<property>` on `val`: validation images with the values of test; the points lost are what the property
    costs. The same variant on `test`: test images with the values of validation, where that is possible. Variant
    `all`: all properties that differ, one after another. Every sampled image is written, with the run's own logits
    where it was left as it was; a variant that could change no image of a part is not written for it, since that would
    pass for a change that cost nothing.
    """

    name: ClassVar[str] = "quality"
    title: ClassVar[str] = "image quality"
    version: ClassVar[int] = 4

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs both parts."""
        missing = [words for part, words in (("val", "validation"), ("test", "test")) if not context.ids(part)]
        text = f"there are no {' and no '.join(missing)} images"
        return Absence(ReasonKind.PARTS_MISSING, text) if missing else None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Find what differs, map it both ways, score."""
        shifts = shifted_properties(context)
        if not shifts:
            raise NothingToDoError(Absence(ReasonKind.NO_DIFFERENCE, "no measured property shifts"))
        tables: list[pd.DataFrame] = []
        for part in ("val", "test"):
            tables.extend(_variants(context, part, shifts))
        if not tables:
            names = " and ".join(dict.fromkeys(shift.name for shift in shifts))
            text = f"{names} differ, but cannot be changed in any image without inventing detail"
            raise NothingToDoError(Absence(ReasonKind.DOES_NOT_APPLY, text))
        return joined(tables, context.k)

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """What differs, and the number of images that each variant could change."""
        changed: dict[str, dict[str, int]] = {}
        for (variant, part), scored in table.groupby(["variant", "split"], sort=False):
            own = pd.DataFrame(context.logits(str(part)), index=list(context.ids(str(part))))
            differs = (logits_in(scored, context.k) != own.loc[scored["id"]].to_numpy()).any(axis=1)
            changed.setdefault(str(variant), {})[str(part)] = int(differs.sum())
        return {"shifts": [shift.record() for shift in shifted_properties(context)], "changed": changed}


def _variants(context: InterventionContext, part: str, shifts: tuple[Shifted, ...]) -> list[pd.DataFrame]:
    """A part's sample under each shifted property and under all of them; none where no image could be changed."""
    rows = context.sample(part)
    pixels = np.asarray(context.pixels(part)[rows])
    names, first = list(dict.fromkeys(shift.name for shift in shifts)), pixels
    tables: list[pd.DataFrame] = []
    for variant in (*names, "all"):
        if variant == "all" and len(names) == 1:
            tables.extend([table.assign(variant="all") for table in tables])
            continue
        if variant == "all":  # the first property is mapped first there too (`ORDER`), and has been
            chosen, before = tuple(shift for shift in shifts if shift.name != names[0]), first
        else:
            chosen, before = tuple(shift for shift in shifts if shift.name == variant), pixels
        after = mapped(context, chosen, part, rows, before)
        first = after if variant == names[0] else first
        changed = np.flatnonzero((after != pixels).any(axis=(1, 2, 3)))
        if len(changed):
            logits = context.logits(part)[rows]  # the run's own where no pixel changed
            logits[changed] = context.score(after[changed], f"{variant}, {part}")
            tables.append(rows_of(context, part, variant, logits, rows))
    return tables


INTERVENTION = Quality()
