"""Runs with a long tail: classes with a handful of images, or with none on one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from tests.worlds.made_runs import ids, made_run, names

LABS = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
SKIN = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")

Counts = Sequence[tuple[int, int]]


def tail(name: str, counts: Counts, *, patients: int = 1, lead: float = 2.0) -> Predictions:
    """A part with so many (images, right ones) of each class; wrong ones are answered as the last class.

    A wrong image of the last class is answered as the one before it.
    """
    k = len(counts)
    labels = np.repeat(np.arange(k), [n for n, _ in counts])
    right = np.concatenate([np.arange(n) < hits for n, hits in counts])
    wrong = np.where(labels == k - 1, k - 2, k - 1)
    z = lead * np.eye(k)[np.where(right, labels, wrong)]
    z += 0.3 * np.random.default_rng((k, len(labels))).standard_normal(z.shape)
    return Predictions(name, ids(name, len(labels)), labels, z, names(name, len(labels), patients))


def tailed(train: Sequence[int], val: Counts, test: Counts, classes: Sequence[str], *, patients: int = 1) -> RunData:
    """A run by (images, right ones) of each class."""
    parts = {name: tail(name, counts, patients=patients) for name, counts in (("val", val), ("test", test))}
    learned = tail("train", [(n, n) for n in train], patients=patients)
    return replace(made_run(2, 2), classes=tuple(classes), train=learned, bootstrap=200, **parts)


def two_labs() -> RunData:
    """White blood cells of two laboratories: validation has no basophil, test has three, all wrong."""
    val = [(0, 0), (4, 2), (11, 10), (10, 7), (35, 34)]
    test = [(3, 0), (12, 1), (37, 29), (15, 4), (33, 3)]
    return tailed([1, 18, 42, 38, 141], val, test, LABS)


def skin() -> RunData:
    """Seven classes, 671 and 2,259 images: bkl is hardly known and common on test, df has six validation images."""
    val = [(12, 8), (30, 24), (7, 0), (6, 3), (160, 120), (366, 350), (90, 80)]
    test = [(60, 38), (150, 115), (294, 8), (3, 1), (700, 500), (802, 750), (250, 215)]
    return tailed([48, 120, 26, 24, 640, 1464, 360], val, test, SKIN)
