"""What a finished run says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, get_args

from pydantic import AliasChoices, Field

from heldout.records.codec import LATER
from heldout.records.comparison import Frozen

Keep = Literal["last", "best", "average"]
"""Which epoch's weights are kept: the last, the best on validation, or the average of the last ones."""

ChosenOn = Literal["", "val", "test"]
"""Part on which a model was chosen among candidates."""

Choice = Literal["strength", "blend", "neighbours", "settings", "epoch", "threshold"]
"""What can be chosen on validation: the strength of regularisation, the blend of two networks' weights, the number of
neighbours, the settings (`heldout run --tune`), the epoch; of one of several labels the threshold."""

REDO = "Delete this run's folder and call the same `heldout run` again: it makes only what is missing."
"""What to do about a run that is damaged."""

UNNEEDED = ("environment.json",)
"""Files of a run that no number is read from: a study that was handed on may lack them."""

INCOMPLETE = ".incomplete-"
"""Stands in the name of a folder that gave way to a run, before its number."""


FOLDS = "folds.parquet"
"""Of a cross-validated run, what the network of each fold answered: a table of variants (`records.logit_table`) named
by `fold_name`, on the images of its fold (`val`), on test, and where the cross-validation is nested on those that the
fold was chosen by (`choice`)."""


def fold_name(number: int) -> str:
    """Name of a fold, counted from 1, by its number from 0."""
    return f"fold={number + 1}"


@dataclass(frozen=True)
class Learning:
    """What a run trained, chose and kept, as its strategy declares it.

    Attributes:
        backbone_trained: Whether any phase trained parameters of the backbone, not of the head alone; None where that
            is not known.
        uses_seed: Whether another seed can give another network. A head that is solved on pretrained features is the
            same each time. None where that is not known.
        keeps: Which epoch's weights were kept; None where that is not known.
        chosen: What was chosen on the validation images whose accuracy is reported, in the order of `Choice`; empty
            where nothing was. A choice that training went on from is not among them.
        tried: The values that the strategy's own choice was made among (strengths C, numbers of neighbours k, shares α
            of the second network); empty without one.
        given: Whether the model came with its predictions (`heldout diagnose TABLE…`): nothing is known of its training
            but what the tables say.
        chosen_on: Part on which a given model was chosen among candidates; empty where nothing is known of that.
    """

    backbone_trained: bool | None
    uses_seed: bool | None
    keeps: Keep | None = "last"
    chosen: tuple[Choice, ...] = ()
    tried: tuple[float, ...] = ()
    given: bool = False
    chosen_on: ChosenOn = ""

    def after_search(self) -> Learning:
        """The same of a run whose settings were searched for on validation."""
        chosen = {*self.chosen, "settings"}
        return replace(self, chosen=tuple(choice for choice in get_args(Choice) if choice in chosen))

    def chosen_elsewhere(self) -> Learning:
        """The same where nothing was chosen on the images that are reported: they were held back from all choices."""
        return replace(self, chosen=())


GIVEN = Learning(backbone_trained=None, uses_seed=None, keeps=None, given=True)
"""Of a model that was given with its predictions."""


@dataclass(frozen=True)
class RunRecord:
    """`run.json`, written last: a run folder that has it is complete.

    The folder holds besides: `recipe.json` (`Recipe`), `environment.json`, `history.csv` (rows of `progress.Epoch`),
    `predictions.parquet` (columns `id`, `split` ∈ train/val/test, `label` and `predicted` as class indices, and one
    float32 `logit_<k>` a class, k in the order of `classes`; train re-scored in eval mode; of several labels an image
    one `label_<k>` and `predicted_<k>` of 0 and 1 a label), `val_epochs.parquet` (the class predicted for each
    validation image after each epoch: columns `id`, `epoch`, `predicted`, or one `predicted_<k>` a label),
    `choices.parquet` where a strategy chose on validation (the validation logits of everything it chose among: columns
    `id`, `split`, `variant`, `logit_<k>`) and `model.safetensors`. A run of a given model holds `recipe.json`,
    `predictions.parquet` and, where candidates were given, `candidates.parquet` (their logits on validation and test,
    columns as in `choices.parquet`); numbers of its training that nobody told are None.

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
        test_evaluations: How many times this run's test images were scored (`test_looks` in records of 0.1.0).
        learning: What was trained, chosen and kept.
        created: Time of completion, ISO 8601, UTC.
        notes: Sentences a person should read.
        files: Name of each other file of the run -> its SHA-256, so that a changed one is noticed; empty in records of
            0.1.0.
        thresholds: Of several labels the logit above which each is answered, set on validation
            (`stats.label_thresholds`); empty where an image has one class.
        members: Of a cross-validated run the folders of its folds' runs, relative to its own: `val` was answered by
            each on its fold, test by the mean of their probabilities, and the run has no weights of its own. Empty
            where one network answered.
        format: Version of this record.
    """

    id: str
    backbone: str
    strategy: str
    seed: int
    classes: tuple[str, ...]
    epochs: int | None
    kept_epoch: int | None
    parameters: int | None
    trainable_parameters: int | None
    seconds_per_epoch: float | None
    wall_seconds: float | None
    device: str
    frozen: Frozen | None
    test_evaluations: Annotated[int | None, Field(validation_alias=AliasChoices("test_evaluations", "test_looks"))]
    learning: Learning
    created: str
    notes: tuple[str, ...] = field(default=())
    files: dict[str, str] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()
    members: tuple[str, ...] = field(default=(), metadata=LATER)
    format: int = 2
