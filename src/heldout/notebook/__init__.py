"""What a notebook shows: a study, a comparison and diagnoses, the progress of work, and galleries of images.

A record first (`blocks.py`: sentences, tables, bars, no markup), then its rendering, as in `heldout.report`; every
sentence is that of terminal and report (`heldout.answer`).
"""

from heldout.notebook.kernel import usual_reporter
from heldout.notebook.study_face import InNotebook

__all__ = ["InNotebook", "usual_reporter"]
