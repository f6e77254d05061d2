"""An image as its file has it to what an exported graph takes; the few lines that a file in ONNX cannot hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.images import Decoded, ImageError
from heldout.images.intensity import parse_intensity
from heldout.images.prepare import check_depth, chosen_channels
from heldout.records.export import ExportInput

Feed = dict[str, NDArray[Any]]


def feed_of(image: Decoded, wanted: ExportInput, where: str) -> Feed:
    """`image` (1, h, w, c), and where images bring their own values `low` and `high`, (1, 1) or (1, c).

    Args:
        image: As its file has it.
        wanted: What the graph takes.
        where: How to name the image.

    Raises:
        ImageError: It is of another depth or has other channels than the images of training.
    """
    check_depth(image, wanted.values, where)
    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[..., None]
    if pixels.shape[2] not in wanted.channels:
        expected = " or ".join(map(str, wanted.channels))
        remedy = "Leave it out, or convert it as the training images were."
        raise ImageError(where, f"an image of {pixels.shape[2]} channels", f"{expected} channels", remedy)
    feed: Feed = {"image": np.array(pixels[None], dtype=wanted.type, order="C")}
    if wanted.window:
        assert wanted.values is not None
        policy = parse_intensity(wanted.values.intensity)
        chosen = chosen_channels(image, wanted.values, where)
        if refusal := policy.refusal(chosen):
            raise ImageError(where, refusal, f"an image that {policy.text} fits", "Leave the image out.")
        span = policy.span(chosen, None)
        count = width_of(wanted)
        for name, ends in (("low", span.low), ("high", span.high)):
            feed[name] = np.array(np.broadcast_to(np.asarray(ends, dtype=np.float32), (1, count)))
    return feed


def width_of(wanted: ExportInput) -> int:
    """How many values `low` and `high` have: one for grey and colour, one a channel where channels are chosen."""
    rule = wanted.values
    if rule is None or not rule.channels:
        return 1
    return len(rule.chosen) or rule.of
