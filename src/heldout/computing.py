"""What a person may ask for of where and by what it is computed; named here so that asking needs no torch."""

from __future__ import annotations

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]

Engine = Literal["auto", "torch", "folded", "openvino"]
"""What computes features that stay fixed, see `heldout.training.engine`."""
