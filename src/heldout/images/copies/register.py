"""One image laid over another: a guess by correlation at every shift, then turn, zoom and shift by least squares.

The guess is the shift at which two images correlate most (by Fourier transforms). From there, Gauss-Newton steps of the
inverse kind (Baker & Matthews 2004) find the similarity transform, which needs the gradients of one image only once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from heldout.images.copies.small import Floats, Integers
from heldout.images.copies.symmetries import HALF_TURN, changed, grid, matrix_of, sampled

LARGEST_SHIFT = 6
"""Pixels of 32 that a copy may be shifted by before it is turned and zoomed."""

RIM = 0.3
"""Share of a side over which images fade out for the guess."""

RIDGE = 1e-3
"""Of the mean curvature, added to each step's."""


@dataclass(frozen=True)
class Guess:
    """Where the first image lies on the second, roughly.

    Attributes:
        symmetry: (m,) symmetry by which the first is changed.
        move: (m, 2, 3) by which it is moved after that.
        correlation: (m,) at this place.
        still: (m,) whether it is not moved at all.
    """

    symmetry: Integers
    move: Floats
    correlation: Floats
    still: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: list[Guess]) -> Guess:
        """All of several."""
        columns = ("symmetry", "move", "correlation", "still")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    def rows(self, some: Integers) -> Guess:
        """Some of them, in this order."""
        return Guess(self.symmetry[some], self.move[some], self.correlation[some], self.still[some])


def guess(first: Floats, second: Floats, symmetry: Integers, ways: Floats) -> Guess:
    """The better of each symmetry and its half turn, and the shift.

    Args:
        first: (m, 32, 32) details of images.
        second: (m, 32, 32) of others.
        symmetry: (m,) symmetry of the first that is to be tried, with and without a half turn.
        ways: (m, 2, 3) by which the first is moved before.
    """
    m, side, _ = first.shape
    values, inside, _ = sampled(first, ways)
    moved = _faded((values * inside).reshape(m, side, side))
    theirs = fft.rfft2(_faded(second))
    half_turn = np.array([HALF_TURN[k] for k in range(8)])
    tried = (symmetry, half_turn[symmetry])
    peaks = [_peak(changed(moved, k), theirs) for k in tried]
    other = peaks[1][0] > peaks[0][0]
    shift = np.where(other[:, None], peaks[1][1], peaks[0][1])
    correlation = np.where(other, peaks[1][0], peaks[0][0]).astype(np.float32)
    chosen = np.where(other, tried[1], tried[0])
    turn = np.stack([matrix_of(k) for k in range(8)])[chosen]
    linear = np.linalg.inv(turn) @ ways[:, :, :2] @ turn
    offset = linear @ (shift / ((side - 1) / 2)).astype(np.float32)[..., None]
    plain = np.abs(ways[:, :, :2] - np.eye(2, dtype=np.float32)).max(axis=(1, 2)) < 1e-6
    still = plain & (shift == 0).all(axis=1)
    return Guess(chosen, np.concatenate([linear, offset], axis=2).astype(np.float32), correlation, still)


def _faded(images: Floats) -> Floats:
    """Faded out towards the border, at length 1."""
    side = images.shape[-1]
    place = (np.arange(side) + 0.5) / side
    line = np.minimum(1, 0.5 - 0.5 * np.cos(2 * np.pi * np.minimum(np.minimum(place, 1 - place), RIM / 2) / RIM))
    faded = images * (line[:, None] * line).astype(np.float32)
    length = np.sqrt((faded**2).sum(axis=(1, 2), keepdims=True))
    result: Floats = faded / np.maximum(length, 1e-3)
    return result


def _peak(images: Floats, theirs: NDArray[np.complex64]) -> tuple[Floats, Integers]:
    """Highest correlation (m,), and the shift (m, 2) from which the first image is to be taken."""
    side, reach = images.shape[-1], LARGEST_SHIFT
    everywhere = fft.irfft2(np.conj(theirs) * fft.rfft2(images), s=(side, side))
    span = np.arange(-reach, reach + 1)
    near = everywhere[:, span[:, None], span].reshape(len(images), len(span) ** 2)
    best = near.argmax(axis=1)
    shift = np.stack([span[best // len(span)], span[best % len(span)]], axis=1)
    return near[np.arange(len(images)), best], shift


@dataclass(frozen=True)
class Laid:
    """Images laid over others.

    Attributes:
        move: (m, 2, 3) by which the first was moved.
        correlation: (m,) where both show something.
        first: (m, s · s) the first, moved; mean 0 where both show something and 0 elsewhere.
        second: (m, s · s) the second, likewise.
        both: (m, s · s) where both show something.
    """

    move: Floats
    correlation: Floats
    first: Floats
    second: Floats
    both: NDArray[np.bool_]


def laid(first: Floats, seen: NDArray[np.bool_], second: Floats, others: NDArray[np.bool_], moves: Floats) -> Laid:
    """The first images moved onto the second.

    Args:
        first: (m, s, s) details.
        seen: (m, s, s) where they show something.
        second: (m, s, s).
        others: (m, s, s).
        moves: (m, 2, 3).
    """
    m, pixels = len(first), second.shape[1] * second.shape[2]
    values, inside, nearest = sampled(first, moves)
    both = inside & others.reshape(m, pixels) & seen.reshape(-1).take(nearest)
    weight = both.astype(np.float32)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1)
    a = (values - (values * weight).sum(axis=1, keepdims=True) / count) * weight
    flat = second.reshape(m, pixels)
    b = (flat - (flat * weight).sum(axis=1, keepdims=True) / count) * weight
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    correlation = (a * b).sum(axis=1) / np.maximum(size, 1e-3)
    return Laid(moves, correlation, a, b, both)


def refined(
    first: Floats, seen: NDArray[np.bool_], second: Floats, others: NDArray[np.bool_], moves: Floats, steps: int
) -> Laid:
    """The same after so many Gauss-Newton steps of turn, zoom and shift."""
    m, side, _ = first.shape
    half = np.float32((side - 1) / 2)
    along_y, along_x = (part.reshape(m, side * side) * half for part in np.gradient(second, axis=(1, 2)))
    y, x, _ = grid(side)
    slopes = np.stack([along_y * y + along_x * x, along_y * x - along_x * y, along_y, along_x], axis=1)  # (m, 4, s · s)
    for _ in range(steps):
        now = laid(first, seen, second, others, moves)
        energy = np.maximum((now.first**2).sum(axis=1, keepdims=True), 1e-6)
        gain = (now.first * now.second).sum(axis=1, keepdims=True) / energy
        masked = slopes * now.both[:, None]
        curvature = masked @ masked.transpose(0, 2, 1)  # (m, 4, 4)
        ridge = RIDGE * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-6
        curvature = curvature + ridge[:, None, None] * np.eye(4, dtype=np.float32)
        error = gain * now.first - now.second
        zoom, turn, dy, dx = np.linalg.solve(curvature, masked @ error[..., None])[..., 0].T
        step = np.tile(np.eye(3, dtype=np.float32), (m, 1, 1))
        step[:, 0, 0] += zoom
        step[:, 1, 1] += zoom
        step[:, 0, 1] += turn
        step[:, 1, 0] -= turn
        step[:, 0, 2], step[:, 1, 2] = dy, dx
        moves = _after(moves, step)
    return laid(first, seen, second, others, moves)


def _after(moves: Floats, step: Floats) -> Floats:
    """The move after an inverse step; one that ran away stays where it was."""
    last = np.tile(np.array([[[0, 0, 1]]], dtype=np.float32), (len(moves), 1, 1))
    fine = np.isfinite(step).all(axis=(1, 2)) & (np.abs(np.linalg.det(step)) > 0.1)
    step[~fine] = np.eye(3)
    result: Floats = (np.concatenate([moves, last], axis=1) @ np.linalg.inv(step))[:, :2].astype(np.float32)
    return result
