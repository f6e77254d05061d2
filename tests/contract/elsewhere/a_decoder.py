"""PGM: grey pictures as a line of text and bytes."""

import numpy as np

from heldout.images import Decoded
from heldout.images.decoders import Decoder


class Pgm(Decoder):
    """Grey of 8 bits, in bytes (`P5`); comments in the header are not read."""

    name = "pgm"
    title = "PGM"
    suffixes = (".pgm",)

    def takes(self, head):
        """`P5`."""
        return head.startswith(b"P5")

    def decode(self, file, member="", row=-1):
        """The picture: whatever does not fit its header makes numpy raise, which is told as damage."""
        _, width, height, _, pixels = file.content.split(maxsplit=4)
        return Decoded(np.frombuffer(pixels, np.uint8).reshape(int(height), int(width)), bits=8)


DECODER = Pgm()
