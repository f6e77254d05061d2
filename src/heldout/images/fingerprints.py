"""What an image is, whatever its file is called or how it was compressed."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


def content_hash(pixels: npt.NDArray[np.uint8]) -> str:
    """The first 16 hexadecimal digits of SHA-256 over shape and bytes.

    Args:
        pixels: (h, w) or (h, w, 3) uint8, as `read_pixels` returns them.

    Returns:
        16 hexadecimal digits. By the birthday bound two different images among a million share them with a
        probability of about 3e-8.

    Example:
        >>> content_hash(np.zeros((2, 3), np.uint8))
        '98be973bb11f31e4'
    """
    shape = "x".join(map(str, pixels.shape))
    digest = hashlib.sha256(f"{shape}:".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()[:16]
