"""What is written to disk and read back: frozen dataclasses, checked at the door, one noun a file."""

from heldout.records.backbone import BackboneInfo
from heldout.records.cohort import COLUMNS, Cohort
from heldout.records.comparison import (
    Asking,
    Baseline,
    Comparison,
    Frozen,
    Group,
    LabelScores,
    Oscillation,
    Pair,
    RunRow,
    Scores,
)
from heldout.records.diagnosis import (
    TERMS,
    USUAL_TERMS,
    VERDICTS,
    BudgetTerm,
    ClassRow,
    Diagnoses,
    Diagnosis,
    Finding,
    Lens,
    ReasonKind,
    Remedy,
    Subgroup,
    Term,
    TermStatus,
    Verdict,
)
from heldout.records.estimate import Estimate
from heldout.records.input_map import InputMap
from heldout.records.metric import Metric, Unit
from heldout.records.recipe import Recipe
from heldout.records.run import RunRecord
from heldout.records.split import PARTS, Split
from heldout.records.study import PlanRecord, StudyRecord

__all__ = [
    "COLUMNS",
    "PARTS",
    "TERMS",
    "USUAL_TERMS",
    "VERDICTS",
    "Asking",
    "BackboneInfo",
    "Baseline",
    "BudgetTerm",
    "ClassRow",
    "Cohort",
    "Comparison",
    "Diagnoses",
    "Diagnosis",
    "Estimate",
    "Finding",
    "Frozen",
    "Group",
    "InputMap",
    "LabelScores",
    "Lens",
    "Metric",
    "Oscillation",
    "Pair",
    "PlanRecord",
    "ReasonKind",
    "Recipe",
    "Remedy",
    "RunRecord",
    "RunRow",
    "Scores",
    "Split",
    "StudyRecord",
    "Subgroup",
    "Term",
    "TermStatus",
    "Unit",
    "Verdict",
]
