"""Test images whose bright and dark are swapped, as some archives of X-rays store them (DICOM's MONOCHROME1)."""

from dataclasses import dataclass

from heldout.diagnosis.causes import Cause, Told, without
from heldout.diagnosis.effects import Effect, effect_of
from heldout.diagnosis.verdict import weigh_effects
from heldout.diagnosis.words import said


@dataclass(frozen=True)
class Inversion:
    """What inverting the images does to test and to validation."""

    test: Effect
    val: Effect


class Inverted(Cause[Inversion]):
    """Bright and dark are swapped in test images.

    How it is detected: Test images are inverted and scored again (experiment `inverted`); the points are what test
    gains. It is established if validation images, which are as the network knows them, lose by the same change.

    Why it matters: A network that learned bright lesions on dark ground finds dark ones on bright ground.

    What to do: Invert the images as they are read, by what their files say of the grey scale.
    """

    code = "inverted"
    title = "Inverted grey values"
    remedy = "Invert the test images as they are read."
    interventions = ("inverted",)

    def measure(self, data):
        """Both parts, before and after."""
        test, val = (effect_of(data, "inverted", "inverted", part) for part in ("test", "val"))
        return without(data, "inverted") if test is None or val is None else Inversion(test, val)

    def decide(self, measured, rules):
        """By what test gains."""
        return weigh_effects(measured.test.lost * -1.0, [measured.test], measured.val.lost.low > 0, rules)

    def tell(self, measured, decision, rules):
        """Both numbers."""
        gain, loss = measured.test.lost * -1.0, measured.val.lost
        sentence = f"Inverted, test images gain {said(gain)}, validation images lose {said(loss)}."
        return Told(sentence, points=gain, images=measured.test.mended_ids[: rules.max_images])


CAUSE = Inverted()
