"""A plain script for fixed features: the network without its head over all images, then scikit-learn.

The strength of regularisation is chosen on validation among the values that our `probe` tries. There are no epochs.
"""

from __future__ import annotations

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.speed_peers.given import PARTS, Given, arguments, library_model, report, tensors

STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@torch.inference_mode()
def features(network: nn.Module, given: Given, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pooled features (n, d) and labels (n,)."""
    rows, labels = zip(*[(network(x), y) for x, y in DataLoader(tensors(given, part), 64)], strict=True)
    return torch.cat(rows).numpy(), torch.cat(labels).numpy()


def main() -> None:
    """Features of all parts, one regression a strength, the best on validation."""
    given = arguments()
    if given.strategy != "frozen":
        raise SystemExit(f"found {given.strategy}; a feature script can do frozen alone")
    network = library_model(given, classes=0).eval()
    (x, y), (v, w), (t, u) = (features(network, given, part) for part in PARTS)
    fitted = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000)).fit(x, y) for c in STRENGTHS]
    best = max(fitted, key=lambda model: model.score(v, w))
    report([], best.score(v, w), best.score(t, u), f"scikit-learn {sklearn.__version__}")


if __name__ == "__main__":
    main()
