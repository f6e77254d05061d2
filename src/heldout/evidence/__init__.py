"""What a diagnosis judges from: arrays and tables of one run, read from records, never from a network."""

from heldout.evidence._draws import Draws
from heldout.evidence._evidence import SEARCHED, Evidence
from heldout.evidence._read import read_evidence, read_review
from heldout.evidence._scored import Scored
from heldout.evidence._side import Side

__all__ = ["SEARCHED", "Draws", "Evidence", "Scored", "Side", "read_evidence", "read_review"]
