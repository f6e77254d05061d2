"""What an image is, whatever its file is called or how it was compressed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt


def content_hash(pixels: npt.NDArray[Any], window: tuple[float, float] | None = None) -> str:
    """The first 16 hexadecimal digits of SHA-256 over shape and bytes; of other types than uint8 also over the type.

    The window that a file asks to be shown with is part of what it shows: with another one a network is given another
    image (`--intensity dicom-window`), and what was computed before is not its own.

    Args:
        pixels: (h, w) or (h, w, k), as `decode` returns them.
        window: Lowest and highest value shown, as `decode` returns it; None if the file asks for none.

    Returns:
        16 hexadecimal digits. By the birthday bound two different images among a million share them with a
        probability of about 3e-8.

    Example:
        >>> content_hash(np.zeros((2, 3), np.uint8))
        '98be973bb11f31e4'
    """
    shape = "x".join(map(str, pixels.shape))
    kind = "" if pixels.dtype == np.uint8 else f"{pixels.dtype.name}:"
    digest = hashlib.sha256(f"{kind}{shape}:".encode())
    stored = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    digest.update(stored.data)  # a view: no second copy of a large image
    if window is not None:
        digest.update(f":{float(window[0])!r},{float(window[1])!r}".encode())
    return digest.hexdigest()[:16]
