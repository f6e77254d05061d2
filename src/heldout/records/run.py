"""What a finished run says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from heldout.records.comparison import Frozen


@dataclass(frozen=True)
class RunRecord:
    """`run.json`, written last: a run folder that has it is complete.

    The folder holds besides: `recipe.json` (`Recipe`), `environment.json`, `history.csv` (rows of `progress.Epoch`),
    `predictions.parquet` (columns `id`, `split` ∈ train/val/test, `label` and `predicted` as class indices, and one
    float32 `logit_<k>` a class, k in the order of `classes`; train re-scored in eval mode), `val_epochs.parquet` (the
    class predicted for each validation image after each epoch: columns `id`, `epoch`, `predicted`), `choices.parquet`
    where a strategy chose on validation (the validation logits of everything it chose among: columns `id`, `split`,
    `variant`, `logit_<k>`) and `model.safetensors`.

    Attributes:
        id: The recipe's id and the folder's name.
        backbone: Full name of the weights.
        strategy: Name of the strategy.
        seed: Seed of the run.
        classes: Class names in the order of their indices.
        epochs: Epochs trained, all phases together.
        kept_epoch: Epoch whose weights were kept and scored.
        parameters: Parameters of the whole network with its new head.
        trainable_parameters: Of these, how many any phase trained.
        seconds_per_epoch: Median wall time of an epoch, training and validation.
        wall_seconds: Wall time of the run, feature extraction and scoring included.
        device: `cpu`, `cuda:0 (name)`, …
        frozen: What was verified to have stayed as it was.
        test_looks: How many times this run's test images were scored.
        created: Time of completion, ISO 8601, UTC.
        notes: Sentences a person should read.
        format: Version of this record.
    """

    id: str
    backbone: str
    strategy: str
    seed: int
    classes: tuple[str, ...]
    epochs: int
    kept_epoch: int
    parameters: int
    trainable_parameters: int
    seconds_per_epoch: float
    wall_seconds: float
    device: str
    frozen: Frozen
    test_looks: int
    created: str
    notes: tuple[str, ...] = field(default=())
    format: int = 1
