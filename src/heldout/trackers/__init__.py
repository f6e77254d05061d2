"""Programs in which a group looks at its runs (MLflow, TensorBoard, Optuna): one a file, given plain values."""

from heldout.trackers._places import blanked
from heldout.trackers._shelf import trackers
from heldout.trackers.tracker import Limits, Sent, TrackedRun, TrackedSearch, TrackedStudy, TrackedTrial, Tracker

__all__ = [
    "Limits",
    "Sent",
    "TrackedRun",
    "TrackedSearch",
    "TrackedStudy",
    "TrackedTrial",
    "Tracker",
    "blanked",
    "trackers",
]
