"""How a copy was changed, in words."""

from __future__ import annotations

import numpy as np

from heldout.images.copies.small import Floats

SYMMETRY_WORDS = (
    "",
    "turned by 90°",
    "turned by 180°",
    "turned by 270°",
    "mirrored left to right",
    "mirrored and turned by 90°",
    "mirrored top to bottom",
    "mirrored and turned by 270°",
)

TURN = 1.5
ZOOM = 0.02
SHIFT = 0.01
LIGHT = 0.06
"""Changes below these are not named: degrees, share of a side (twice), relative brightness or contrast."""


def describe(symmetry: int, move: Floats, brightness: float, contrast: float) -> str:
    """What was done to one image to make the other: `mirrored left to right, brighter`.

    Args:
        symmetry: One of the eight, as `symmetries` numbers them.
        move: (2, 3), on the image so changed.
        brightness: Mean grey level of the second by that of the first.
        contrast: The same of the standard deviation.
    """
    words = [SYMMETRY_WORDS[symmetry]] if symmetry else []
    degrees = float(np.degrees(np.arctan2(move[0, 1] - move[1, 0], move[0, 0] + move[1, 1])))
    zoom = float(np.sqrt(abs(np.linalg.det(move[:, :2]))))
    shift = float(np.hypot(move[0, 2], move[1, 2]) / 2)
    if abs(degrees) >= TURN:
        words.append(f"turned by {abs(degrees):.0f}°")
    if abs(zoom - 1) >= ZOOM:
        words.append(f"cropped to {100 * min(zoom, 1 / zoom):.0f} %")
    elif shift >= SHIFT:
        words.append(f"shifted by {100 * shift:.0f} %")
    words += _light(brightness, contrast)
    return ", ".join(words) or "saved again"


def _light(brightness: float, contrast: float) -> list[str]:
    if abs(np.log(max(brightness, 1e-3))) >= LIGHT:
        return ["brighter" if brightness > 1 else "darker"]
    if abs(np.log(max(contrast, 1e-3))) >= LIGHT:
        return ["of more contrast" if contrast > 1 else "of less contrast"]
    return []
