"""`python predict.py FILE_OR_FOLDER... > answers.csv` classifies images; `python predict.py --self-test` checks all."""

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE, TESTING, rows, problems = Path(__file__).parent, sys.argv[1:] == ["--self-test"], [], []
MODES = {"8 bits or fewer": {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}, "more than 8 bits": {"I;16": "I;16"}}
about, rule, wanted = (json.loads((HERE / f"{n}.json").read_bytes()) for n in ("model.onnx", "thresholds", "self_test"))
modes = dict(pair for depth in rule["depths"] for pair in MODES[depth].items())  # of Pillow, and what becomes of them
names, cuts = np.array(about["classes"]), np.array([np.inf if t is None else t for t in rule["thresholds"].values()])
session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
places = [HERE / "self_test"] if TESTING else [Path(place) for place in sys.argv[1:]]
for file in [f for p in places for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if not f.is_dir()]:
    try:
        picture = Image.open(file, formats=("PNG", "JPEG", "BMP", "TIFF"))
        cut = picture.mode == "RGB" and ";16" in str(picture.tile)  # 16-bit colour, which Pillow reads as 8 bits
        if picture.mode not in modes or cut or picture.has_transparency_data or getattr(picture, "n_frames", 1) > 1:
            raise ValueError(f"{picture.mode} pixels; expected one opaque grey or RGB image, {rule['depths']}")
        pixels = np.atleast_3d(np.asarray(ImageOps.exif_transpose(picture).convert(modes[picture.mode])))
        feed = {"image": pixels[None].astype(about["input"]["type"])}
        p, z = (values[0].astype(float) for values in session.run(["probabilities", "logits"], feed))
        best = z > cuts if rule["kind"] == "labels" else np.arange(len(p)) == np.argmax(p >= p.max() - 1e-8)
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
