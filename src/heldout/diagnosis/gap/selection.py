"""The selection term: what choosing an epoch or a setting on the reported images is worth."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.choice import Candidates, by_accuracy, by_halves, logits_of, optimism, right_of
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import TermStatus
from heldout.records.predictions import Predictions
from heldout.records.run import Choice
from heldout.stats.measured import Measured
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import FOLDS
from heldout.stats.weighted import weighted_mean
from heldout.ties import SAME_LOSS, first_of_largest

CHOICES: dict[Choice, str] = {
    "strength": "the strength of regularisation",
    "blend": "the blend of weights",
    "neighbours": "the number of neighbours",
    "settings": "the settings",
    "epoch": "the best epoch",
    "threshold": "the threshold of the label",
}
"""What can be chosen on validation, in words; in the order in which one stands for all that was chosen."""


def selection_term(run: RunData, like: Measured, rules: Rules) -> GapTerm:
    """Optimism from having chosen epoch or setting on the very validation images that are reported."""
    found = _candidates(run, rules)
    if isinstance(found, str):
        return GapTerm(Measured.constant(0.0, like), TermStatus.NOT_MEASURED, found)
    if found is None:
        given = run.learning.given
        nothing = "chosen on test, not on validation" if given else "the weights are those of the last epoch"
        return GapTerm.nothing(like, f"nothing was chosen on validation: {nothing}")
    # The run chose by accuracy or loss, whatever it is judged by. In float32 another processor would choose otherwise.
    val, draws = _val(run), run.draws
    unselected = by_halves(
        found,
        val.units,
        draws.drawn_val,
        draws.val,
        plain=draws.plain,
        halvings=rules.halvings,
        seed=(run.bootstrap_seed, 7),
    )
    points = optimism(weighted_mean(found.reported, draws.val), unselected, draws, len(val))
    how = f"chosen on one half of the validation {run.drawn} and scored on the other, {rules.halvings} halvings"
    return GapTerm(points, TermStatus.MEASURED, f"{found.detail}; {how}")


def _val(run: RunData) -> Predictions:
    assert run.val is not None
    return run.val


def _candidates(run: RunData, rules: Rules) -> Candidates | str | None:
    """What was chosen among; in words why it was not measured; None where nothing was chosen."""
    if run.learning.given:
        return _of_given(run)
    answers = {"strength": run.scored.get("strengths"), **run.choices}
    kept = next(((choice, answers[choice]) for choice in CHOICES if answers.get(choice) is not None), None)
    epochs = run.val_epochs
    found: Candidates | str | None
    if kept is not None and kept[1] is not None:
        found = _of_variants(run, kept[0], kept[1], rules)
    elif run.learning.keeps == "best" and epochs is not None and len(epochs) > 1:
        right = (epochs == _val(run).labels[None, :]).astype(np.float64)
        reported = _val(run).right.astype(np.float64)
        if run.images is not None and run.images.val is not None and len(run.images.val) > len(_val(run)):
            reported = right[
                int(first_of_largest(right.mean(axis=1)))
            ]  # epochs are majorities of images: like with like
        found = by_accuracy(right, reported, f"the best of {len(right)} epochs")
    else:
        found = _not_kept(run)
    if isinstance(found, Candidates) and (patients := len(np.unique(_val(run).units))) < FOLDS:
        return f"{found.detail}; not measured, since the number of validation {run.drawn} is {patients}"
    return found


def _of_given(run: RunData) -> Candidates | str | None:
    """What a given model was chosen among, as far as it came with it: chosen by accuracy."""
    if run.learning.chosen_on == "test":
        return None
    if run.candidates is None or run.learning.chosen_on != "val":
        return "not measured, since what the given model was chosen among on validation is not known"
    val = _val(run)
    right = right_of(run.candidates, val)
    if right is None:
        return "not measured, since not every validation image was answered by each of the candidates"
    return by_accuracy(right, val.right.astype(np.float64), f"the best of {len(right)} candidates")


def _of_variants(run: RunData, choice: Choice, kept: VariantLogits, rules: Rules) -> Candidates | str:
    """Candidates whose validation logits were kept: chosen by loss, settings by accuracy and then by loss."""
    val = _val(run)
    logits = logits_of(kept, val)
    detail = f"{CHOICES[choice]}, one of {len(kept.variants)}"
    if logits is None:
        return f"{detail}; not measured, since not every validation image was scored at each of them"
    right = (first_of_largest(logits, axis=2) == val.labels).astype(np.float64)
    top = logits - logits.max(axis=2, keepdims=True)
    gained: Reals = top[:, np.arange(len(val)), val.labels] - np.log(np.exp(top).sum(axis=2))  # − loss in nats
    if choice == "threshold":
        return by_accuracy(right, val.right.astype(np.float64), detail, balanced(val.labels))
    if choice != "settings":
        return Candidates(right, gained, SAME_LOSS, val.right.astype(np.float64), detail)
    criterion, tolerance = right + rules.search_loss * gained, rules.search_loss * SAME_LOSS
    best = int(first_of_largest(criterion.mean(axis=1), tolerance=tolerance))
    return Candidates(right, criterion, tolerance, right[best], detail)  # another seed was not chosen itself


def balanced(labels: Indices) -> Reals:
    """Weights of images, (n,), by which the share of right answers is the mean of the classes' recalls."""
    counts = np.bincount(labels)
    each: Reals = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return each[labels]


def _not_kept(run: RunData) -> str | None:
    """What was chosen on validation without leaving its candidates' answers behind; None where nothing was."""
    chosen = set(run.learning.chosen)
    if run.val_epochs is not None:
        chosen.discard("epoch")  # there was one epoch to choose from
    choice = next((choice for choice in CHOICES if choice in chosen), None)
    if choice is None:
        return None
    why = run.why_absent("strengths").text if choice == "strength" else "the answers of the others were not kept"
    return f"{CHOICES[choice]} was chosen on validation; not measured, since {why}"
