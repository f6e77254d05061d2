"""Regret of the recommended remedy: what the best one would gain on fresh patients, less what the recommended one does.

The diagnosis recommends the first remedy of its list whose interval lies above 0, or none. Each remedy is carried out
in full, with all labelled images that the study has, and scored on patients that it has not, with the plant in them.
"""

from __future__ import annotations

import numpy as np

from benchmarks.studies import Fresh
from heldout.diagnosis.gap.samples import samples_of
from heldout.diagnosis.interventions._linear import fitted_logits
from heldout.diagnosis.interventions.pooled import balancing, reduced
from heldout.diagnosis.run_data import RunData
from heldout.records import Diagnosis
from heldout.stats.thresholds import best_biases

CAUSE_OF = {"threshold": "threshold", "difficulty": "pooled"}
"""The cause that offers a remedy -> its name here."""


def regret(evidence: RunData, diagnosis: Diagnosis, fresh: Fresh) -> dict[str, float | str]:
    """True gains in points of every remedy, which was recommended, and what that forgoes."""
    gains = {"none": 0.0, "threshold": threshold_gain(evidence, fresh), "pooled": pooled_gain(evidence, fresh)}
    best = next((remedy for remedy in diagnosis.remedies if remedy.gain_points.low > 0), None)
    chosen = "none" if best is None or not diagnosis.explained else CAUSE_OF.get(best.cause, "none")
    row: dict[str, float | str] = {f"gain_{name}": gain for name, gain in gains.items()}
    return row | {"recommended": chosen, "regret": max(gains.values()) - gains[chosen]}


def threshold_gain(evidence: RunData, fresh: Fresh) -> float:
    """The decision set anew on the test images' labels, as reviewers corrected them."""
    base = samples_of(evidence)[0]
    biases = best_biases(base.true_test.labels, base.true_test.logits, base.true_weights[:1])[0]
    return gain(fresh, fresh.logits + biases)


def pooled_gain(evidence: RunData, fresh: Fresh) -> float:
    """A linear classifier learned on all validation and test images, as the experiment `pooled` learns it."""
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    x = np.concatenate([evidence.features["val"], evidence.features["test"]])
    labels = np.concatenate([val.labels, test.labels])
    known, asked = reduced(x, fresh.features, evidence.bootstrap_seed)
    weights = balancing(labels, np.arange(len(x)) < len(val))
    return gain(fresh, fitted_logits(known, labels, asked, 2, 1e-3, weights))


def gain(fresh: Fresh, logits: np.ndarray) -> float:
    """Points of accuracy that other logits gain over the probe's own."""
    difference = (logits.argmax(axis=1) == fresh.labels).astype(np.float64) - (
        fresh.logits.argmax(axis=1) == fresh.labels
    )
    return 100 * float(fresh.weights @ difference / fresh.weights.sum())
