"""By what a run is judged, and who it decides on: the metric and the unit of a comparison or a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MetricName = Literal["accuracy", "balanced-accuracy", "cost", "mean-auc", "mean-average-precision", "mean-f1"]

METRICS: dict[MetricName, str] = {
    "accuracy": "accuracy",
    "balanced-accuracy": "balanced accuracy",
    "cost": "cost-weighted accuracy",
    "mean-auc": "mean AUC",
    "mean-average-precision": "mean average precision",
    "mean-f1": "mean F1",
}
"""Name of a metric -> what it is called in a sentence."""


@dataclass(frozen=True)
class Metric:
    """A weighted mean of the classes' recalls, Σ w_k recall_k with weights that sum to 1.

    Attributes:
        name: `accuracy`: w_k is the class's share of the images that are scored; `balanced-accuracy`: every class that
            is there counts alike; `cost`: w_k goes with the class's share times what missing one image of it costs.
            Of images with several labels it is no mean of recalls, but the mean over the labels of a score of each:
            `mean-auc`, `mean-average-precision` or `mean-f1`.
        costs: Class -> cost of missing one of its images, for `cost`.
        shares: Class -> share that it is taken to have in use, for `cost`; empty where each part has its own shares.
    """

    name: MetricName = "accuracy"
    costs: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What it is called in a sentence: `balanced accuracy`."""
        return METRICS[self.name]

    @property
    def option(self) -> str:
        """As `--metric` takes it; of costs the file is not known any more."""
        return "cost:FILE" if self.name == "cost" else self.name


UnitName = Literal["image", "patient"]
By = Literal["mean", "max", "majority"]

BY: dict[By, str] = {
    "mean": "mean probability of their images",
    "max": "largest probability that any of their images has",
    "majority": "majority vote of their images",
}
"""How the answers on a patient's images become one, in words."""


@dataclass(frozen=True)
class Unit:
    """Who one decision is made on.

    Attributes:
        name: `image`, or `patient`: all images of a patient give one answer; an image without a patient is a unit of
            its own.
        by: How that answer is made: `mean` probability, `max`imum of each class, or `majority` vote. Without meaning
            for images.
    """

    name: UnitName = "image"
    by: By = "mean"

    @property
    def words(self) -> str:
        """Of many, in a sentence: `images`, `patients`."""
        return f"{self.name}s"

    @property
    def told(self) -> str:
        """How decisions are made: `one decision a patient: mean probability of their images`; empty for images."""
        return "" if self.name == "image" else f"one decision a patient: {BY[self.by]}"


ACCURACY = Metric()
IMAGES = Unit()
