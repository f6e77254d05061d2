"""One run with everything that a cause may be judged from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.absence import NOT_RUN, SWITCHED_OFF, Absence, could_not_run
from heldout.diagnosis.variants import VariantLogits
from heldout.records.estimate import Estimate
from heldout.records.metric import Metric, Unit
from heldout.records.predictions import Predictions
from heldout.records.recipe import Setting
from heldout.records.run import Choice, Learning
from heldout.stats.bootstrap import REPLICATES
from heldout.stats.estimates import metric_estimate
from heldout.stats.joint import JointBootstrap, draw_training
from heldout.stats.metric import ClassWeights
from heldout.stats.units import Units

FINE_TUNED = Learning(backbone_trained=True, uses_seed=True)
"""What is taken of a run that does not say: everything was trained, the last epoch kept, nothing chosen."""


@dataclass(frozen=True)
class RunData:
    """Arrays and tables of one run; made by `read_run_data` from a study's folder, or by hand.

    Attributes:
        run: Id of the run.
        model: Full name of its backbone.
        strategy: Name of its strategy.
        seed: Its seed.
        classes: Class names in the order of their indices.
        train: Training images, re-scored in eval mode; None where not known.
        train_patients: Patient of each image that a given model was trained on, where its answers to them are not
            known; None where the images are not known either.
        train_labels: Class of each of these images by index; empty where any is not known.
        val: Validation images as reported; None without any.
        test: Test images; None without any.
        learning: What was trained, chosen and kept.
        history: One row an epoch, as in `history.csv`; may be empty.
        val_epochs: (e, n_V) class predicted for each validation image after each epoch; None where not kept.
        choices: What was chosen on validation -> validation logits of everything that it was chosen among, a variant
            each; where these were kept.
        candidates: Answers of everything that a given model was chosen among, on validation, test or both
            (`learning.chosen_on` says by which); None where none were given.
        folds: Of a cross-validated run, what each fold's network answered: to its own fold (`val`) and to test; a
            variant each. None where one network answered.
        pictured: Whether there are images at all; tables of predictions need none.
        quality: Property of every image (`images.quality`), index = id; None where not measured.
        features: Part -> (n, d) features of the pretrained network, in the order of that part's ids.
        scored: Intervention -> its logits.
        absent: Intervention -> why it has no result.
        leaked: Validation id -> why it is not independent of train (shared patient, copy).
        crossing: Test id -> the same for test against train and validation.
        changes: Validation id -> how the copy of it in train was changed, in words; only where a pair was found.
        copies_looked_for: Whether the images were at hand, and searched for copies that were changed.
        grouped: Whether the validation draw kept patients together by construction.
        review: Reviewed test images: columns `id`, `label` (name of the class it truly is), `probability` with which it
            was chosen for review; None where nobody has reviewed.
        places: Id -> file it came from, for messages.
        sites: Id -> site, empty where not known.
        siblings: Other runs on the same split, without siblings of their own.
        differs: Settings that other runs of its model and strategy have otherwise; empty where all are alike.
        notes: Notes of cohort and run.
        bootstrap: Replicates B.
        bootstrap_seed: Their seed.
        metric: What the score is; all points are points of it.
        unit: Who one decision is made on. Where that is the patient, rows of all tables are patients.
        images: The run image by image, where rows are patients (`patients.by_patient`); None where rows are images.
    """

    run: str
    model: str
    strategy: str
    seed: int
    classes: tuple[str, ...]
    train: Predictions | None
    val: Predictions | None
    test: Predictions | None
    learning: Learning = FINE_TUNED
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    val_epochs: NDArray[np.int64] | None = None
    choices: Mapping[Choice, VariantLogits] = field(default_factory=dict)
    train_patients: tuple[str, ...] | None = None
    train_labels: tuple[int, ...] = ()
    candidates: VariantLogits | None = None
    folds: VariantLogits | None = None
    pictured: bool = True
    quality: pd.DataFrame | None = None
    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    scored: Mapping[str, VariantLogits] = field(default_factory=dict)
    absent: Mapping[str, Absence] = field(default_factory=dict)
    leaked: Mapping[str, str] = field(default_factory=dict)
    crossing: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)
    copies_looked_for: bool = False
    grouped: bool = False
    review: pd.DataFrame | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    siblings: tuple[RunData, ...] = ()
    differs: Mapping[str, Setting] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    bootstrap: int = REPLICATES
    bootstrap_seed: int = 0
    metric: Metric = field(default_factory=Metric)
    unit: Unit = field(default_factory=Unit)
    images: RunData | None = None

    def same_recipe(self, other: RunData) -> bool:
        """Whether another run of the study differs in its seed alone."""
        return (self.model, self.strategy, self.differs) == (other.model, other.strategy, other.differs)

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def part(self, name: str) -> Predictions | None:
        """`train`, `val` or `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    @property
    def train_counts(self) -> NDArray[np.int64] | None:
        """Training images of each class, (k,); None where their classes are not known.

        They need no answers. Where rows are patients these are numbers of patients.
        """
        if self.train is not None:
            return np.bincount(self.train.labels, minlength=self.k)
        labels = self.train_labels
        if self.images is not None and self.train_patients is not None and labels:
            units = enumerate(zip(labels, self.train_patients, strict=True))
            labels = tuple(k for k, _, _ in {(k, patient, "" if patient else row) for row, (k, patient) in units})
        return np.bincount(labels, minlength=self.k) if labels else None

    @property
    def reviewed(self) -> int:
        """Number of test images that were reviewed."""
        return 0 if self.review is None else len(self.review)

    @property
    def trained_on(self) -> tuple[str, ...] | None:
        """Patient of each training image, empty where not known; None where nobody told which images they are."""
        return self.train_patients if self.train is None else self.train.patients

    @property
    def finds_changed_copies(self) -> bool:
        """Whether a copy of a training image would be found in validation though it was flipped, turned or cropped.

        It is where pictures were compared (`copies_looked_for`). Without them (a table of predictions) a copy carries
        the patient of its original as a rule, so that it is found where every image of train and validation names its
        patient. A name that no two images share may be the image's own, and finds nothing.
        """
        if self.copies_looked_for:
            return True
        if self.images is not None:
            return self.images.finds_changed_copies
        learned = self.trained_on
        if learned is None or self.val is None:
            return False
        patients = [*learned, *self.val.patients]
        return all(patients) and len(set(patients)) < len(patients)

    @property
    def patients_named(self) -> bool:
        """Whether a patient in train and validation would be seen: every image of both names its patient."""
        if self.images is not None:
            return self.images.patients_named
        return all(self.trained_on or ()) and self.val is not None and all(self.val.patients)

    @property
    def drawn(self) -> str:
        """Who is drawn as a whole, in words: `patients`, or `images` where validation or test names none."""
        known = all(side is not None and any(side.patients) for side in (self.val, self.test))
        return "patients" if known or self.unit.name == "patient" else "images"

    @cached_property
    def draws(self) -> JointBootstrap:
        """The joint bootstrap of validation and test; both must be there."""
        assert self.val is not None and self.test is not None
        return JointBootstrap.of(self.val, self.test, self.bootstrap, self.bootstrap_seed, self.weights)

    @cached_property
    def weights(self) -> ClassWeights:
        """What each class's recall counts by the metric."""
        return ClassWeights.of(self.metric, self.classes)

    def score(self, name: str) -> Estimate | None:
        """A part's score by the metric, with its interval; None without images."""
        side = self.part(name)
        if side is None or not len(side):
            return None
        units = Units.of(side.labels, side.ids, side.patients)
        both = name != "train" and self.val is not None and self.test is not None and len(self.val) and len(self.test)
        drawn = self.draws.resamples(name) if both else draw_training(side, self.bootstrap, self.bootstrap_seed)
        return metric_estimate(side, units, drawn, self.weights)

    def why_absent(self, intervention: str) -> Absence:
        """Why an intervention has no result: its own reason, or that it, or all of them, were not run."""
        if intervention in self.absent:
            return self.absent[intervention]
        could_not = could_not_run(intervention, self.pictured) if self.learning.given else None
        return could_not or (NOT_RUN if self.scored or self.absent else SWITCHED_OFF)

    def quality_of(self, part: str) -> pd.DataFrame | None:
        """Properties of a part's images in the order of its ids."""
        images = self.part(part)
        if self.quality is None or images is None:
            return None
        return self.quality.reindex(list(images.ids))
