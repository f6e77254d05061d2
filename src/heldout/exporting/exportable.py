"""A finished run with all that its export needs: networks, graph, what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from heldout import backbones
from heldout.backbones import BackboneInfo, Network
from heldout.errors import InputError, Problem, UsageError
from heldout.exporting.graph import Whole, assembled
from heldout.exporting.values import channels_of, keeps_values, window_of
from heldout.files import sha256_of
from heldout.images import Decoded
from heldout.records import Recipe, RunRecord
from heldout.records.export import ExportInput, Scaling
from heldout.records.labelling import SINGLE
from heldout.runs.earlier import read_run_record
from heldout.runs.predict import load_networks, square_of
from heldout.stats.mean_answers import mean_logits
from heldout.stats.scores import softmax
from heldout.training import logits_of, machine
from heldout.training.device import Machine

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Exportable:
    """A run that is to be exported.

    Attributes:
        folder: Of the run.
        record: Its `run.json`.
        members: Its network with its recipe, or that of each fold.
        calibration: What is done to its logits; None for nothing.
    """

    folder: Path
    record: RunRecord
    members: tuple[tuple[Network, Recipe], ...]
    calibration: Scaling | None = None

    @property
    def recipe(self) -> Recipe:
        """Of the run, or of its first fold: they differ in what was learned alone."""
        return self.members[0][1]

    @property
    def one_class(self) -> bool:
        """Whether an image has one class."""
        return self.recipe.labels == SINGLE.name

    @cached_property
    def info(self) -> BackboneInfo:
        """The pretrained weights that the run began with."""
        return backbones.resolve(self.recipe.backbone)

    @property
    def study(self) -> str:
        """Name of the study's folder."""
        return self.folder.resolve().parents[1].name

    @property
    def run_sha256(self) -> str:
        """Of `run.json`, which holds that of every other file."""
        return sha256_of(self.folder / "run.json")

    @cached_property
    def graph(self) -> Whole:
        """From the pixels of a file to probabilities."""
        return assembled(self.members, self.calibration)

    @cached_property
    def input(self) -> ExportInput:
        """What the graph takes."""
        recipe, rule = self.recipe, self.recipe.input_map
        entry: Any = self.members[0][0].stages["input"]
        return ExportInput(
            type="uint8" if keeps_values(rule) else "float32",
            channels=channels_of(rule),
            window=window_of(rule),
            size=recipe.image_size,
            fit=recipe.fit,
            interpolation=recipe.interpolation,
            mean=tuple(map(float, entry.mean.flatten())),
            std=tuple(map(float, entry.std.flatten())),
            values=rule,
        )

    @cached_property
    def _place(self) -> Machine:
        return machine("cpu", "no")

    def probabilities(self, image: Decoded, where: str) -> Reals:
        """(k,) as the run's own networks give them: float32, on the CPU, the image prepared as `heldout predict` does.

        Args:
            image: As its file has it.
            where: How to name it.

        Raises:
            ImageError: The run's rule has no numbers for it.
        """
        each = [logits_of(network, square_of(image, recipe, where), self._place) for network, recipe in self.members]
        found: Reals = self.of_logits(each[0] if len(each) == 1 else mean_logits(np.stack(each), self.one_class))[0]
        return found

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Of several labels the calibrated logit above which each is answered; empty where an image has one class."""
        return tuple(map(float, self._calibrated(np.asarray(self.record.thresholds)))) if self.record.thresholds else ()

    def _calibrated(self, logits: Reals) -> Reals:
        if self.calibration is None:
            return logits
        moved: Reals = logits * np.asarray(self.calibration.scale) + np.asarray(self.calibration.bias)
        return moved

    def of_logits(self, logits: NDArray[Any]) -> Reals:
        """Probabilities (n, k) of the networks' logits (n, k), calibrated where that was asked for."""
        values = self._calibrated(np.asarray(logits, dtype=np.float64))
        found: Reals = softmax(values) if self.one_class else expit(values)
        return found


def exportable(run: Path, calibration: Scaling | None = None) -> Exportable:
    """A finished run, its networks loaded.

    Raises:
        InputError: It is no finished run, or its networks are not there.
        UsageError: A calibration of another number of classes.
    """
    if (run / "run.json").exists() and (record := read_run_record(run)).learning.given:
        found, wanted = "a model that came with its predictions", "a run that was trained here, which has a network"
        raise InputError(
            [Problem(str(run), found, wanted, "Export it where it was trained.")], title="This run cannot be exported"
        )
    members = load_networks(run)
    record = read_run_record(run)
    for name, values in (("scale", calibration.scale), ("bias", calibration.bias)) if calibration is not None else ():
        if len(values) not in (1, len(record.classes)):
            wanted = f"1, or {len(record.classes)}, one a class"
            raise UsageError(f"Found a calibration whose {name} has {len(values)} numbers; expected {wanted}.")
    return Exportable(run, record, members, calibration)
