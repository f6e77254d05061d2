"""Why an intervention left no result."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.records import ReasonKind


@dataclass(frozen=True)
class Absence:
    """A result that is not there.

    Attributes:
        kind: `DOES_NOT_APPLY` where the intervention has no meaning on this run; any other kind names what would give
            a result.
        text: The same in words that follow "because".
    """

    kind: ReasonKind
    text: str

    @property
    def does_not_apply(self) -> bool:
        """Whether no data could give a result."""
        return self.kind is ReasonKind.DOES_NOT_APPLY


GIVEN = "the model was given, not trained here"
"""Why something cannot be done to a model that came with its predictions, in words that follow "because"."""

SWITCHED_OFF = Absence(ReasonKind.SWITCHED_OFF, "the experiments were switched off")
NOT_RUN = Absence(ReasonKind.NOT_RUN, "this experiment was not run")
