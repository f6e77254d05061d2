"""Engines of the feature pass: what they give, when they are refused, and that their results do not mix."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn

from heldout import backbones
from heldout.backbones import Network
from heldout.errors import HeldoutError
from heldout.training import ActivationCache, Part, machine, openvino_
from heldout.training import engine as engines
from heldout.training.engine import AGREES, chosen, difference, prefix_of
from heldout.training.folded import folded
from heldout.training.openvino_ import OpenVINO
from heldout.training.predict import run_stages
from tests.training.tiny import tiny_network, tiny_part

CPU = torch.device("cpu")
HERE = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HERE, reason="needs the extra 'openvino': pip install 'heldout[openvino]'")
EACH = ["folded", pytest.param("openvino", marks=needs_openvino)]


class Notes:
    """Collects what a reporter is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def begin(self, title: str, total: int) -> None: ...
    def step(self, epoch: object = None) -> None: ...
    def end(self) -> None: ...

    def note(self, text: str) -> None:
        self.said.append(text)


def images(count: int = 5, size: int = 64, channels: int = 1) -> torch.Tensor:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def lite0() -> Network:
    network = backbones.build(backbones.resolve("efficientnet_lite0"), 2, 64, seed=0)
    return network.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("engine", EACH)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_real_network_gives_the_same_features_at_every_boundary(engine: str, channels: int) -> None:
    network = lite0()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for length in (3, 6, len(network.stages)):
        pixels = images(5, 64, channels).permute(0, 2, 3, 1).numpy()
        prefix, reason = prefix_of(engine, network, length, pixels)
        assert reason == "" and prefix is not network
        assert difference(prefix, network, length, images(7, 64, channels)) < AGREES
    assert network.training  # neither mode nor tensors of the network are changed
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("engine", EACH)
def test_floats_between_0_and_1_are_taken_as_they_are(engine: str) -> None:
    network = tiny_network().eval()
    whole = tiny_part("p", 12, 0).pixels
    real = (whole / 255).astype(np.float32)
    prefix, reason = prefix_of(engine, network, 3, real.astype(np.float16))
    assert prefix is not network and not reason
    place = machine("cpu", "no", engine)
    found = run_stages(prefix, real, 0, 3, place)
    np.testing.assert_allclose(found, run_stages(network, whole, 0, 3, place), rtol=1e-4, atol=1e-4)


def test_folding_removes_every_batchnorm_and_keeps_activations() -> None:
    network = lite0()
    result = folded(network, len(network.stages), images(1))
    assert result is not None
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == 49
    assert not any(isinstance(module, nn.BatchNorm2d) for module in result.modules())
    assert sum(isinstance(module, nn.ReLU6) for module in result.modules()) == 33


def test_a_convolution_that_is_used_twice_is_left_alone() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
            self.two.running_mean += 1.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.one(self.conv(x)) + self.two(self.conv(x))

    network = tiny_network()
    network.stages["stem"] = nn.Sequential(Twice(), network.stages["stem"])
    result = folded(network, 4, images(1, 16))
    assert result is not None
    assert difference(result, network, 4, images(3, 16)) < AGREES
    assert sum(isinstance(module, nn.BatchNorm2d) for module in result.modules()) == 2


@pytest.mark.parametrize("engine", EACH)
def test_an_engine_that_disagrees_is_not_used_and_says_so(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, part, notes = tiny_network(), tiny_part("p", 20, 0), Notes()
    plain = ActivationCache(None).activations(network, 4, part, machine("cpu"))
    monkeypatch.setattr(engines, "AGREES", -1.0)
    found = ActivationCache(tmp_path, engine=engine).activations(network, 4, part, machine("cpu"), notes)
    np.testing.assert_array_equal(found, plain)
    assert len(notes.said) == 1 and "differ by" in notes.said[0]
    (about,) = tmp_path.glob("*/about.json")
    assert json.loads(about.read_text())["engine"] == "torch"


@pytest.mark.parametrize("engine", EACH)
def test_an_engine_that_fails_leaves_the_work_to_pytorch(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such operation\nand much more")

    monkeypatch.setattr(engines, "OpenVINO" if engine == "openvino" else "folded", broken)
    network = tiny_network()
    prefix, reason = prefix_of(engine, network, 4, tiny_part("p", 3, 0).pixels)
    assert prefix is network
    assert reason == "it cannot run this network (no such operation)"


@pytest.mark.parametrize("engine", EACH)
def test_cached_features_of_engines_do_not_mix(engine: str, tmp_path: Path) -> None:
    network, part = tiny_network(), tiny_part("p", 70, 0)
    plain = ActivationCache(tmp_path).activations(network, 4, part, machine("cpu"))
    cache = ActivationCache(tmp_path, engine=engine)
    found = cache.activations(network, 4, part, machine("cpu"))
    assert len(list(tmp_path.glob("*/activations.npy"))) == 2
    np.testing.assert_allclose(found, plain, atol=AGREES * np.abs(plain).max())
    again = ActivationCache(None, engine=engine).activations(network, 4, part, machine("cpu"))
    np.testing.assert_array_equal(again, found)
    cache.activations(network, 4, tiny_part("q", 9, 1), machine("cpu"))
    assert len(cache._made) == 1  # compiled once for both sets


def test_networks_without_batchnorm_are_run_by_pytorch_without_a_word() -> None:
    network = tiny_network()
    prefix, reason = prefix_of("folded", network, 1, tiny_part("p", 3, 0).pixels)
    assert prefix is network and reason == ""


def test_difference_is_relative_and_infinite_where_there_is_no_number() -> None:
    class Off(nn.Module):
        def __init__(self, factor: float, rows: int = 3) -> None:
            super().__init__()
            self.factor, self.rows = factor, rows

        def run_stages(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
            return self.factor * network.eval().run_stages(x, first, last)[: self.rows]

    network = tiny_network()
    assert difference(Off(1.01), network, 4, images(3, 16)) == pytest.approx(0.01, rel=1e-3)  # type: ignore[arg-type]
    assert difference(Off(float("nan")), network, 4, images(3, 16)) == float("inf")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        difference(Off(1.0, 2), network, 4, images(3, 16))  # type: ignore[arg-type]


def test_which_engine_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen("torch", CPU, "no") == chosen("auto", CPU, "bf16") == "torch"
    assert chosen("auto", torch.device("cuda"), "no") == "torch"
    assert chosen("folded", CPU, "no") == "folded"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert chosen("auto", CPU, "no") == "folded"
    with pytest.raises(HeldoutError, match=r"pip install 'heldout\[openvino\]'"):
        chosen("openvino", CPU, "no")


@needs_openvino
def test_openvino_is_taken_when_it_is_there_and_named_with_its_version() -> None:
    assert chosen("auto", CPU, "no") == chosen("openvino", CPU, "no")
    assert chosen("auto", CPU, "no").startswith("openvino 2")
    assert machine("cpu").engine == chosen("auto", CPU, "no")
    assert machine("cpu", engine="torch").engine == "torch"


@needs_openvino
def test_openvino_runs_only_the_stages_that_it_compiled() -> None:
    network = tiny_network()
    with pytest.raises(ValueError, match="compiled are the stages 0 to 4"):
        OpenVINO(network, 4, images(2, 16)).run_stages(images(2, 16), 0, 3)


@needs_openvino
def test_other_weights_and_statistics_of_the_same_layers_need_no_other_conversion() -> None:
    first, second = tiny_network(), tiny_network()
    with torch.no_grad():
        for tensor in second.stages.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1)))
    earlier = OpenVINO(first, 4, images(2, 16))
    with mock.patch.object(openvino_, "_traced", side_effect=AssertionError("traced again")):
        later = OpenVINO(second, 4, images(2, 16))
    assert difference(later, second, 4, images(5, 16)) < AGREES  # neither answers for the other
    assert difference(earlier, first, 4, images(5, 16)) < AGREES
    assert difference(earlier, second, 4, images(5, 16)) > 10 * AGREES


@needs_openvino
def test_an_engine_keeps_its_answers_when_the_network_is_changed_in_place() -> None:
    network, some = tiny_network(), images(5, 16)
    for _ in range(2):  # converted, and made from what was converted
        made = OpenVINO(network, 4, some)
        before = made.run_stages(some, 0, 4).clone()
        with torch.no_grad():
            for tensor in network.stages.state_dict().values():
                if tensor.is_floating_point():
                    tensor.mul_(1.5)
        assert torch.equal(made.run_stages(some, 0, 4), before)
        assert difference(made, network, 4, some) > 10 * AGREES


@needs_openvino
def test_other_layers_or_shapes_are_converted_anew() -> None:
    with mock.patch.object(openvino_, "_traced", wraps=openvino_._traced) as traced:
        for length, size, kind in (
            (4, 16, torch.uint8),
            (3, 16, torch.uint8),
            (3, 24, torch.uint8),
            (3, 24, torch.float32),
        ):
            network, some = tiny_network(), images(2, size).to(kind)
            some = some / 255 if kind == torch.float32 else some
            assert difference(OpenVINO(network, length, some), network, length, some) < AGREES
    assert traced.call_count >= 3


def test_rows_are_in_the_order_of_the_images() -> None:
    network, part = tiny_network(), tiny_part("p", 130, 0)
    backwards = Part(part.ids[::-1], part.pixels[::-1], part.labels[::-1])
    engine = machine("cpu").engine
    a, b = (ActivationCache(None, engine=engine).activations(network, 4, p, machine("cpu")) for p in (part, backwards))
    np.testing.assert_allclose(a, b[::-1], rtol=1e-4, atol=1e-5)
