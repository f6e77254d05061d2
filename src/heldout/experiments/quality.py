"""Validation images made as blurred, noisy, dark … as test images of their class are, and scored again."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout.experiments._bench import Bench
from heldout.experiments._experiment import Experiment, NothingToDoError
from heldout.experiments._mapping import Shifted, mapped, shifted_properties
from heldout.experiments._scores import joined, rows_of


class Quality(Experiment):
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

    def why_not(self, bench: Bench) -> str | None:
        """It needs both parts."""
        missing = [words for part, words in (("val", "validation"), ("test", "test")) if not bench.ids(part)]
        return f"there are no {' and no '.join(missing)} images" if missing else None

    def run(self, bench: Bench) -> pd.DataFrame:
        """Find what differs, map it both ways, score."""
        shifts = shifted_properties(bench)
        if not shifts:
            raise NothingToDoError("no measured property shifts")
        tables: list[pd.DataFrame] = []
        for part in ("val", "test"):
            tables.extend(_variants(bench, part, shifts))
        if not tables:
            names = " and ".join(dict.fromkeys(shift.name for shift in shifts))
            raise NothingToDoError(f"{names} differ, but cannot be changed in any image without inventing detail")
        return joined(tables, bench.k)

    def about(self, bench: Bench, table: pd.DataFrame) -> dict[str, Any]:
        """What differs, and the number of images that each variant could change."""
        columns = [f"logit_{k}" for k in range(bench.k)]
        changed: dict[str, dict[str, int]] = {}
        for (variant, part), scored in table.groupby(["variant", "split"], sort=False):
            own = pd.DataFrame(bench.logits(str(part)), index=list(bench.ids(str(part))))
            differs = (scored[columns].to_numpy() != own.loc[scored["id"]].to_numpy()).any(axis=1)
            changed.setdefault(str(variant), {})[str(part)] = int(differs.sum())
        return {"shifts": [shift.record() for shift in shifted_properties(bench)], "changed": changed}


def _variants(bench: Bench, part: str, shifts: tuple[Shifted, ...]) -> list[pd.DataFrame]:
    """A part's sample under each shifted property and under all of them; none where no image could be changed."""
    rows = bench.sample(part)
    pixels = np.asarray(bench.pixels(part)[rows])
    names = list(dict.fromkeys(shift.name for shift in shifts))
    tables: list[pd.DataFrame] = []
    for variant in (*names, "all"):
        if variant == "all" and len(names) == 1:
            tables.extend([table.assign(variant="all") for table in tables])
            continue
        chosen = tuple(shift for shift in shifts if variant in ("all", shift.name))
        after = mapped(bench, chosen, part, rows, pixels)
        changed = np.flatnonzero((after != pixels).any(axis=(1, 2, 3)))
        if len(changed):
            logits = bench.logits(part)[rows]  # the run's own where no pixel changed
            logits[changed] = bench.score(after[changed], f"{variant}, {part}")
            tables.append(rows_of(bench, part, variant, logits, rows))
    return tables


EXPERIMENT = Quality()
