"""BatchNorm's stored means and variances: do they still fit the test images, or even the validation images?"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._absent import without
from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import MARGIN, Cause, said
from heldout.diagnosis.causes._change import LEVEL, Change, change, mechanisms, weigh_changes
from heldout.records import Finding, Remedy
from heldout.stats.joint import training_accuracy
from heldout.stats.measured import Measured, simultaneous

INTERVENTION = "batchnorm"

SHOWN = 24

FORGOTTEN = 5.0
"""Points by which training images may be answered less well after training than during it; ours. The accuracy of an
epoch is a mean over its steps, seen with batch statistics and augmentation, and lies a little off as a rule."""


class BatchNorm(Cause):
    """The network rescales its inner signals by means and variances stored in training; on test they do not fit.

    How it is detected: The stored statistics are blended with those of the test images: (1 − α)·stored + α·test, α of
    ¼, ½ and 1 (Schneider et al. 2020; Nado et al. 2020). No label is learned from, but the batches are put together
    with the class shares of train, which takes the test labels: otherwise other shares would pass for other looks. No
    image is scored with statistics that it went into. Points are what test gains thereby beyond what validation gains
    from the same blend: gain_T − max(0, gain_V). A loss on validation is not counted for the cause, since statistics
    of another set ought to fit validation less well. The best α is reported with an interval widened by Bonferroni's
    rule, and established only if another α gains too. Besides, validation is scored with statistics of its own
    batches (train mode): if that, or one of the blends, is better for validation than the usual evaluation by more
    than 1.5 points (interval and test by Bonferroni's rule), the stored statistics are wrong for images like those of
    training, which is a plain bug (too few updates, a wrong momentum, "frozen" layers that drift). So it is if the
    finished network is right on the training images by more than 5 points less often than it was while it learned
    them: in training each layer rescales by the batch at hand, afterwards by what is stored. A bug lowers validation
    and test alike, and is told where there is no gap too.

    Why it matters: With another scanner or staining the same tissue gives other means; each layer then passes shifted
    signals on, though the filters are right. It costs next to nothing to mend.

    What to do: Re-estimate the BatchNorm statistics on target images, of about the class shares of train, and blend
    them with the stored ones, or keep BatchNorm frozen while fine-tuning. After a plain bug: train again with
    statistics that are updated often enough (larger momentum or batches), or frozen.
    """

    code: ClassVar[str] = "batchnorm"
    title: ClassVar[str] = "BatchNorm statistics"
    level: ClassVar[int] = 1
    """Other statistics are how blur or brightness act: where one of these is established, it is told first."""
    remedy: ClassVar[str] = "Re-estimate the BatchNorm statistics on target images and blend them in."
    experiments: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def judge(self, case: Case) -> Finding:
        """The best blend, held against what it does to validation; then the check for a plain bug."""
        blends = _blends(case)
        bug, bug_words = _bug(case, blends)
        if not blends:
            return self._bug_only(bug, bug_words) if bug_words else without(self, case, INTERVENTION)
        points = {alpha: _points(test, val, len(blends)) for alpha, (test, val) in blends.items()}
        best = max(points, key=lambda alpha: points[alpha].value)
        test, val = blends[best]
        others = [-other.lost.value > 0 for alpha, (other, _) in blends.items() if alpha != best]
        agrees = any(others) if others else None
        verdict, reason = weigh_changes(points[best], [test], agrees, len(blends))
        gain = test.lost * -1.0
        numbers = mechanisms(points[best].value, -test.mended(), len(test.ids))
        numbers |= {"alpha": float(best.removeprefix("alpha=")), "gain_test": gain.value}
        if val is not None:
            numbers["gain_val"] = -val.lost.value
        if bug is not None:
            numbers["train_mode_val_points"] = bug.value
        sentence = f"Replacing {float(best.removeprefix('alpha=')):.0%} of the stored statistics by those of the "
        sentence += f"test images changes test accuracy by {said(gain)}"
        sentence += f" and validation accuracy by {said(val.lost * -1.0)}." if val is not None else "."
        if verdict not in ("established", "suggested"):
            if bug_words:
                return self._bug_only(bug, bug_words, numbers)
            sentence += " The statistics are not why test is lower." if verdict == "excluded" else f" It {reason}."
            return self.finding(verdict, sentence, points[best], reason=reason, numbers=numbers)
        if bug_words:
            sentence += f" {bug_words}"
        return self.finding(verdict, sentence, points[best], images=test.mended_ids[:SHOWN], numbers=numbers)

    def _bug_only(self, bug: Measured | None, words: str, numbers: dict[str, float] | None = None) -> Finding:
        """A fault that lowers validation and test alike: told, but without points of the gap."""
        numbers = dict(numbers or {})
        for name in ("of_threshold", "of_ranking"):
            numbers.pop(name, None)
        if bug is not None:
            numbers["train_mode_val_points"] = bug.value
        return replace(self.finding("suggested", words, numbers=numbers), fault=True)

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """Every blend; the best of them is picked by looking at test."""
        found = []
        for alpha in _alphas(case):
            gain = case.gain(INTERVENTION, alpha, "test")
            if gain is not None:
                name = f"BatchNorm statistics re-estimated on test images ({alpha})"
                found.append(case.remedy(name, gain, self.code))
        return tuple(found)


def _alphas(case: Case) -> list[str]:
    scored = case.evidence.scored.get(INTERVENTION)
    return [] if scored is None else [name for name in scored.variants if name.startswith("alpha=")]


def _blends(case: Case) -> dict[str, tuple[Change, Change | None]]:
    """Blend -> what it did to test, and to validation."""
    found = {}
    for alpha in _alphas(case):
        test = change(case, INTERVENTION, alpha, "test")
        if test is not None and not alpha.endswith("=0"):
            found[alpha] = (test, change(case, INTERVENTION, alpha, "val"))
    return found


def _points(test: Change, val: Change | None, comparisons: int) -> Measured:
    gain = test.lost * -1.0
    if val is None:
        return simultaneous(gain, comparisons)
    shared = Measured(max(0.0, -val.lost.value), np.maximum(0.0, -val.lost.replicates), val.lost.n, val.lost.method)
    return simultaneous(gain - shared, comparisons)


def _bug(case: Case, blends: dict[str, tuple[Change, Change | None]]) -> tuple[Measured | None, str]:
    """What train mode gains on validation, and a sentence if that, a blend, or the training images betray a bug."""
    train_mode = change(case, INTERVENTION, "train-mode", "val")
    tried = {"statistics of their own batches": train_mode}
    for alpha, (_, val) in blends.items():
        tried[f"{float(alpha.removeprefix('alpha=')):.0%} of the statistics re-estimated on test images"] = val
    seen = {how: found for how, found in tried.items() if found is not None}
    mode_gain = None if train_mode is None else train_mode.lost * -1.0
    gains = {how: simultaneous(found.lost * -1.0, len(seen)) for how, found in seen.items()}
    told = [
        how for how, gain in gains.items() if gain.low > 0 and gain.value > MARGIN and seen[how].p < LEVEL / len(seen)
    ]
    if not told:
        return mode_gain, _forgotten(case)
    best = max(told, key=lambda how: gains[how].value)
    return mode_gain, (
        f"There is a plain bug: with {best} the validation images score {said(gains[best])} better "
        "than with the stored ones, so the stored ones do not even fit images like those of training. That lowers "
        "validation and test alike."
    )


def _forgotten(case: Case) -> str:
    """A sentence if the finished network no longer knows what it answered right while it learned; else empty."""
    train, history, without_norms = case.evidence.train, case.evidence.history, case.evidence.why_absent(INTERVENTION)
    if train is None or history.empty or "train_accuracy" not in history or "no BatchNorm" in without_norms:
        return ""
    if case.evidence.choices is not None:
        return ""  # weights that were chosen among after training are not those of any epoch
    epochs = history.iloc[-1:]
    if case.evidence.keeps == "best":  # which measure chose the epoch is not known here: the least from either on
        epochs = history.iloc[min(int(history["val_accuracy"].argmax()), int(history["val_loss"].argmin())) :]
    then = 100 * float(epochs["train_accuracy"].min())
    now = training_accuracy(train, case.evidence.bootstrap, case.evidence.bootstrap_seed)
    lost = Measured(then - now.value, then - now.replicates, now.n, now.method)
    if not lost.low > FORGOTTEN:
        return ""
    return (
        f"There is a plain bug: while it learned, the network was right on {then:.0f} % of the training images, and "
        f"finished it is so on {now.value:.0f} % of the same images, {said(lost)} less. What it stores for use after "
        "training, the BatchNorm statistics first of all, does not belong to its weights. That lowers validation and "
        "test alike."
    )


CAUSE = BatchNorm()
