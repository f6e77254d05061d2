"""What a repository in the cache says of its network, and what is refused; no network is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from heldout.backbones import build, fetch, resolve
from heldout.backbones.given import add, where
from heldout.backbones.hub.snapshots import all_cached, shapes_in
from heldout.errors import HeldoutError, InputError
from tests.backbones.hub.repositories import (
    PREPARED,
    TINY,
    commit_of,
    save_open_clip,
    save_timm,
    save_transformers,
    snapshot,
)

COMMIT = commit_of("org/net")


def test_normalisation_is_read_and_never_assumed(cache: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    for changed, mean, std in (
        ({"rescale_factor": 1 / 127.5}, 0.25, 0.1),
        ({"do_normalize": False}, 0.0, 1.0),
        ({"do_rescale": False}, 0.5 / 255, 0.2 / 255),
        ({"do_normalize": None, "do_rescale": None, "rescale_factor": None}, 0.5, 0.2),
    ):
        (place / "preprocessor_config.json").write_text(json.dumps({**PREPARED, **changed}))
        info = resolve("hub:org/net")
        assert info.mean[0] == pytest.approx(mean) and info.std[0] == pytest.approx(std), changed
    (place / "preprocessor_config.json").unlink()
    (place / "processor_config.json").write_text(json.dumps({"image_processor": {**PREPARED, "resample": 3}}))
    assert resolve("hub:org/net").interpolation == "bicubic"
    (place / "processor_config.json").unlink()
    with pytest.raises(HeldoutError, match=r"does not say how images are normalised.*preprocessor_config\.json"):
        resolve("hub:org/net")


@pytest.mark.parametrize(
    ("stated", "side"),
    [
        ({"do_center_crop": True, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256}}, 224),
        (
            {
                "do_center_crop": False,
                "crop_size": {"height": 224, "width": 224},
                "size": {"height": 448, "width": 448},
            },
            448,
        ),
        ({"size": 384}, 384),
        ({"size": None}, 32),
    ],
)
def test_the_input_size_is_the_square_that_the_processor_makes(
    cache: Path, stated: dict[str, object], side: int
) -> None:
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "preprocessor_config.json").write_text(json.dumps({**PREPARED, **stated}))
    assert resolve("hub:org/net").input_size == side


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: other\nlicense_name: dinov3-license\n---\n", "dinov3-license"),
        ("---\nlicense: 'cc-by-nc-4.0'\n---\n", "cc-by-nc-4.0"),
        ("no header\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_the_header_of_the_card(cache: Path, card: str, licence: str) -> None:
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "README.md").write_text(card)
    assert resolve("hub:org/net").licence == licence


def test_an_architecture_that_is_not_supported_says_which_are(cache: Path) -> None:
    place = snapshot(cache, "org/llm")
    (place / "config.json").write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    save_file({"a": torch.ones(2)}, place / "model.safetensors")
    with pytest.raises(HeldoutError) as refused:
        resolve("hub:org/llm")
    text = str(refused.value)
    assert "found llama" in text and "DINOv2 with registers" in text and "SigLIP" in text and "timm" in text
    assert not [info for info in _listed() if "llm" in info], "the list of models trips over another kind of model"


def _listed() -> list[str]:
    from heldout.backbones import catalogue

    return [info.name for info in catalogue() if info.source == "hub"]


def test_an_architecture_of_a_later_timm(cache: Path) -> None:
    save_timm(cache, "vit_tiny_patch16_224", "org/net", TINY)
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "architecture": "vit_of_2030"}))
    with pytest.raises(HeldoutError, match=r"vit_of_2030 is none of timm \d"):
        build(resolve("hub:org/net"), 2, 64, 0)


def test_files_that_are_no_safetensors(cache: Path, tmp_path: Path) -> None:
    for content in (b"", b"short", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]"):
        (tmp_path / "bad.safetensors").write_bytes(content)
        with pytest.raises(InputError, match="no safetensors, or a file that was cut off"):
            shapes_in([tmp_path / "bad.safetensors"])
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "config.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        resolve("hub:org/net")
    assert _listed() == [], "a damaged repository hides the others"


@pytest.mark.parametrize("kind", ["missing", "shape", "deeper"])
@pytest.mark.parametrize("library", ["transformers", "timm"])
def test_weights_of_another_network_are_refused(cache: Path, library: str, kind: str) -> None:
    if library == "timm":
        save_timm(cache, "vit_tiny_patch16_224", "org/net", TINY)
        norm, block = "norm.weight", "blocks.{}.norm1.weight"
    else:
        save_transformers(cache, "dinov2", "org/net")
        norm, block = "layernorm.weight", "encoder.layer.{}.norm1.weight"
    file = next((cache / "models--org--net" / "snapshots").iterdir()) / "model.safetensors"
    tensors = load_file(file)
    if kind == "missing":
        del tensors[norm]
    elif kind == "shape":
        tensors[norm] = torch.ones(7)
    else:
        tensors[block.format(3)] = torch.ones(32)
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(InputError) as refused:
        build(resolve("hub:org/net"), 2, 64, 0)
    text = str(refused.value)
    assert ("norm1" if kind == "deeper" else norm.partition(".")[0]) in text and str(file) in text


def test_without_the_extra_the_error_says_how_to_install_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    save_transformers(cache, "dinov2", "org/net")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else found(name))
    with pytest.raises(HeldoutError, match=r"needs the package 'transformers'.*pip install 'heldout\[hub\]'"):
        resolve("hub:org/net")
    save_timm(cache, "test_convnext", "org/timm", {})
    assert resolve("hub:org/timm").architecture == "test_convnext", "timm needs no extra"


def test_code_in_a_repository_is_never_run(cache: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "modeling_own.py").write_text("raise SystemExit('run')\n")
    config = json.loads((place / "config.json").read_text())
    custom = {"AutoConfig": "modeling_own.Config", "AutoModel": "modeling_own.Model"}
    (place / "config.json").write_text(json.dumps({**config, "auto_map": custom}))
    assert build(resolve("hub:org/net"), 2, 64, 0).feature_size == 32


def test_pickles_in_the_cache_are_refused_offline_too(cache: Path) -> None:
    save_open_clip(cache, "org/net", pickled=True)
    with pytest.raises(HeldoutError, match="only as pickles"):
        fetch(resolve("hub:org/net"))


def test_converted_weights_are_added_and_pickles_are_not(cache: Path, tmp_path: Path) -> None:
    save_open_clip(cache, "org/net", pickled=True)
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    pickle = place / "open_clip_pytorch_model.bin"
    with pytest.raises(InputError, match=r"a pickle, which can hold code; expected a \.safetensors file"):
        add("hub:org/net", pickle)
    converted = tmp_path / "model.safetensors"
    save_file(torch.load(pickle, weights_only=True), converted)
    kept = add("hub:org/net", converted)
    entry, here, _ = where("hub:org/net")
    assert here == kept and COMMIT in kept.name and entry.hub == "org/net"
    network = build(resolve("hub:org/net"), 2, 160, 0)
    tensors = load_file(converted)
    assert torch.equal(network.stages["norm"].weight, tensors["visual.trunk.norm.weight"])  # type: ignore[arg-type]


def test_offline_with_the_description_but_not_the_weights(cache: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "model.safetensors").unlink()
    info = resolve("hub:org/net")
    assert info.params == 0 and "params" in info.computed
    with pytest.raises(HeldoutError, match="is not whole in the hub's cache"):
        build(info, 2, 64, 0)
    assert next(iter(all_cached())).weights() is None


def test_offline_and_not_cached(cache: Path) -> None:
    with pytest.raises(HeldoutError) as missing:
        resolve("hub:facebook/dinov2-small")
    text = str(missing.value)
    assert "HF_HUB_OFFLINE is set" in text and "hf download facebook/dinov2-small --revision main" in text
    assert "models--facebook--dinov2-small" in text and str(cache) in text
