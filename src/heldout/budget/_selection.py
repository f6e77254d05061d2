"""The selection term: what choosing an epoch or a setting on the reported images is worth."""

from __future__ import annotations

import numpy as np

from heldout.evidence import Evidence
from heldout.evidence._draws import weighted_mean
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS

HALVES = 20
"""Random halvings of the validation patients behind the selection term."""


def selection_term(evidence: Evidence, like: Measured) -> tuple[Measured, str]:
    """Optimism from having chosen epoch or setting on the very validation images that are reported."""
    found = _candidates(evidence)
    if isinstance(found, str):
        return Measured.constant(0.0, like), found
    right, criterion, what = found  # (m, n) each
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
    optimism = 100 * (weighted_mean(val.right, weights) - unselected)
    measured = evidence.draws.measured(optimism, len(val))
    moved = Measured(measured.value, recentred(measured.value, measured.replicates), measured.n, measured.method)
    return moved, f"{what}; chosen on one half of the validation patients and scored on the other, {HALVES} halvings"


def _candidates(evidence: Evidence) -> tuple[Reals, Reals, str] | str:
    """What was chosen among, as (right (m, n), criterion (m, n), words), or why nothing was chosen."""
    val = evidence.val
    assert val is not None
    if (patients := len(np.unique(val.units))) < FOLDS:
        return f"too few validation patients to measure what choosing on them is worth ({patients})"
    strengths = evidence.scored.get("strengths")
    if strengths is not None:
        logits = [strengths.logits(variant, "val", val.ids) for variant in strengths.variants]
        right = np.stack([z.argmax(1) == val.labels for z in logits]).astype(np.float64)
        top = [z - z.max(axis=1, keepdims=True) for z in logits]
        likelihood = [
            z[np.arange(len(val)), val.labels] - np.log(np.exp(z).sum(axis=1)) for z in top
        ]  # minus the loss in nats
        return right, np.stack(likelihood), f"the strength of regularisation, one of {len(logits)}"
    if evidence.keeps == "best" and evidence.val_epochs is not None and len(evidence.val_epochs) > 1:
        right = (evidence.val_epochs == val.labels[None, :]).astype(np.float64)
        return right, right, f"the best of {len(right)} epochs"
    if "strengths" in evidence.absent and evidence.strategy == "probe":
        return "the strength of regularisation was chosen on validation; not measured, since " + evidence.why_absent(
            "strengths"
        )
    if evidence.strategy == "wise":
        return "the blend of weights was chosen on validation; not measured, since only the chosen one was kept"
    if any(note.startswith("Settings chosen on validation") for note in evidence.notes):
        return "settings were searched for on validation; not measured, since the trials' answers were not kept"
    return "nothing was chosen on validation: the weights are those of the last epoch"
