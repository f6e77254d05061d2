"""Programs in which a group looks at its runs (MLflow, TensorBoard): one a file, given plain values."""

from heldout.trackers._shelf import trackers
from heldout.trackers.tracker import Sent, TrackedRun, TrackedStudy, Tracker

__all__ = ["Sent", "TrackedRun", "TrackedStudy", "Tracker", "trackers"]
