"""What an experiment works with: one run of a study, its images and networks, fetched when first asked for."""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout import backbones
from heldout.backbones import Network
from heldout.backbones.one_label import one_label_head
from heldout.data.splits.units import units_of
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.tables import part_pixels, quality_table
from heldout.errors import HeldoutError
from heldout.given.model import GivenModel
from heldout.progress import Reporter, Silent
from heldout.records import Recipe
from heldout.records.table_file import load_table
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.predict import load_network
from heldout.strategies.probe import Probe
from heldout.training import ActivationCache, Machine, Part
from heldout.training.logistic import LinearHead, solve_head
from heldout.training.predict import EVAL_BATCH
from heldout.training.scoring import Scorer

FEATURES_OF = "efficientnet_lite0"
"""Pretrained network whose features stand for images where the model was given: its weights come with the package."""

Pixels = NDArray[Any]
"""uint8; or float16 in 0 … 1, where the files hold more than 8 bits."""
Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Logits = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True)
class InterventionContext:
    """One run, with its images and networks.

    Attributes:
        study: The study.
        run: The run.
        machine: Device and precision.
        reporter: Told of passes.
        seed: Seed of everything that is drawn.
        limit: Images a part that interventions are made on.
        scored: Images a part that an earlier call made them on, which are left out; 0 where there was none.
        retrain: Whether a retraining may take longer than it may unasked.
        model: What answers changed images where the predictions were given; None for a run that was trained here, and
            where nothing does.
        features_of: Pretrained network whose features stand for images where the predictions were given.
    """

    study: StudyFiles
    run: RunFiles
    machine: Machine
    reporter: Reporter = field(default_factory=Silent)
    seed: int = 0
    limit: int = RULES.max_sampled
    retrain: bool = False
    scored: int = 0
    model: GivenModel | None = None
    features_of: str = FEATURES_OF
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def recipe(self) -> Recipe:
        """The run's recipe."""
        return self.run.recipe

    @property
    def given(self) -> bool:
        """Whether the model was given with its predictions, and not trained here."""
        return self.run.record.learning.given

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.run.record.classes)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives, computed once under this name and kept for the run."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def let_go(self) -> None:
        """Map pixels and features anew: what was read of a mapped file counts as memory of the process until then."""
        for key, value in self._kept.items():
            if isinstance(value, np.memmap) and value.filename is not None:
                self._kept[key] = np.load(value.filename, mmap_mode="r")

    # ---- images ----

    def ids(self, part: str) -> tuple[str, ...]:
        """Ids of `train`, `val` or `test`, in the order of the split."""
        return self.study.split.part(part)

    def labels(self, part: str) -> Indices:
        """Class indices, (n,)."""
        if part in self.run.predictions:
            return self.run.predictions[part].labels
        table = self.study.cohort.table.set_index("id")  # training images that a given model's answers to are not known
        names = table["label"].loc[list(self.ids(part))]
        return np.array([self.run.record.classes.index(name) for name in names], dtype=np.int64)

    def logits(self, part: str) -> Logits:
        """The run's own logits, (n, k)."""
        return self.run.predictions[part].logits.astype(np.float32)

    def patients(self, part: str) -> list[str]:
        """Patient of each image, empty where not known."""
        return self.study.patients(part)

    def units(self, parts: Sequence[str]) -> Indices:
        """Number of the unit of each image of these parts, one after another, (n,).

        Images of one patient, and exact copies, are one unit; an image without a patient is one of its own.
        """
        ids = [id_ for part in parts for id_ in self.ids(part)]
        table = self.study.cohort.table.set_index("id").loc[ids].reset_index()
        return units_of(table, self.study.cohort.classes, by_patient=True).of_image

    def pixels(self, part: str) -> Pixels:
        """(n, s, s, c) as the network saw them, mapped from the study's own store.

        Raises:
            HeldoutError: The images are not there any more.
        """
        return self.once(f"pixels {part}", lambda: part_pixels(self.study, part, self.recipe, self.reporter))

    def part(self, part: str) -> Part:
        """Ids, pixels and labels."""
        return Part(self.ids(part), self.pixels(part), self.labels(part))

    def sample(self, part: str, limit: int | None = None) -> Indices:
        """Rows of a part to make interventions on, ascending: at most `limit`, every class in proportion, by seed.

        Of validation and test those that an earlier call had (`scored`) are left out; a larger limit keeps the rows of
        a smaller one. Training images, from which something is estimated, are those of the earlier call.
        """
        labels = self.labels(part)
        if limit is not None:
            return stratified(labels, limit, self.seed)
        if not self.scored or part == "train":
            return stratified(labels, self.scored or self.limit, self.seed)
        rows = stratified(labels, self.limit, self.seed)
        return rows[~np.isin(rows, stratified(labels, self.scored, self.seed))]

    def result(self, name: str) -> pd.DataFrame | None:
        """The table that another intervention left on this run; None without one."""
        file = self._result_file(name)
        return load_table(file) if file.is_file() else None

    def result_key(self, name: str) -> int:
        """A number that is another one where that table is another one; 0 without a table."""
        file = self._result_file(name)
        return zlib.crc32(file.read_bytes()) if file.is_file() else 0

    def _result_file(self, name: str) -> Path:
        return self.run.folder / "experiments" / f"{name}.parquet"

    @cached_property
    def quality(self) -> pd.DataFrame:
        """Properties of every image of the split, index `id`.

        Raises:
            HeldoutError: They cannot be measured.
        """
        table = quality_table(self.study, self.recipe, self.reporter)
        if table is None:
            raise HeldoutError("the images cannot be read any more, so that their quality cannot be measured")
        return table

    # ---- networks ----

    @cached_property
    def network(self) -> Network:
        """The trained network, in eval mode."""
        network, _ = load_network(self.run.network)
        if (question := self.run.question) is not None:
            network.head = one_label_head(network.head, question.label, question.threshold)
        return self.machine.hold(network)

    @cached_property
    def pretrained(self) -> Network:
        """A network whose trunk has the pretrained weights; where training left the trunk alone, the trained one."""
        frozen = self.run.record.frozen
        alone = not self.run.record.members  # else each fold has a network of its own
        if alone and frozen is not None and frozen.verified and set(frozen.prefix_stages) == set(self.network.stages):
            return self.network
        info = backbones.resolve(self.features_of if self.given else self.recipe.backbone)
        network = backbones.build(
            info, self.k, self.recipe.image_size, self.recipe.seed, channels=self.recipe.in_channels
        )
        return self.machine.hold(network).eval()

    def copy_of(self, network: Network) -> Network:
        """A network to be changed freely."""
        return copy.deepcopy(network)

    def score(self, pixels: Pixels, title: str, network: Network | None = None) -> Logits:
        """Logits (n, k) of images by the trained network, the given model, or another network, in eval mode."""
        if not len(pixels):
            return np.empty((0, self.k), dtype=np.float32)
        self.reporter.begin(title, math.ceil(len(pixels) / EVAL_BATCH))
        try:
            if network is None and self.model is not None:
                return self.model.logits(pixels, self.reporter)
            return self.scorer.logits(network or self.network, pixels, self.reporter)
        finally:
            self.reporter.end()

    @cached_property
    def scorer(self) -> Scorer:
        """What scores images: it compiles a network that many are asked of."""
        return Scorer(self.machine)

    # ---- features ----

    @cached_property
    def cache(self) -> ActivationCache:
        """The study's own cache of features: what a run with a fixed trunk left there is used again."""
        recipe = replace(self.recipe, backbone=self.features_of) if self.given else self.recipe
        return ActivationCache.of_study(self.study.folder, recipe, self.machine)

    def features(self, part: str) -> Features:
        """Pooled features (n, d) of the pretrained network, mapped from disk."""
        network = self.pretrained

        def make() -> Features:
            return self.cache.activations(network, len(network.stages), self.part(part), self.machine, self.reporter)

        return self.once(f"features {part}", make)

    def feature_file(self, part: str) -> Path:
        """Where `features(part)` is kept, relative to the study's folder."""
        network = self.pretrained
        return self.cache.file(network, len(network.stages), self.part(part)).relative_to(self.study.folder)

    @property
    def strengths(self) -> tuple[float, ...]:
        """Values of C for a linear probe: those of the run where it is one, else the strategy's own."""
        if self.recipe.strategy == Probe.name:
            given = self.recipe.settings.get("strengths")
            if isinstance(given, tuple):
                return given
        return Probe().strengths

    @cached_property
    def probe(self) -> LinearHead:
        """A linear probe on the pretrained features, C chosen on validation."""
        train, val = (np.asarray(self.features(part), dtype=np.float32) for part in ("train", "val"))
        return solve_head(train, self.labels("train"), val, self.labels("val"), self.k, self.strengths)


def stratified(labels: Indices, limit: int, seed: int) -> Indices:
    """At most `limit` rows, every class in proportion and with one image at least, ascending.

    The rows depend on labels, limit and seed alone. A class is cut at its share of the limit, rounded up, so that the
    sample may exceed the limit by less than the number of classes.

    >>> stratified(np.array([0, 0, 0, 0, 1, 1]), 3, seed=0).tolist() == sorted(stratified(
    ...     np.array([0, 0, 0, 0, 1, 1]), 3, seed=0).tolist())
    True
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    rng = np.random.default_rng((seed, 11))
    order = rng.permutation(len(labels))
    chosen = []
    for k in np.unique(labels):
        rows = order[labels[order] == k]
        chosen.append(rows[: math.ceil(limit * len(rows) / len(labels))])
    return np.sort(np.concatenate(chosen))


__all__ = ["InterventionContext", "stratified"]
