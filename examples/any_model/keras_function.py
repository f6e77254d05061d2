"""A Keras network handed over as a function: heldout asks it about changed images, and knows nothing of Keras.

Any callable will do that takes uint8 images (n, s, s, 3) and returns probabilities (n, k). heldout is installed beside
Keras.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import timm  # noqa: F401, I001  (heldout's features need it: with TensorFlow loaded first its Triton crashes)

import keras
import numpy as np
import pandas as pd
from PIL import Image

import heldout

SIZE = 64
root = Path(sys.argv[1])
keras.utils.set_random_seed(0)

rows = pd.read_csv(root / "images.csv")
classes = sorted(rows["label"].unique())
x = np.stack(
    [np.asarray(Image.open(root / "images" / path).convert("RGB")) for path in rows["path"]]
)  # 64 × 64 already
y = np.array([classes.index(label) for label in rows["label"]])
part = {name: np.flatnonzero(rows["split"] == name) for name in ("train", "val", "test")}

layers = [layer for width in (16, 32, 32) for layer in (
    keras.layers.Conv2D(width, 3, padding="same", use_bias=False), keras.layers.BatchNormalization(momentum=0.9),
    keras.layers.ReLU(), keras.layers.MaxPooling2D(),
)]  # fmt: skip
net = keras.Sequential([
    keras.Input((SIZE, SIZE, 3)), keras.layers.Rescaling(1 / 127.5, -1), *layers,
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(len(classes), activation="softmax"),
])  # fmt: skip
net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
learned, known = ((x[part[name]], y[part[name]]) for name in ("train", "val"))
net.fit(*learned, validation_data=known, epochs=8, verbose=2)

# ---- what heldout is given: tables without answers, the images, and the function ----
tables = {name: rows.loc[rows["split"] == name, ["path", "label", "patient"]] for name in part}
(found,) = heldout.diagnose(
    tables["val"],
    tables["test"],
    train=tables["train"],
    predict=lambda images: net.predict(images, verbose=0),
    images=root / "images",
    image_size=SIZE,
    sample=100,
    out=root / "keras-study",
)
print(found.summary)
for finding in found.findings:
    if finding.verdict in ("established", "suggested"):
        print(f"- {finding.verdict}: {finding.sentence}")
print(f"heldout report {root / 'keras-study'}")
