"""Accuracies on training and validation images with intervals that have a width even where all are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.effects import jeffreys
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw, varies
from heldout.stats.estimates import share
from heldout.stats.joint import weighted_mean
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals


def train_accuracy(data: CauseData, train: Predictions) -> Measured:
    """Accuracy on the training images, scored again as test images are, in points; a bootstrap over their patients.

    Where all are right (or all wrong) the bootstrap does not vary, and draws under Jeffreys' prior stand in for it.
    """
    run = data.run
    resamples = draw(train.labels, train.ids, train.patients, replicates=run.bootstrap, seed=(run.bootstrap_seed, 29))
    own = share(train.right, np.ones(len(train), dtype=bool), resamples)
    assert own is not None
    replicates: Reals = 100 * own.replicates
    if not varies(replicates):
        replicates = jeffreys(own.estimate.value, len(np.unique(train.units)), run.bootstrap)
    return Measured(100 * own.estimate.value, replicates, len(train), resamples.method)


def val_accuracy(data: CauseData) -> Measured:
    """Validation accuracy as reported, in points; likewise where all are right."""
    run, draws = data.run, data.gap.draws
    val = run.val
    assert val is not None
    accuracy = draws.measured(100 * weighted_mean(val.right, draws.val), len(val))
    if varies(accuracy.replicates):
        return accuracy
    return replace(accuracy, replicates=jeffreys(accuracy.value / 100, len(np.unique(val.units)), run.bootstrap))
