"""How the networks were trained: every setting that the recipes hold, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from heldout.answer.texts import capital, count, listing
from heldout.paper.references import of_strategy
from heldout.paper.statement import Statement, Topic, alike, grouped
from heldout.records import Recipe
from heldout.report.cells import setting_text
from heldout.report.material import Material
from heldout.runs.folder import RunFiles
from heldout.strategies import strategies
from heldout.strategies.strategy import Phase, Strategy

LEARNS = {
    "all": "all parameters learned",
    "head": "the head alone learned",
    "norm": "the head and the normalisation layers learned",
    "bias": "the head and all biases learned",
}
SOLVED = {
    "logistic": "the head was solved as a logistic regression on the features, C among {tried}",
    "neighbours": "an image was answered by its nearest training images in the features, k among {tried}",
    "interpolate": "weights were interpolated between two networks, the share of the second among {tried}",
    "average": "weights of the trained networks were averaged",
}
KEEPS = {
    "last": "the weights of the last epoch were kept",
    "best": "the weights of the epoch with the best validation accuracy were kept",
    "average": "the weights of the last epochs were averaged and kept",
}
WEIGHTS = {
    "none": "every image weighed alike in the loss",
    "balanced": "classes were weighted in the loss inversely to their frequency",
}
PRECISION = {"no": "single precision", "bf16": "mixed precision (bfloat16)", "fp16": "mixed precision (float16)"}


def state(material: Material) -> Sequence[Statement]:
    """A statement a strategy, then what is common; nothing of given models, which were trained elsewhere."""
    trained = [run for run in material.files.runs if not run.record.learning.given]
    if not trained:
        return []
    found = [approach(material, name) for name in dict.fromkeys(run.record.strategy for run in trained)]
    seeds = sorted({run.record.seed for run in trained})
    start = "seed" if len(seeds) == 1 else "seeds"
    runs = f"{count(len(trained), 'run')} of training, {start} {listing(list(map(str, seeds)))}"
    found.append(Statement("training.seeds", f"There {'was' if len(trained) == 1 else 'were'} {runs}."))
    names = {run.record.id: material.names[run.record.id].label for run in trained}
    precision = alike((names[run.record.id], PRECISION[run.recipe.precision]) for run in trained)
    found.append(Statement("training.precision", f"Networks were trained in {precision}."))
    return [*found, *imbalance(trained, names), *selection(material, trained, names), *frozen(trained, names)]


def approach(material: Material, name: str) -> Statement:
    """What one strategy did, with the settings of its runs."""
    runs = [run for run in material.files.runs if run.record.strategy == name]
    told = grouped((material.names[run.record.id].label, described(run.recipe)) for run in runs)
    words = [text if len(told) == 1 else f"{text} ({', '.join(names)})" for text, names in told.items()]
    whole = all(built_from(run.recipe) is not None for run in runs)
    gap = "" if whole else f"what the strategy {name} does, and settings that are not recorded"
    cites = (*_cites(runs), *of_strategy(name)) if whole else ()
    return Statement("training.approach", f"Strategy {name}: {'; '.join(words)}.", gap, cites)


def described(recipe: Recipe) -> str:
    """The phases of a recipe in words; the bare settings where its strategy is not here."""
    built = built_from(recipe)
    settings = ", ".join(f"{key} {setting_text(value)}" for key, value in recipe.settings.items())
    if built is None:
        return f"recorded settings {settings}" if settings else "no settings recorded"
    phases = "; then ".join(phase_words(phase) for phase in built.phases())
    return f"{built.title}; {phases}; {KEEPS[built.keeps]}"


def built_from(recipe: Recipe) -> Strategy | None:
    """The strategy with the settings of a recipe, or None where it is not installed or has other settings by now."""
    if recipe.strategy not in strategies.names():
        return None
    kind: Any = strategies.get(recipe.strategy)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in recipe.settings.items()}
    if {field.name for field in fields(kind)} != set(values):
        return None  # a default of today is not what a record without it was made by
    try:
        made: Strategy = kind(**values)
    except ValueError:
        return None
    return made


def phase_words(phase: Phase) -> str:
    """One phase: what learned, how long, by what."""
    learned = LEARNS.get(phase.trainable)
    if learned is None:
        several = "block" if phase.blocks == 1 else f"{phase.blocks} blocks"
        blocks = f"{phase.trainable} {several}" if phase.trainable in ("first", "last") else ""
        adapters = f"low-rank adapters of rank {phase.rank}" if phase.trainable == "lora" else phase.trainable
        learned = f"the head and the {blocks} learned" if blocks else f"the head and {adapters} learned"
    if phase.solver != "adamw":
        return SOLVED[phase.solver].format(tried=listing([f"{value:g}" for value in phase.tried]))
    words = [
        f"{learned} for {'at most ' if phase.patience else ''}{count(phase.epochs, 'epoch')}",
        f"AdamW, learning rate {phase.lr:g}",
        f"weight decay {phase.weight_decay:g}"
        if not phase.anchor
        else f"pull to the pretrained weights {phase.anchor:g}",
        f"batches of {phase.batch_size}",
        "cosine schedule to zero" if phase.schedule == "cosine" else "constant rate",
    ]
    if phase.warmup:
        words.append(f"warm-up over {100 * phase.warmup:g} % of the steps")
    if phase.layer_decay != 1:
        words.append(f"rate times {phase.layer_decay:.3g} from block to block toward the input")
    if phase.patience:
        words.append(f"stopped after {count(phase.patience, 'epoch')} without a better validation accuracy")
    return ", ".join(words)


def _cites(runs: Sequence[RunFiles]) -> tuple[str, ...]:
    """Sources of optimiser and schedule, where any phase uses them."""
    built = [made for run in runs if (made := built_from(run.recipe)) is not None]
    adamw = [phase for made in built for phase in made.phases() if phase.solver == "adamw"]
    found = ["loshchilov2019"] * bool(adamw) + ["loshchilov2017"] * any(p.schedule == "cosine" for p in adamw)
    return tuple(found)


def imbalance(trained: Sequence[RunFiles], names: dict[str, str]) -> list[Statement]:
    """Whether classes were weighted, where every recipe says it."""
    values = {names[run.record.id]: run.recipe.settings.get("class_weights") for run in trained}
    if any(value not in WEIGHTS for value in values.values()):
        return []
    told = alike((name, WEIGHTS[str(value)]) for name, value in values.items())
    return [Statement("training.imbalance", f"{capital(told)}.")]


def selection(material: Material, trained: Sequence[RunFiles], names: dict[str, str]) -> list[Statement]:
    """What was chosen on validation."""
    what = {"strength": "the strength of regularisation", "blend": "the share of two networks", "neighbours": "k"}
    what |= {"settings": "the settings", "epoch": "the epoch", "threshold": "the threshold"}
    chosen = alike(
        (names[run.record.id], listing([what[one] for one in run.record.learning.chosen]) or "nothing")
        for run in trained
    )
    told = f"On the validation images {chosen} was chosen; test images had no part in that."
    found = [Statement("training.selection", told)]
    found += [
        Statement(
            "training.selection",
            f"The recipe was chosen on validation among {count(len(one.candidates), 'recipe')} of "
            f"{count(len(one.models), 'network')}, within {one.minutes:g} minutes.",
        )
        for one in material.comparison.selections
    ]
    if material.split.folds and material.split.test:
        found.append(
            Statement(
                "training.ensemble", "Test images were answered by the mean probability of the networks of all folds."
            )
        )
    return found


def frozen(trained: Sequence[RunFiles], names: dict[str, str]) -> list[Statement]:
    """That frozen parts were verified to have stayed as they were."""
    sure = [
        names[run.record.id]
        for run in trained
        if run.record.frozen and run.record.frozen.verified and run.record.frozen.prefix_stages
    ]
    if not sure:
        return []
    return [
        Statement(
            "training.frozen",
            f"Frozen parameters and buffers were verified to be the same bytes after training ({listing(sure)}).",
        )
    ]


TOPIC = Topic("training", "Training", 500, state)
