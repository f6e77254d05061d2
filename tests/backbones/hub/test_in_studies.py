"""Networks of the hub in studies: every strategy, cached features, a finished run, and the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.backbones import build, resolve
from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.files import sha256_of
from heldout.records.backbone import spoken_name
from heldout.runs.predict import load_network, predict
from heldout.study import Study
from tests.backbones.hub.repositories import TINY, commit_of, save_timm, save_transformers
from tests.worlds.bright_cells import bright_cells

SIZE = 32
COMMIT = commit_of("org/dinov2")


def call(*args: str) -> tuple[ExitStatus, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(args, Environment(stdout=out, stderr=err))
    return status, out.getvalue(), err.getvalue()


def file_of(cache: Path, repository: str) -> Path:
    return next((cache / ("models--" + repository.replace("/", "--")) / "snapshots").iterdir()) / "model.safetensors"


def test_every_strategy_trains_a_vision_transformer_of_the_hub(cache: Path, tmp_path: Path) -> None:
    save_transformers(cache, "dinov2")
    names = ["probe", "knn", "frozen", "last-block", "first-block", "gradual", "norm", "bias", "finetune"]
    data = bright_cells(tmp_path / "data", train=12, test=4)
    study = Study(data, ["hub:org/dinov2"], names, tmp_path / "s", image_size=SIZE, epochs=1).run()
    records = {record.strategy: record for record in study.records()}
    assert set(records) == set(names)
    assert {record.backbone for record in records.values()} == {f"hub:org/dinov2@{COMMIT}:cls"}
    assert {item.recipe.weights for item in study.plan()} == {sha256_of(file_of(cache, "org/dinov2"))[:16]}
    last = records["last-block"].frozen
    assert last is not None and last.verified and last.prefix_stages == ("input", "embed", "blocks_0", "blocks_1")
    probe = records["probe"].frozen
    assert probe is not None and probe.prefix_stages[-1] == "pool"


def test_lora_adapts_the_layers_of_a_vision_transformer_of_the_hub(cache: Path, tmp_path: Path) -> None:
    """Adapters and head learn; each layer's weight moves by a product of that rank at most, and nothing else moves."""
    pytest.importorskip("peft", reason="the extra `lora` is not installed")
    save_transformers(cache, "siglip")
    data, settings = bright_cells(tmp_path / "data", train=12, test=4), {"lora": {"rank": "2", "lr": "0.05"}}
    study = Study(
        data, ["hub:org/siglip"], ["lora"], tmp_path / "s", image_size=SIZE, epochs=1, settings=settings
    ).run()
    (record,) = study.records()
    network, recipe = load_network(study.folder / "runs" / record.id)
    before = build(resolve(recipe.backbone), 2, SIZE, recipe.seed).state_dict()
    change = {name: value - before[name] for name, value in network.state_dict().items()}
    moved = {name for name, value in change.items() if value.any()}
    layers = [one for one in moved if not one.startswith("head.")]
    assert {name for name in change if name.endswith(("q_proj.weight", "fc1.weight"))} <= set(layers)
    assert all(int(torch.linalg.matrix_rank(change[name].flatten(1), tol=1e-5)) in (1, 2) for name in layers)
    factors = sum(2 * sum(change[name].flatten(1).shape) for name in layers)
    head = sum(value.numel() for name, value in change.items() if name.startswith("head."))
    assert record.trainable_parameters == factors + head
    assert record.parameters == sum(value.numel() for value in network.parameters())
    assert record.frozen is not None and record.frozen.verified and record.learning.backbone_trained


@pytest.mark.parametrize("kind", ["transformers", "timm"])
def test_a_finished_run_is_loaded_and_answers_as_it_did(cache: Path, tmp_path: Path, kind: str) -> None:
    if kind == "timm":
        save_timm(cache, "vit_tiny_patch16_224", "org/net", TINY)
    else:
        save_transformers(cache, "dinov3_vit", "org/net")
    data = bright_cells(tmp_path / "data", train=12, test=4)
    study = Study(data, ["hub:org/net:cls+mean"], ["finetune"], tmp_path / "s", image_size=SIZE, epochs=1).run()
    (record,) = study.records()
    file_of(cache, "org/net").unlink()  # its own weights are in the run
    run = study.folder / "runs" / record.id
    network, recipe = load_network(run)
    assert recipe.backbone.endswith(":cls+mean") and network.feature_size == 64
    pixels = torch.from_numpy(np.load(data / "test" / "test_dark.npy"))[:, None]
    with torch.no_grad():
        logits = network(pixels)
    from PIL import Image

    files = [tmp_path / f"{k}.png" for k in range(4)]
    for file, image in zip(files, pixels[:, 0].numpy(), strict=True):
        Image.fromarray(image).save(file)
    table = predict(run, files, device="cpu")
    found = torch.from_numpy(table[[f"p({name})" for name in recipe.classes]].to_numpy(copy=True))
    torch.testing.assert_close(found, logits.double().softmax(1), rtol=1e-3, atol=1e-4)


def test_two_poolings_are_two_models(cache: Path, tmp_path: Path) -> None:
    save_transformers(cache, "dinov2")
    data = bright_cells(tmp_path / "data", train=12, test=4)
    study = Study(data, ["hub:org/dinov2", "hub:org/dinov2:mean"], ["probe"], tmp_path / "s", image_size=SIZE).run()
    ids = {record.id for record in study.records()}
    assert len(ids) == 2
    status, out, err = call("compare", str(tmp_path / "s"))
    assert status == ExitStatus.OK, err
    assert "dinov2" in out


def test_what_people_call_it() -> None:
    assert spoken_name(f"hub:timm/vit_small_patch14_dinov2.lvd142m@{COMMIT}:cls") == "vit_small_patch14_dinov2.lvd142m"
    assert spoken_name("timm:resnet34.a1_in1k") == "resnet34"


def test_what_tables_call_it() -> None:
    from heldout.answer.names import short_models

    one, two = f"hub:org/dinov2@{COMMIT}:cls", f"hub:org/dinov2@{COMMIT}:mean"
    assert short_models([one]) == {one: "dinov2"}
    assert short_models([one, two]) == {one: f"org/dinov2@{COMMIT[:7]}:cls", two: f"org/dinov2@{COMMIT[:7]}:mean"}
    other = f"hub:org/dinov2@{COMMIT[:7]}{'0' * 33}:cls"
    assert len(set(short_models([one, other]).values())) == 2


def test_models_lists_what_is_cached_and_tells_of_what_is_named(cache: Path) -> None:
    save_transformers(cache, "dinov2")
    save_timm(cache, "test_convnext", "timm/test_convnext.r160_in1k", {})
    status, out, err = call("models", "--source", "hub", "--json")
    assert status == ExitStatus.OK, err
    (row,) = json.loads(out)["models"]  # the second one stands under `timm:`
    assert row["name"] == f"hub:org/dinov2@{COMMIT}:cls" and row["here"] and row["licence"] == "apache-2.0"
    assert row["params"] > 0 and row["architecture"] == "dinov2"
    status, out, _ = call("models", "hub:org/dinov2:mean")
    assert status == ExitStatus.OK and f"org/dinov2@{COMMIT}:mean" in out.replace("\n", "").replace(" ", "")
    assert "apache-2.0" in out and "huggingface.co/org/dinov2/tree" in out
    status, _, err = call("models", "hub:org/missing")
    assert status != ExitStatus.OK and "HF_HUB_OFFLINE is set" in err
    status, out, _ = call("weights", "list")
    assert status == ExitStatus.OK and f"hub:org/dinov2@{COMMIT}:cls" in out
    status, out, _ = call("weights", "where", "hub:org/dinov2")
    assert status == ExitStatus.OK and out.strip() == str(file_of(cache, "org/dinov2"))


def test_parameters_that_are_not_known_are_not_nought(cache: Path) -> None:
    save_transformers(cache, "dinov2")
    file_of(cache, "org/dinov2").unlink()
    status, out, _ = call("models", "hub:org/dinov2")
    assert status == ExitStatus.OK and "~0" not in out and "unknown" in out
