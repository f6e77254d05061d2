"""A finished run put to use: classes and probabilities for new images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.special import expit

from heldout import backbones
from heldout.backbones import Network
from heldout.backbones.label_neighbours import fitting_head
from heldout.computing import Device
from heldout.data.readers.files import files_named
from heldout.data.squaring import Fitting, square_alone
from heldout.errors import InputError, Problem
from heldout.files import sha256_of
from heldout.images import Decoded, ImageError, decode
from heldout.images.prepare import check_depth
from heldout.progress import Reporter, Silent
from heldout.records import Recipe
from heldout.records.calibration import Unlike
from heldout.records.codec import read_record
from heldout.records.labelling import SINGLE, LabellingName
from heldout.records.labelling.several import joined
from heldout.runs.calibrated import read_calibrated
from heldout.runs.candidates import candidates_now
from heldout.runs.earlier import read_run_record
from heldout.stats.mean_answers import mean_logits
from heldout.stats.scores import softmax
from heldout.structured_reports import Algorithm
from heldout.ties import first_of_largest
from heldout.training import logits_of, machine
from heldout.training.predict import EVAL_BATCH

SILENT = Silent()


class UnlikeWarning(UserWarning):
    """A batch looks unlike the images that a run was calibrated on."""


class OutdatedWarning(UserWarning):
    """Networks may have been compared since a run was calibrated that its promises do not count."""


OUTDATED = (
    "Networks were trained since the run was calibrated: if it was chosen among them, its answers hold no promise. "
    "Call heldout.calibrate again."
)

UNLIKE = "These images look unlike those that the run was calibrated on: its probabilities and answers hold no promise."


def load_networks(run: Path) -> tuple[tuple[Network, Recipe], ...]:
    """The trained network of a run, or of each of its folds, whose mean answers, as `load_network` gives it.

    Raises:
        InputError: The folder is not a finished run, or the study of a fold is not there.
    """
    _check_finished(run)
    members = [Path(os.path.normpath(run / member)) for member in read_run_record(run).members]
    problems = [
        Problem(str(member), "no run.json", "the run of a fold", "Keep the folder `folds` with the study.")
        for member in members
        if not (member / "run.json").exists()
    ]
    if problems:
        raise InputError(problems, title=f"The networks of {run.name} are not there")
    return tuple(load_network(member) for member in members or [run])


def _check_finished(run: Path) -> None:
    if not (run / "run.json").exists():
        raise InputError(
            [Problem(str(run), "no run.json", "a finished run: STUDY/runs/<run id>", "See `heldout compare STUDY`.")]
        )


def load_network(run: Path) -> tuple[Network, Recipe]:
    """The trained network of a run, on the CPU and in eval mode, with its recipe.

    Raises:
        InputError: The folder is not a finished run, or was cross-validated, so that each fold has a network.
    """
    _check_finished(run)
    if members := read_run_record(run).members:
        found = f"a cross-validated run of {len(members)} networks"
        raise InputError([Problem(str(run), found, "a run of one network", f"Name one of them: {run / members[0]}")])
    recipe = read_record(Recipe, run / "recipe.json")
    info = backbones.resolve(recipe.backbone)
    network = backbones.build(
        info, len(recipe.classes), recipe.image_size, recipe.seed, pretrained=False, channels=recipe.in_channels
    )
    tensors = load_file(run / "model.safetensors")
    fitting_head(network, tensors)
    network.load_state_dict(tensors)
    return network.eval(), recipe


@dataclass(frozen=True)
class Scored:
    """Some images that were classified.

    Attributes:
        images: (n,) their files, as they were named.
        predicted: (n,) class of each; of several labels all above their thresholds, with | between and empty for none.
        probabilities: (n, k) in the order of the run's classes; rows sum to 1. Of several labels each has its own.
        answers: (n,) where it was asked when to answer (`heldout calibrate --abstain`): the class of each image, none
            where it is not answered, or a set of several; empty otherwise.
    """

    images: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: NDArray[np.float64]
    answers: tuple[tuple[str, ...], ...] = ()


class Classifier:
    """A finished run that classifies files, however many: no more than a batch of them is held at a time.

    A cross-validated run answers with the mean of the probabilities of its folds' networks.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        device: Where to compute.
        calibrated: Whether the run's calibration is applied, where it has one.

    Attributes:
        classes: The run's classes.
        calibration: What is applied; None without `heldout calibrate`.

    Raises:
        InputError: The run is not finished, or its calibration is damaged.
    """

    def __init__(self, run: str | Path, device: Device = "auto", calibrated: bool = True) -> None:
        self.calibration = read_calibrated(Path(run)) if calibrated else None
        self._folder, self._seen = Path(run).resolve(), list[NDArray[np.float64]]()
        self._members = load_networks(Path(run))
        self._recipe = self._members[0][1]
        self._place = machine(device, self._recipe.precision)
        for network, _ in self._members:
            self._place.hold(network)
        self._ways = {recipe.squares: recipe for _, recipe in self._members}
        self._thresholds = read_run_record(Path(run)).thresholds
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
            squares: list[dict[str, NDArray[Any]]] = []
            for file in files[start : start + EVAL_BATCH]:
                try:
                    squares.append({way: _square(file, recipe) for way, recipe in self._ways.items()})
                    names.append(str(file))
                except ImageError as error:
                    yield error.problem(str(file))
                reporter.step()
            if names:
                yield self._scored(names, squares)
        reporter.end()

    def _scored(self, names: list[str], squares: list[dict[str, NDArray[Any]]]) -> Scored:
        pixels = {way: _together([square[way] for square in squares]) for way in self._ways}
        each = [logits_of(network, pixels[recipe.squares], self._place) for network, recipe in self._members]
        one_class = self._recipe.labels == SINGLE.name
        logits = (each[0] if len(each) == 1 else mean_logits(np.stack(each), one_class)).astype(np.float64)
        if self.calibration is None:
            predicted, probabilities = TOLD[self._recipe.labels](logits, self.classes, self._thresholds)
            return Scored(tuple(names), tuple(predicted), probabilities)
        self._seen.append(self.calibration.numbers(logits, pixels[self._recipe.squares]))
        probabilities = self.calibration.probabilities(logits)
        predicted = [self.classes[k] for k in first_of_largest(probabilities)]
        answers = tuple(self.calibration.answers(probabilities)) if self.calibration.answering else ()
        return Scored(tuple(names), tuple(predicted), probabilities, answers)

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities are calibrated."""
        return self.calibration is not None

    @cached_property
    def candidates(self) -> int | None:
        """Networks that may have been compared by now on the images that tested the promises.

        None where nothing is promised, or the run stands in no study that can be read.
        """
        if self.calibration is None or not self.calibration.answering:
            return None
        return candidates_now(self._folder, self.calibration.record)

    @property
    def outdated(self) -> bool:
        """Whether these are more than the promises count."""
        known = self.calibration
        return known is not None and self.candidates is not None and self.candidates > known.record.candidates

    @property
    def labels(self) -> LabellingName:
        """Whether an image is of one class or has several labels."""
        return self._recipe.labels

    @property
    def algorithm(self) -> Algorithm:
        """What answers, for reports."""
        made_by = sha256_of(self._folder / "run.json")
        return Algorithm(self._folder.name, self._recipe.backbone, self.classes, made_by, self.calibrated)

    def likeness(self) -> Unlike | None:
        """Whether all images classified so far look like those that the run was calibrated on.

        Returns:
            None without a calibration, and of fewer than 20 images.
        """
        if self.calibration is None or not self._seen:
            return None
        return self.calibration.likeness(np.concatenate(self._seen))


def _together(squares: list[NDArray[Any]]) -> NDArray[Any]:
    """(n, s, s, c): of grey and colour images, grey ones get three equal channels, as the network would do."""
    widest = max(square.shape[3] for square in squares)
    return np.concatenate([np.broadcast_to(square, (*square.shape[:3], widest)) for square in squares])


def _square(image: Path, recipe: Recipe) -> NDArray[Any]:
    """(1, s, s, c) of an image file, made as those of the run were.

    Raises:
        ImageError: It cannot be read, has another depth than the training images, or is none that the run's rule has
            numbers for.
    """
    decoded = decode(image)
    check_depth(decoded, recipe.input_map, str(image))
    return square_of(decoded, recipe, str(image))


def square_of(decoded: Decoded, recipe: Recipe, where: str) -> NDArray[Any]:
    """(1, s, s, c) of an image, made as those of the run were.

    Args:
        decoded: The image.
        recipe: The run's.
        where: How to name the image.

    Raises:
        ImageError: The run's rule has no numbers for it.
    """
    return square_alone(decoded, Fitting(recipe.image_size, recipe.fit, recipe.interpolation, recipe.input_map), where)


def predict(run: str | Path, images: Sequence[str | Path], device: Device = "auto") -> pd.DataFrame:
    """Classes and probabilities of image files, prepared just as the run's own images were.

    Of a run that was calibrated (`heldout calibrate`) the probabilities are the calibrated ones, and where it was asked
    when to answer there is a column `answer`: a class, several with | between, or empty where it does not answer. A
    batch that looks unlike the images it was calibrated on raises an `UnlikeWarning`: nothing is promised of it. An
    `OutdatedWarning` says that networks were trained in its study since, which the promises do not count.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        images: Image files, folders of them, patterns.
        device: Where to compute.

    Returns:
        One row an image: `image`, `predicted` (class name), and one probability column a class, named `p(<class>)`;
        they sum to 1. Without a calibration they are the network's softmax. Of several labels `predicted` holds all
        whose logit lies above the run's threshold, with | between, and the probabilities are sigmoids.

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
    if classifier.calibration is not None and classifier.calibration.answering:
        columns["answer"] = [joined(answer) for one in scored for answer in one.answers]
    if classifier.outdated:
        warnings.warn(OUTDATED, OutdatedWarning, stacklevel=2)
    found_unlike = classifier.likeness()
    if found_unlike is not None and found_unlike.unlike:
        warnings.warn(UNLIKE, UnlikeWarning, stacklevel=2)
    together = np.concatenate([one.probabilities for one in scored] or [np.empty((0, len(classifier.classes)))])
    return pd.DataFrame(columns | {column_of(name): together[:, k] for k, name in enumerate(classifier.classes)})


def column_of(name: str) -> str:
    """The column that holds the probability of a class."""
    return f"p({name})"


def _class(
    logits: NDArray[np.float64], classes: Sequence[str], thresholds: Sequence[float]
) -> tuple[list[str], NDArray[np.float64]]:
    """The class with the largest logit, and the softmax."""
    probabilities = softmax(logits)
    return [classes[k] for k in first_of_largest(probabilities)], probabilities


def _labels(
    logits: NDArray[np.float64], classes: Sequence[str], thresholds: Sequence[float]
) -> tuple[list[str], NDArray[np.float64]]:
    """All labels above their thresholds, with | between and empty for none, and the sigmoid."""
    above = logits > np.asarray(thresholds)
    return [joined([name for name, has in zip(classes, row, strict=True) if has]) for row in above], expit(logits)


TOLD = {"single": _class, "several": _labels}
"""By the labelling."""
