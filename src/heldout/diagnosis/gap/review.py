"""Test with the labels that reviewers gave: the Horvitz-Thompson estimate, as weights of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from heldout.stats.scores import Indices
from heldout.stats.weights import Weights


def reviewed_test(run: RunData) -> tuple[Predictions, Weights, Indices]:
    """Test with the labels that reviewers gave, as signed weights.

    An image found mislabelled that was chosen for review with probability p stands for 1/p images: it is added 1/p
    times with its true label and taken away 1/p times with the given one. Any weighted sum over the result is then the
    Horvitz-Thompson (1952) estimate of the same sum over images with true labels.

    Returns:
        The images, the corrections behind them (under the ids `… true` and `… given`), weights (B + 1, n_T + 2r), and
        the row of test that each of them is, (n_T + 2r,).
    """
    test, weights = run.test, run.draws.drawn_test
    assert test is not None
    index = {name: k for k, name in enumerate(run.classes)}
    row = {id_: i for i, id_ in enumerate(test.ids)}
    review = run.review if run.review is not None else pd.DataFrame(columns=["id", "label", "probability"])
    places, labels, counts = [], [], []
    for id_, label, probability in zip(review["id"], review["label"], review["probability"], strict=True):
        i = row.get(id_)
        if i is not None and index.get(label, -1) not in (-1, test.labels[i]):
            places.append(i)
            labels.append(index[label])
            counts.append(1 / probability)
    if not places:
        return test, run.draws.test, np.arange(len(test))
    wrong = np.array(places)
    given = test.take(wrong)
    true = replace(given, labels=np.array(labels, dtype=np.int64))
    reviewed = Predictions(
        test.part,
        (*test.ids, *(f"{id_} true" for id_ in true.ids), *(f"{id_} given" for id_ in given.ids)),
        np.concatenate([test.labels, true.labels, given.labels]),
        np.concatenate([test.logits, true.logits, given.logits]),
        # Corrections belong to their image's patient, so that they are drawn and folded with it.
        _named(test) + _named(true) + _named(given),
    )
    rows = np.concatenate([np.arange(len(test)), wrong, wrong])
    added = (weights[:, wrong] * np.array(counts, dtype=np.float32)).astype(np.float32)
    # By the metric last: what a class counts hangs on how many images truly are of it.
    return reviewed, run.draws.weigh(reviewed.labels, np.concatenate([weights, added, -added], axis=1)), rows


def _named(part: Predictions) -> tuple[str, ...]:
    """Patients, an image without one being its own."""
    return tuple(patient or f"image {id_}" for patient, id_ in zip(part.patients, part.ids, strict=True))
