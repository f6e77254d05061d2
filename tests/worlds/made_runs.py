"""Runs made up by hand, without a study's folder: logits from scores, interventions from changed scores.

`made_run` has two classes, `NORMAL` and `ILL`. An image has a margin (logit of ILL minus logit of NORMAL) of ±2 by its
class plus normal noise, so that accuracy is about 95 %; an intervention is a change of margins. `counted` has exactly
so many right answers of each class, `clustered` has patients that differ, `noisy` any number of classes.
`tests.worlds.made_study` writes whole studies; `tests.worlds.edge_cases` are runs that can hardly be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.causes import Cause
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.suspects import doubtful_labels, to_review
from heldout.diagnosis.variants import VariantLogits
from heldout.records import Finding
from heldout.records.logit_table import variant_rows, variants_table
from heldout.records.predictions import Predictions
from heldout.records.run import Learning

Reals = NDArray[np.float64]

CLASSES = ("NORMAL", "ILL")

FROZEN = Learning(backbone_trained=False, uses_seed=True)
"""The backbone as it was; the head trained with a seed."""

SOLVED = Learning(backbone_trained=False, uses_seed=False)
"""The head solved on features: the same each time."""


def part(
    name: str, n: int, *, seed: int = 0, share: float = 0.5, shift: float = 0.0, noise: float = 1.2, patients: int = 2
) -> Predictions:
    """A part of n images, the first `share` of them NORMAL, with `patients` images a patient (0: not known).

    `shift` is added to the margin of NORMAL images only: the shift of one class that moves them across the threshold.
    """
    rng = np.random.default_rng((seed, len(name), n))
    labels = (np.arange(n) >= round(share * n)).astype(np.int64)
    margin = np.where(labels == 1, 2.0, -2.0 + shift) + noise * rng.standard_normal(n)
    return Predictions(name, ids(name, n), labels, logits(margin), names(name, n, patients))


def ids(name: str, n: int) -> tuple[str, ...]:
    return tuple(f"{name}-{i}" for i in range(n))


def names(name: str, n: int, patients: int) -> tuple[str, ...]:
    """Patients of so many images each; 0: nobody is known."""
    return tuple(f"{name}-p{i // patients}" for i in range(n)) if patients else ("",) * n


def logits(margin: Reals) -> Reals:
    return np.stack([-margin / 2, margin / 2], axis=1)


def margin(one: Predictions) -> Reals:
    return one.logits[:, 1] - one.logits[:, 0]


def made_run(
    n_val: int = 600, n_test: int = 600, *, seed: int = 0, shift: float = 0.0, patients: int = 2, n_train: int = 800
) -> RunData:
    """A fine-tuned run whose test NORMAL images may be shifted toward ILL; no intervention, quality or features."""
    return RunData(
        run="net-finetune-s0",
        model="offline:net",
        strategy="finetune",
        seed=0,
        classes=CLASSES,
        train=part("train", n_train, seed=seed, patients=patients),
        val=part("val", n_val, seed=seed, patients=patients),
        test=part("test", n_test, seed=seed, shift=shift, patients=patients),
        bootstrap=200,
    )


def counted(name: str, counts: Sequence[tuple[int, int]], *, patients: int = 1) -> Predictions:
    """A part with so many (images, right ones) of each class; a wrong image is taken for the next class."""
    k = len(counts)
    labels = np.repeat(np.arange(k), [n for n, _ in counts])
    right = np.concatenate([np.arange(n) < hits for n, hits in counts])
    answered = np.where(right, labels, (labels + 1) % max(k, 2))
    n = len(labels)
    return Predictions(name, ids(name, n), labels, 2.0 * np.eye(max(k, 2))[answered], names(name, n, patients))


def clustered(
    name: str, n: int, *, seed: int = 0, prior: float = 0.5, offset: float = 0.0, noise: float = 1.0, per: int = 2
) -> Predictions:
    """Two classes with normal margins 3.2 apart, patients of `per` images of one class with a margin of their own.

    A share `prior` of the patients is ILL, by chance; `offset` moves all margins.
    """
    rng = np.random.default_rng((seed, len(name), n))
    unit = np.arange(n) // per
    labels = (rng.random(unit.max() + 1) < prior)[unit].astype(np.int64)
    margin = 3.2 * (labels - 0.5) + 0.5 * rng.normal(size=unit.max() + 1)[unit] + noise * rng.normal(size=n) + offset
    return Predictions(name, ids(name, n), labels, logits(margin), names(name, n, per))


def noisy(name: str, labels: NDArray[np.int64], k: int, *, sure: float = 1.0, patients: int = 0) -> Predictions:
    """Any number of classes: normal logits, the label's own raised by `sure`, all equal where that is infinite.

    Images take turns with so many patients in all (1: one patient has them all; 0: not known).
    """
    rng = np.random.default_rng((len(name), len(labels)))
    z = np.zeros((len(labels), k))
    if np.isfinite(sure):
        z = rng.standard_normal((len(labels), k))
        z[np.arange(len(labels)), labels] += sure
    of = tuple(f"{name}-p{i % patients}" if patients else "" for i in range(len(labels)))
    return Predictions(name, ids(name, len(labels)), labels.astype(np.int64), z, of)


def of_parts(val: Predictions | None, test: Predictions | None, bootstrap: int = 200) -> RunData:
    """A run that is known by its answers only."""
    known = val or test
    assert known is not None
    k = known.logits.shape[1]
    classes = (*CLASSES, "OTHER")[:k] if k <= 3 else tuple(f"class {i}" for i in range(k))
    return replace(made_run(2, 2), classes=classes, val=val, test=test, bootstrap=bootstrap)


def parts(run: RunData) -> dict[str, Predictions]:
    """The parts that are there."""
    return {name: one for name in ("train", "val", "test") if (one := run.part(name)) is not None}


def scored(run: RunData, variants: Mapping[tuple[str, str], Reals]) -> VariantLogits:
    """(variant, part) -> margins of that part's images."""
    tables = [
        variant_rows(parts(run)[part].ids, part, variant, logits(margins))
        for (variant, part), margins in variants.items()
    ]
    return VariantLogits(pd.concat(tables, ignore_index=True))


def with_scored(run: RunData, intervention: str, variants: Mapping[tuple[str, str], Reals]) -> RunData:
    return replace(run, scored={**run.scored, intervention: scored(run, variants)})


def moved(run: RunData, part: str, k: int, by: float, *, seed: int = 0, noise: float = 0.3) -> Reals:
    """Margins of a part with those of one class moved, and a little noise on all."""
    one = parts(run)[part]
    rng = np.random.default_rng((seed, k, len(part)))
    result: Reals = margin(one) + by * (one.labels == k) + noise * rng.standard_normal(len(one))
    return result


def quality(
    run: RunData, shifts: Mapping[tuple[str, int], float], properties: Sequence[str] = ("sharpness", "contrast")
) -> RunData:
    """Standard normal properties, test's moved by (property, class) -> standard deviations."""
    rng = np.random.default_rng(5)
    tables = []
    for part, one in parts(run).items():
        values = rng.standard_normal((len(one), len(properties)))
        table = pd.DataFrame(values, index=list(one.ids), columns=list(properties))
        for (name, k), by in shifts.items():
            if part == "test":
                table.loc[one.labels == k, name] += by
        tables.append(table)
    return replace(run, quality=pd.concat(tables))


def judged(cause: Cause[Any], run: RunData, rules: Rules = RULES) -> Finding:
    """What a cause finds in a run."""
    return cause.judge(cause_data(run, rules))


def listed(run: RunData) -> dict[str, float]:
    """The test images that a diagnosis asks people to read, whether or not somebody has."""
    return to_review(run, doubtful_labels(run, RULES), RULES)


def read(run: RunData, true: NDArray[np.int64], sample: Mapping[str, float]) -> RunData:
    """Readers who are always right have read these images."""
    truth = dict(zip(parts(run)["test"].ids, true.tolist(), strict=True))
    rows = [{"id": id_, "label": run.classes[truth[id_]], "probability": p} for id_, p in sample.items()]
    return replace(run, review=pd.DataFrame(rows))


def cross_validated(run: RunData, networks: int = 3) -> RunData:
    """The same run, as if test had been answered by the mean of so many networks, each of which answers alike."""
    assert run.test is not None
    answers = {f"fold {number}": run.test.logits for number in range(networks)}
    return replace(run, folds=VariantLogits(variants_table("test", run.test.ids, answers)))
