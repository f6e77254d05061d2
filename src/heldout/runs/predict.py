"""A finished run put to use: classes and probabilities for new images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file

from heldout import backbones
from heldout.backbones import Network
from heldout.backbones.neighbours import fitting_head
from heldout.data.readers.files import files_named
from heldout.data.store import store_of_arrays
from heldout.errors import InputError, Problem
from heldout.images import ImageError, read_pixels
from heldout.progress import Reporter, Silent
from heldout.records import Recipe
from heldout.records.codec import read_record
from heldout.stats.scores import softmax
from heldout.ties import first_of_largest
from heldout.training import logits_of, machine
from heldout.training.device import Device
from heldout.training.predict import EVAL_BATCH

SILENT = Silent()


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
    network = backbones.build(info, len(recipe.classes), recipe.image_size, recipe.seed, pretrained=False)
    tensors = load_file(run / "model.safetensors")
    fitting_head(network, tensors)
    network.load_state_dict(tensors)
    return network.eval(), recipe


@dataclass(frozen=True)
class Scored:
    """Some images that were classified.

    Attributes:
        images: (n,) their files, as they were named.
        predicted: (n,) class of each.
        probabilities: (n, k) in the order of the run's classes; rows sum to 1.
    """

    images: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: NDArray[np.float64]


class Classifier:
    """A finished run that classifies files, however many: no more than a batch of them is held at a time.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        device: Where to compute.

    Attributes:
        classes: The run's classes.

    Raises:
        InputError: The run is not finished.
    """

    def __init__(self, run: str | Path, device: Device = "auto") -> None:
        self._network, self._recipe = load_network(Path(run))
        self._place = machine(device, self._recipe.precision)
        self._place.hold(self._network)
        self.classes = self._recipe.classes

    def each(self, files: Sequence[Path], reporter: Reporter = SILENT) -> Iterator[Scored | Problem]:
        """Classify files in their order, a batch at a time; those that cannot be read come out as problems.

        Args:
            files: Image files.
            reporter: Is told of every file.
        """
        reporter.begin("Classifying", len(files))
        for start in range(0, len(files), EVAL_BATCH):
            names: list[str] = []
            squares: list[NDArray[Any]] = []
            for file in files[start : start + EVAL_BATCH]:
                try:
                    squares.append(_square(file, self._recipe))
                    names.append(str(file))
                except ImageError as error:
                    yield error.problem(str(file))
                reporter.step()
            if names:
                yield self._scored(names, squares)
        reporter.end()

    def _scored(self, names: list[str], squares: list[NDArray[Any]]) -> Scored:
        # Images may be grey and colour side by side: grey ones are given three equal channels, as the network would do.
        widest = max(square.shape[3] for square in squares)
        pixels = np.concatenate([np.broadcast_to(square, (*square.shape[:3], widest)) for square in squares])
        probabilities = softmax(logits_of(self._network, pixels, self._place))
        predicted = tuple(self.classes[k] for k in first_of_largest(probabilities))
        return Scored(tuple(names), predicted, probabilities)


def _square(image: Path, recipe: Recipe) -> NDArray[Any]:
    """(1, s, s, c) of an image file, made as those of the run were.

    Raises:
        ImageError: It cannot be read.
    """
    pixels = read_pixels(image)[None]
    return store_of_arrays(pixels, [str(image)], recipe.image_size, recipe.fit, recipe.interpolation).pixels


def predict(run: str | Path, images: Sequence[str | Path], device: Device = "auto") -> pd.DataFrame:
    """Classes and probabilities of image files, prepared just as the run's own images were.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        images: Image files, folders of them, patterns.
        device: Where to compute.

    Returns:
        One row an image: `image`, `predicted` (class name), and one probability column a class, named `p(<class>)`;
        they sum to 1. They are the network's softmax, not calibrated.

    Raises:
        InputError: The run is not finished, or images cannot be read; all problems at once.
    """
    classifier, named = Classifier(run, device), files_named(images)
    found = list(classifier.each(named.files))
    problems = [*named.problems, *(one for one in found if isinstance(one, Problem))]
    if problems:
        raise InputError(problems, title="Some images cannot be read")
    scored = [one for one in found if isinstance(one, Scored)]
    columns = {
        "image": [name for one in scored for name in one.images],
        "predicted": [name for one in scored for name in one.predicted],
    }
    together = np.concatenate([one.probabilities for one in scored] or [np.empty((0, len(classifier.classes)))])
    return pd.DataFrame(columns | {column_of(name): together[:, k] for k, name in enumerate(classifier.classes)})


def column_of(name: str) -> str:
    """The column that holds the probability of a class."""
    return f"p({name})"
