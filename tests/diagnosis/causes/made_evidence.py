"""Evidence made up by hand: logits from scores, experiments from changed scores, features and properties from shifts.

Two classes, `NORMAL` and `ILL`. An image has a margin (logit of ILL minus logit of NORMAL) of ±2 by its class plus
normal noise of its patient and its own, so that accuracy is about 95 %; an experiment is a change of margins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.causes import Case
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions

Reals = NDArray[np.float64]

CLASSES = ("NORMAL", "ILL")


def side(
    name: str, n: int, *, seed: int = 0, share: float = 0.5, shift: float = 0.0, noise: float = 1.2, patients: int = 2
) -> Predictions:
    """A part of n images, the first `share` of them NORMAL, with `patients` images a patient (0: not known).

    `shift` is added to the margin of NORMAL images only: the shift of one class that moves them across the threshold.
    """
    rng = np.random.default_rng((seed, len(name), n))
    labels = (np.arange(n) >= round(share * n)).astype(np.int64)
    margin = np.where(labels == 1, 2.0, -2.0 + shift) + noise * rng.standard_normal(n)
    named = tuple(f"{name}-p{i // patients}" for i in range(n)) if patients else ("",) * n
    return Predictions(name, tuple(f"{name}-{i}" for i in range(n)), labels, logits(margin), named)


def logits(margin: Reals) -> Reals:
    return np.stack([-margin / 2, margin / 2], axis=1)


def margin(side: Predictions) -> Reals:
    return side.logits[:, 1] - side.logits[:, 0]


def evidence(
    n_val: int = 600, n_test: int = 600, *, seed: int = 0, shift: float = 0.0, patients: int = 2, n_train: int = 800
) -> RunData:
    """A fine-tuned run whose test NORMAL images may be shifted toward ILL; no experiment, quality or features."""
    return RunData(
        run="net-finetune-s0",
        model="offline:net",
        strategy="finetune",
        seed=0,
        classes=CLASSES,
        train=side("train", n_train, seed=seed, patients=patients),
        val=side("val", n_val, seed=seed, patients=patients),
        test=side("test", n_test, seed=seed, shift=shift, patients=patients),
        bootstrap=200,
    )


def counted(name: str, counts: Sequence[tuple[int, int]], *, patients: int = 1) -> Predictions:
    """A part with so many (images, right ones) of each class; a wrong image is taken for the next class."""
    k = len(counts)
    labels = np.repeat(np.arange(k), [n for n, _ in counts])
    right = np.concatenate([np.arange(n) < hits for n, hits in counts])
    answered = np.where(right, labels, (labels + 1) % max(k, 2))
    n = len(labels)
    named = tuple(f"{name}-p{i // patients}" for i in range(n)) if patients else ("",) * n
    return Predictions(name, tuple(f"{name}-{i}" for i in range(n)), labels, 2.0 * np.eye(max(k, 2))[answered], named)


def of_sides(val: Predictions, test: Predictions) -> RunData:
    """A run that is known by its answers only."""
    return replace(evidence(2, 2), classes=("NORMAL", "ILL", "OTHER")[: val.logits.shape[1]], val=val, test=test)


def sides(evidence: RunData) -> dict[str, Predictions]:
    assert evidence.train is not None and evidence.val is not None and evidence.test is not None
    return {"train": evidence.train, "val": evidence.val, "test": evidence.test}


def scored(evidence: RunData, variants: Mapping[tuple[str, str], Reals]) -> VariantLogits:
    """(variant, part) -> margins of that part's images."""
    tables = [
        variant_rows(sides(evidence)[part].ids, part, variant, logits(margins))
        for (variant, part), margins in variants.items()
    ]
    return VariantLogits(pd.concat(tables, ignore_index=True))


def with_scored(evidence: RunData, experiment: str, variants: Mapping[tuple[str, str], Reals]) -> RunData:
    return replace(evidence, scored={**evidence.scored, experiment: scored(evidence, variants)})


def moved(evidence: RunData, part: str, k: int, by: float, *, seed: int = 0, noise: float = 0.3) -> Reals:
    """Margins of a part with those of one class moved, and a little noise on all."""
    one = sides(evidence)[part]
    rng = np.random.default_rng((seed, k, len(part)))
    result: Reals = margin(one) + by * (one.labels == k) + noise * rng.standard_normal(len(one))
    return result


def quality(
    evidence: RunData, shifts: Mapping[tuple[str, int], float], names: Sequence[str] = ("sharpness", "contrast")
) -> RunData:
    """Standard normal properties, test's moved by (property, class) -> standard deviations."""
    rng = np.random.default_rng(5)
    tables = []
    for part, one in sides(evidence).items():
        table = pd.DataFrame(rng.standard_normal((len(one), len(names))), index=list(one.ids), columns=list(names))
        for (name, k), by in shifts.items():
            if part == "test":
                table.loc[one.labels == k, name] += by
        tables.append(table)
    return replace(evidence, quality=pd.concat(tables))


def case(evidence: RunData) -> Case:
    return Case(evidence, measure_budget(evidence))
