"""How well the finished network knows the images it was trained on."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._change import jeffreys
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw, varies
from heldout.stats.estimates import share
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals


def train_accuracy(case: Case, train: Predictions) -> Measured:
    """Accuracy on the training images, scored again as test images are, in points; a bootstrap over their patients.

    Where all are right (or all wrong) the bootstrap does not vary, and draws under Jeffreys' prior stand in for it.
    """
    evidence = case.evidence
    seed = (evidence.bootstrap_seed, 29)
    resamples = draw(train.labels, train.ids, train.patients, replicates=evidence.bootstrap, seed=seed)
    own = share(train.right, np.ones(len(train), dtype=bool), resamples)
    assert own is not None
    replicates: Reals = 100 * own.replicates
    if not varies(replicates):
        replicates = jeffreys(own.estimate.value, len(np.unique(train.units)), evidence.bootstrap)
    return Measured(100 * own.estimate.value, replicates, len(train), resamples.method)
