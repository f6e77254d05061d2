"""Intervals in closed form."""

from __future__ import annotations

import math

from scipy.special import ndtri

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion (Wilson 1927; recommended by Brown, Cai & DasGupta 2001).

    Unlike p ± 1.96·SE it stays inside [0, 1] and has a width when all or none succeed.

    Args:
        successes: Number of successes, 0 … n; need not be whole.
        n: Number of trials, above 0.

    >>> [round(100 * end, 1) for end in wilson(346, 400)]
    [82.8, 89.5]

    Raises:
        ValueError: `n` is not positive, or `successes` is outside [0, n].
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"expected 0 ≤ successes ≤ n and n > 0, found {successes} of {n}")
    p = successes / n
    centre = p + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    # Rounding may put an end a hair inside the estimate at p = 0 and p = 1.
    return max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale))


def normal_quantile(level: float) -> float:
    """So many standard errors to each side miss with the chance `level`: 1.96 at 0.05."""
    return Z95 if level == 0.05 else float(ndtri(1 - level / 2))


def unseen(n: int, level: float = 0.05) -> float:
    """Largest share that a thing seen in none of `n` trials may have: the upper end of Wilson's interval of 0 of n.

    Args:
        n: Number of trials.
        level: Chance of the interval to miss; 0.05 for 95 %.

    >>> round(unseen(100), 4)
    0.037
    """
    return normal_quantile(level) ** 2 / (n + normal_quantile(level) ** 2)


def difference(
    a: float, a_interval: tuple[float, float], b: float, b_interval: tuple[float, float]
) -> tuple[float, float]:
    """95 % interval of a − b of two independent estimates from their own intervals.

    The square-and-add method (Newcombe 1998, method 10; Zou & Donner 2008).

    >>> [round(end, 3) for end in difference(0.9, (0.85, 0.94), 0.8, (0.74, 0.85))]
    [0.029, 0.172]
    """
    low = a - b - math.hypot(a - a_interval[0], b_interval[1] - b)
    high = a - b + math.hypot(a_interval[1] - a, b - b_interval[0])
    return low, high
