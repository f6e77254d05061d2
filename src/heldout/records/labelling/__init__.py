"""How images are labelled: one class an image, or any number of labels; one file each."""

from heldout.records.labelling.labelling import Labelling, LabellingName
from heldout.records.labelling.several import SEVERAL
from heldout.records.labelling.single import SINGLE

LABELLINGS: dict[str, Labelling] = {one.name: one for one in (SINGLE, SEVERAL)}
"""By name, as records hold it."""

__all__ = ["LABELLINGS", "SEVERAL", "SINGLE", "Labelling", "LabellingName"]
