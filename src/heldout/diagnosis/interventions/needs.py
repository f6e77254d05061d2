"""What interventions need of a study and its model, and why a given model may not have it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from heldout.diagnosis.absence import GIVEN, Absence, only_predictions
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.records import ReasonKind


class Need(StrEnum):
    """Something that a study with a trained network always has, and one of given predictions may lack."""

    IMAGES = "images"
    TRAINING_IMAGES = "training images"
    ANSWERS = "answers"
    """Something that answers changed images: the trained network, or a model that was given."""
    NETWORK = "network"
    """The network itself, its weights and layers."""
    TRAINING = "training"
    """The strategy, so that the network can be trained again."""


def lacking(context: InterventionContext, needs: Iterable[Need]) -> Absence | None:
    """Why a run lacks something that is needed; None where it has everything, as every run that was trained here."""
    needs = set(needs)
    if context.run.question is not None and Need.TRAINING in needs:
        return Absence(ReasonKind.DOES_NOT_APPLY, "one of several labels is not trained by itself")
    if context.run.record.members and needs & {Need.ANSWERS, Need.NETWORK, Need.TRAINING, Need.TRAINING_IMAGES}:
        text = "each image was answered by another fold's network; run the study without --folds for it"
        return Absence(ReasonKind.MODEL, text)
    if not context.given:
        return None
    if Need.TRAINING in needs:
        return Absence(ReasonKind.MODEL, f"it would have to be trained again, and {GIVEN}")
    if Need.NETWORK in needs:
        return Absence(ReasonKind.MODEL, f"it needs the network's weights and layers, and {GIVEN}")
    if not context.study.cohort.pictured:
        return only_predictions(Need.ANSWERS in needs)
    if Need.TRAINING_IMAGES in needs and not context.ids("train"):
        return Absence(ReasonKind.PARTS_MISSING, "the training images were not given; name them with --train TABLE")
    if Need.ANSWERS in needs and context.model is None:
        text = f"{GIVEN}; it needs something that answers changed images: --model FILE.onnx, or predict=FUNCTION"
        return Absence(ReasonKind.MODEL, text)
    return None
