"""The context of a run that was never trained: network and images made by hand, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.diagnosis.interventions import InterventionContext
from heldout.images import content_hash
from heldout.records import PARTS, Cohort, Frozen, PlanRecord, Recipe, RunRecord, Split, StudyRecord
from heldout.records.cohort import typed
from heldout.records.predictions import Predictions
from heldout.records.run import Learning
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.training import logits_of, machine

Images = Mapping[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]
"""Part -> pixels (n, s, s, 1) and labels (n,)."""


def context_of(
    folder: Path, network: Network, images: Images, *, limit: int = 400, patients: Mapping[str, list[str]] | None = None
) -> InterventionContext:
    """A context whose trained and pretrained network are both the one given."""
    size, k = next(iter(images.values()))[0].shape[1], network.head.out_features
    classes = tuple(f"class{c}" for c in range(k))
    rows = []
    for part, (pixels, labels) in images.items():
        (folder / "data").mkdir(parents=True, exist_ok=True)
        np.save(folder / "data" / f"{part}.npy", pixels[..., 0])
        for row, label in enumerate(labels):
            rows.append(
                {
                    "id": f"{part}{row}",
                    "content": content_hash(pixels[row, ..., 0]),
                    "source": f"{part}.npy",
                    "row": row,
                    "label": classes[label],
                    "patient": "" if patients is None else patients[part][row],
                    "split": part,
                    "width": size,
                    "height": size,
                    "channels": 1,
                    "bits": 8,
                }
            )
    cohort = Cohort("made", str(folder / "data"), "npy", classes, typed(pd.DataFrame(rows)))
    ids = {part: tuple(f"{part}{n}" for n in range(len(images[part][1]))) if part in images else () for part in PARTS}
    split = Split(ids["train"], ids["val"], ids["test"], method="given", seed=None, grouped=False)
    study = StudyFiles(folder, _study(cohort, split), _plan(cohort, split), cohort, split, (), (), ())
    run = _run(folder, cohort, split, network, images, size)
    context = InterventionContext(study, run, machine("cpu"), limit=limit)
    context.__dict__.update(network=network, pretrained=network)
    return context


def _study(cohort: Cohort, split: Split) -> StudyRecord:
    return StudyRecord("made", "made", cohort.hash, split.hash, "0")


def _plan(cohort: Cohort, split: Split) -> PlanRecord:
    return PlanRecord(cohort.hash, split.hash, (), {}, (0,), 32, "stretch", "no", ())


def _run(folder: Path, cohort: Cohort, split: Split, network: Network, images: Images, size: int) -> RunFiles:
    recipe = Recipe(
        cohort.hash, split.hash, cohort.classes, "made:by-hand", "random", "frozen", {}, size, "stretch", "bilinear", 0
    )
    record = RunRecord(
        recipe.id, recipe.backbone, "frozen", 0, cohort.classes, 1, 1, 1, 1, 1.0, 1.0, "cpu",
        Frozen(True, "eval", (), ""), 1, Learning(False, True), "",
    )  # fmt: skip
    predictions = {
        part: Predictions(part, split.part(part), labels, logits_of(network, pixels, machine("cpu")).astype(float))
        for part, (pixels, labels) in images.items()
    }
    return RunFiles(
        folder / "runs" / recipe.id,
        record,
        recipe,
        pd.DataFrame(),
        predictions,
        pd.DataFrame(),
    )


class Detail(nn.Module):
    """Mean absolute Laplacian: how much fine detail there is."""

    def __init__(self) -> None:
        super().__init__()
        kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer("kernel", kernel.expand(3, 1, 3, 3).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.kernel, groups=3).abs()  # type: ignore[arg-type]


class Corner(nn.Module):
    """Only the top left pixels, 1/16 of the side each way."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side = x.shape[2] // 16
        return x[:, :, :side, :side]


def deciding_by(stage: nn.Module, threshold: float, norm: nn.Module | None = None) -> Network:
    """A network that says class 1 where the mean of the stage's output exceeds a threshold."""
    stages: dict[str, nn.Module] = {"input": Input((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), "stage": stage}
    if norm is not None:
        stages["norm"] = norm
    stages["pool"] = Flat()
    network = Network(stages, 3, 2, seed=0).to(memory_format=torch.channels_last).eval()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[-1.0] * 3, [1.0] * 3]))
        network.head.bias.copy_(torch.tensor([3 * threshold, -3 * threshold]))
    return network
