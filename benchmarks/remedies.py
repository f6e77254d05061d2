"""Regret of the recommended remedy: what the best one would gain on fresh patients, less what the recommended one does.

The diagnosis recommends the first remedy of its list whose interval lies above 0, or none. Each remedy is carried out
in full, with all labelled images that the study has, and scored on patients that it has not, with the plant in them.
"""

from __future__ import annotations

import numpy as np

from benchmarks.studies import Fresh
from heldout.diagnosis.gap import samples_of
from heldout.diagnosis.interventions.linear import fitted_logits
from heldout.diagnosis.interventions.pooled import balancing, reduced
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.records import Diagnosis
from heldout.stats.thresholds import best_biases

CAUSE_OF = {"threshold": "threshold", "difficulty": "pooled"}
"""The cause that offers a remedy -> its name here."""


def regret(run: RunData, diagnosis: Diagnosis, fresh: Fresh) -> dict[str, float | str]:
    """True gains in points of every remedy, which was recommended, and what that forgoes."""
    gains = {"none": 0.0, "threshold": threshold_gain(run, fresh), "pooled": pooled_gain(run, fresh)}
    best = next((remedy for remedy in diagnosis.remedies if remedy.gain_points.low > 0), None)
    chosen = "none" if best is None or not diagnosis.explained else CAUSE_OF.get(best.cause, "none")
    row: dict[str, float | str] = {f"gain_{name}": gain for name, gain in gains.items()}
    return row | {"recommended": chosen, "regret": max(gains.values()) - gains[chosen]}


def threshold_gain(run: RunData, fresh: Fresh) -> float:
    """The decision set anew on the test images' labels, as reviewers corrected them."""
    samples = samples_of(run, RULES)[0]
    biases = best_biases(samples.true_test.labels, samples.true_test.logits, samples.true_weights[:1])[0]
    return gain(fresh, fresh.logits + biases)


def pooled_gain(run: RunData, fresh: Fresh) -> float:
    """A linear classifier learned on all validation and test images, as the intervention `pooled` learns it."""
    val, test = run.val, run.test
    assert val is not None and test is not None
    x = np.concatenate([run.features["val"], run.features["test"]])
    labels = np.concatenate([val.labels, test.labels])
    known, asked = reduced(x, fresh.features, run.bootstrap_seed)
    weights = balancing(labels, np.arange(len(x)) < len(val))
    return gain(fresh, fitted_logits(known, labels, asked, run.k, 1e-3, weights))


def gain(fresh: Fresh, logits: np.ndarray) -> float:
    """Points of accuracy that other logits gain over the probe's own."""
    difference = (logits.argmax(axis=1) == fresh.labels).astype(np.float64) - (
        fresh.logits.argmax(axis=1) == fresh.labels
    )
    return 100 * float(fresh.weights @ difference / fresh.weights.sum())
