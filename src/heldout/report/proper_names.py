"""Names that a page shows and no language changes: of classes, runs, files, patients, and of the study itself."""

from __future__ import annotations

from pathlib import Path

from heldout.answer.names import short_models, with_settings
from heldout.answer.selection import recipe_names, strategy_told
from heldout.answer.texts import shortened
from heldout.records import Diagnosis
from heldout.report.material import Material

COLUMNS = ("id", "label", "patient", "site", "source", "member")
"""Columns of the cohort whose values are names."""

DRAWN = (24, 28, 32, 48)
"""Letters at which figures shorten a name."""


def proper_names(material: Material) -> frozenset[str]:
    """The names of one study, whole and as figures shorten them."""
    table = material.cohort.table
    found = {material.study.name, material.folder.resolve().name, material.cohort.name, *material.cohort.classes}
    found |= {str(value) for name in COLUMNS if name in table.columns for value in table[name].unique()}
    found |= {str(value) for name in material.cohort.further for value in table[name].unique()}
    found |= {Path(str(source)).name for source in table["source"].unique()}
    for name in material.names.values():
        found |= {name.model, name.label, name.spoken, *name.lines}
    found |= {part for row in material.runs for part in (row.id, row.model, row.strategy)}
    found |= {with_settings(row.strategy, row.differs) for row in material.runs}
    for selection in material.comparison.selections:
        found |= {*recipe_names(selection), *short_models(selection.models).values()}
        found |= {part for one in selection.candidates for part in (one.strategy, strategy_told(one))}
    for diagnosis in material.diagnoses.values():
        if isinstance(diagnosis, Diagnosis):
            found |= {group.name for group in diagnosis.groups}
    found |= {shortened(name, letters) for name in tuple(found) for letters in DRAWN}
    return frozenset(found - {""})
