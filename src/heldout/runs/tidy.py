"""What killed processes left in a study's folder: temporary files of ours, and claims of processes that are gone."""

from __future__ import annotations

from pathlib import Path

from heldout.claims import Claims, owner_of
from heldout.files import sweep

WRITTEN = ("", "plans", "runs", "images", "features", "quality", "diagnosis", "tuning", "intensity")
"""Folders of a study that commands write in; those of a run besides."""


def tidy(folder: Path) -> None:
    """Remove what certainly nobody is at any more; half-made runs stay, since they are gone on with.

    Args:
        folder: The study's; one that is not there, or may not be written, is left as it is.
    """
    places = [folder / name for name in WRITTEN]
    places += [place for run in folder.glob("runs/[!.]*/") for place in (run, run / "experiments")]
    for place in places:
        sweep(place)
        for path in place.glob(".*.claim"):
            owner = owner_of(path)
            if owner is not None and owner.is_dead:
                _give_back(path)


def _give_back(path: Path) -> None:
    """Take a claim over and end it, as whoever needs it would: another process may need it at this moment."""
    try:
        claim = Claims().take(path)
        if claim is not None:
            with claim:
                pass
    except OSError:  # a study that may only be read
        return
