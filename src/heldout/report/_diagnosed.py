"""A run with its diagnosis, and which of them the page shows at length."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.records import Diagnosis
from heldout.report._material import Material, ReportedRun


@dataclass(frozen=True)
class Diagnosed:
    """A run and why its test score is lower.

    Attributes:
        run: The run.
        diagnosis: Its diagnosis.
        featured: Whether the page shows it at length; the others stand folded.
    """

    run: ReportedRun
    diagnosis: Diagnosis
    featured: bool = False

    def anchor(self, name: str) -> str:
        """Id of an element of the page: one a page, so folded runs carry their own id in it."""
        return f"why-{name}" if self.featured else f"why-{name}-{self.diagnosis.run}"


def diagnosed(material: Material) -> tuple[Diagnosed, ...]:
    """Runs with a diagnosis, best test accuracy first; the first is the featured one."""
    untested = [run for run in material.runs if run.row.test is None]
    found: list[Diagnosed] = []
    for run in (*material.tested, *untested):
        diagnosis = material.diagnoses.get(run.row.id)
        if isinstance(diagnosis, Diagnosis):
            found.append(Diagnosed(run, diagnosis, featured=not found))
    return tuple(found)


def featured(material: Material) -> Diagnosed | None:
    """The run that is shown at length, None without any diagnosis."""
    found = diagnosed(material)
    return found[0] if found else None


def told(material: Material) -> Diagnosed | None:
    """The featured run where there is a gap to explain; what covers 0 is not explained, and has no evidence drawn."""
    known = featured(material)
    return known if known is not None and known.diagnosis.explained else None
