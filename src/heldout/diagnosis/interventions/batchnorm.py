"""BatchNorm statistics estimated anew on test images: what is gained if the old ones do not fit."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Indices, InterventionContext, Logits, Pixels
from heldout.diagnosis.interventions.intervention import Intervention, NothingToDoError
from heldout.diagnosis.interventions.running_statistics import estimated, norms, put, put_back
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.stats.thresholds import folds_of

ALPHAS = (0.25, 0.5, 1.0)
BATCH = 64
"""Images a batch whose statistics are averaged; a class needs enough places in it to have its share."""

OWN = "own-statistics"
"""The variant with statistics estimated on training images: those that the stored ones are meant to be."""


class BatchNormStatistics(Intervention):
    """The run's network with statistics of test images, blended with its own by α.

    Batches are drawn so that their classes have the shares of train: else a test set with more of one class would give
    other statistics although every image looks as it should. Labels of test images are used for these shares and for
    nothing else; a class that test lacks is left out of them where it is rare. Patients are halved, and an image is
    scored with the statistics of the other half. Where a half lacks a class that is not rare, nothing is scored.

    Variants `alpha=0.25`, `alpha=0.5`, `alpha=1` on validation and test: the gain on test minus that on validation is
    what wrong statistics cost. Variant `own-statistics` on validation: statistics estimated anew on training images, in
    random batches. The stored ones are meant to be these, so that a large gain over the run's own logits betrays a
    plain bug. Statistics of the validation images themselves would not: they mend validation too where it comes from
    another site than train, and the stored ones are right.
    """

    name: ClassVar[str] = "batchnorm"
    title: ClassVar[str] = "BatchNorm statistics"
    version: ClassVar[int] = 2
    grows: ClassVar[bool] = True

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs BatchNorm layers, and test images of the classes of all but a few training images."""
        if not context.ids("val") or not context.ids("test"):
            return Absence(ReasonKind.PARTS_MISSING, "it needs validation and test images")
        if not norms(context.network):
            return Absence(ReasonKind.DOES_NOT_APPLY, "the network has no BatchNorm layer with running statistics")
        return unmatched(context, context.labels("test"), "test")

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Estimate on each half of test, score the other half and validation."""
        rows = {part: context.sample(part) for part in ("val", "test")}
        pixels = {part: np.asarray(context.pixels(part)[rows[part]]) for part in rows}
        half = halves(context, rows)
        shares = np.bincount(context.labels("train"), minlength=context.k) / len(context.ids("train"))
        labels = context.labels("test")[rows["test"]]
        for number in (0, 1):
            absent = unmatched(context, labels[half["test"] == number], "one half of the test patients")
            if absent is not None:
                raise NothingToDoError(absent)
        found = {(alpha, part): _empty(context, rows[part]) for alpha in ALPHAS for part in rows}
        for number in (0, 1):
            here = {part: np.flatnonzero(half[part] == number) for part in rows}
            asked = np.concatenate([pixels[part][here[part]] for part in rows])  # in one pass: an engine is made once
            batches = matched_batches(labels, half["test"] != number, shares, (context.seed, number))
            for alpha in ALPHAS:
                statistics = estimated(context.network, pixels["test"], batches, alpha, context.machine)
                with put_back(context.network):
                    put(context.network, statistics)
                    logits = context.score(asked, f"alpha={alpha:g}")
                for part, some in zip(rows, np.split(logits, [len(here["val"])]), strict=True):
                    found[alpha, part][here[part]] = some
        tables = [
            rows_of(context, part, f"alpha={alpha:g}", logits, rows[part]) for (alpha, part), logits in found.items()
        ]
        return joined([*tables, _own_statistics(context, rows["val"], pixels["val"])], context.k)


def unmatched(context: InterventionContext, labels: Indices, words: str) -> Absence | None:
    """Why batches of some images cannot have the class shares of train; None where they lack rare classes at most."""
    train = context.labels("train")
    missing = sorted(set(train.tolist()) - set(labels.tolist()))
    if np.isin(train, missing).mean() <= RULES.max_unmatched:
        return None
    names = ", ".join(f"'{context.run.record.classes[k]}'" for k in missing)
    text = f"{words} has no image of {names}, so that other class shares would pass for another appearance"
    return Absence(ReasonKind.PARTS_MISSING, text)


def _empty(context: InterventionContext, rows: Indices) -> Logits:
    return np.zeros((len(rows), context.k), dtype=np.float32)


def halves(context: InterventionContext, rows: dict[str, Indices]) -> dict[str, Indices]:
    """0 or 1 for each sampled image of each part, units whole across both parts and classes spread evenly."""
    units = context.units(["val", "test"])
    labels = np.concatenate([context.labels("val"), context.labels("test")])
    first = len(context.ids("val"))
    chosen = np.concatenate([rows["val"], first + rows["test"]])
    strata = labels[chosen] + context.k * (chosen >= first)  # the halves of test are even in themselves
    order = np.argsort(chosen < first, kind="stable")  # a unit belongs to the stratum of its first image: test first
    half = np.empty(len(chosen), dtype=np.int64)
    half[order] = folds_of(units[chosen][order], strata[order], 2, context.seed)
    return {"val": half[: len(rows["val"])], "test": half[len(rows["val"]) :]}


def matched_batches(labels: Indices, allowed: np.ndarray, shares: np.ndarray, seed: tuple[int, int]) -> list[Indices]:
    """Batches whose classes have given shares, as many as it takes to see about as many images as are allowed.

    Args:
        labels: (n,) class of each image.
        allowed: (n,) which images may be drawn.
        shares: (k,) share of each class, as near as whole images of a batch can come; every class once at least.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    wanted = np.where(shares > 0, np.maximum(1, np.rint(shares * BATCH)), 0).astype(np.int64)
    batches = max(1, math.ceil(int(allowed.sum()) / BATCH))
    columns = []
    for k in np.flatnonzero(wanted):
        pool = np.flatnonzero(allowed & (labels == k))
        if not len(pool):  # all of its images are of the other half's patients
            continue
        need = wanted[k] * batches
        drawn = np.concatenate([rng.permutation(pool) for _ in range(math.ceil(need / len(pool)))])[:need]
        columns.append(drawn.reshape(batches, wanted[k]))
    return list(np.concatenate(columns, axis=1))


def _own_statistics(context: InterventionContext, rows: Indices, asked: Pixels) -> pd.DataFrame:
    """Validation with statistics of a sample of training images."""
    learned = context.sample("train")
    order = np.random.default_rng((context.seed, 17)).permutation(len(learned))
    batches = np.array_split(order, math.ceil(len(order) / BATCH))
    statistics = estimated(context.network, np.asarray(context.pixels("train")[learned]), batches, 1.0, context.machine)
    with put_back(context.network):
        put(context.network, statistics)
        logits = context.score(asked, OWN)
    return rows_of(context, "val", OWN, logits, rows)


INTERVENTION = BatchNormStatistics()
