"""Architectures of timm and torchvision with random weights: file and run agree, the library takes its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from heldout.errors import HeldoutError
from heldout.exporting.export import TOLERANCE, export
from tests.exporting.made_runs import CLASSES, made_recipe, made_run, noise_images

QUICK = {"timm:test_vit.r160_in1k": 160, "torchvision:squeezenet1_1.IMAGENET1K_V1": 64}
"""Name -> side in pixels, of those in the default suite: one of each library, the smallest there are."""

SLOW = {
    "torchvision:alexnet.IMAGENET1K_V1": 64,
    "torchvision:convnext_tiny.IMAGENET1K_V1": 64,
    "torchvision:densenet121.IMAGENET1K_V1": 64,
    "torchvision:efficientnet_b0.IMAGENET1K_V1": 64,
    "torchvision:googlenet.IMAGENET1K_V1": 64,
    "torchvision:mobilenet_v3_small.IMAGENET1K_V1": 64,
    "torchvision:regnet_y_400mf.IMAGENET1K_V1": 64,
    "torchvision:resnet18.IMAGENET1K_V1": 64,
    "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1": 64,
    "torchvision:swin_t.IMAGENET1K_V1": 64,
    "torchvision:vit_b_16.IMAGENET1K_V1": 64,
    "offline:efficientnet_lite0": 64,
    "timm:test_byobnet.r160_in1k": 64,
    "timm:test_convnext.r160_in1k": 64,
    "timm:test_efficientnet.r160_in1k": 64,
    "timm:test_nfnet.r160_in1k": 64,
    "timm:test_resnet.r160_in1k": 64,
    "timm:mobilenetv3_small_050.lamb_in1k": 64,
    "timm:deit_tiny_distilled_patch16_224.fb_in1k": 64,
    "timm:levit_128s.fb_dist_in1k": 224,
    "timm:regnetx_002.pycls_in1k": 64,
    "timm:swin_tiny_patch4_window7_224.ms_in1k": 224,
}

NO_STATE = ("torchvision:squeezenet1_1.IMAGENET1K_V1",)
"""Whose classifier is no linear layer on pooled features: a ReLU stands between."""

EVERY = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_images(tmp_path_factory.mktemp("export") / "images")


def run_of(name: str, folder: Path) -> Path:
    return made_run(folder, made_recipe(name, {**QUICK, **SLOW}[name], "stretch", "bicubic"))


@pytest.mark.parametrize("name", EVERY)
def test_a_file_in_onnx_answers_as_the_run(name: str, tmp_path: Path, images: Path) -> None:
    record = export(run_of(name, tmp_path), tmp_path / "model.onnx", images=[images])
    assert record.check.images == 32 and record.check.largest_difference <= TOLERANCE
    assert record.classes == CLASSES and record.model == name and record.runtime["opset"] == "18"


@pytest.mark.parametrize("name", EVERY)
def test_the_library_takes_the_state_dict_strictly_and_answers_as_the_run(
    name: str, tmp_path: Path, images: Path
) -> None:
    out = tmp_path / "model.safetensors"
    if name in NO_STATE:
        with pytest.raises(HeldoutError, match="answers otherwise"):
            export(run_of(name, tmp_path), out, images=[images])
        assert not list(tmp_path.glob("model*"))
        return
    record = export(run_of(name, tmp_path), out, images=[images])
    assert record.check.largest_difference <= TOLERANCE
    module, _, call = record.constructor.partition(".")
    assert module in ("timm", "torchvision") and call
    import timm
    import torchvision

    model = eval(record.constructor, {"timm": timm, "torchvision": torchvision})
    assert isinstance(model, torch.nn.Module)
    assert str(model.load_state_dict(load_file(out), strict=True)) == "<All keys matched successfully>"


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_a_program_of_torch_export_answers_as_the_run(name: str, tmp_path: Path, images: Path) -> None:
    record = export(run_of(name, tmp_path), tmp_path / "model.pt2", images=[images])
    assert record.check.largest_difference <= TOLERANCE
