"""Which precision `--precision auto` takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heldout.training import precision
from heldout.training.precision import multiplies_bfloat16, suited

DENSE = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))
DEPTHWISE = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8))
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("network", "native", "expected"),
    [(DENSE, True, "bf16"), (DENSE, False, "no"), (DEPTHWISE, True, "no"), (DEPTHWISE, False, "no")],
)
def test_dense_networks_take_bfloat16_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, network: nn.Module, native: bool, expected: str
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: native)
    assert suited(network, CPU) == expected


@pytest.mark.parametrize(
    ("found", "native"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_bf16": False}, False)]
)
def test_the_cpu_is_asked(monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert multiplies_bfloat16() is native


def test_a_pytorch_that_cannot_tell_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not multiplies_bfloat16()


@pytest.mark.parametrize("native", [True, False])
def test_on_a_gpu_the_hardware_decides(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert suited(DEPTHWISE, torch.device("cuda")) == ("bf16" if native else "no")
