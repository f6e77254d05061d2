"""What a network is trained for: one class an image, or several labels; one file each."""

from heldout.training.objectives.objective import Objective
from heldout.training.objectives.several import SeveralLabels
from heldout.training.objectives.single import OneClass

OBJECTIVES: dict[str, Objective] = {"single": OneClass(), "several": SeveralLabels()}
"""By the name of the labelling (`records.labelling`)."""

__all__ = ["OBJECTIVES", "Objective", "OneClass", "SeveralLabels"]
