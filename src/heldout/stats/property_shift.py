"""Which named property differs between two sets of images of one class, and how surely, patients being the units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from heldout.stats.paired import holm
from heldout.stats.scores import Indices, Reals
from heldout.stats.shift import unit_numbers


@dataclass(frozen=True)
class PropertyShift:
    """How one property of the target differs from the source's.

    Attributes:
        name: The property.
        source_mean: Mean over the source images, in the property's unit.
        target_mean: Likewise of the target.
        smd: Standardised mean difference: target minus source mean in standard deviations of images.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Two-sided p that the means are equal.
        p_holm: The same, corrected for the number of properties that were asked.
    """

    name: str
    source_mean: float
    target_mean: float
    smd: float
    low: float
    high: float
    p: float
    p_holm: float


def property_shifts(
    P: Reals, Q: Reals, names: Sequence[str], groups_P: Sequence[str], groups_Q: Sequence[str]
) -> tuple[PropertyShift, ...]:
    """Compare the means of every property between source and target.

    The unit is the patient: the variance of a mean is that of a ratio of patients' sums, Σ_g (Σ_{i∈g} (x_i − x̄))² ·
    G/(G−1)/n² (Cochran 1977, §6.5; the CR1 variance of Liang & Zeger 1986), and the two means are compared by Welch's t
    with G_P − 1 and G_Q − 1 degrees of freedom. The interval of the standardised difference adds the uncertainty of the
    standard deviation, smd²/(2·(G_P + G_Q)) (Hedges & Olkin 1985).

    Args:
        P: (n_P, p) properties of the source images (`images.quality.quality_of`), of one class.
        Q: (n_Q, p) of the target images of that class.
        names: The p names.
        groups_P: (n_P,) patient of each image; an image with an empty name is a patient of its own.
        groups_Q: (n_Q,) likewise.

    Returns:
        One a property that varies, the clearest (smallest p, then largest smd) first; a property that is the same in
        all images of both sets (the colour of grey images) is left out.

    Raises:
        ValueError: Shapes that do not fit, values that are not finite, or fewer than two patients on a side.
    """
    (units_P,), (units_Q,) = unit_numbers(groups_P), unit_numbers(groups_Q)
    _check(P, Q, names, units_P, units_Q)
    found = []
    for column, name in enumerate(names):
        x, y = P[:, column].astype(np.float64), Q[:, column].astype(np.float64)
        if max(np.ptp(x), np.ptp(y), abs(x.mean() - y.mean())) < 1e-9:
            continue
        found.append((name, float(x.mean()), float(y.mean()), *_compared(x, y, units_P, units_Q)))
    adjusted = holm([row[-1] for row in found])
    shifts = [PropertyShift(*row, p_holm) for row, p_holm in zip(found, adjusted, strict=True)]
    # To nine digits, not decimals: p may be 1e-20.
    return tuple(sorted(shifts, key=lambda shift: (float(f"{shift.p:.9g}"), -float(f"{abs(shift.smd):.9g}"))))


def _check(P: Reals, Q: Reals, names: Sequence[str], units_P: Indices, units_Q: Indices) -> None:
    if P.ndim != 2 or Q.ndim != 2 or not P.shape[1] == Q.shape[1] == len(names):
        raise ValueError(f"expected (n, {len(names)}) properties, found shapes {P.shape} and {Q.shape}")
    if (len(units_P), len(units_Q)) != (len(P), len(Q)):
        raise ValueError(f"expected {len(P)} and {len(Q)} patients, found {len(units_P)} and {len(units_Q)}")
    if not (np.isfinite(P).all() and np.isfinite(Q).all()):
        raise ValueError("expected finite properties, found NaN or infinite values")
    patients = len(np.unique(units_P)), len(np.unique(units_Q))
    if min(patients) < 2:
        raise ValueError(f"expected two or more patients on each side, found {patients[0]} and {patients[1]}")


def _compared(x: Reals, y: Reals, units_x: Indices, units_y: Indices) -> tuple[float, float, float, float]:
    """Standardised difference, its interval, and p."""
    difference = float(y.mean() - x.mean())
    deviation = float(np.sqrt((x.var() + y.var()) / 2))
    (a, dof_a), (b, dof_b) = mean_variance(x, units_x), mean_variance(y, units_y)
    variance = a + b
    if deviation < 1e-12 or variance < 1e-24:  # each set constant, and they differ
        endless = float(np.copysign(np.inf, difference))
        return endless, endless, endless, 0.0
    dof = variance**2 / (a**2 / dof_a + b**2 / dof_b)  # Welch & Satterthwaite
    p = 2 * float(stdtr(dof, -abs(difference) / np.sqrt(variance)))
    smd = difference / deviation
    spread = float(np.sqrt(variance / deviation**2 + smd**2 / (2 * (dof_a + dof_b + 2))))
    reach = float(stdtrit(dof, 0.975)) * spread
    return smd, smd - reach, smd + reach, p


def mean_variance(x: Reals, units: Indices) -> tuple[float, int]:
    """Variance of a mean of images when patients are the units, and its degrees of freedom (patients − 1).

    Args:
        x: (n,) values.
        units: (n,) number of the patient of each.
    """
    _, inverse = np.unique(units, return_inverse=True)
    sums = np.bincount(inverse, weights=x - x.mean())
    groups = len(sums)
    return float((sums**2).sum() * groups / (groups - 1) / len(x) ** 2), groups - 1
