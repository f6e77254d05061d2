"""The selection term: what choosing an epoch or a setting on the reported images is worth."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.run_data import SEARCHED, RunData
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS
from heldout.stats.weighted import weighted_mean

LOSS_OF_A_SEARCH = 1e-4
"""What a nat of loss counts beside the accuracy in a search for settings, as `tuning.LOSS`."""

HALVES = 20
"""Random halvings of the validation patients behind the selection term."""


def selection_term(evidence: RunData, like: Measured) -> tuple[Measured, str]:
    """Optimism from having chosen epoch or setting on the very validation images that are reported."""
    found = _candidates(evidence)
    if isinstance(found, str):
        return Measured.constant(0.0, like), found
    right, criterion, reported, what = found  # (m, n), (m, n), (n,)
    val = evidence.val
    assert val is not None
    weights = evidence.draws.val
    rng = np.random.default_rng((evidence.bootstrap_seed, 7))
    units = int(val.units.max()) + 1
    total = np.zeros(len(weights))
    for _ in range(HALVES):
        first = (rng.permutation(units) < units // 2)[val.units]  # (n,)
        for half in (first, ~first):
            choice = (weights[:, half] @ criterion[:, half].T.astype(np.float32)).argmax(axis=1)  # (B + 1,)
            rest = weights[:, ~half]
            sums = rest @ right[:, ~half].T.astype(np.float32)  # (B + 1, m)
            with np.errstate(invalid="ignore", divide="ignore"):
                total += sums[np.arange(len(sums)), choice] / rest.sum(axis=1)
    unselected = total / (2 * HALVES)
    optimism = 100 * (weighted_mean(reported, weights) - unselected)
    measured = evidence.draws.measured(optimism, len(val))
    moved = Measured(measured.value, recentred(measured.value, measured.replicates), measured.n, measured.method)
    return moved, f"{what}; chosen on one half of the validation patients and scored on the other, {HALVES} halvings"


def _candidates(evidence: RunData) -> tuple[Reals, Reals, Reals, str] | str:
    """What was chosen among, or why nothing was chosen or measured.

    Returns:
        right (m, n), criterion (m, n) whose mean was largest for the chosen one, right (n,) of the chosen one as
        reported, and words.
    """
    val = evidence.val
    assert val is not None
    reported: Reals = val.right.astype(np.float64)
    strengths = evidence.scored.get("strengths")
    epochs = evidence.val_epochs
    kept, chosen = (strengths, "the strength of regularisation") if strengths else (evidence.choices, evidence.chosen)
    if kept is not None:
        logits = np.stack([kept.logits(variant, "val", val.ids) for variant in kept.variants])  # (m, n, k)
        what = f"{chosen}, one of {len(logits)}"
        if not np.isfinite(logits).all():
            return f"{what}; not measured, since not every validation image was scored at each of them"
        right = (logits.argmax(axis=2) == val.labels).astype(np.float64)
        top = logits - logits.max(axis=2, keepdims=True)
        criterion: Reals = top[:, np.arange(len(val)), val.labels] - np.log(np.exp(top).sum(axis=2))  # − loss in nats
        if chosen == SEARCHED:
            criterion = right + LOSS_OF_A_SEARCH * criterion
            reported = right[criterion.mean(axis=1).argmax()]  # another seed of the settings was not chosen itself
    elif evidence.keeps == "best" and epochs is not None and len(epochs) > 1:
        right = criterion = (epochs == val.labels[None, :]).astype(np.float64)
        what = f"the best of {len(right)} epochs"
    else:
        return _not_kept(evidence)
    if (patients := len(np.unique(val.units))) < FOLDS:
        return f"{what}; not measured, since the number of validation patients is {patients}"
    return right, criterion, reported, what


def _not_kept(evidence: RunData) -> str:
    """What was chosen on validation without leaving its candidates' answers behind, in words."""
    if evidence.strategy == "probe":
        why = evidence.why_absent("strengths")
        return f"the strength of regularisation was chosen on validation; not measured, since {why}"
    if evidence.strategy == "wise":
        return "the blend of weights was chosen on validation; not measured, since the others' answers were not kept"
    if evidence.strategy == "knn":
        return "the number of neighbours was chosen on validation; not measured, since the others' were not kept"
    if any(note.startswith("Settings chosen on validation") for note in evidence.notes):
        return "settings were searched for on validation; not measured, since the trials' answers were not kept"
    if evidence.keeps == "best" and evidence.val_epochs is None:
        return "the best epoch was chosen on validation; not measured, since the epochs' answers were not kept"
    return "nothing was chosen on validation: the weights are those of the last epoch"
