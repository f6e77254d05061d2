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

NETWORK = ("batchnorm", "interpolation", "grouped", "strengths")
"""Interventions that a given model can never have: they need its weights and layers, or to train it again."""

ASKED = ("quality", "combined", "cues")
"""Those that ask the model about changed images."""

SWITCHED_OFF = Absence(ReasonKind.SWITCHED_OFF, "the experiments were switched off")
NOT_RUN = Absence(ReasonKind.NOT_RUN, "this experiment was not run")


def could_not_run(intervention: str, pictured: bool) -> Absence | None:
    """Why an intervention could not have run on a given model, switched on or off; None where it could.

    Args:
        intervention: Its name.
        pictured: Whether images were given.
    """
    if intervention in NETWORK:
        return Absence(ReasonKind.MODEL, f"it needs the network itself, and {GIVEN}")
    if not pictured:
        return only_predictions(intervention in ASKED)
    return None


def only_predictions(asks: bool) -> Absence:
    """What is missing where no images were given; `asks` says whether the model has to answer changed ones too."""
    more = " and --model FILE.onnx" if asks else ""
    return Absence(ReasonKind.IMAGES, f"only predictions were given; it needs --images DIR{more}")
