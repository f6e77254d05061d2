"""Overfitting: better on the images it learned than on others. It lowers validation and test alike."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.records import Finding
from heldout.records.predictions import Predictions
from heldout.stats.curves import overfit_epoch
from heldout.stats.joint import training_accuracy
from heldout.stats.measured import Measured, never_certain
from heldout.stats.weighted import weighted_mean


class Overfitting(Cause):
    """The network knows its training images by heart and is less good on others.

    How it is detected: Training images are scored again as test images are (no augmentation, no dropout). Points are
    train − validation accuracy, where validation images with a relative in train are left out as in the leakage term;
    the interval is from a bootstrap over the patients of both. The onset is the epoch of the lowest validation loss if
    that loss has risen since by a tenth and stays up while training loss falls on (`heldout.stats.curves`). Suggested
    if the interval excludes 0, established if there is an onset too.

    Why it matters: It lowers accuracy on all new images. But validation images are new to the network as well, so it
    does not explain why test is lower than validation, and its priority among the reasons for that is 0.

    What to do: Stop at the onset, augment more, use weight decay or a smaller part of the network; or get more
    patients.
    """

    code: ClassVar[str] = "overfitting"
    title: ClassVar[str] = "Overfitting"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = "Stop earlier, augment more, or regularise; that does not close the gap to test."

    def judge(self, case: Case) -> Finding:
        """Train minus validation accuracy, and the epoch at which learning turned into learning by heart."""
        train = case.evidence.train
        if train is None or not len(train):
            return self.not_identifiable("the training images, scored again after training")
        points = _points(case, train)
        onset = _onset(case)
        verdict, reason = weigh(points, onset is not None)
        low, high = points.interval()
        sentence = f"Training accuracy lies above validation accuracy by {said(points)}."
        if onset is not None:
            sentence += f" Validation loss has risen since epoch {onset} while training loss fell on."
        sentence += (
            " This does not explain why test is lower than validation: the network has learned neither of the two."
        )
        if verdict == "not identifiable":
            sentence += f" Whether there is overfitting at all is too uncertain; it {reason}."
        elif verdict == "excluded" and high < 0:
            reason = "because training accuracy is not above validation accuracy"
        numbers = {"train_accuracy": float(train.right.mean()), "low": low, "high": high}
        if onset is not None:
            numbers["onset_epoch"] = float(onset)
        return replace(self.finding(verdict, sentence, points, reason=reason, numbers=numbers), priority=0.0)


def _points(case: Case, train: Predictions) -> Measured:
    """Train minus independent validation accuracy."""
    evidence, budget = case.evidence, case.budget
    val = evidence.val
    assert val is not None
    accuracy = budget.draws.measured(100 * weighted_mean(val.right, budget.draws.val), len(val))
    accuracy = never_certain(accuracy, len(np.unique(val.units)))
    if "leakage" in budget.terms:
        accuracy = accuracy - budget.terms["leakage"]
    return training_accuracy(train, evidence.bootstrap, evidence.bootstrap_seed) - accuracy


def _onset(case: Case) -> int | None:
    """The epoch from which on the run only learned by heart; None without one, or without a history."""
    history = case.evidence.history
    if not {"train_loss", "val_loss"} <= set(history.columns) or history.empty:
        return None
    return overfit_epoch(
        history["train_loss"].to_numpy(dtype=np.float64), history["val_loss"].to_numpy(dtype=np.float64)
    )


CAUSE = Overfitting()
