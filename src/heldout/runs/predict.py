"""A finished run put to use: classes and probabilities for new images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file

from heldout import backbones
from heldout.backbones import Network
from heldout.backbones.neighbours import fitting_head
from heldout.computing import Device
from heldout.data.store import Squaring
from heldout.errors import InputError, Problem
from heldout.images import ImageError, decode
from heldout.records import Recipe
from heldout.records.codec import read_record
from heldout.stats.scores import softmax
from heldout.ties import first_of_largest
from heldout.training import logits_of, machine


def load_network(run: Path) -> tuple[Network, Recipe]:
    """The trained network of a run, on the CPU and in eval mode, with its recipe.

    Raises:
        InputError: The folder is not a finished run.
    """
    if not (run / "run.json").exists():
        raise InputError(
            [Problem(str(run), "no run.json", "a finished run: STUDY/runs/<run id>", "See `heldout compare STUDY`.")]
        )
    recipe = read_record(Recipe, run / "recipe.json")
    info = backbones.resolve(recipe.backbone)
    network = backbones.build(
        info, len(recipe.classes), recipe.image_size, recipe.seed, pretrained=False, channels=recipe.in_channels
    )
    tensors = load_file(run / "model.safetensors")
    fitting_head(network, tensors)
    network.load_state_dict(tensors)
    return network.eval(), recipe


def _square(image: Path, recipe: Recipe) -> NDArray[Any]:
    """(1, s, s, c) of an image file, made as those of the run were.

    Raises:
        ImageError: It cannot be read, or is none that the run's rule has numbers for.
    """
    decoded = decode(image)
    width = None if recipe.input_map is None else recipe.input_map.width
    channels = width or (1 if decoded.pixels.ndim == 2 else 3)
    how = Squaring(recipe.image_size, recipe.fit, recipe.interpolation, channels, recipe.input_map)
    return how.square(decoded, str(image))[None].astype(how.dtype)


def predict(run: str | Path, images: Sequence[str | Path], device: Device = "auto") -> pd.DataFrame:
    """Classes and probabilities of image files, prepared just as the run's own images were.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        images: Image files.
        device: Where to compute.

    Returns:
        One row an image: `image`, `predicted` (class name), and one probability column a class, named `p(<class>)`;
        they sum to 1. They are the network's softmax, not calibrated.

    Raises:
        InputError: The run is not finished, or images cannot be read; all problems at once.
    """
    network, recipe = load_network(Path(run))
    problems: list[Problem] = []
    prepared = []
    for image in images:
        try:
            prepared.append(_square(Path(image), recipe))
        except ImageError as error:
            problems.append(error.problem(str(image)))
    if problems:
        raise InputError(problems, title="Some images cannot be read")
    names = [str(image) for image in images]
    place = machine(device, recipe.precision)
    place.hold(network)
    # Images may be grey and colour side by side: grey ones are given three equal channels, as the network would do.
    widest = max(p.shape[3] for p in prepared)
    colour = np.concatenate([np.broadcast_to(p, (*p.shape[:3], widest)) for p in prepared])
    probabilities = softmax(logits_of(network, colour, place))
    frame = pd.DataFrame({"image": names, "predicted": [recipe.classes[k] for k in first_of_largest(probabilities)]})
    for k, name in enumerate(recipe.classes):
        frame[f"p({name})"] = probabilities[:, k]
    return frame
