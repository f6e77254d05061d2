"""A trained run exported: what the file holds, what is said of it, how it is used, and when nothing is written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from PIL import Image

import heldout
from heldout.cli import ExitStatus
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.exporting import export as module
from heldout.exporting.export import TOLERANCE, beside, export
from heldout.exporting.reading import ExportedClassifier
from heldout.files import sha256_of
from heldout.records import InputMap
from heldout.records.codec import read_record
from heldout.records.export import ExportRecord, Scaling
from heldout.runs.folder import read_study
from heldout.runs.predict import predict
from heldout.study import Study
from tests.cli.call import call
from tests.exporting.made_runs import made_recipe, made_run, noise_images
from tests.worlds.bright_cells import bright_cells

ROOT = Path(__file__).parents[2]
MODEL = "timm:test_efficientnet.r160_in1k"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two probes on random weights: images of 40 pixels, networks of 32."""
    folder = tmp_path_factory.mktemp("export")
    bright_cells(folder / "data", train=60, test=8, size=40)
    made = Study(folder / "data", ["efficientnet_lite0"], ["probe", "knn"], folder / "study", image_size=32)
    return made.run()


@pytest.fixture(scope="module")
def probe(study: Study) -> Path:
    return next(run.folder for run in read_study(study.folder).runs if run.record.strategy == "probe")


@pytest.fixture(scope="module")
def exported(probe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "model.onnx"
    heldout.export(probe, out)
    return out


def test_the_file_says_what_it_is_and_was_checked_on_validation_images(probe: Path, exported: Path) -> None:
    record = read_record(ExportRecord, beside(exported))
    assert record.sha256 == sha256_of(exported) and record.run_sha256 == sha256_of(probe / "run.json")
    check = record.check
    assert check.recorded_difference is not None and 0 < check.recorded_difference <= TOLERANCE
    assert check.source == "val and train"  # 24 validation images are too few
    about = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert json.loads(about["classes"]) == list(record.classes) == ["dark", "light"]
    assert about["run"] == probe.name and about["model"] == "offline:efficientnet_lite0"
    assert about["licence"] == record.licence == "Apache-2.0" and about["study"] == "study"
    assert record.runtime["opset"] == "18" and "onnxruntime" in record.runtime and record.int8 is None


def test_new_images_of_any_size_are_answered_as_predict_answers_them(
    probe: Path, exported: Path, tmp_path: Path
) -> None:
    noise_images(tmp_path / "new", 12, seed=5)
    expected = predict(probe, [tmp_path / "new"])
    answer = call("predict", exported, tmp_path / "new", "--csv", tmp_path / "a.csv")
    assert answer.status == 0, answer.err
    found = pd.read_csv(tmp_path / "a.csv")
    assert found["predicted"].tolist() == expected["predicted"].tolist()
    names = ["p(dark)", "p(light)"]
    np.testing.assert_allclose(found[names], expected[names], atol=TOLERANCE)
    assert call("predict", exported, tmp_path / "new", "--device", "cuda").status == 2
    (tmp_path / "new" / "bad.png").write_bytes(b"none")
    assert call("predict", exported, tmp_path / "new").status == 1


@pytest.mark.slow
def test_a_calibrated_run_answers_as_predict_does(probe: Path, tmp_path: Path) -> None:
    shutil.copytree(probe.parents[1], tmp_path / "study")
    run = tmp_path / "study" / "runs" / probe.name
    before = predict(run, [noise_images(tmp_path / "new", 6, seed=7)])
    assert heldout.calibrate(run).scaling.temperature != pytest.approx(1.0, abs=0.01)
    expected = predict(run, [tmp_path / "new"])
    names = ["p(dark)", "p(light)"]
    assert np.abs(expected[names] - before[names]).to_numpy().max() > 5 * TOLERANCE
    for words, answers in (((), expected), (("--uncalibrated",), before)):
        out = tmp_path / f"model{len(words)}.onnx"
        told = call("export", run, out, *words)
        assert told.status == 0, told.err
        assert ("Its probabilities are calibrated" in told.out) == (not words)
        assert call("predict", out, tmp_path / "new", "--csv", out.with_suffix(".csv")).status == 0
        np.testing.assert_allclose(pd.read_csv(out.with_suffix(".csv"))[names], answers[names], atol=TOLERANCE)
    refused = call("predict", out, tmp_path / "new", "--uncalibrated")
    assert refused.status == ExitStatus.USAGE and "holds its calibration" in refused.err


def test_twenty_lines_of_plain_python_answer_as_predict(probe: Path, exported: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "InferenceSession" in block]
    assert len(code.splitlines()) <= 20 and "heldout" not in code
    folder = noise_images(tmp_path / "new", 6, seed=6)
    turned = Image.open(folder / "01.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "turned.png", exif=exif)
    (tmp_path / "answer.py").write_text(code)
    files = sorted(folder.glob("*.png"))
    words = [sys.executable, tmp_path / "answer.py", exported, *files]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    expected = predict(probe, [folder]).set_index("image")
    for line, file in zip(said.splitlines(), files, strict=True):
        name, answer = line.split("\t")
        found = json.loads(answer)
        assert name == str(file)
        for label in ("dark", "light"):
            assert found[label] == pytest.approx(expected.at[str(file), f"p({label})"], abs=TOLERANCE)


def test_a_changed_file_or_one_without_its_record_is_refused(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.onnx"
    copy.write_bytes(exported.read_bytes())
    with pytest.raises(InputError, match=r"model\.onnx\.json"):
        ExportedClassifier(copy)
    beside(copy).write_bytes(beside(exported).read_bytes())
    assert ExportedClassifier(copy).classes == ("dark", "light")
    copy.write_bytes(exported.read_bytes() + b"\n")
    with pytest.raises(InputError, match="changed"):
        ExportedClassifier(copy)
    with pytest.raises(InputError, match="no such file"):
        ExportedClassifier(tmp_path / "none.onnx")


def test_a_file_that_answers_otherwise_is_not_written(
    probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.safetensors"
    exact = module.Exportable.probabilities
    monkeypatch.setattr(module.Exportable, "probabilities", lambda run, image, where: exact(run, image, where) + 2e-4)
    with pytest.raises(HeldoutError, match="Nothing was written"):
        export(probe, out)
    assert list(tmp_path.iterdir()) == []


def test_the_differences_are_measured_on_32_images_of_the_study(
    study: Study, probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's network is made to answer otherwise, by up to half of what is let through."""
    asked: list[str] = []
    exact = module.Exportable.probabilities

    def off(run: module.Exportable, image: module.Decoded, where: str) -> Any:
        asked.append(where)
        return exact(run, image, where) + 5e-5 * len(asked) / 32

    monkeypatch.setattr(module.Exportable, "probabilities", off)
    check = export(probe, tmp_path / "model.safetensors").check
    assert check.images == len(asked) == len(set(asked)) == 32
    assert check.largest_difference == pytest.approx(5e-5, abs=5e-6)
    found = read_study(study.folder)
    table = found.cohort.table.set_index("id")
    names = {f"{table.at[id_, 'source']} row {table.at[id_, 'row']}" for id_ in found.split.part("val")}
    assert len(names) == 24 and all(any(where.endswith(name) for where in asked) for name in names)


def answered_by_hand(study: Study, file: Path) -> np.ndarray[Any, Any]:
    """(n,) whether an exported file is right on each validation image, by onnxruntime and arrays alone."""
    found = read_study(study.folder)
    table, session = found.cohort.table.set_index("id"), onnxruntime.InferenceSession(file)
    right = []
    for id_ in found.split.part("val"):
        pixels = np.load(Path(found.cohort.root) / table.at[id_, "source"])[table.at[id_, "row"]]
        (answer,) = session.run(["probabilities"], {"image": pixels[None, ..., None]})[0]
        right.append(found.cohort.classes[int(answer.argmax())] == table.at[id_, "label"])
    return np.array(right)


@pytest.mark.slow
def test_eight_bits_and_what_they_cost(study: Study, probe: Path, exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.onnx"
    answer = call("export", probe, out, "--int8", "--json")
    assert answer.status == 0, answer.err
    told = json.loads(answer.out)
    cost = told["int8"]
    exact, coarse = (answered_by_hand(study, file) for file in (exported, out))
    lost = cost["lost_points"]
    assert lost["n"] == len(exact) == 24 and lost["method"].startswith("paired patient bootstrap, 12 patients")
    assert lost["value"] == pytest.approx(100 * (exact.mean() - coarse.mean())) and (exact != coarse).any()
    assert cost["bytes"] == out.stat().st_size < 0.5 * cost["bytes_before"] and cost["images"] == 96
    kinds = [node.op_type for node in onnx.load(out).graph.node]
    assert kinds.count("QuantizeLinear") > 10
    with pytest.raises(UsageError, match=r"\.onnx"):
        export(probe, tmp_path / "small.pt2", int8=True)


@pytest.mark.slow
def test_neighbours_and_temperature_in_a_program_of_pytorch(study: Study, tmp_path: Path) -> None:
    run = next(run.folder for run in read_study(study.folder).runs if run.record.strategy == "knn")
    plain = export(run, tmp_path / "plain.pt2")
    cool = export(run, tmp_path / "cool.pt2", calibration=Scaling((0.25,), (0.0,)))
    assert max(plain.check.largest_difference, cool.check.largest_difference) <= TOLERANCE
    assert cool.calibration == Scaling((0.25,), (0.0,)) and plain.check.recorded_difference is not None
    image = torch.randint(0, 256, (3, 45, 61, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    first, second = (torch.export.load(tmp_path / name).module()(image) for name in ("plain.pt2", "cool.pt2"))
    torch.testing.assert_close(second[0], (first[1] / 4).softmax(1), atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="Neighbours"):
        export(run, tmp_path / "knn.safetensors")
    with pytest.raises(UsageError, match="3 numbers"):
        export(run, tmp_path / "x.pt2", calibration=Scaling((1.0, 1.0, 1.0)))


@pytest.mark.slow
def test_deep_images_folds_and_channels_of_ones_own(tmp_path: Path) -> None:
    """Two networks that learned different windows, on images of five channels and 16 bits."""
    rules = [InputMap("percentile:1,99", (100.0,), (high,), 9, "adapt", (), 5) for high in (3000.0, 4000.0)]
    places = [
        made_run(tmp_path / f"s{k}", made_recipe(MODEL, 48, "pad", "bilinear", rule)) for k, rule in enumerate(rules)
    ]
    whole = made_run(
        tmp_path / "all", made_recipe(MODEL, 48), tuple(f"../../../{run.relative_to(tmp_path)}" for run in places)
    )
    rng = np.random.default_rng(0)
    for k in range(32):
        np.save(tmp_path / f"{k}.npy", rng.integers(0, 4096, (60, 50 + k, 5), dtype=np.uint16))
    record = export(whole, tmp_path / "model.pt2", images=[tmp_path / f"{k}.npy" for k in range(32)])
    assert record.networks == 2 and record.input.type == "float32" and record.input.channels == (5,)
    assert record.check.largest_difference <= TOLERANCE
    with pytest.raises(HeldoutError, match="mean of 2 networks"):
        export(whole, tmp_path / "m.safetensors", images=[tmp_path / f"{k}.npy" for k in range(32)])
    with pytest.raises(UsageError, match="2 networks"):
        export(whole, tmp_path / "m.onnx", int8=True)


def test_what_cannot_be_exported_says_so_before_anything_is_made(probe: Path, tmp_path: Path) -> None:
    run = made_run(tmp_path, made_recipe(MODEL))
    few = noise_images(tmp_path / "few", 5)
    for words, said in (
        (("export", run, tmp_path / "m.onnx"), "--images"),
        (("export", run, tmp_path / "m.onnx", "--images", few), "5 images"),
        (("export", run, tmp_path / "m.bin"), ".safetensors"),
        (("export", run, tmp_path / "m.bin", "--format", "onyx"), "onnx"),
        (("export", tmp_path, tmp_path / "m.onnx"), "run.json"),
        (("export", probe, few / "00.png"), "--overwrite"),
    ):
        answer = call(*words)
        assert answer.status != 0 and said in answer.err, answer.err
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "learning": {**record["learning"], "given": True}}))
    assert "predictions" in call("export", run, tmp_path / "m.onnx", "--images", few).err
    assert not list(tmp_path.glob("m.*"))
