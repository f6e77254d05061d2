"""`heldout run`, `predict`, `strategies` from the command line, on real pretrained weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.cli import ExitStatus
from tests.cli.call import Answer, call
from tests.worlds.bright_cells import bright_cells


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def run(data: Path, out: Path, *more: object) -> Answer:
    words = ["run", data, "--models", "efficientnet_lite0", "--epochs", 2, "--image-size", 32, "--out", out]
    return call(*words, *more)


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "study"
    answer = run(data, out, "--strategies", "frozen,probe", "--seeds", 2, "--set", "frozen.lr=0.01")
    assert answer.status == ExitStatus.OK, answer.err
    assert "an epoch" in answer.err
    assert "train" in answer.err and "val" in answer.err
    return out


def test_a_study_is_run_and_its_settings_recorded(study: Path) -> None:
    recipes = [json.loads(path.read_text()) for path in study.glob("runs/*/recipe.json")]
    assert len(recipes) == 4
    assert {recipe["settings"].get("lr") for recipe in recipes} == {0.01, None}


def test_calling_it_again_trains_nothing_and_prints_the_comparison(study: Path, data: Path) -> None:
    answer = run(
        data, study, "--strategy", "frozen", "--strategy", "probe", "--seeds", 2, "--set", "frozen.lr=0.01", "--json"
    )
    assert answer.err.count("finished before") == 4
    comparison = json.loads(answer.out)
    assert comparison["format"] == 2
    assert len(comparison["runs"]) == 4
    assert comparison["runs"][0]["test_evaluations"] == 1
    assert len(comparison["pairs"]) == 6


SLOW_TO_IMPORT = ("torch", "timm", "scipy.stats", "scipy.optimize", "scipy.sparse.csgraph", "heldout.phantoms.world")
"""Half a second each, or a tenth: what a command with nothing to train does not ask anything of."""


def test_calling_it_again_imports_nothing_that_trains_tests_or_simulates(study: Path, data: Path) -> None:
    words = ["run", str(data), "--models", "efficientnet_lite0", "--epochs", "2", "--image-size", "32"]
    words += ["--out", str(study), "--strategies", "frozen,probe", "--seeds", "2", "--set", "frozen.lr=0.01"]
    code = f"""
import sys
from heldout.cli import main
assert main({words!r}) == 0
found = [name for name in {SLOW_TO_IMPORT!r} if name in sys.modules]
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("finished before") == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategies", "frozn"], "Did you mean frozen"),
        (["--strategies", "frozen", "--set", "frozen.bn=off"], "expected one of eval, train"),
        (["--strategies", "frozen", "--set", "bn=off"], "STRATEGY.SETTING=VALUE"),
        (["--fit", "squeeze"], "expected one of stretch, pad, crop"),
        (["--device", "tpu"], "expected one of auto, cpu, cuda"),
        (["--precision", "fp16"], "bf16"),
    ],
)
def test_usage_errors_say_what_is_expected(data: Path, tmp_path: Path, words: list[str], said: str) -> None:
    answer = run(data, tmp_path / "x", *words)
    assert answer.status == ExitStatus.USAGE
    assert said in answer.err


def test_weights_that_cannot_be_had_say_which_file_to_put_where(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    answer = call("run", data, "--models", "torchvision:resnet18", "--strategies", "probe", "--out", tmp_path / "x")
    assert answer.status == ExitStatus.ERROR
    assert "resnet18-f37072fd.pth" in answer.err
    assert "heldout weights add torchvision:resnet18.IMAGENET1K_V1" in answer.err


def test_predict(study: Path, tmp_path: Path) -> None:
    for name, level in (("dark", 70), ("light", 170)):
        pixels = np.clip(np.random.default_rng(5).normal(level, 40, (32, 32)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    answer = call("predict", next(study.glob("runs/*probe*")), tmp_path / "dark.png", tmp_path / "light.png", "--json")
    assert answer.status == ExitStatus.OK, answer.err
    predictions = json.loads(answer.out)["predictions"]
    assert [Path(item["image"]).stem for item in predictions] == ["dark", "light"]
    assert all(sum(item["probabilities"].values()) == pytest.approx(1) for item in predictions)
    table = call("predict", next(study.glob("runs/*probe*")), tmp_path / "dark.png")
    assert "p(light)" in table.out


def test_strategies_are_explained() -> None:
    entries = json.loads(call("strategies", "--json").out)["strategies"]
    assert {"finetune", "frozen", "probe"} <= {entry["name"] for entry in entries}
    text = call("strategies", "frozen").out
    assert "frozen.bn=eval   (eval | train)" in text
    assert "When to try it" in text
    assert "milliseconds" in text and "BatchNorm layers of the backbone" in text  # the manual, and what a setting means
    overview = call("strategies").out
    for entry in entries:
        assert entry["title"] in overview
        assert all(setting["meaning"] for setting in entry["settings"])
    assert "Settings: epochs=30 lr=0.0003" in overview
