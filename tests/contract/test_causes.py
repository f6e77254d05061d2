"""What holds for every cause, discovered, not listed: it has a manual, and it answers whatever the data are."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from heldout.diagnosis.causes._cause import PARTS

from heldout.diagnosis.causes import Case, Cause, causes, manual
from heldout.diagnosis.gap import measure_budget, why_no_budget
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.images.quality import PROPERTIES
from heldout.records import VERDICTS, Finding, Remedy
from heldout.records.logit_table import logits_in, variant_rows, with_logit_columns
from heldout.records.predictions import Predictions

EVERY = [pytest.param(cause, id=cause.code) for cause in causes]

VARIANTS = {
    "quality": ("sharpness", "contrast", "all"),
    "cues": tuple(
        f"{word}:{region}" for region in ("border", "corners") for word in ("only", "neutral", "swap", "same")
    ),
    "batchnorm": ("alpha=0.25", "alpha=0.5", "alpha=1", "train-mode"),
    "interpolation": ("alpha=0", "alpha=0.25", "alpha=0.5", "alpha=0.75"),
    "probe": ("probe",),
    "pooled": ("balanced", "unbalanced", "source"),
    "strengths": ("C=0.1", "C=1"),
}


def side(name: str, labels: np.ndarray, k: int, *, sure: float = 1.0, patients: int = 0, seed: int = 0) -> Predictions:
    """Images with normal logits, the label's own raised by `sure`; all of one patient where `patients` is 1."""
    rng = np.random.default_rng((seed, len(name), len(labels)))
    z = rng.standard_normal((len(labels), k)) if math.isfinite(sure) else np.zeros((len(labels), k))
    if math.isfinite(sure):
        z[np.arange(len(labels)), labels] += sure
    names = tuple(f"{name}-p{i % patients}" if patients else "" for i in range(len(labels)))
    return Predictions(name, tuple(f"{name}-{i}" for i in range(len(labels))), labels.astype(np.int64), z, names)


def world(
    n: tuple[int, int, int] = (120, 100, 90), k: int = 2, *, sure: float = 1.0, patients: int = 0, known: bool = True
) -> RunData:
    """Evidence of n (train, val, test) images; with `known` every experiment, property and feature is there."""
    parts = {
        name: side(name, np.arange(size) % k, k, sure=sure, patients=patients)
        for name, size in zip(NAMES, n, strict=True)
    }
    made = RunData(
        run="net-finetune-s0",
        model="offline:net",
        strategy="finetune",
        seed=0,
        classes=tuple(f"class {i}" for i in range(k)),
        train=parts["train"],
        val=parts["val"],
        test=parts["test"],
        keeps="best",
        bootstrap=100,
    )
    return with_everything(made) if known else made


NAMES = ("train", "val", "test")


def with_everything(made: RunData, *, noise: float = 0.5) -> RunData:
    """Every experiment with noisy copies of the logits, properties and features of noise, a history, epochs."""
    rng = np.random.default_rng(7)
    there = {name: one for name in NAMES if (one := made.side(name)) is not None}
    scored = {}
    for experiment, variants in VARIANTS.items():
        tables = [
            table(one, variant, one.logits + noise * rng.standard_normal(one.logits.shape))
            for variant in variants
            for one in there.values()
        ]
        scored[experiment] = VariantLogits(pd.concat(tables, ignore_index=True))
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
    made = world(k=3, known=False)
    labels = np.arange(90) % 2
    return with_everything(replace(made, test=side("test", labels, 3)))


def no_logits() -> RunData:
    made = world()
    blank = {
        name: VariantLogits(with_logit_columns(one.table, np.full_like(logits_in(one.table), np.nan)))
        for name, one in made.scored.items()
    }
    return replace(made, scored=blank)


def constant_columns() -> RunData:
    made = world((400, 240, 240))
    assert made.quality is not None
    flat = {name: np.ones_like(one) for name, one in made.features.items()}
    return replace(made, features=flat, quality=made.quality * 0 + 3.0)


def holes() -> RunData:
    """Properties missing for most images, features for one part only, experiments for a few images."""
    made = world()
    assert made.quality is not None
    few = {name: VariantLogits(one.table.iloc[::9].reset_index(drop=True)) for name, one in made.scored.items()}
    quality = made.quality.copy()
    quality.iloc[::2] = np.nan
    return replace(made, scored=few, quality=quality, features={"val": made.features["val"]})


def leaked() -> RunData:
    """Validation images that have relatives in train, and retrainings in which each image stands once a seed."""
    made = world((120, 100, 90))
    assert made.val is not None
    rng = np.random.default_rng(0)
    grouped = pd.concat(
        [table(made.val, f"seed{i}", made.val.logits + rng.standard_normal(made.val.logits.shape)) for i in range(2)]
    )
    return replace(
        made,
        leaked=dict.fromkeys(made.val.ids[:60], "same patient"),
        scored={**made.scored, "grouped": VariantLogits(grouped.reset_index(drop=True))},
    )


WORLDS: dict[str, Callable[[], RunData]] = {
    "everything": world,
    "nothing but predictions": lambda: world(known=False),
    "two images": lambda: world((2, 2, 2)),
    "thirty test images": lambda: world((120, 100, 30)),
    "forty classes": lambda: world((240, 200, 160), 40),
    "identical predictions": lambda: world(sure=math.inf),
    "all right": lambda: world(sure=50.0),
    "all wrong": lambda: world(sure=-50.0),
    "one patient a part": lambda: world(patients=1),
    "a few patients": lambda: world((400, 240, 240), patients=6),
    "a class without test images": missing_class,
    "one class": lambda: world(k=1),
    "logits missing": no_logits,
    "constant columns": constant_columns,
    "holes": holes,
    "leaked": leaked,
    "no training images": lambda: replace(world(), train=None, features={}),
    "one epoch": lambda: replace(world(), val_epochs=None, history=pd.DataFrame()),
    "experiments that failed": lambda: replace(world(), scored={}, absent=dict.fromkeys(VARIANTS, "it failed: memory")),
}


@cache
def case_of(name: str) -> Case:
    evidence = WORLDS[name]()
    assert why_no_budget(evidence) is None
    return Case(evidence, measure_budget(evidence))


@pytest.mark.parametrize("cause", EVERY)
def test_it_is_a_documented_cause(cause: Cause) -> None:
    assert isinstance(cause, Cause) and cause.title and cause.remedy.endswith(".")
    assert cause.level in (0, 1, 2)
    assert causes.get(cause.code) is cause, "the file is called as the code is"
    assert inspect.getdoc(type(cause)) != inspect.getdoc(Cause)
    summary, parts = manual(cause)
    assert summary.endswith(".") and "\n\n" not in summary
    assert tuple(parts) == PARTS and all(len(text.split()) >= 8 and text[-1] == "." for text in parts.values())


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("cause", EVERY)
def test_it_answers_whatever_the_data_are(cause: Cause, name: str) -> None:
    finding = cause.judge(case_of(name))
    assert isinstance(finding, Finding) and finding.code == cause.code and finding.verdict in VERDICTS[:-1]
    assert finding.sentence and "nan" not in finding.sentence.lower().split()
    if finding.verdict == "not identifiable":
        assert finding.reason.startswith("needs ")
    if finding.verdict in ("not applicable", "excluded"):
        assert finding.reason.startswith("because ")
    if finding.verdict not in ("established", "suggested"):
        assert finding.priority == 0 and not finding.remedy
    known = {id_ for part in NAMES if (one := case_of(name).evidence.side(part)) is not None for id_ in one.ids}
    assert set(finding.images) <= known
    assert all(isinstance(value, float) and math.isfinite(value) for value in finding.numbers.values())
    assert all(isinstance(remedy, Remedy) and remedy.cause == cause.code for remedy in cause.remedies(case_of(name)))


@pytest.mark.parametrize("cause", EVERY)
def test_experiments_switched_off_are_named(cause: Cause) -> None:
    if not cause.experiments:
        pytest.skip("judges without experiments")
    finding = cause.judge(case_of("nothing but predictions"))
    assert finding.verdict in ("not identifiable", "not applicable")


@pytest.mark.parametrize("cause", EVERY)
def test_it_says_the_same_twice(cause: Cause) -> None:
    assert cause.judge(case_of("everything")) == cause.judge(case_of("everything"))
