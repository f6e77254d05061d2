r"""Corruptions of MedMNIST-C on images: plants that are not ours, for `planted_pixels.py --medmnistc PYTHON`.

MedMNIST-C (Di Salvo et al. 2024, arXiv 2406.17536; Apache-2.0) pins old libraries, so that it is no dependency and has
an environment of its own:

    python -m venv mc
    mc/bin/pip install torchvision opencv-python-headless scikit-image scipy wand
    mc/bin/pip install --no-deps medmnistc
    mc/bin/python benchmarks/corrupt_medmnistc.py DATASET CORRUPTION LEVEL SEED IN.npy OUT.npy

DATASET is one of its data sets, whose set of corruptions and strengths is taken; LEVEL is 0 to 4. IN.npy holds uint8
(n, h, w). Motion blur alone needs the system library ImageMagick; where that is missing, only that is left out.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np


def without_imagemagick() -> None:
    """Let the package be imported where ImageMagick is missing."""
    try:
        import wand.image  # noqa: F401
    except ImportError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "wand"]:
            del sys.modules[name]
        for name, content in (
            ("wand", {}),
            ("wand.image", {"Image": object}),
            ("wand.api", {"library": SimpleNamespace()}),
        ):
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__dict__.update(content)


def main() -> None:
    """Corrupt every image of a file."""
    dataset, name, level, seed, source, target = sys.argv[1:]
    without_imagemagick()
    from medmnistc.corruptions.registry import CORRUPTIONS_DS
    from PIL import Image

    corruption = CORRUPTIONS_DS[dataset][name]
    np.random.seed(int(seed))  # its corruptions draw from the global generator
    corruption.rng = np.random.default_rng(int(seed))
    done = []
    for image in np.load(source):
        changed = np.asarray(corruption.apply(Image.fromarray(image).convert("RGB"), int(level)))
        done.append(np.rint(changed.mean(axis=2)).astype(np.uint8) if changed.ndim == 3 else changed)
    np.save(target, np.stack(done))


if __name__ == "__main__":
    main()
