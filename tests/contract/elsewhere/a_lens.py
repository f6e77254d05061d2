"""The ranking term, divided into what inverting the images mends and what it does not."""

from heldout.diagnosis.effects import effect_of
from heldout.diagnosis.lenses import LensView
from heldout.diagnosis.words import said
from heldout.records import Lens


class Polarity(LensView):
    """Mended by inverting, and the rest."""

    name = "polarity"
    place = 30

    def views(self, data):
        """One view; none without the experiment `inverted`."""
        test = effect_of(data, "inverted", "inverted", "test")
        if test is None:
            return ()
        mended = test.lost * -1.0
        rest = data.gap.terms["ranking"] - mended
        parts = {"mended by inverting": mended.estimate(), "not mended": rest.estimate()}
        return (Lens(self.name, "Bright and dark", "", parts, f"Inverting the test images mends {said(mended)}."),)


LENS = Polarity()
