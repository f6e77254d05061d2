"""Changes that cost points alone, made together in every combination: what each has of what all of them cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions._shelf import interventions
from heldout.diagnosis.interventions.context import Indices, InterventionContext, Pixels
from heldout.diagnosis.interventions.intervention import Change, Intervention, NothingToDoError
from heldout.diagnosis.interventions.lost import points_lost
from heldout.diagnosis.interventions.needs import Need
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.records.combined import intervention_of, member, together


class Combined(Intervention):
    """Validation images with several changes at once, each as another intervention made it alone.

    What acts through images overlaps: a token in the corner and a file that was compressed may cost 40 and 37 points
    alone and 57 together, since an image is wrong only once. So the changes that cost validation more than the margin
    (beyond the variant that disturbs as much without them, where there is one) are made in every combination: the
    costliest of each intervention, then the costliest of all, four at most, which is 2^4. Shapley's value (1953) then
    divides what all of them cost. Changes of one intervention alone are not divided.

    Variants `<intervention>:<variant>`, joined by ` + `: one a subset, on the sample of validation that the
    interventions had at first. Changes are made in the order in which pictures come about: what stands in them, then
    lens, sensor and file.
    """

    name: ClassVar[str] = "combined"
    title: ClassVar[str] = "changes together"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.ANSWERS})

    def after(self, others: Iterable[Intervention]) -> tuple[str, ...]:
        """All that make changes of images."""
        return tuple(one.name for one in others if type(one).changes is not Intervention.changes)

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """The seed, the sample, and the results of the others."""
        keys = {f"result of {name}": context.result_key(name) for name in self.after(interventions)}
        return {**super().settings(context), **keys}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs both parts."""
        if context.ids("val") and context.ids("test"):
            return None
        return Absence(ReasonKind.PARTS_MISSING, "it needs validation and test images")

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Choose the costliest changes, make every combination, score."""
        chosen = costliest(context)
        if len({intervention_of(name) for name in chosen}) < 2:
            text = "changes of fewer than two interventions cost points alone"
            raise NothingToDoError(Absence(ReasonKind.NO_DIFFERENCE, text))
        rows = context.sample("val")
        tables = []
        for subset, pixels in combined_images(chosen, rows, np.asarray(context.pixels("val")[rows])):
            variant, alone = together(subset), chosen[subset[0]].alone
            if len(subset) == 1 and len(alone) == len(rows):  # it was scored
                tables.append(alone.assign(variant=variant))
            else:
                logits = context.score(np.ascontiguousarray(pixels), variant)
                tables.append(rows_of(context, "val", variant, logits, rows))
        return joined(tables, context.k)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A change that costs points alone: how it is made, its rows of the sample alone, and what it costs."""

    change: Change
    alone: pd.DataFrame
    lost: float


def combined_images(
    chosen: Mapping[str, Candidate], rows: Indices, pixels: Pixels, begun: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Pixels]]:
    """Every subset of the changes with its images; what two subsets begin with is made once."""
    names = list(chosen)
    for place, name in enumerate(names):
        changed = chosen[name].change.make(rows, pixels)
        yield (*begun, name), changed
        rest = {other: chosen[other] for other in names[place + 1 :]}
        yield from combined_images(rest, rows, changed, (*begun, name))


def costliest(context: InterventionContext) -> dict[str, Candidate]:
    """Changes that cost validation more than the margin, four at most, in the order in which they are made."""
    found: dict[str, Candidate] = {}
    sample = [context.ids("val")[row] for row in context.sample("val")]
    for one in interventions:
        table = context.result(one.name)
        if table is None or type(one).changes is Intervention.changes:
            continue
        known = table[(table["split"] == "val") & table["id"].isin(sample)]
        for change in one.changes(context):
            alone, spent = (known[known["variant"] == name] for name in (change.name, change.spent))
            if len(alone):
                lost = points_lost(context, alone) - (points_lost(context, spent) if len(spent) else 0.0)
                found[member(one.name, change.name)] = Candidate(change, alone, lost)
    costly = sorted((n for n in found if found[n].lost > RULES.margin), key=lambda name: (-found[name].lost, name))
    leading = list({intervention_of(name): name for name in reversed(costly)}.values())
    dearest = sorted(costly, key=lambda name: name not in leading)[: int(RULES.max_combined)]
    return {name: found[name] for name in sorted(dearest, key=lambda name: (found[name].change.place, name))}


INTERVENTION = Combined()
