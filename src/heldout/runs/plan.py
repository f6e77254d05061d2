"""What a study is, and the runs that follow from it: pure, nothing is read, fetched or written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heldout.data.entries import AS_FOUND, Layout
from heldout.data.examine.labels import AskedLabels
from heldout.errors import UsageError
from heldout.records import BackboneInfo, Cohort, InputMap, Recipe, Split
from heldout.records.labelling import SEVERAL
from heldout.records.recipe import Fit, Precision, PrecisionChoice, Setting
from heldout.records.run import Learning
from heldout.records.selection import Selection
from heldout.records.tuning import Trial, Tuning
from heldout.strategies import Strategy, strategies

IMAGE_SIZE = 224
"""Side in pixels that images are resized to unless asked otherwise: what most ImageNet weights were trained at."""


@dataclass(frozen=True)
class SearchBudget:
    """How long to search, for each model with each strategy.

    Attributes:
        runs: Trainings, the one with the settings as they are included; None sets no limit.
        minutes: No training is begun after so many minutes; None sets no limit.
        at_once: Settings that are proposed together, so that an executor may try them at once; what is found depends on
            their number, not on where they are tried.
    """

    runs: int | None = None
    minutes: float | None = None
    at_once: int = 1

    @classmethod
    def of(cls, runs: int | None, minutes: float | None, at_once: int) -> SearchBudget | None:
        """The budget that a person named; None where no search was asked for.

        Raises:
            UsageError: Settings at once without a search, or fewer than one.
        """
        if at_once < 1 or (at_once > 1 and runs is None and minutes is None):
            raise UsageError(
                f"Found --tune-at-once {at_once}; expected a number of 1 or more, beside --tune or --tune-minutes."
            )
        return None if runs is None and minutes is None else cls(runs, minutes, at_once)

    def left(self, trials: Sequence[Trial]) -> bool:
        """Whether another training may begin."""
        spent = sum(trial.seconds for trial in trials) / 60
        return (self.runs is None or len(trials) < self.runs) and (self.minutes is None or spent < self.minutes)

    def together(self, trials: Sequence[Trial]) -> int:
        """How many are proposed next."""
        return self.at_once if self.runs is None else min(self.at_once, self.runs - len(trials))

    def options(self) -> dict[str, Setting]:
        """As options of `heldout run` by name."""
        together: dict[str, Setting] = {"tune-at-once": self.at_once} if self.at_once > 1 else {}
        return {"tune": self.runs, "tune-minutes": self.minutes, **together}


@dataclass(frozen=True)
class AutoBudget:
    """How long `--strategies auto` may search on validation.

    Attributes:
        minutes: No training is begun after so many.
        epochs: For every strategy that has epochs; None leaves each its own.
    """

    minutes: float = 30.0
    epochs: int | None = None


@dataclass(frozen=True)
class Reading:
    """How DATA is read and divided.

    Attributes:
        patient: Column, or regular expression on the file name, that names the patient.
        skip_unreadable: Leave out images that cannot be read, and record them.
        require_test: Whether a given split without test images is an error.
        val_fraction: Share of the training images that becomes validation where none is given.
        split_seed: Seed of that draw, and of `per_class`.
        per_class: At most so many training images a class; None takes all.
        labels: Whether an image is of one class or has several labels, where that is not clear.
        order: Classes from low to high, with commas between, where they are grades; None where they are not.
        layout: How DATA is laid out.
        folds: Number of folds of a cross-validation; None draws one validation set.
    """

    patient: str | None = None
    skip_unreadable: bool = False
    require_test: bool = True
    val_fraction: float = 0.2
    split_seed: int = 0
    per_class: int | None = None
    labels: AskedLabels = field(default_factory=AskedLabels)
    order: str | None = None
    layout: Layout = AS_FOUND
    folds: int | None = None

    def options(self) -> dict[str, Setting]:
        """As options of `heldout run` by name; those of labels, layout and folds only where they were given."""
        of_labels: dict[str, Setting] = {
            "labels": self.labels.kind,
            "label-separator": self.labels.separator or None,
            "order": self.order,
            "folds": self.folds,
        }
        given = {name: value for name, value in of_labels.items() if value is not None}
        return {
            "patient": self.patient,
            "skip-unreadable": self.skip_unreadable,
            "no-test": not self.require_test,
            "val-fraction": self.val_fraction,
            "split-seed": self.split_seed,
            "per-class": self.per_class,
            **given,
            **self.layout.options(),
        }


@dataclass(frozen=True)
class StudySpec:
    """Everything that decides a study; device and engine do not, they only say where it is computed.

    Attributes:
        data: What `heldout.load` takes, or the name of a cohort that was loaded before.
        models: The backbones.
        strategies: With their settings.
        seeds: Every model with every strategy is trained once a seed.
        reading: How the images are read and divided.
        image_size: Side in pixels that images are resized to.
        fit: How an image that is not square becomes square.
        precision: `no`, `bf16`, `fp16`, or `auto`: for each model the one that suits it where it is computed.
        search: Search settings on validation first; None does not.
        intensity: Policy for images of more than 8 bits; empty for the one that a given cohort was read with.
        channels: Choice of channels that are no colours; likewise.
        auto: The strategy is chosen on validation; None where it is named.

    Raises:
        UsageError: No model, no strategy or no seed, or what does not go together.
    """

    data: str
    models: tuple[BackboneInfo, ...]
    strategies: tuple[Strategy, ...]
    seeds: tuple[int, ...] = (0,)
    reading: Reading = field(default_factory=Reading)
    image_size: int = IMAGE_SIZE
    fit: Fit = "stretch"
    precision: PrecisionChoice = "no"
    search: SearchBudget | None = None
    intensity: str = ""
    channels: str = ""
    auto: AutoBudget | None = None

    def __post_init__(self) -> None:
        if not (self.models and (self.strategies or self.auto) and self.seeds):
            raise UsageError("A study needs at least one model, one strategy and one seed.")
        if self.auto is not None and self.search is not None:
            raise UsageError(
                "Found --strategies auto together with --tune; expected one of them: let a recipe be chosen first, and "
                "name it then."
            )
        if self.reading.folds is not None and self.search is not None:
            raise UsageError(
                "Found --folds together with --tune; expected one of them: search settings on one validation set "
                "first, and cross-validate with those that were found (--set)."
            )
        if self.reading.folds is not None and self.reading.val_fraction != Reading.val_fraction:
            raise UsageError(
                f"Found --folds together with --val-fraction {self.reading.val_fraction:g}; expected one of them: "
                "each fold is the validation set of its own networks."
            )

    @property
    def needs_weights(self) -> bool:
        """Whether any strategy starts from pretrained weights."""
        return self.auto is not None or any(strategy.pretrained for strategy in self.strategies)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        recipe: All that decides its numbers.
        strategy: With the recipe's settings.
        info: The recipe's backbone.
        tuning: The search that found the settings; None where none was made.
        selection: The search that found model, strategy and settings; None where they were named.
    """

    recipe: Recipe
    strategy: Strategy
    info: BackboneInfo
    tuning: Tuning | None = None
    selection: Selection | None = None

    @property
    def searched(self) -> bool:
        """Whether its settings were chosen on validation among several."""
        tried = self.tuning.trials if self.tuning is not None else self.selection.candidates if self.selection else ()
        return len(tried) > 1

    @property
    def learning(self) -> Learning:
        """What its record says was trained, chosen and kept."""
        learning = self.strategy.learning()
        return learning.after_search() if self.searched else learning

    @property
    def notes(self) -> tuple[str, ...]:
        """What its record should say of how it was planned."""
        if self.selection is not None and self.searched:
            number = len(self.selection.candidates)
            return (
                f"Model, strategy and settings chosen on validation among {number} recipes (--strategies auto); the "
                f"validation score is flattered by that.",
            )
        if self.tuning is None or not self.searched:
            return ()
        chosen = ", ".join(f"{name}={value:.3g}" for name, value in self.tuning.best.settings.items())
        return (
            f"Settings chosen on validation among {len(self.tuning.trials)} trainings: {chosen}; its validation score "
            f"is flattered by that.",
        )


def plan(
    spec: StudySpec,
    cohort: Cohort,
    split: Split,
    weights: Mapping[str, str],
    precisions: Mapping[str, Precision] | None = None,
    tunings: Mapping[str, Tuning] | None = None,
    input_map: InputMap | None = None,
) -> tuple[PlannedRun, ...]:
    """All runs of a study, in the order in which they are trained.

    Args:
        spec: The study.
        cohort: Its images.
        split: Their parts.
        weights: Full name of a backbone -> first 16 hexadecimal digits of the SHA-256 of its weights file; of those
            only that a strategy starts from.
        precisions: Full name of a backbone -> its precision, where the study leaves it to each (`auto`).
        tunings: Id of a run with the settings as they were given -> what a search found from there.
        input_map: How values of the files become inputs, where images are not 8-bit grey or RGB.

    Raises:
        UsageError: A hash or a precision is missing.
    """
    return tuple(
        dataclasses.replace(base, recipe=dataclasses.replace(base.recipe, seed=seed))
        for given in bases(spec, cohort, split, weights, precisions, input_map)
        for base in (_tuned(given, (tunings or {}).get(given.recipe.id)),)
        for seed in spec.seeds
    )


def bases(
    spec: StudySpec,
    cohort: Cohort,
    split: Split,
    weights: Mapping[str, str],
    precisions: Mapping[str, Precision] | None = None,
    input_map: InputMap | None = None,
) -> tuple[PlannedRun, ...]:
    """Every model with every strategy at the first seed, with the settings as they were given: where searches begin.

    Args:
        spec: The study.
        cohort: Its images.
        split: Their parts.
        weights: As for `plan`.
        precisions: As for `plan`.
        input_map: As for `plan`.

    Raises:
        UsageError: A hash or a precision is missing.
    """
    given: dict[str, Precision]
    given = dict(precisions or {}) if spec.precision == "auto" else {i.name: spec.precision for i in spec.models}
    _refuse_strategies(spec.strategies, cohort)
    found = []
    for info in spec.models:
        for strategy in spec.strategies:
            if strategy.pretrained and info.name not in weights:
                raise UsageError(f"The hash of the weights of {info.name} is not known; expected it in `weights`.")
            if info.name not in given:
                raise UsageError(f"The precision of {info.name} is not known; expected it in `precisions`.")
            recipe = Recipe(
                cohort=cohort.hash,
                split=split.hash,
                classes=cohort.classes,
                backbone=info.name,
                weights=weights[info.name] if strategy.pretrained else "random",
                strategy=strategy.name,
                settings=strategy_settings(strategy),
                image_size=spec.image_size,
                fit=spec.fit,
                interpolation=info.interpolation,
                seed=spec.seeds[0],
                precision=given[info.name],
                input_map=input_map,
                labels=cohort.labels,
            )
            found.append(PlannedRun(recipe, strategy, info))
    return tuple(found)


def _refuse_strategies(chosen: Sequence[Strategy], cohort: Cohort) -> None:
    """Stop where a strategy cannot learn labels of this kind; all such strategies by name.

    Raises:
        UsageError: There are some.
    """
    unfit = [strategy.name for strategy in chosen if cohort.labels not in strategy.labels]
    if unfit:
        fit = [strategy.name for strategy in strategies if cohort.labels in strategy.labels]
        what = "several labels an image" if cohort.labels == SEVERAL.name else "one class an image"
        raise UsageError(f"{', '.join(unfit)} cannot learn {what}; expected some of: {', '.join(sorted(fit))}.")


def _tuned(base: PlannedRun, tuning: Tuning | None) -> PlannedRun:
    """The run with the best settings that a search found."""
    if tuning is None:
        return base
    best: dict[str, Any] = dict(tuning.best.settings)
    strategy = dataclasses.replace(base.strategy, **best)
    recipe = dataclasses.replace(base.recipe, settings=strategy_settings(strategy))
    return PlannedRun(recipe, strategy, base.info, tuning)


def strategy_settings(strategy: Strategy) -> dict[str, Any]:
    """All settings of a strategy by name, defaults included."""
    return {field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)}
