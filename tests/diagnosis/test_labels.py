"""One of several labels diagnosed as two classes: what is planted in one label is named for it, and for no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.answer.labels import by_loss, causes_of, label_sentence, losing
from heldout.diagnosis.diagnose import diagnose_run
from heldout.records import Diagnosis, Metric
from heldout.records.metric import MetricName
from tests.worlds.made_labels import LABELS, Plant, label_part, label_runs


def diagnosed(plant: Plant, metric: MetricName, cut: float | None = None) -> dict[str, Diagnosis]:
    runs = label_runs(plant, cut=cut).items()
    return {label: replace(diagnose_run(replace(run, metric=Metric(metric))), label=label) for label, run in runs}


@pytest.mark.parametrize(
    ("plant", "metric", "cut", "cause"),
    [
        (Plant(0, share=0.7), "accuracy", 1.5, "prior"),
        (Plant(1, offset=1.5), "balanced-accuracy", None, "threshold"),
        (Plant(2, flips=0.15), "balanced-accuracy", None, "labels"),
    ],
)
def test_what_is_planted_in_one_label_is_named_for_that_label_alone(
    plant: Plant, metric: MetricName, cut: float | None, cause: str
) -> None:
    found = diagnosed(plant, metric, cut)
    planted = LABELS[plant.label]
    for label, one in found.items():
        established = [finding.code for finding in one.findings if finding.verdict == "established"]
        assert one.explained == (label == planted), label
        assert established == ([cause] if label == planted else []), label
    assert [one.label for one in losing(list(found.values()))] == [planted]
    assert by_loss(list(found.values()))[0].label == planted
    sentence = label_sentence(list(found.values()))
    assert planted in sentence and not any(label in sentence for label in LABELS if label != planted)
    assert "established" in causes_of(found[planted])


def test_a_question_is_the_label_at_its_threshold() -> None:
    side = label_part("test", 40).with_thresholds(np.array([0.5, -0.25, 0.0]))
    for c in range(side.k):
        question = side.question(c)
        assert (question.predicted == side.predicted[:, c]).all() and (question.labels == side.labels[:, c]).all()
        assert np.allclose(question.logits[:, 1] - question.logits[:, 0], side.logits[:, c] - side.thresholds[c])
