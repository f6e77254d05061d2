"""Images that come with a folder, simulated cells, and what the run's own network answers them with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from heldout.exporting.exportable import Exportable
from heldout.files import write_json
from heldout.handing_over.names import SELF_TEST
from heldout.images import decode
from heldout.images.intensity import Window, parse_intensity
from heldout.images.prepare import EIGHT, MORE
from heldout.phantoms import Counts, simulate
from heldout.phantoms.worlds import worlds
from heldout.records.export import ExportInput

IMAGES = 6
"""Of them a third is grey and square, a third grey and wide, a third coloured and tall."""

SIDES = ((96, 96), (150, 90), (70, 110))
"""Width and height in pixels, in turn: what is squared and resized has to be resized alike."""

TINT = (1.0, 0.7, 0.85)
"""By which grey becomes colour: three channels that differ, so that a mistaken order of them shows."""

DEEP = 65535
"""Largest value of 16 bits."""


def why_no_script(wanted: ExportInput, depths: tuple[str, ...]) -> str:
    """Why Pillow alone cannot read what a run takes; empty where it can."""
    if wanted.window:
        return f"each image brings its own two values ({wanted.window}), which stand in no file that Pillow reads"
    if not set(wanted.channels) <= {1, 3}:
        return f"the run takes images of {wanted.channels[0]} channels, which Pillow does not read"
    if not set(depths) <= {EIGHT, MORE}:
        return f"the run takes {' or '.join(depths)}, which Pillow does not read as they are"
    if MORE in depths and 1 not in wanted.channels:
        return "the run takes colour of more than 8 bits, which Pillow cuts to 8"
    return ""


def write_self_test(folder: Path, source: Exportable, depths: tuple[str, ...]) -> int:
    """Write the images and `self_test.json`: name of an image -> probabilities (k,) of the network in float32.

    Args:
        folder: That is handed over.
        source: The run.
        depths: Kinds of depth that it takes.

    Returns:
        How many images.
    """
    counts = Counts(0, 0, IMAGES, 0, 0, 3)
    cells = simulate(worlds.get("cells"), seed=0, counts=counts).images
    place, expected = folder / SELF_TEST, {}
    place.mkdir()
    for number, pixels in enumerate(cells):
        file = place / f"{number}.png"
        _picture(pixels, number, source.input, EIGHT not in depths).save(file)
        expected[file.name] = source.probabilities(decode(file), str(file)).tolist()
    write_json(folder / f"{SELF_TEST}.json", expected)
    return len(expected)


def _picture(pixels: npt.NDArray[np.uint8], number: int, wanted: ExportInput, deep: bool) -> Image.Image:
    """One cell, of one of the sides; 16-bit grey over the range of values that the run learned from."""
    size = SIDES[number % len(SIDES)]
    grey = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    if deep:
        low, high = _ends(wanted)
        spread: npt.NDArray[Any] = low + (high - low) * np.asarray(grey, dtype=np.float64) / 255
        return Image.fromarray(spread.clip(0, DEEP).round().astype(np.uint16))
    if size[0] >= size[1]:
        return grey
    return Image.merge("RGB", [grey.point([round(tint * value) for value in range(256)]) for tint in TINT])


def _ends(wanted: ExportInput) -> tuple[float, float]:
    """The values that become black and white; of a window that a person chose these stand in its name."""
    rule = wanted.values
    policy = parse_intensity(rule.intensity) if rule is not None and rule.intensity else None
    if isinstance(policy, Window):
        return policy.low, policy.high
    return (rule.low[0], rule.high[0]) if rule is not None and rule.low else (0.0, float(DEEP))
