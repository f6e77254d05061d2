"""A folder as `heldout handover` writes it, around a network that takes means: of an image, and of a corner of it."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from heldout.files import sha256_of, write_json, write_text
from heldout.handing_over.names import CARRIED
from heldout.handing_over.sums import SUMS, sums_of
from heldout.handing_over.thresholds import thresholds_of
from heldout.records import InputMap
from heldout.records.calibration import CALIBRATION, KNOWN_IMAGES, Calibration, Counted, Rule, RuleKind, Scaling
from heldout.records.codec import write_record
from heldout.records.export import ExportCheck, ExportInput, ExportRecord
from heldout.records.export import Scaling as ExportScaling

CLASSES = ("dark", "grey", "light")
WEIGHTS = (-0.06, 0.004, 0.06)
SHIFTS = (6.0, 0.2, -6.5)

CORNER = (7, 5, 1)
"""Rows, columns and channels of the corner: another one in an image that is turned, scrambled or has its channels in
another order."""


def network(
    path: Path,
    classes: int,
    several: bool,
    type_: Literal["uint8", "float32"] = "uint8",
    slopes: tuple[float, ...] = WEIGHTS,
) -> None:
    """`image` (n, h, w, c) -> `probabilities`, `logits` (n, k); of an image of one value as of its mean alone."""
    kind = TensorProto.UINT8 if type_ == "uint8" else TensorProto.FLOAT
    scale = 1.0 if type_ == "uint8" else 1 / 257
    weights = numpy_helper.from_array(np.array([slopes[:classes]], np.float32) * np.float32(scale), "w")
    shifts = numpy_helper.from_array(np.array(SHIFTS[:classes], np.float32), "b")
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real"], ["whole"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Slice", ["real", "from", "to", "axes"], ["corner"]),
        helper.make_node("ReduceMean", ["corner"], ["part"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mean", ["whole", "part"], ["mean"]),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "w"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["logits"]),
        helper.make_node("Sigmoid" if several else "Softmax", ["logits"], ["probabilities"]),
    ]
    outputs = [
        helper.make_tensor_value_info(one, TensorProto.FLOAT, ["n", classes]) for one in ("probabilities", "logits")
    ]
    image = helper.make_tensor_value_info("image", kind, ["n", "h", "w", "c"])
    places = {"one": (1,), "from": (0, 0, 0), "to": CORNER, "axes": (1, 2, 3)}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in places.items()]
    graph = helper.make_graph(nodes, "mean", [image], outputs, [weights, shifts, *constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def record_of(path: Path, classes: tuple[str, ...], several: bool, wanted: ExportInput, scaled: bool) -> ExportRecord:
    """What stands beside the file."""
    return ExportRecord(
        file=path.name,
        sha256=sha256_of(path),
        kind="onnx",
        classes=classes,
        labels="several" if several else "single",
        thresholds=(0.4, -0.3, 0.1)[: len(classes)] if several else (),
        model="offline:efficientnet_lite0",
        licence="Apache-2.0",
        strategy="probe",
        study="study",
        run="a-run",
        run_sha256="0" * 64,
        networks=1,
        input=wanted,
        outputs=("probabilities", "logits"),
        inside=("network", "probabilities"),
        calibration=ExportScaling() if scaled else None,
        constructor="",
        runtime={"onnxruntime": "1"},
        check=ExportCheck(32, "val", 1e-6, 1e-4, None),
        int8=None,
        heldout="0.1.0",
    )


def calibration_of(
    folder: Path, classes: tuple[str, ...], rules: dict[RuleKind, tuple[float, ...] | None]
) -> Calibration:
    """A calibration that changes nothing, with rules as given, and its known images in a folder."""
    rng, k = np.random.default_rng(0), len(classes)
    table = pd.DataFrame(rng.normal(size=(60, k)), columns=[f"logit_{one}" for one in range(k)])
    table.insert(0, "unit", np.arange(60))
    table.insert(0, "role", ["anchor"] * 30 + ["other"] * 30)
    table.to_parquet(folder / KNOWN_IMAGES)
    made = tuple(Rule(kind, 0.9, 0.1, values, 0.01, 0.05, 20, None) for kind, values in rules.items())
    counted = Counted(60, 60, True)
    return Calibration(
        run="a-run",
        predictions="0",
        classes=classes,
        positive=classes[1] if "ppv" in rules or "npv" in rules else "",
        part="val",
        confidence=0.95,
        candidates=1,
        given=False,
        crossed=False,
        questions=(),
        fitting=counted,
        control=counted if rules else None,
        single=True,
        scaling=Scaling("temperature", 1.0, (1.0,) * k, (0.0,) * k, None),
        reliability=(),
        rules=made,
        test_likeness=None,
        known_images=sha256_of(folder / KNOWN_IMAGES),
        pictured=False,
        created="now",
    )


def made_folder(
    folder: Path,
    rules: dict[RuleKind, tuple[float, ...] | None] | None = None,
    classes: tuple[str, ...] = CLASSES,
    several: bool = False,
    rule: InputMap | None = None,
    slopes: tuple[float, ...] = WEIGHTS,
) -> Path:
    """The folder; with `rules` one that is calibrated (none of them: probabilities alone)."""
    folder.mkdir(parents=True)
    type_: Any = "float32" if rule is not None else "uint8"
    network(folder / "model.onnx", len(classes), several, type_, slopes)
    wanted = ExportInput(type_, (1, 3), "", 32, "stretch", "bilinear", (0.5,), (0.5,), rule)
    record = record_of(folder / "model.onnx", classes, several, wanted, rules is not None)
    calibration = None if rules is None else calibration_of(folder, classes, rules)
    write_record(folder / "model.onnx.json", record)
    if calibration is not None:
        write_record(folder / CALIBRATION, calibration)
    write_record(folder / "thresholds.json", thresholds_of(record, calibration, 1))
    write_json(folder / "self_test.json", {})
    for name in CARRIED:
        shutil.copyfile(str(files("heldout") / "handing_over" / "carried" / name), folder / name)
    write_text(folder / SUMS, sums_of(folder, ("card.md",)))
    return folder


__all__ = ["CLASSES", "calibration_of", "made_folder", "record_of"]
