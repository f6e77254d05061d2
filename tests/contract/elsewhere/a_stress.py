"""Another archive stores its images with bright and dark swapped."""

import numpy as np

from heldout.stresses import Stress


class Negative(Stress):
    """Every image on its way to its negative; an amount of 1 arrives there."""

    name = "negative"
    title = "polarity"
    unit = "of the way"
    more = "swapped"
    sizes = (0.25, 0.5, 1.0)
    source = "not measured; from a quarter to all of the way"

    def change(self, images, amounts, ground):
        """From the image to its negative."""
        dose = amounts[:, None, None, None]
        return np.rint(images + dose * (255.0 - 2.0 * images)).astype(images.dtype)


STRESS = Negative()
