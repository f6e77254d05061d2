"""What other methods say of the same gap, for the table beside ours.

* ATC (Garg et al. 2022, Leveraging unlabeled data to predict out-of-distribution performance): a threshold on
  confidence is set so that as many validation images lie below it as are wrong; the share of test images below it is
  the predicted test error. It predicts the gap without test labels, and names no cause.
* Marginal DISDE (Cai, Namkoong & Yadlowsky 2023) over both classes together: how much of the gap it puts on shift of
  appearance (I + III) and how much on images that resemble each other (II).
* cleanlab alone (Northcutt et al. 2021): the share of test labels it flags, read as accuracy points.

deepchecks (AGPL) is no dependency; `benchmarks/peer_deepchecks.py` runs it in an environment of its own.
"""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from heldout.stats.disde import disde
from heldout.stats.scores import softmax
from heldout.stats.shift import domain_probabilities
from heldout.stats.suspects import suspects


def peers_of(run: RunData) -> dict[str, float]:
    """Column -> number, for one study."""
    val, test = run.val, run.test
    assert val is not None and test is not None
    row = {"atc_gap": atc_gap(val, test)}
    p, q = run.features["val"], run.features["test"]
    pi = domain_probabilities(p, q, val.patients, test.patients, run.bootstrap_seed)
    parts = disde((~val.right).astype(float), (~test.right).astype(float), *pi)
    row |= {"disde_appearance": 100 * (parts.seen + parts.unseen), "disde_alike": 100 * parts.alike}
    row["domain_auc"] = parts.auc
    found = suspects(test.labels, softmax(test.logits), RULES.min_suspect_class)
    row["cleanlab_points"] = float("nan") if found is None else 100 * float(found.flagged.mean())
    return row


def atc_gap(val: Predictions, test: Predictions) -> float:
    """Gap in points that average thresholded confidence predicts."""
    sure_val, sure_test = softmax(val.logits).max(axis=1), softmax(test.logits).max(axis=1)
    error = 1 - float(val.right.mean())
    threshold = np.quantile(sure_val, error)
    return 100 * float((sure_test < threshold).mean() - error)
