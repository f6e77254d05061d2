"""What stands above a model card for machines: YAML as Hugging Face's model cards have it, scores included."""

from __future__ import annotations

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from heldout.answer.best import JUDGED, judged_part
from heldout.answer.texts import capital
from heldout.handing_over.names import CARD
from heldout.records import Estimate, RunRow, Scores
from heldout.records.backbone import members_of
from heldout.report.material import Material

TASK = "image-classification"

HUB, DATASETS = "hub:", "hf:"
"""How names of repositories of the model hub, and of data sets there, begin."""

AREA = "roc_auc"
"""What the hub calls an area under the ROC curve."""

TYPES = {"accuracy": "accuracy", "balanced-accuracy": "balanced_accuracy"}
"""Metric -> what the hub calls it."""


def front_matter(material: Material, row: RunRow) -> str:
    """The YAML between the two lines of dashes, without them.

    The licence is `other`: that of the model is decided by whoever hands it over, and no record knows it.

    Args:
        material: Of the study.
        row: The run.
    """
    name = f"{material.study.name}: {material.names[row.id].spoken}"
    repositories = [one[len(HUB) :].split("@")[0] for one in members_of(row.model) if one.startswith(HUB)]
    data = material.study.data
    about = ModelCardData(
        license="other",
        license_name="to-fill",
        license_link=CARD,
        library_name="onnx",
        pipeline_tag=TASK,
        tags=["onnx", "transfer-learning", "heldout"],
        base_model=repositories or None,
        datasets=[data.removeprefix(DATASETS)] if data.startswith(DATASETS) else None,
        model_name=name,
        eval_results=results(material, row),
    )
    return str(about.to_yaml())


def results(material: Material, row: RunRow) -> list[EvalResult]:
    """Every score of the part that runs are judged on, with its interval."""
    part = judged_part(material.comparison)
    scores = row.test if part == "test" else row.val
    if scores is None:
        return []
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=material.study.cohort,
            dataset_name=material.cohort.name,
            dataset_split=JUDGED[part],
            metric_type=kind,
            metric_name=name,
            metric_value=estimate.value,
            metric_args=interval(estimate),
        )
        for kind, name, estimate in told(material, scores)
    ]


def told(material: Material, scores: Scores) -> list[tuple[str, str, Estimate]]:
    """(what the hub calls it, name, value) of the scores that are there."""
    metric = material.metric
    found: list[tuple[str, str, Estimate | None]] = [
        (TYPES.get(metric.name, metric.name), capital(metric.words), scores.score)
    ]
    if metric.name != "accuracy" and not scores.labels:
        found.append(("accuracy", "Accuracy", scores.accuracy))
    if metric.name != "mean-auc":
        found.append((AREA, "Area under the ROC curve", scores.auc))
    found += [("recall", f"Recall of {name}", recall) for name, recall in scores.recall.items()]
    for name, own in scores.labels.items():
        found.append((AREA, f"Area under the ROC curve of {name}", own.auc))
        found.append(("recall", f"Sensitivity of {name}", own.sensitivity))
        found.append(("specificity", f"Specificity of {name}", own.specificity))
    return [(kind, name, estimate) for kind, name, estimate in found if estimate is not None]


def interval(estimate: Estimate) -> dict[str, Any]:
    """The 95 % interval, and how it was obtained."""
    return {"low": estimate.low, "high": estimate.high, "n": estimate.n, "interval": f"95 %, {estimate.method}"}
