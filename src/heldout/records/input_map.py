"""How the values of an image file become the input of a network: one rule for training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass, field

from heldout.files import hash_of
from heldout.records.codec import LATER


@dataclass(frozen=True)
class InputMap:
    """An intensity policy and a choice of channels with their numbers, so that a new image is treated alike.

    8-bit grey and RGB images that are taken as they are have none: there is nothing to tell of them.

    Attributes:
        intensity: The policy as it was asked for, such as `percentile:0.5,99.5`; empty for 8-bit values as they are.
        low: Value that becomes 0, one for all channels or one a channel; empty where each image has its own.
        high: Value that becomes 1, likewise.
        images: Training images that `low` and `high` were computed on; 0 where they were given.
        channels: How channels are chosen, as it was asked for; empty for grey and RGB as they are.
        chosen: Numbers of the channels that are kept, from 0, where some are selected.
        of: Channels of the files, where `channels` says how they are chosen; else 0.
        eight_bit: Whether the result is rounded to 8 bits, as a model that was given takes it.
        depths: Kinds of depth of the training images, where values of another kind would be misread; empty where each
            image has its own numbers, and in runs made before this was kept. It decides no pixel.
    """

    intensity: str = ""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    images: int = 0
    channels: str = ""
    chosen: tuple[int, ...] = ()
    of: int = 0
    eight_bit: bool = False
    depths: tuple[str, ...] = field(default=(), metadata=LATER)

    @property
    def width(self) -> int | None:
        """Channels of the result; None where it is 1 or 3, as the images are."""
        if not self.channels:
            return None
        return len(self.chosen) or (3 if self.channels == "project" else self.of)

    @property
    def adapted(self) -> bool:
        """Whether the network takes the channels of the files, its first layer adapted to them."""
        return self.channels == "adapt"

    @property
    def words(self) -> str:
        """The policy with its numbers, and the channels: `percentile:0.5,99.5 (404 … 812)`."""
        ends = ", ".join(f"{low:g} … {high:g}" for low, high in zip(self.low, self.high, strict=True))
        parts = [f"{self.intensity}{f' ({ends})' if ends else ''}"] * bool(self.intensity)
        return "; ".join([*parts, *[f"channels {self.channels}"] * bool(self.channels)])

    @property
    def key(self) -> str:
        """A hash of all that decides the pixels."""
        return hash_of([getattr(self, name) for name in self.__dataclass_fields__ if name != "depths"], 8)
