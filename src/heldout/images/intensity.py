"""Intensity policies: which stored values become black and white, since a network takes 0 … 1 and files hold anything.

A policy is chosen by a person, recorded with its numbers, and the same for training, validation and test images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.errors import UsageError
from heldout.images.decoded import Decoded

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]

USUAL = (0.5, 99.5)
"""Percentiles at which nnU-Net clips intensities (Isensee et al., Nature Methods 2021): a hot pixel or a marker of lead
does not set the scale."""


@dataclass(frozen=True)
class Span:
    """Values that become 0 and 1, one for all channels or one a channel.

    Attributes:
        low: (1,) or (k,).
        high: (1,) or (k,), nowhere below `low`.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]


class Policy(ABC):
    """Base of all policies: frozen dataclasses whose fields are their settings.

    Attributes:
        name: By which it is asked for, before a colon.
        learned: Whether its numbers come from the training images.
    """

    name: ClassVar[str]
    learned: ClassVar[bool] = False

    @property
    def text(self) -> str:
        """How it is asked for: `window:0,4095`."""
        return self.name

    def refusal(self, image: Decoded) -> str:
        """Why it has no numbers for an image, as `found …`; empty where it has."""
        return ""

    @abstractmethod
    def span(self, image: Decoded, learned: Span | None) -> Span:
        """Which values of an image become 0 and 1.

        Args:
            image: It is not refused.
            learned: What was computed on the training images, where the policy is `learned`.
        """


@dataclass(frozen=True)
class DicomWindow(Policy):
    """Each image by the window that its own file asks to be shown with (DICOM PS3.3, C.11.2).

    The technician or the device chose it for eyes. Where devices choose differently, test images look different.
    """

    name: ClassVar[str] = "dicom-window"

    def refusal(self, image: Decoded) -> str:
        """Files without a window have none."""
        return "an image whose file names no window" if image.window is None else ""

    def span(self, image: Decoded, learned: Span | None) -> Span:
        """The file's."""
        assert image.window is not None
        return Span((image.window[0],), (image.window[1],))


@dataclass(frozen=True)
class Window(Policy):
    """The same two values for all images, chosen by a person, in the values of the files: -1000,400 for lungs in CT.

    Attributes:
        low: Becomes black, and so does what is below.
        high: Becomes white, and so does what is above.
    """

    low: float
    high: float

    name: ClassVar[str] = "window"

    @property
    def text(self) -> str:
        """With both values."""
        return f"{self.name}:{self.low:g},{self.high:g}"

    def span(self, image: Decoded, learned: Span | None) -> Span:
        """Those given."""
        return Span((self.low,), (self.high,))


@dataclass(frozen=True)
class Percentile(Policy):
    """The same two values for all images: percentiles of all pixels of the training images, computed once.

    Of channels that are no colours, each has its own.

    Attributes:
        low: Percentile that becomes black, 0 … 100.
        high: Percentile that becomes white.
    """

    low: float
    high: float

    name: ClassVar[str] = "percentile"
    learned: ClassVar[bool] = True

    @property
    def text(self) -> str:
        """With both percentiles."""
        return f"{self.name}:{self.low:g},{self.high:g}"

    def span(self, image: Decoded, learned: Span | None) -> Span:
        """Those of the training images."""
        assert learned is not None
        return learned


@dataclass(frozen=True)
class FullRange(Policy):
    """All values that the bits of a file can hold: nothing is clipped, and nothing is brought out.

    A camera of 12 bits whose files say 16 fills a sixteenth of it.
    """

    name: ClassVar[str] = "full-range"

    def refusal(self, image: Decoded) -> str:
        """Floating-point values have none, and neither have rescaled ones whose scale is not known."""
        kind = image.pixels.dtype
        if image.span is not None:
            return ""
        if kind.kind == "f":
            return "floating-point values, which have no full range"
        if kind.kind == "i" and image.bits < 8 * kind.itemsize:
            return f"values of {image.bits} bits in units of the device, whose full range is not known"
        return ""

    def span(self, image: Decoded, learned: Span | None) -> Span:
        """0 … 2^bits − 1, or that shifted by a half for signed values; or as the file's header tells."""
        if image.span is not None:
            return Span((image.span[0],), (image.span[1],))
        bits = max(image.bits, 8) if image.pixels.dtype == np.uint8 else image.bits
        low = -(2.0 ** (bits - 1)) if image.pixels.dtype.kind == "i" else 0.0
        return Span((low,), (low + 2.0**bits - 1,))


@dataclass(frozen=True)
class PerImage(Policy):
    """Each image by its own percentiles 0.5 and 99.5.

    The price: how bright one image is against another is lost, and so is everything that brightness tells.
    """

    name: ClassVar[str] = "per-image"

    def span(self, image: Decoded, learned: Span | None) -> Span:
        """The image's own; one span for grey and colour, one a channel where channels are no colours."""
        return percentiles(image, USUAL)


FORMS = {
    DicomWindow.name: "dicom-window",
    Window.name: "window:LO,HI",
    Percentile.name: "percentile:LO,HI",
    FullRange.name: "full-range",
    PerImage.name: "per-image",
}
"""Name of a policy -> how it is written."""

PLAIN: dict[str, Policy] = {policy.name: policy for policy in (DicomWindow(), FullRange(), PerImage())}


def parse_intensity(text: str) -> Policy:
    """`percentile:0.5,99.5` -> `Percentile(0.5, 99.5)`.

    Raises:
        UsageError: It is no policy, or its numbers are none.

    >>> parse_intensity("window:0,4095")
    Window(low=0.0, high=4095.0)
    """
    name, _, rest = text.strip().partition(":")
    if name in PLAIN and not rest:
        return PLAIN[name]
    low, high = _two(rest)
    if name == Window.name and low < high:
        return Window(low, high)
    if name == Percentile.name and 0 <= low < high <= 100:
        return Percentile(low, high)
    said = {
        Window.name: "two numbers, the lower one first: window:0,4095",
        Percentile.name: "two percentiles from 0 to 100, the lower one first: percentile:0.5,99.5",
    }
    raise UsageError(f"Found the intensity policy '{text}'; expected {said.get(name, ', '.join(FORMS.values()))}.")


def _two(text: str) -> tuple[float, float]:
    """Two finite numbers; two NaN, which no comparison holds for, where there are none."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        return float("nan"), float("nan")
    return (low, high) if np.isfinite([low, high]).all() else (float("nan"), float("nan"))


def percentiles(image: Decoded, at: tuple[float, float]) -> Span:
    """Two percentiles of an image, a channel where channels are no colours."""
    pixels = image.pixels
    flat = pixels.reshape(-1, pixels.shape[-1]) if image.photometric == "channels" else pixels.reshape(-1, 1)
    low, high = np.percentile(flat, at, axis=0)
    return Span(tuple(map(float, low)), tuple(map(float, high)))


def scaled(pixels: Array, span: Span) -> npt.NDArray[np.float32]:
    """Values to 0 … 1, clipped; never falling in the value.

    A span of no width makes what lies above it white.

    Args:
        pixels: (h, w) or (h, w, k), of any type.
        span: What becomes 0 and 1.

    Returns:
        The same shape, float32.

    >>> scaled(np.array([[0, 100, 300]], np.uint16), Span((100.0,), (200.0,))).tolist()
    [[0.0, 0.0, 1.0]]
    """
    wide = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    low, high = (np.asarray(values, dtype=wide.dtype) for values in (span.low, span.high))
    width = high - low
    share = np.where(width > 0, (wide - low) / np.where(width > 0, width, 1), wide > low)
    result: npt.NDArray[np.float32] = np.clip(share, 0, 1).astype(np.float32)
    return result
