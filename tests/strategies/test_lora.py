"""Low-rank adapters: only they learn, of the rank asked for, and the saved network is a plain one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from heldout import backbones, optional
from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.errors import HeldoutError, UsageError
from heldout.progress import Epoch, Silent
from heldout.runs.fit import learn_strategy
from heldout.strategies import Phase
from heldout.strategies.lora import Lora
from heldout.training import ActivationCache, logits_of, machine
from heldout.training.adapters import attach, layers_of, merge
from tests.training.tiny import tiny_network, tiny_task

pytest.importorskip("peft")
CPU = machine("cpu")
PHASES = [Phase("lora", "lora", 1, rank=2)]


def test_the_rank_of_the_change_is_that_of_the_adapter() -> None:
    before = {name: value.clone() for name, value in tiny_network().state_dict().items()}
    end = learn_strategy(
        tiny_network(), tiny_task(), Lora(epochs=3, lr=0.05, rank=2), 0, CPU, ActivationCache(None), Silent()
    )
    after = end.network.state_dict()
    assert after.keys() == before.keys()
    for name in ("stages.stem.0.weight", "stages.block.0.weight"):
        change = (after[name] - before[name]).flatten(1)
        assert int(torch.linalg.matrix_rank(change, tol=1e-5)) == 2
    others = before.keys() - {"stages.stem.0.weight", "stages.block.0.weight", "head.weight", "head.bias"}
    assert all(torch.equal(after[name], before[name]) for name in others)
    # rank · (inputs + outputs) of both convolutions, and the head
    assert end.trainable == 2 * (27 + 6) + 2 * (54 + 8) + 18
    assert end.frozen.verified and "stages.stem.0.base_layer.weight" not in after
    assert end.course.history[-1].train_loss < end.course.history[0].train_loss


def test_adapters_change_nothing_until_they_learn_and_merging_changes_nothing_after() -> None:
    network, pixels = tiny_network().eval(), tiny_task().val.pixels
    plain = logits_of(network, pixels, CPU)
    attach(network, PHASES, seed=0)
    np.testing.assert_allclose(logits_of(network, pixels, CPU), plain, atol=1e-6)
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 1, generator=draws)
    adapted = logits_of(network, pixels, CPU)
    assert np.abs(adapted - plain).max() > 0.01
    merge(network)
    np.testing.assert_allclose(logits_of(network, pixels, CPU), adapted, atol=1e-5)


def test_a_run_cut_off_ends_with_the_same_numbers(tmp_path: Path) -> None:
    class Cut(Silent):
        left = 2

        def step(self, epoch: Epoch | None = None) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    def run(reporter: Silent, file: Path | None):  # type: ignore[no-untyped-def]
        strategy = Lora(epochs=3, lr=0.05)
        return learn_strategy(tiny_network(), tiny_task(), strategy, 0, CPU, ActivationCache(None), reporter, file)

    file = tmp_path / "c.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(Cut(), file)
    resumed, whole = run(Silent(), file).network.state_dict(), run(Silent(), None).network.state_dict()
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


@pytest.mark.parametrize(
    ("name", "size", "some"),
    [
        ("timm:efficientnet_lite0", 32, "stages.blocks_1.0.conv_pw"),
        ("torchvision:resnet18", 32, "stages.layer4.1.conv2"),
        ("timm:vit_tiny_patch16_224", 224, "stages.blocks_11.attn.qkv"),
    ],
)
def test_real_architectures_take_adapters(name: str, size: int, some: str) -> None:
    """Depthwise convolutions are passed over; nothing else is."""
    network = backbones.build(backbones.find(name)[0], 2, size, 0, pretrained=False)
    assert some in layers_of(network)
    grouped = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert not set(grouped) & set(layers_of(network))
    names = set(network.state_dict())
    attach(network, PHASES, seed=0)
    assert any("lora_A" in key for key in network.state_dict())
    merge(network)
    assert set(network.state_dict()) == names


def test_a_network_without_such_layers_is_refused() -> None:
    trunk = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), Flat())
    network = Network({"input": Input((0.5,) * 3, (0.5,) * 3), "trunk": trunk}, 6, 2, 0)
    with pytest.raises(UsageError, match="no layer that takes a low-rank adapter"):
        attach(network, PHASES, seed=0)


def test_without_peft_it_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HeldoutError, match=r"pip install 'heldout\[lora\]'"):
        Lora()
