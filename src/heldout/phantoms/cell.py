"""The red cell as a map of thickness, in micrometres, on a fine grid.

Its body lies between Evans and Fung's biconcave disc and a spheroid; spicules stand evenly over its surface (on a
Fibonacci sphere, randomly turned and jittered). Those at the rim push the outline out, those that face the lens or the
slide add to the thickness. The map is scaled so that it holds the cell's volume: crenation moves haemoglobin, it adds
none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heldout.phantoms.physics import EVANS_FUNG

Map = npt.NDArray[np.float32]

SPICULE_WIDTH_UM = 0.30
"""Standard deviation of a spicule's profile; full width at half height 0.7 µm."""

SHRINKAGE = 0.12
"""Relative loss of the body's diameter on the whole way to the spheroid."""

DEEPEST = 0.1
"""Waves dent the outline no further in than to this fraction of its radius: deeper, and one cell in 100,000 is cut
through its middle."""

EDGE_UM = 0.15
"""Over this distance from the outline the spicules on the face fade out, so that they do not stick out of the cell."""

_ANGLES = np.linspace(-np.pi, np.pi, 257, dtype=np.float32)
_WAVES = np.arange(2, 6)  # slow waves of the outline: oval, triangle, square, pentagon
_TURN = np.pi * (3 - 5**0.5)  # golden angle, radians


@dataclass(frozen=True)
class Cell:
    """What determines one cell's map, but for the details that its stream draws; units as in `Latents`."""

    volume_fl: float
    diameter_um: float
    irregularity: float
    elongation: float
    angle_rad: float
    spicules: int
    spicule_um: float
    pallor_lost: float


def thickness_um(cell: Cell, xs: Map, ys: Map, detail: np.random.Generator) -> Map:
    """Thickness of a cell centred at the origin.

    Args:
        cell: Its shape.
        xs: Coordinates of the columns, µm, evenly spaced, (w,).
        ys: Coordinates of the rows, µm, evenly spaced, (h,).
        detail: Stream of its waves and spicules; a fixed number of draws is taken from it.

    Returns:
        (h, w) float32, µm. Over a grid that covers the cell its integral is the cell's volume (1 µm³ = 1 fl); a grid
        that covers only a part shows that part of the same cell.
    """
    phases = detail.uniform(-np.pi, np.pi, _WAVES.size)
    weights = detail.standard_normal(_WAVES.size)
    polar, longitude, heights = _spicules(cell, detail)
    radius = cell.diameter_um / 2 * (1 - SHRINKAGE * cell.pallor_lost)
    waves = (weights[:, None] * np.cos(_WAVES[:, None] * _ANGLES + phases[:, None])).sum(axis=0)
    outline = radius * np.maximum(1 + cell.irregularity * waves, DEEPEST)
    edge = outline + _rim(polar, longitude, heights, radius)  # (257,)
    body_volume = _body_volume(edge, radius, cell.pallor_lost)
    facing = heights * np.abs(polar)
    bumps_volume = float(facing.sum()) * 2 * np.pi * SPICULE_WIDTH_UM**2
    scale = cell.volume_fl / (body_volume + bumps_volume)

    stretch = cell.elongation**0.5
    cos, sin = np.float32(np.cos(cell.angle_rad)), np.float32(np.sin(cell.angle_rad))
    along = (xs[None, :] * cos + ys[:, None] * sin) / np.float32(stretch)
    across = (ys[:, None] * cos - xs[None, :] * sin) * np.float32(stretch)
    distance = np.sqrt(along**2 + across**2)
    limit = np.interp(np.arctan2(across, along), _ANGLES, edge).astype(np.float32)
    body = _body(np.minimum(distance / limit, np.float32(1)), cell.pallor_lost, radius)
    place = radius * np.sqrt(1 - polar**2)
    bumps = _bumps(place * np.cos(longitude), place * np.sin(longitude), facing, cell, xs, ys)
    bumps *= np.clip((limit - distance) / np.float32(EDGE_UM), 0, 1)
    return np.float32(scale) * (body + bumps)


def _spicules(cell: Cell, detail: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """cos(polar angle), longitude and height (µm) of each spicule, (k,) each."""
    drawn = 64  # so that the stream goes on alike whatever the number of spicules
    turn = detail.uniform(0, 2 * np.pi)
    jitter = detail.standard_normal((3, drawn))[:, : cell.spicules]
    k = np.arange(cell.spicules)
    polar = np.clip(1 - (2 * k + 1 + 0.5 * jitter[0]) / cell.spicules, -1, 1)
    longitude = (k * _TURN + turn + 0.15 * jitter[1] + np.pi) % (2 * np.pi) - np.pi
    return polar, longitude, cell.spicule_um * np.exp(0.25 * jitter[2])


def _rim(polar: np.ndarray, longitude: np.ndarray, heights: np.ndarray, radius: float) -> np.ndarray:
    """How far the spicules near the equator push the outline out, µm, at each of `_ANGLES`."""
    reach = heights * np.exp(-0.5 * (polar / 0.35) ** 2)
    apart = (_ANGLES - longitude[:, None] + np.pi) % (2 * np.pi) - np.pi  # (k, 257)
    pushed: np.ndarray = (reach[:, None] * np.exp(-0.5 * (apart * radius / SPICULE_WIDTH_UM) ** 2)).sum(axis=0)
    return pushed


def _body(rho: Map, pallor_lost: float, radius: float) -> Map:
    """Thickness of the smooth body, µm, at relative radius rho in [0, 1]; both shapes hold the same volume."""
    c0, c1, c2 = EVANS_FUNG
    squared = rho * rho
    disc = np.float32(c0) + squared * (np.float32(c1) + squared * np.float32(c2))
    spheroid = np.float32(3 * _disc_volume())  # ∫ 2πρ·√(1−ρ²) dρ = 2π/3
    mixed = np.float32(1 - pallor_lost) * disc + np.float32(pallor_lost) * spheroid
    body: Map = np.sqrt(1 - squared) * mixed
    return body


def _disc_volume() -> float:
    """∫₀¹ ρ·D(ρ) dρ of Evans and Fung's disc, µm: the volume of a disc of radius R is 2πR² times this."""
    c0, c1, c2 = EVANS_FUNG
    return (c0 * 2 / 3 + c1 * 4 / 15 + c2 * 16 / 105) / 2


def _body_volume(edge: np.ndarray, radius: float, pallor_lost: float) -> float:
    """Volume of the body before scaling, fl: each narrow sector is a sector of a disc of radius `edge`."""
    mean_square = float(np.mean(np.square(edge[:-1], dtype=np.float64)))
    return 2 * np.pi * mean_square * _disc_volume()


def _bumps(x: np.ndarray, y: np.ndarray, heights: np.ndarray, cell: Cell, xs: Map, ys: Map) -> Map:
    """Sum of round Gaussian bumps, µm, (h, w): a product of two narrow matrices, since they are separable."""
    stretch, cos, sin = cell.elongation**0.5, np.cos(cell.angle_rad), np.sin(cell.angle_rad)
    along, across = x * stretch, y / stretch
    px, py = along * cos - across * sin, along * sin + across * cos
    width = np.float32(SPICULE_WIDTH_UM)
    px, py, tall = (values[:, None].astype(np.float32) for values in (px, py, heights))
    columns = np.exp(-0.5 * ((xs[None, :] - px) / width) ** 2)  # (k, w)
    rows = tall * np.exp(-0.5 * ((ys[None, :] - py) / width) ** 2)  # (k, h)
    # einsum without BLAS: its loops add in one order, whatever the number of threads.
    product: Map = np.einsum("kh,kw->hw", rows, columns, optimize=False)
    return product
