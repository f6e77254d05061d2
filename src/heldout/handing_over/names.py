"""Names of the files of a folder that is handed over."""

from __future__ import annotations

MODEL = "model.onnx"

LABELS = "labels.txt"

THRESHOLDS = "thresholds.json"

CARD = "card.md"

SCRIPT = "predict.py"

CARRIED = (SCRIPT, "images.py")
"""What runs without heldout: the script, and how it reads an image."""

REQUIREMENTS = "requirements.txt"

SELF_TEST = "self_test"
"""Folder of the images; `self_test.json` beside it has what they are answered with."""
