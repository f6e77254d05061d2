"""Values and channels of image files to what is made square, as `images.prepare.as_input` does, in a graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from heldout.images.channels import projection
from heldout.images.intensity import Percentile, Window, parse_intensity
from heldout.records import InputMap
from heldout.records import export as record


def window_of(rule: InputMap | None) -> record.Window:
    """Whose two values each image brings itself; empty where all images share them, or keep their values."""
    name = parse_intensity(rule.intensity).name if rule is not None and rule.intensity else ""
    if name in ("", Window.name, Percentile.name):
        return ""
    found: dict[str, record.Window] = {
        "dicom-window": "dicom-window",
        "full-range": "full-range",
        "per-image": "per-image",
    }
    return found[name]


def keeps_values(rule: InputMap | None) -> bool:
    """Whether values of 8 bits are taken as they are, so that a graph takes uint8."""
    return rule is None or not rule.intensity


def channels_of(rule: InputMap | None) -> tuple[int, ...]:
    """Numbers of channels of an image: grey is taken for colour, of channels that are chosen there are as many."""
    if rule is None or not rule.channels or rule.of == 3:
        return (1, 3)
    return (rule.of,)


class Valued(nn.Module):
    """Chosen channels, values scaled to 0 … 1.

    Args:
        rule: The run's; None takes 8-bit grey and RGB as they are.
    """

    chosen: Tensor
    mix: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, rule: InputMap | None) -> None:
        super().__init__()
        rule = rule or InputMap()
        self.scales, self.projects, self.rounds = bool(rule.intensity), rule.channels == "project", rule.eight_bit
        self.own = bool(window_of(rule))
        policy = parse_intensity(rule.intensity) if rule.intensity else None
        low, high = (policy.low, policy.high) if isinstance(policy, Window) else (rule.low, rule.high)
        self.register_buffer("chosen", torch.tensor(rule.chosen, dtype=torch.int64))
        self.register_buffer("mix", torch.from_numpy(projection(rule.of)) if self.projects else torch.empty(0))
        self.register_buffer("low", torch.tensor(low, dtype=torch.float64).reshape(-1))
        self.register_buffer("high", torch.tensor(high, dtype=torch.float64).reshape(-1))

    @property
    def eight_bit(self) -> bool:
        """Whether what comes out is uint8; else it is float32."""
        return self.rounds or not (self.scales or self.projects)

    def forward(self, images: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        """(n, h, w, k), with low and high (n, 1) or (n, k) where images bring their own -> (n, h, w, c)."""
        values = images.index_select(3, self.chosen) if len(self.chosen) else images
        if self.scales:
            if self.own:
                assert low is not None and high is not None
                least, most = (ends.double()[:, None, None] for ends in (low, high))
            else:
                least, most = self.low, self.high
            values = _scaled(values.double(), least, most)
        if self.projects:
            mixed = values.float() @ self.mix
            values = mixed if self.scales else mixed / 255
        if self.rounds and (self.scales or self.projects):
            values = (values * 255).round().to(torch.uint8)
        return values


def _scaled(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """As `images.intensity.scaled`."""
    width = high - low
    share = (values - low) / torch.where(width > 0, width, torch.ones_like(width))
    return torch.where(width > 0, share, (values > low).double()).clamp(0, 1).float()
