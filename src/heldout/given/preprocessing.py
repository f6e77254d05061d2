"""How an image becomes what a given network takes: a small JSON file, every field with a meaning and a default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heldout.errors import InputError, Problem
from heldout.given.answers import Answers
from heldout.records.codec import from_data, read_data
from heldout.records.recipe import Fit

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before a network sees it, in this order; and what comes out.

    Attributes:
        size: Side in pixels of the square that the image is resized to (Pillow, antialiased).
        output: What the network answers, `probabilities` or `logits`.
        fit: How an image that is not square becomes square: `stretch`, `crop` (shorter side scaled, middle kept) or
            `pad`.
        crop: Side of the middle that is cut out of that square; 0 for none. Resize(256) and CenterCrop(224) are size
            256, fit `crop`, crop 224.
        interpolation: `bilinear` or `bicubic`.
        channels: `rgb`, `bgr` or `grey` (one channel).
        layout: `nchw` or `nhwc`.
        scale: What pixel values 0 … 255 are divided by: 255 gives 0 … 1, 1 leaves them.
        mean: Then subtracted, a channel; one number stands for all.
        std: Then divided by, likewise.
        classes: Class of each output, in order; empty for the order of the study's classes (alphabet, or number).
        format: Version of this record.
    """

    size: int
    output: Answers
    fit: Fit = "stretch"
    crop: int = 0
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    classes: tuple[str, ...] = ()
    format: int = 1

    def prepared(self, pixels: Pixels) -> NDArray[np.float32]:
        """Images (n, s, s, 3) uint8, RGB, as the network takes them: float32 in its layout."""
        x = pixels.astype(np.float32)
        if self.channels == "bgr":
            x = x[..., ::-1]
        elif self.channels == "grey":
            x = (x @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]  # ITU-R 601, as Pillow's "L"
            x = np.rint(x)
        mean, std = (np.asarray(values, dtype=np.float32) for values in (self.mean, self.std))
        x = (x / np.float32(self.scale) - mean) / std
        if self.layout == "nchw":
            x = x.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(x, dtype=np.float32)


def read_preprocessing(path: Path) -> Preprocessing:
    """Read the file.

    Raises:
        InputError: It is no JSON, has unknown fields or values, or they contradict each other; all problems at once.
    """
    data = read_data(Preprocessing, path)
    known = [field.name for field in fields(Preprocessing)]
    unknown = [name for name in data if name not in known] if isinstance(data, dict) else []
    problems = [
        Problem(path.name, f"the field '{name}'", f"fields among {', '.join(known)}", "Correct its name.")
        for name in unknown
    ]
    try:
        found = from_data(Preprocessing, data, path.name)
    except InputError as error:
        raise InputError([*problems, *error.problems], title="The preprocessing cannot be used") from error
    channels = 1 if found.channels == "grey" else 3
    problems += [
        Problem(f"{path.name}: {name}", f"{len(values)} values", f"1 or {channels}, one a channel", "Correct it.")
        for name, values in (("mean", found.mean), ("std", found.std))
        if len(values) not in (1, channels)
    ]
    for name, wrong, expected in (
        ("size", found.size < 1, "a side of at least 1 pixel"),
        ("crop", not 0 <= found.crop <= found.size, f"0, or a side of at most size = {found.size}"),
        ("scale", found.scale <= 0, "a number above 0: 255 or 1"),
        ("std", any(value <= 0 for value in found.std), "numbers above 0"),
    ):
        if wrong:
            problems.append(Problem(f"{path.name}: {name}", str(getattr(found, name)), expected, "Correct it."))
    if problems:
        raise InputError(problems, title="The preprocessing cannot be used")
    return found
