"""A run asked where in images it sees a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.errors import UsageError
from heldout.runs.folder import RunFiles
from heldout.saliency.grad_cam import captum, grad_cam, method_of
from heldout.saliency.kept import Asked, LastAsked
from heldout.saliency.maps import ClassMaps, rank_correlation, scaled
from heldout.training.device import threads

THREADS = 2
"""Of torch, at most: a page asks beside other work."""

LAST = LastAsked()


def class_maps(run: str | Path | RunFiles, pixels: NDArray[Any], classes: Sequence[str], seed: int = 0) -> ClassMaps:
    """Grad-CAM of each class for each image, by a run's network and by the same network with random weights.

    On the CPU in float32, whatever the run was trained with. The last networks asked are kept in memory; several
    threads may ask, and wait for each other.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`, or what was read of it. Asked of one of several labels
            (`runs.one_label`), its classes are that question's.
        pixels: (n, s, s, c) squares as the run was trained on: uint8, or floats in 0 … 1.
        classes: (m,) names of the classes to ask about.
        seed: Of the control's weights.

    Returns:
        Equal calls give equal maps.

    Raises:
        HeldoutError: captum is not installed; the text says how to get it.
        InputError: The run is not finished, or was cross-validated and has several networks; name one of them.
        UsageError: Squares of another kind, a class that the run does not know, or a network without a map; then the
            text begins with `no spatial map`.
    """
    captum()
    folder, question = (run.network, run.question) if isinstance(run, RunFiles) else (Path(run), None)
    with LAST.lock, threads(min(THREADS, torch.get_num_threads())):
        asked = LAST.of(folder, question, seed)
        _check(asked, pixels, classes)
        targets = [asked.classes.index(name) for name in classes]
        maps, maxima = scaled(grad_cam(asked.network, asked.place, pixels, targets))
        control, control_maxima = scaled(grad_cam(asked.control, asked.place, pixels, targets))
    similarity = rank_correlation(maps, control)
    layer = asked.place.layer.removeprefix("stages.")
    return ClassMaps(
        classes=tuple(classes),
        layer=layer,
        method=method_of(asked.place),
        maps=maps,
        maxima=maxima,
        control=control,
        control_maxima=control_maxima,
        similarity=similarity,
        seed=seed,
        of_tokens=asked.place.layout == "tokens",
    )


def _check(asked: Asked, pixels: NDArray[Any], classes: Sequence[str]) -> None:
    """See that the squares and classes are the run's.

    Raises:
        UsageError: They are not; says all that is wrong.
    """
    wrong = []
    side, channels = asked.image_size, sorted({1, asked.channels})
    square = pixels.ndim == 4 and pixels.shape[1:3] == (side, side) and pixels.shape[3] in channels
    if not square or not (pixels.dtype == np.uint8 or np.issubdtype(pixels.dtype, np.floating)):
        expected = f"(n, {side}, {side}, {' or '.join(map(str, channels))}), uint8 or floats in 0 … 1"
        wrong.append(f"Found pixels of shape {pixels.shape} and type {pixels.dtype}; expected {expected}.")
    elif pixels.dtype != np.uint8 and pixels.size and not (pixels.min() >= 0 and pixels.max() <= 1):
        wrong.append(f"Found floats in {pixels.min():g} … {pixels.max():g}; expected 0 … 1.")
    unknown = [name for name in classes if name not in asked.classes]
    if unknown or not classes:
        wrong.append(
            f"Found the classes {', '.join(unknown) or '(none)'}; expected some of {', '.join(asked.classes)}."
        )
    if wrong:
        raise UsageError(" ".join(wrong))
