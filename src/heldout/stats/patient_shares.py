"""Shares in which every patient counts the same: of a random patient's random image, with intervals by patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from heldout.records import Estimate
from heldout.stats.few import ALIKE_UNITS
from heldout.stats.intervals import wilson
from heldout.stats.risk_control import Patients

Mask = NDArray[np.bool_]


def patient_share(hits: Mask, among: Mask, patients: Patients) -> Estimate | None:
    """Share of hits among some images, of a patient drawn at random and an image of theirs.

    Wilson's interval on an effective number of patients: p(1 − p)/v with v the variance of the share as a ratio of
    means over patients, averaged with what two further patients would add, all of whose images are alike (as
    `few.effective_images`, which has the reasons). Where every patient has one image it is Wilson's on the images.

    Args:
        hits: (n,).
        among: (n,) which images count.
        patients: Of the n images.

    Returns:
        None where no image counts.
    """
    n = int(among.sum())
    if not n:
        return None
    inside, hit = patients.means(among), patients.means(hits & among)  # (u,)
    some = inside > 0
    inside, hit = inside[some], hit[some]
    total, value = float(inside.sum()), float(hit.sum() / inside.sum())
    if patients.single:
        return _estimate(value, wilson(round(value * n), n), n, "Wilson")
    effective = total**2 / float((inside**2).sum())  # Kish (1965), as if all images of a patient were alike
    m = len(inside)
    if 0 < value < 1:
        seen = float(((hit - value * inside) ** 2).sum()) * m / max(m - 1, 1)
        drawn_in = (value * effective + 1) / (effective + 2)
        alike = float((inside**2).sum()) * drawn_in * (1 - drawn_in)
        variance = ((m - 1) * seen + ALIKE_UNITS * alike) / (m - 1 + ALIKE_UNITS) / total**2
        effective = float(np.clip(value * (1 - value) / variance, effective, n))
    method = f"Wilson on the effective number of images of {m} patients, each counting the same"
    return _estimate(value, wilson(value * effective, effective), n, method)


def patient_mean(values: NDArray[np.float64], patients: Patients, ends: tuple[float, float]) -> Estimate:
    """Mean of a whole number of a random patient's random image, with Student's t over the patients' means.

    Their variance is averaged with that of two further patients who are one off, as in `patient_share`: where all seen
    are equal, others need not be.

    Args:
        values: (n,).
        patients: Of the n images.
        ends: Smallest and largest that the number can be; with a single patient nothing more is known.
    """
    means = patients.means(values)  # (u,)
    m, value = len(means), float(means.mean())
    variance = (float(((means - value) ** 2).sum()) + ALIKE_UNITS) / (m - 1 + ALIKE_UNITS)
    reach = float(student.ppf(0.975, m - 1) * np.sqrt(variance / m)) if m > 1 else np.inf
    low, high = max(value - reach, ends[0]), min(value + reach, ends[1])
    return _estimate(value, (low, high), len(values), f"t over {m} units")


def _estimate(value: float, ends: tuple[float, float], n: int, method: str) -> Estimate:
    return Estimate(value, min(ends[0], value), max(ends[1], value), n, method)
