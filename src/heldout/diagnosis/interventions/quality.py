"""Validation images made as blurred, noisy, dark … as test images of their class are, and scored again."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Indices, InterventionContext, Pixels
from heldout.diagnosis.interventions.intervention import Change, Intervention, NothingToDoError
from heldout.diagnosis.interventions.lost import most_points_lost, points_lost
from heldout.diagnosis.interventions.mapping import ORDER, Aim, Shifted, mapped, shifted_properties
from heldout.diagnosis.interventions.needs import Need
from heldout.diagnosis.rules import RULES
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
    `all`: all properties that differ, one after another.

    The property that costs most, by accuracy or by mean recall, if more than the margin, is tried twice more on `val`:
    `half:<property>`, half of the way (dose and response), and `control:<property>`, each random half of a class with
    the values of the other half, where nothing differs (a negative control of the procedure).

    Every sampled image is written, with the run's own logits
    where it was left as it was; a variant that could change no image of a part is not written for it, since that would
    pass for a change that cost nothing.
    """

    name: ClassVar[str] = "quality"
    title: ClassVar[str] = "image quality"
    version: ClassVar[int] = 6
    grows: ClassVar[bool] = True
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.ANSWERS})

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
        if (tried := costliest(context, tables)) is not None:
            tables.extend(_checked(context, tried, shifts))
        if not tables:
            names = " and ".join(dict.fromkeys(shift.name for shift in shifts))
            text = f"{names} differ, but cannot be changed in any image without inventing detail"
            raise NothingToDoError(Absence(ReasonKind.DOES_NOT_APPLY, text))
        return joined(tables, context.k)

    def changes(self, context: InterventionContext) -> tuple[Change, ...]:
        """Each property that differs, mapped; all as one where one alone costs more than all together."""
        shifts = shifted_properties(context)
        names = list(dict.fromkeys(shift.name for shift in shifts))
        lost = _lost(context)
        if "all" in lost and max(lost.get(name, 0.0) for name in names) > lost["all"] + RULES.margin:
            return (Change("all", 1, lambda rows, pixels: mapped(context, shifts, Aim.across("val"), rows, pixels)),)
        return tuple(_change(context, name, shifts) for name in names)

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """What differs, and the number of images that each variant could change."""
        changed: dict[str, dict[str, int]] = {}
        for (variant, part), scored in table.groupby(["variant", "split"], sort=False):
            own = pd.DataFrame(context.logits(str(part)), index=list(context.ids(str(part))))
            differs = (logits_in(scored, context.k) != own.loc[scored["id"]].to_numpy()).any(axis=1)
            changed.setdefault(str(variant), {})[str(part)] = int(differs.sum())
        return {"shifts": [shift.record() for shift in shifted_properties(context)], "changed": changed}


def _lost(context: InterventionContext) -> dict[str, float]:
    """Variant -> points that it costs validation; empty before anything was scored."""
    table = context.result(Quality.name)
    if table is None:
        return {}
    tables = table[table["split"] == "val"].groupby("variant", sort=False)
    return {str(variant): points_lost(context, scored) for variant, scored in tables}


def _change(context: InterventionContext, name: str, shifts: tuple[Shifted, ...]) -> Change:
    own = tuple(shift for shift in shifts if shift.name == name)

    def make(rows: Indices, pixels: Pixels) -> Pixels:
        return mapped(context, own, Aim.across("val"), rows, pixels)

    return Change(name, 1 + ORDER.index(name), make)


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
        after = mapped(context, chosen, Aim.across(part), rows, before)
        first = after if variant == names[0] else first
        tables.extend(_scored(context, variant, part, rows, pixels, after))
    return tables


def _scored(
    context: InterventionContext, variant: str, part: str, rows: Indices, pixels: Pixels, after: Pixels
) -> list[pd.DataFrame]:
    """Logits of a part's sample `pixels` once it looks like `after`; none where no image could be changed."""
    changed = np.flatnonzero((after != pixels).any(axis=(1, 2, 3)))
    if not len(changed):
        return []
    logits = context.logits(part)[rows]  # the run's own where no pixel changed
    logits[changed] = context.score(after[changed], f"{variant}, {part}")
    return [rows_of(context, part, variant, logits, rows)]


def costliest(context: InterventionContext, tables: list[pd.DataFrame]) -> str | None:
    """The property that costs validation most, if more than the margin; with more images the same again."""
    earlier = context.result(Quality.name) if context.scored else None
    if earlier is not None:
        checked = [name for name in earlier["variant"].unique() if name.startswith("half:")]
        return checked[0].removeprefix("half:") if checked else None
    lost = {
        str(table["variant"].iloc[0]): most_points_lost(context, table)
        for table in tables
        if table["split"].iloc[0] == "val" and table["variant"].iloc[0] != "all"
    }
    best = max(lost, key=lambda name: lost[name], default=None)
    return best if best is not None and lost[best] > RULES.margin else None


def _checked(context: InterventionContext, name: str, shifts: tuple[Shifted, ...]) -> list[pd.DataFrame]:
    """Half of the change, and the same procedure where nothing differs."""
    rows = context.sample("val")
    pixels = np.asarray(context.pixels("val")[rows])
    own = tuple(shift for shift in shifts if shift.name == name)
    trials = {"half": Aim("val", "test", 0.5), "control": Aim("val", "val")}
    tables: list[pd.DataFrame] = []
    for word, aim in trials.items():
        after = mapped(context, own, aim, rows, pixels)
        tables.extend(_scored(context, f"{word}:{name}", aim.part, rows, pixels, after))
    return tables


INTERVENTION = Quality()
