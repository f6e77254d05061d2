"""What a model answers, as it is said and never guessed: probabilities or logits."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Logits = NDArray[np.float32]

Answers = Literal["probabilities", "logits"]
"""`probabilities`: one a class, each row sums to 1; `logits`: any real numbers, whose softmax is that."""

SUM_TOLERANCE = 0.01
"""How far a row of probabilities may lie from 1: seven classes rounded to three decimals are off by 0.0035 at most."""

SMALLEST = 1e-30
"""What stands for a probability of 0, whose logarithm is not finite, and for smaller ones: far below what single
precision tells from 0 in a softmax."""


def to_logits(values: Reals, answers: Answers) -> Logits:
    """Logits (n, k) of answers (n, k): those of probabilities are their logarithms, whose softmax they are."""
    if answers == "logits":
        return values.astype(np.float32)
    logits: Logits = np.log(np.maximum(values, SMALLEST)).astype(np.float32)
    return logits


def faults(values: Reals, answers: Answers) -> dict[str, NDArray[np.bool_]]:
    """What can be wrong with answers (n, k) -> the rows (n,) where it is.

    Keys: `not finite`, `negative`, `above 1`, `sum`; the last three of probabilities only, the last of rows that have
    no other fault.
    """
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    found: dict[str, NDArray[np.bool_]] = {"not finite": ~finite}
    if answers == "probabilities":
        numbers = np.where(np.isfinite(values), values, 0.5)
        found["negative"] = np.asarray((numbers < 0).any(axis=1))
        found["above 1"] = np.asarray((numbers > 1 + SUM_TOLERANCE).any(axis=1))
        other = ~finite | found["negative"] | found["above 1"]
        found["sum"] = ~other & (np.abs(numbers.sum(axis=1) - 1) > SUM_TOLERANCE)
    return found


def look_like_probabilities(values: Reals) -> bool:
    """Whether every row lies within 0 … 1 and sums to 1, as no network's logits do."""
    finite = values[np.isfinite(values).all(axis=1)]
    within = bool(len(finite)) and bool(((finite >= 0) & (finite <= 1)).all())
    return within and bool((np.abs(finite.sum(axis=1) - 1) < SUM_TOLERANCE / 10).all())
