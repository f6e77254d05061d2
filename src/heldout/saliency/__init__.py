"""Which places of an image a class's answer rests on, with a network of random weights beside it.

Importing this loads no torch; `class_maps` does, when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heldout.saliency.maps import ClassMaps
from heldout.saliency.overlay import overlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heldout.runs.folder import RunFiles

__all__ = ["ClassMaps", "class_maps", "overlay"]


def class_maps(run: str | Path | RunFiles, pixels: NDArray[Any], classes: Sequence[str], seed: int = 0) -> ClassMaps:
    """Grad-CAM of each class for each image, with its control; see `heldout.saliency.ask.class_maps`."""
    from heldout.saliency.ask import class_maps as ask

    return ask(run, pixels, classes, seed)
