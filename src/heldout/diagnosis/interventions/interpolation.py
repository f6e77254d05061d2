"""Networks between the pretrained and the fine-tuned one: whether less of the fine-tuning carries further."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from heldout.backbones import Network
from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import Indices, InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.running_statistics import estimated, put
from heldout.records import ReasonKind
from heldout.training.predict import EVAL_BATCH

ALPHAS = (0.0, 0.25, 0.5, 0.75)


class WeightInterpolation(Intervention):
    """The straight line of weights from the pretrained trunk with a linear probe to the fine-tuned network.

    Weights (1 − α)·(pretrained trunk and probe head) + α·(fine-tuned); variants `alpha=0` (the probe itself),
    `alpha=0.25`, `alpha=0.5`, `alpha=0.75` on validation and test; α = 1 is the run. A test accuracy that peaks inside
    while validation does not says that fine-tuning bent features that transferred (Wortsman et al., Robust fine-tuning
    of zero-shot models, CVPR 2022). BatchNorm statistics that are merely interpolated would not fit, and networks in
    between would look worse than they are (Izmailov et al., Averaging weights leads to wider optima, UAI 2018; Jordan
    et al., REPAIR, ICLR 2023): they are blended by α with those of training images under the new weights, so that
    both ends are what they are.

    A dip in between on both parts says only that the line leaves the valley: the run did not start from the probe's
    head.
    """

    name: ClassVar[str] = "interpolation"
    title: ClassVar[str] = "weight interpolation"
    version: ClassVar[int] = 2
    grows: ClassVar[bool] = True

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs a trunk that moved, and a probe."""
        if not context.ids("val"):
            text = "there are no validation images to choose the probe's regularisation on"
            return Absence(ReasonKind.PARTS_MISSING, text)
        if not _moved(context.network, context.pretrained):
            return Absence(ReasonKind.DOES_NOT_APPLY, "training moved no weight of the trunk")
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Score the networks in between."""
        between = context.copy_of(context.pretrained)
        start = context.copy_of(context.pretrained).state_dict()
        tables = _probe(context)
        start["head.weight"] = context.machine.tensor(context.probe.weight)
        start["head.bias"] = context.machine.tensor(context.probe.bias)
        end = context.network.state_dict()
        learned = context.sample("train")
        pixels = np.asarray(context.pixels("train")[learned])
        order = np.random.default_rng((context.seed, 19)).permutation(len(learned))
        batches = np.array_split(order, math.ceil(len(order) / EVAL_BATCH))
        for alpha in ALPHAS[1:]:
            between.load_state_dict(
                {
                    name: torch.lerp(start[name], value, alpha) if value.is_floating_point() else value
                    for name, value in end.items()
                }
            )
            put(between, estimated(between, pixels, batches, alpha, context.machine))
            tables.extend(_scored(context, between, alpha))
        return joined(tables, context.k)


def _probe(context: InterventionContext) -> list[pd.DataFrame]:
    """The beginning of the line: the pretrained trunk under the probe's head, of features that are there already."""
    head, tables = context.probe, []
    for part, rows in _rows(context).items():
        logits = np.asarray(context.features(part)[rows]) @ head.weight.T + head.bias  # (m, k)
        tables.append(rows_of(context, part, f"alpha={ALPHAS[0]:g}", logits, rows))
    return tables


def _scored(context: InterventionContext, between: Network, alpha: float) -> list[pd.DataFrame]:
    """A network in between on both parts, in one pass: what it takes to compile it is spent once."""
    rows = _rows(context)
    pixels = np.concatenate([context.pixels(part)[chosen] for part, chosen in rows.items()])
    logits = context.score(pixels, f"alpha={alpha:g}", between)
    pieces = np.split(logits, np.cumsum([len(chosen) for chosen in rows.values()])[:-1])
    return [
        rows_of(context, part, f"alpha={alpha:g}", piece, rows[part]) for part, piece in zip(rows, pieces, strict=True)
    ]


def _rows(context: InterventionContext) -> dict[str, Indices]:
    """Part -> rows to score."""
    return {part: context.sample(part) for part in ("val", "test") if context.ids(part)}


def _moved(network: Network, pretrained: Network) -> bool:
    """Whether any parameter of the trunk is another."""
    before = dict(pretrained.stages.named_parameters())
    return any(not torch.equal(value, before[name]) for name, value in network.stages.named_parameters())


INTERVENTION = WeightInterpolation()
