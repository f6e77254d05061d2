"""Which run a page is asked of, and which it could be asked of."""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from heldout.report.material import Material


def run_asked(material: Material, asked: QueryParams) -> str:
    """Id of the run that an address names with `run=`; without, the one that the answer speaks of.

    Raises:
        HTTPException: No such run is finished.
    """
    named = asked.get("run", "")
    if named:
        if named not in material.names:
            raise HTTPException(404, f"Found the run {named[:80]!r}; expected a finished one of this study.")
        return named
    if material.featured is not None:
        return material.featured.run
    return (material.ranked or material.runs)[0].id


def run_choices(material: Material) -> list[tuple[str, str]]:
    """Id and label of every run, best first."""
    rows = [*material.ranked, *(row for row in material.runs if row not in material.ranked)]
    return [(row.id, material.names[row.id].label) for row in rows]
