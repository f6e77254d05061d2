"""What the curves of a training say: restlessness of the validation accuracy, onset of overfitting.

A curve has one value an epoch, shape (e,). Epochs whose value is not finite (a loss that blew up) are left out of the
measures of restlessness.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Reals
from heldout.ties import SAME_LOSS, first_of_largest

LOSS_MARGIN = 0.10
"""A validation loss has risen when it lies this share above its minimum: our choice; smaller rises come and go."""

LOSS_FLOOR = 0.02
"""… and at least this many nats above, so that 0.002 instead of 0.001 is not called overfitting: our choice."""


def sampling_error(curve: Reals, n: int) -> float:
    """Sampling error of the accuracies of a curve, as a fraction: sqrt(p (1 − p) / n) at its median p.

    At least 1/n, the step of one image: where p is 1 the formula gives 0, and every single image would count as a
    swing.

    Args:
        curve: Validation accuracies, fractions, shape (e,).
        n: Number of validation images.

    >>> round(sampling_error(np.array([0.5, 0.9, 0.9]), 100), 3)
    0.03
    """
    p = float(np.median(curve))
    return max(math.sqrt(max(p * (1 - p), 0.0) / n), 1 / n)


def reversals(curve: Reals, n: int) -> int:
    """How often the validation accuracy turns round by more than its sampling error.

    The curve is taken apart into swings between turning points: a swing ends, and the opposite one begins, once the
    curve has come back from its last extreme by more than `sampling_error`. The number of swings minus one is
    returned; the first rise, however large, is no reversal, and wiggles smaller than the threshold do not interrupt a
    swing.

    Args:
        curve: Validation accuracy after each epoch, fractions, shape (e,).
        n: Number of validation images.

    >>> reversals(np.array([0.5, 0.9, 0.8, 0.9, 0.91, 0.9]), 100)
    2
    """
    curve = curve[np.isfinite(curve)]
    if len(curve) < 3:
        return 0
    threshold = sampling_error(curve, n) + 1e-9  # accuracies are ratios in binary: a swing equal to it does not count
    low = high = float(curve[0])
    direction = turns = 0
    for value in map(float, curve[1:]):
        if direction >= 0 and high - value > threshold:
            turns += direction > 0
            direction, low = -1, value
        elif direction <= 0 and value - low > threshold:
            turns += direction < 0
            direction, high = 1, value
        low, high = min(low, value), max(high, value)
        if direction > 0:
            low = high
        elif direction < 0:
            high = low
    return turns


def running_median(curve: Reals) -> Reals:
    """Running median of span five at the points that have two neighbours on each side, shape (e − 4,).

    Tukey's "42" (Exploratory Data Analysis, 1977, ch. 16): the mean of the medians of the two runs of four that hold
    the point. A plain median of five is blind to the very thing looked for: in a curve that jumps up and down from
    epoch to epoch, three of five values are those of the middle's own side, and nothing is left of the jumps.

    >>> running_median(np.array([0.0, 1.0, 0.0, 1.0, 0.0])).tolist()
    [0.5]
    """
    fours = np.median(np.lib.stride_tricks.sliding_window_view(curve, 4), axis=1)  # (e − 3,)
    smooth: Reals = (fours[:-1] + fours[1:]) / 2
    return smooth


def roughness_points(curve: Reals) -> float:
    """Root mean square of a curve around its running median, in points (1/100).

    A constant, a straight line: 0. A zigzag of ±a points: a. Independent noise of σ points: about 0.87 σ. The first
    two and the last two epochs have no full span and are only neighbours. With fewer than five epochs there is nothing
    to judge, 0.

    Args:
        curve: Validation accuracy after each epoch, fractions, shape (e,).

    >>> round(roughness_points(np.array([0.8, 0.9] * 5)), 6)
    5.0
    """
    curve = curve[np.isfinite(curve)]
    if len(curve) < 5:
        return 0.0
    return 100 * float(np.sqrt(np.mean((curve[2:-2] - running_median(curve)) ** 2)))


def overfit_epoch(train_loss: Reals, val_loss: Reals) -> int | None:
    """Epoch from which on the run only learned its training images by heart, or None.

    It is the epoch of the lowest validation loss, smoothed by a median of three, if
    (1) at least two epochs follow,
    (2) the smoothed validation loss lies above its minimum by `LOSS_MARGIN` of it and by `LOSS_FLOOR` through the
        whole later half of what follows: it has risen and stays there, and
    (3) the mean training loss of that half is below the training loss at the minimum: training went on.

    Args:
        train_loss: Mean cross-entropy of each epoch, nats, shape (e,).
        val_loss: Likewise on validation.

    Returns:
        The epoch, from 1 on.

    >>> overfit_epoch(np.array([0.7, 0.5, 0.4, 0.3, 0.2, 0.1]), np.array([0.6, 0.5, 0.5, 0.7, 0.8, 0.9]))
    2
    """
    smooth = median_of_three(np.nan_to_num(val_loss, nan=np.inf))
    learned = median_of_three(np.nan_to_num(train_loss, nan=np.inf))
    if len(smooth) < 3 or not np.isfinite(smooth.min()):
        return None
    # A median of three flattens the bottom of a valley; the epoch is the lowest of that floor.
    floor = smooth <= smooth.min() + SAME_LOSS
    lowest = int(first_of_largest(np.where(floor, -np.nan_to_num(val_loss, nan=np.inf), -np.inf), tolerance=SAME_LOSS))
    after = len(smooth) - 1 - lowest
    if after < 2:
        return None
    later = slice(lowest + 1 + after // 2, None)
    bound = smooth[lowest] + max(LOSS_MARGIN * smooth[lowest], LOSS_FLOOR)
    if not np.all(smooth[later] > bound) or not np.mean(learned[later]) < learned[lowest] - SAME_LOSS:
        return None
    return lowest + 1


def median_of_three(curve: Reals) -> Reals:
    """Running median of span three; the first and the last value stay.

    >>> median_of_three(np.array([3.0, 9.0, 1.0, 2.0])).tolist()
    [3.0, 3.0, 2.0, 2.0]
    """
    smooth: NDArray[np.float64] = np.array(curve, dtype=np.float64)
    if len(smooth) > 2:
        smooth[1:-1] = np.median(np.lib.stride_tricks.sliding_window_view(curve, 3), axis=1)
    return smooth
