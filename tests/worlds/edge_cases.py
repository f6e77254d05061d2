"""Runs at the edges of what can be judged: no patients, one class, one image a class, nothing that varies, holes.

`EDGES` have validation and test images, of one class in common at least; `NOT_JUDGED` have not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.images.quality import PROPERTIES
from heldout.records import ReasonKind
from heldout.records.logit_table import logits_in, variant_rows, with_logit_columns
from heldout.records.predictions import Predictions
from heldout.records.run import Learning
from tests.worlds.made_runs import noisy, of_parts, parts

VARIANTS = {
    "quality": ("sharpness", "contrast", "all"),
    "cues": tuple(
        f"{word}:{region}" for region in ("border", "corners") for word in ("only", "neutral", "swap", "same")
    ),
    "batchnorm": ("alpha=0.25", "alpha=0.5", "alpha=1", "own-statistics"),
    "interpolation": ("alpha=0", "alpha=0.25", "alpha=0.5", "alpha=0.75"),
    "probe": ("probe",),
    "pooled": ("balanced", "unbalanced", "source", "neighbours"),
    "strengths": ("C=0.1", "C=1"),
    "doses": ("full", "few:2", "weighted:2", "many:2", "thin:2:0:0", "thin:2:1:0"),
}
"""Intervention -> variants that it leaves behind."""


def every_table(
    n: tuple[int, int, int] = (120, 100, 90), k: int = 2, *, sure: float = 1.0, patients: int = 0
) -> RunData:
    """A run of n (train, val, test) images for which every intervention, property and feature is there, as noise."""
    return with_every_table(bare(n, k, sure=sure, patients=patients))


def bare(n: tuple[int, int, int] = (120, 100, 90), k: int = 2, *, sure: float = 1.0, patients: int = 0) -> RunData:
    """The same with predictions alone."""
    train, val, test = (
        noisy(name, np.arange(size) % k, k, sure=sure, patients=patients)
        for name, size in zip(("train", "val", "test"), n, strict=True)
    )
    learning = Learning(backbone_trained=True, uses_seed=True, keeps="best", chosen=("epoch",))
    return replace(of_parts(val, test, bootstrap=100), train=train, learning=learning)


def with_every_table(made: RunData, *, noise: float = 0.5) -> RunData:
    """Every intervention with noisy copies of the logits, properties and features of noise, a history, epochs."""
    rng = np.random.default_rng(7)
    there = parts(made)
    scored = {}
    for intervention, variants in VARIANTS.items():
        tables = [
            table(one, variant, one.logits + noise * rng.standard_normal(one.logits.shape))
            for variant in variants
            for one in there.values()
        ]
        scored[intervention] = VariantLogits(pd.concat(tables, ignore_index=True))
    quality = [
        pd.DataFrame(rng.standard_normal((len(one), len(PROPERTIES))), list(one.ids), [p.name for p in PROPERTIES])
        for one in there.values()
    ]
    features = {name: rng.standard_normal((len(one), 8)).astype(np.float32) for name, one in there.items()}
    val = there["val"]
    return replace(
        made,
        scored=scored,
        quality=pd.concat(quality),
        features=features,
        history=pd.DataFrame({"train_loss": [0.5, 0.4, 0.3], "val_loss": [0.6, 0.5, 0.6]}),
        val_epochs=np.stack([np.roll(val.predicted, i) for i in range(6)]),
        siblings=(replace(made, seed=1), replace(made, seed=2)),
    )


def table(one: Predictions, variant: str, z: np.ndarray) -> pd.DataFrame:
    return variant_rows(one.ids, one.part, variant, z)


def missing_class() -> RunData:
    """Three classes, the last without a test image."""
    return with_every_table(replace(bare(k=3), test=noisy("test", np.arange(90) % 2, 3)))


def long_tail() -> RunData:
    """Three classes, the last with 5, 4 and 12 images."""
    sizes = {"train": (200, 195, 5), "val": (60, 56, 4), "test": (50, 48, 12)}
    made = {name: noisy(name, np.repeat(np.arange(3), counts), 3) for name, counts in sizes.items()}
    return with_every_table(replace(bare(k=3), **made))


def absent_class() -> RunData:
    """Three classes, the last without a validation image."""
    return with_every_table(replace(bare(k=3), val=noisy("val", np.arange(90) % 2, 3)))


def no_logits() -> RunData:
    made = every_table()
    blank = {
        name: VariantLogits(with_logit_columns(one.table, np.full_like(logits_in(one.table), np.nan)))
        for name, one in made.scored.items()
    }
    return replace(made, scored=blank)


def constant_columns() -> RunData:
    made = every_table((400, 240, 240))
    assert made.quality is not None
    flat = {name: np.ones_like(one) for name, one in made.features.items()}
    return replace(made, features=flat, quality=made.quality * 0 + 3.0)


def holes() -> RunData:
    """Properties missing for most images, features for one part only, interventions for a few images."""
    made = every_table()
    assert made.quality is not None
    few = {name: VariantLogits(one.table.iloc[::9].reset_index(drop=True)) for name, one in made.scored.items()}
    quality = made.quality.copy()
    quality.iloc[::2] = np.nan
    return replace(made, scored=few, quality=quality, features={"val": made.features["val"]})


def leaked() -> RunData:
    """Validation images that have relatives in train, and retrainings in which each image stands once a seed."""
    made = every_table((120, 100, 90))
    val = parts(made)["val"]
    rng = np.random.default_rng(0)
    grouped = pd.concat([table(val, f"seed{i}", val.logits + rng.standard_normal(val.logits.shape)) for i in range(2)])
    return replace(
        made,
        leaked=dict.fromkeys(val.ids[:60], "same patient"),
        scored={**made.scored, "grouped": VariantLogits(grouped.reset_index(drop=True))},
    )


def only(part: Predictions, label: int) -> Predictions:
    return part.take(part.labels == label)


def half(name: str, n: int = 40) -> Predictions:
    return noisy(name, np.arange(n) % 2, 2)


def elsewhere() -> RunData:
    """All test images from a site, and of a year, that train and validation lack; a third of the cases of a device."""
    made = every_table()
    sited = {}
    for name, one in parts(made).items():
        n, new = len(one), name == "test"
        device = tuple("new" if new and i % 3 == 0 else "old" for i in range(n))
        columns = {"device": device, "year": ("2021" if new else "2019",) * n, "image": one.ids}
        sited[name] = replace(one, sites=("B" if new else "A",) * n, columns=columns)
    return replace(made, train=sited["train"], val=sited["val"], test=sited["test"])


def chosen_on_test() -> RunData:
    """The best on test of ten candidates that differ by noise, and somebody says that it was chosen for that."""
    made = every_table((120, 100, 90))
    test = parts(made)["test"]
    rng = np.random.default_rng(1)
    others = [test.logits + rng.standard_normal(test.logits.shape) for _ in range(10)]
    best = max(others, key=lambda z: int((z.argmax(axis=1) == test.labels).sum()))
    tables = [table(test, f"epoch={i}", z) for i, z in enumerate(others)]
    learning = replace(made.learning, chosen_on="test")
    candidates = VariantLogits(pd.concat(tables, ignore_index=True))
    return replace(made, test=test.with_logits(best), candidates=candidates, learning=learning)


def columns() -> RunData:
    """Images of known sex, age and device; the answers of one device are lost on test."""
    made = every_table((120, 300, 300))
    there = {}
    for name in ("val", "test"):
        one, n = parts(made)[name], np.arange(300)
        further = {
            "sex": tuple(np.where(n % 3 == 0, "female", "male")),
            "age": tuple(str(20 + 7 * i % 61) if i % 10 else "" for i in n),
            "device": tuple(np.where(n % 5 < 2, "old", "new")),
            "accession": tuple(f"{name}{i}" for i in n),
        }
        right = 6.0 * (np.eye(2)[one.labels] - 0.5)
        lost = (n % 5 < 2) & (name == "test")
        there[name] = replace(one.with_logits(np.where(lost[:, None], one.logits, right)), columns=further)
    return replace(made, val=there["val"], test=there["test"])


FAILED = Absence(ReasonKind.INTERVENTION_FAILED, "it failed: memory")

EDGES: dict[str, Callable[[], RunData]] = {
    "everything": every_table,
    "nothing but predictions": bare,
    "two images": lambda: every_table((2, 2, 2)),
    "thirty test images": lambda: every_table((120, 100, 30)),
    "forty classes": lambda: every_table((240, 200, 160), 40),
    "identical predictions": lambda: every_table(sure=math.inf),
    "all right": lambda: every_table(sure=50.0),
    "all wrong": lambda: every_table(sure=-50.0),
    "one patient a part": lambda: every_table(patients=1),
    "a few patients": lambda: every_table((400, 240, 240), patients=6),
    "a class without test images": missing_class,
    "a class without validation images": absent_class,
    "a long tail": long_tail,
    "one class only in validation": lambda: of_parts(only(half("val"), 0), half("test"), bootstrap=100),
    "one class": lambda: every_table(k=1),
    "logits missing": no_logits,
    "constant columns": constant_columns,
    "holes": holes,
    "leaked": leaked,
    "another site": elsewhere,
    "chosen on test": chosen_on_test,
    "further columns": columns,
    "no training images": lambda: replace(every_table(), train=None, features={}),
    "one epoch": lambda: replace(every_table(), val_epochs=None, history=pd.DataFrame()),
    "interventions that failed": lambda: replace(every_table(), scored={}, absent=dict.fromkeys(VARIANTS, FAILED)),
}


NOT_JUDGED: dict[str, Callable[[], RunData]] = {
    "no validation": lambda: of_parts(None, half("test"), bootstrap=100),
    "no test": lambda: of_parts(half("val"), None, bootstrap=100),
    "an empty test set": lambda: of_parts(half("val"), only(half("test"), 5), bootstrap=100),
    "no class in common": lambda: of_parts(only(half("val"), 0), only(half("test"), 1), bootstrap=100),
}
