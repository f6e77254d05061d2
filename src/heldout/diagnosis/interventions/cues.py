"""Shortcuts: what rim, corners, surroundings and brightness say of the class, and whether the network relies on it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.content import MAY_BE_CONTENT
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Indices, InterventionContext, Logits
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.linear import fitted_logits, out_of_fold, scaled
from heldout.diagnosis.interventions.regions import REGIONS, Region
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.records.logit_table import logits_in
from heldout.ties import first_of_largest

STRENGTH = 0.01
"""C of the probes, on standardised features: strong, since cells are many and images few."""


class Cues(Intervention):
    """A probe of each region alone, and what the network answers when the region is neutral or exchanged.

    Regions: `border` (a ring of 1/16 of the side), `corners` (squares of 3/16), `surround` (all but the central half
    of the side) and `intensity` (the mean grey level).

    Variant `only:<region>`: logistic regression on the region at 16 × 16 (mean and standard deviation of a cell),
    out of fold on train (units whole), fitted on train for validation and test. What the region says.

    Variant `neutral:<region>`, on validation and test: the region is that of the mean training image, every class
    weighing the same. It says nothing of the image, whereas the image's own mean would still tell its brightness.

    Variant `swap:<region>`: the region of a random image of another class of the same part. What is lost beyond
    `same:<region>`, the same with an image of the same class (which has the same seams), is reliance on the cue.

    `surround` and `intensity` may be what an image is about: a network that loses there need not cheat. They are made
    neutral only, and nothing is exchanged (`content.MAY_BE_CONTENT`). An exchange between classes says on validation
    what there is to know of reliance, so that test is spared it.

    Regions whose probe is not better than chance on train are not changed: there is nothing in them to rely on.
    """

    name: ClassVar[str] = "cues"
    title: ClassVar[str] = "shortcuts"
    version: ClassVar[int] = 3

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs two classes to tell apart."""
        if len(np.unique(context.labels("train"))) < 2:
            return Absence(ReasonKind.DOES_NOT_APPLY, "the training images are of one class")
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Probe every region, then change those that say something."""
        mean = mean_image(context)
        tables = []
        for region in REGIONS:
            probed = _probed(context, region)
            tables.extend(probed)
            if not says_something(context, probed[0]):
                continue
            for part in ("val", "test"):
                if context.ids(part):
                    tables.extend(_changed(context, region, part, mean))
        return joined(tables, context.k)

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """Regions that were changed, and those that say nothing."""
        changed = [region.name for region in REGIONS if (table["variant"] == f"neutral:{region.name}").any()]
        return {"changed": changed, "silent": [r.name for r in REGIONS if r.name not in changed]}


def mean_image(context: InterventionContext) -> NDArray[np.float64]:
    """(s, s, c) mean of the training images, every class weighing the same."""
    rows = context.sample("train", RULES.max_probed)
    pixels, labels = context.pixels("train"), context.labels("train")[rows]
    means = []
    for k in np.unique(labels):
        mine = rows[labels == k]
        total = np.zeros(pixels.shape[1:], dtype=np.float64)
        for start in range(0, len(mine), 256):
            total += pixels[mine[start : start + 256]].sum(axis=0, dtype=np.float64)
        means.append(total / len(mine))
    result: NDArray[np.float64] = np.mean(means, axis=0)
    return result


def _probed(context: InterventionContext, region: Region) -> list[pd.DataFrame]:
    """Logits of a probe of the region: train out of fold first, then validation and test."""
    variant = f"only:{region.name}"
    rows = context.sample("train", RULES.max_probed)
    labels, units = context.labels("train")[rows], context.units(["train"])[rows]
    seen = region.seen(context.pixels("train")[rows])
    tables = [
        rows_of(context, "train", variant, out_of_fold(seen, labels, units, context.k, STRENGTH, context.seed), rows)
    ]
    for part in ("val", "test"):
        if context.ids(part):
            here = context.sample(part, RULES.max_probed)
            known, asked = scaled(seen, region.seen(context.pixels(part)[here]))
            logits = fitted_logits(known, labels, asked, context.k, STRENGTH)
            tables.append(rows_of(context, part, variant, logits, here))
    return tables


def says_something(context: InterventionContext, probed: pd.DataFrame) -> bool:
    """Whether a probe's mean recall, its answers freed of the class shares, is above chance on train.

    With three quarters of one class a weak cue never changes the likeliest answer; so each class's mean logit is
    taken off first, and recalls are averaged over classes, of which chance makes 1/k.
    """
    labels = dict(zip(context.ids("train"), context.labels("train"), strict=True))
    truth = np.array([labels[id_] for id_ in probed["id"]])
    logits = logits_in(probed, context.k)
    present = np.unique(truth)
    logits = logits[:, present] - logits[:, present].mean(axis=0)
    right = present[first_of_largest(logits)] == truth
    recalls = np.array([right[truth == k].mean() for k in present])
    counts = np.array([(truth == k).sum() for k in present])
    chance = 1 / len(present)
    error = np.sqrt(chance * (1 - chance) * (1 / counts).sum()) / len(present)
    return bool(recalls.mean() > chance + RULES.probe_deviations * error)


def _changed(context: InterventionContext, region: Region, part: str, mean: NDArray[np.float64]) -> list[pd.DataFrame]:
    """The region neutral, and exchanged with images of another and of the same class."""
    rows = context.sample(part)
    pixels, labels = np.asarray(context.pixels(part)[rows]), context.labels(part)[rows]
    images = {"neutral": region.neutral(pixels, mean)}
    for word, same in exchanges(region.name, part).items():
        donors = donors_of(labels, same, context.seed)
        if donors is not None:
            images[word] = region.swapped(pixels, pixels[donors])
    tables = []
    for word, changed in images.items():
        variant = f"{word}:{region.name}"
        tables.append(rows_of(context, part, variant, _scored(context, changed, f"{variant}, {part}"), rows))
    return tables


def exchanges(region: str, part: str) -> dict[str, bool]:
    """Word of each exchange that a verdict may rest on -> whether donors are of the same class."""
    if region in MAY_BE_CONTENT:
        return {}
    return {"swap": False, "same": True} if part == "val" else {"same": True}


def _scored(context: InterventionContext, pixels: NDArray[np.uint8], title: str) -> Logits:
    return context.score(np.ascontiguousarray(pixels), title)


def donors_of(labels: Indices, same: bool, seed: int) -> Indices | None:
    """For each image another one of another (or the same) class, at random; None where some image has none."""
    rng = np.random.default_rng((seed, 13 + same))
    donors = np.empty(len(labels), dtype=np.int64)
    for k in np.unique(labels):
        mine = np.flatnonzero(labels == k)
        pool = mine if same else np.flatnonzero(labels != k)
        if len(pool) < (2 if same else 1):
            return None
        if same:
            order = rng.permutation(mine)
            donors[order] = np.roll(order, 1)  # a cycle: nobody is its own donor
        else:
            donors[mine] = rng.choice(pool, len(mine))
    return donors


INTERVENTION = Cues()
