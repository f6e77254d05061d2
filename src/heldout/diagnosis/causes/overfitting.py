"""Overfitting: better on the images it learned than on others. It lowers validation and test alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import SCORE, said
from heldout.records import ReasonKind
from heldout.stats.curves import overfit_epoch
from heldout.stats.joint import training_accuracy
from heldout.stats.measured import Measured, never_certain
from heldout.stats.weighted import weighted_mean


@dataclass(frozen=True)
class Excess:
    """How much better the network is on the images it learned.

    Attributes:
        points: Training minus validation accuracy.
        train_accuracy: A fraction.
        onset: Epoch, from 1 on, since which it only learned by heart; None without one.
    """

    points: Measured
    train_accuracy: float
    onset: int | None


class Overfitting(Cause[Excess]):
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

    def measure(self, data: CauseData) -> Excess | Missing:
        """Train minus independent validation accuracy, and the onset."""
        train = data.run.train
        if data.run.folds is not None:
            text = "every image was learned by some of the folds' networks and stands out of fold for the others"
            return Missing(ReasonKind.DOES_NOT_APPLY, f"{text}; a run without --folds can tell")
        if train is None or not len(train):
            return Missing(ReasonKind.PARTS_MISSING, "the training images, scored again after training")
        learned = training_accuracy(train, data.run.bootstrap, data.run.bootstrap_seed, data.run.weights)
        once = data.run.weights.weigh(train.labels, np.ones((1, len(train)), dtype=np.float32))
        score = float(weighted_mean(train.right, once)[0])
        return Excess(learned - _independent(data), score, _onset(data))

    def decide(self, measured: Excess, rules: Rules) -> Decision:
        """Established with an onset. Its priority is 0: the network has learned neither validation nor test."""
        decision = weigh(measured.points, measured.onset is not None, rules)
        return replace(decision, priority=0.0)

    def tell(self, measured: Excess, decision: Decision, rules: Rules) -> Told:
        """By how much, since when, and that it is no reason for the gap."""
        points, onset = measured.points, measured.onset
        sentence = f"Training {SCORE} lies above validation {SCORE} by {said(points)}."
        if onset is not None:
            sentence += f" Validation loss has risen since epoch {onset} while training loss fell on."
        sentence += (
            " This does not explain why test is lower than validation: the network has learned neither of the two."
        )
        numbers = {"train_accuracy": measured.train_accuracy, "low": points.low, "high": points.high}
        if onset is not None:
            numbers["onset_epoch"] = float(onset)
        lower = decision.kind is ReasonKind.RAISES_TEST
        reason = f"training {SCORE} is not above validation {SCORE}" if lower else ""
        return Told(sentence, decision.verdict == "not identifiable", reason, points, numbers=numbers)


def _independent(data: CauseData) -> Measured:
    """Accuracy on validation images that are independent of train, points."""
    val, draws = data.run.val, data.gap.draws
    assert val is not None
    reported = draws.measured(100 * weighted_mean(val.right, draws.val), len(val))
    reported = never_certain(reported, len(np.unique(val.units)))
    return reported - data.gap.terms["leakage"] if "leakage" in data.gap.terms else reported


def _onset(data: CauseData) -> int | None:
    """The epoch from which on the run only learned by heart; None without one, or without a history."""
    history = data.run.history
    if not {"train_loss", "val_loss"} <= set(history.columns) or history.empty:
        return None
    return overfit_epoch(
        history["train_loss"].to_numpy(dtype=np.float64), history["val_loss"].to_numpy(dtype=np.float64)
    )


CAUSE = Overfitting()
