"""`python predict.py FILE_OR_FOLDER... > answers.csv` classifies images; `python predict.py --self-test` checks all."""

import csv
import hashlib
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE, TESTING, rows, problems = Path(__file__).parent, sys.argv[1:] == ["--self-test"], [], []
sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")  # type: ignore[union-attr]  # any name
pixels_of = runpy.run_path(str(HERE / "images.py"))["pixels_of"]  # of this folder, also where Python does not look here
about, rule, wanted = (json.loads((HERE / f"{n}.json").read_bytes()) for n in ("model.onnx", "thresholds", "self_test"))
names, cuts = np.array(about["classes"]), np.array([np.inf if t is None else t for t in rule["thresholds"].values()])
labels, takes = rule["kind"] == "labels", about["input"]
session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
places = [HERE / "self_test"] if TESTING else [Path(place) for place in sys.argv[1:]]
for file in [f for p in places for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if not f.is_dir()]:
    try:
        pixels = pixels_of(file, rule["depths"])
        if pixels.shape[2] not in takes["channels"]:
            raise ValueError(f"an image of {pixels.shape[2]} channels; expected one of {takes['channels']}")
        z = session.run(["logits"], {"image": pixels[None].astype(takes["type"])})[0][0].astype(float)
        p = np.exp(-np.logaddexp(0, -z) if labels else z - z.max())  # of labels the sigmoid, of classes the softmax
        p = p if labels else p / p.sum()
        best = z > cuts if labels else np.arange(len(p)) == np.argmax(p >= p.max() * (1 - 1e-8))
        inside = best | (p >= cuts) if rule["kind"] == "sets" else best & (p >= cuts)
        rows.append([str(file), *("|".join(names[one]) for one in (best, inside)[: len(rule["columns"]) - len(p)]), *p])
    except Exception as error:  # whatever a library says of one file: the others are answered
        problems.append(f"{file}: {error}")
csv.writer(sys.stdout, lineterminator="\n").writerows([["image", *rule["columns"]], *rows])
if TESTING:  # every file is as it was handed over, and the images that came with it are answered as they were
    sums = [line.split("  ", 1) for line in (HERE / "SHA256SUMS").read_text("utf-8").splitlines()]
    problems += [f"{f}: changed" for s, f in sums if hashlib.sha256((HERE / f).read_bytes()).hexdigest() != s]
    far = [r[0] for r in rows if not np.allclose(r[-len(names) :], wanted[Path(r[0]).name], rtol=0, atol=1e-4)]
    problems += [f"{name}: answered otherwise than when it was handed over" for name in far]
sys.exit("\n".join(problems) or (print("self-test passed", file=sys.stderr) if TESTING else None))
