"""A study: one cohort and split, models × strategies × seeds; the plan is pure, the run acts on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from heldout import backbones
from heldout._version import __version__
from heldout.data.load import load
from heldout.data.splits import limit_per_class, make_split
from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.files import sha256_of
from heldout.progress import Reporter, Silent
from heldout.records import BackboneInfo, Cohort, Comparison, Diagnosis, Recipe, RunRecord, Split, StudyRecord
from heldout.records.codec import read_record, write_record
from heldout.records.recipe import Fit, Precision, PrecisionChoice, Setting
from heldout.records.tuning import Tuning
from heldout.runs.compare import compare
from heldout.runs.earlier import read_run_record
from heldout.runs.fit import RunContext, fit
from heldout.runs.folder import read_study
from heldout.runs.tuning import SearchBudget, tune, tuned, tuning_file
from heldout.settings import with_settings
from heldout.strategies import Strategy, strategies
from heldout.training.device import Device, machine
from heldout.training.engine import Engine
from heldout.training.precision import suited

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

IMAGE_SIZE = 224
"""Side in pixels that images are resized to unless asked otherwise: what most ImageNet weights were trained at."""


@dataclass(frozen=True)
class Planned:
    """One run that a study plans."""

    recipe: Recipe
    strategy: Strategy
    info: BackboneInfo
    tuning: Tuning | None = None

    @property
    def searched(self) -> bool:
        """Whether its settings were chosen on validation among several."""
        return self.tuning is not None and len(self.tuning.trials) > 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What its record should say of how it was planned."""
        if self.tuning is None or not self.searched:
            return ()
        chosen = ", ".join(f"{name}={value:.3g}" for name, value in self.tuning.best.settings.items())
        return (
            f"Settings chosen on validation among {len(self.tuning.trials)} trainings: {chosen}; its validation score "
            f"is flattered by that.",
        )


class Study:
    """Models × strategies × seeds on one cohort and split, in a folder.

    Args:
        data: What `heldout.load` takes, or a cohort that was loaded before.
        models: Names of backbones, short or full.
        strategies: Names of strategies, or strategies with settings of their own.
        out: The study's folder; one that is there already is gone on with, if its cohort and split are the same.
        epochs: For every strategy that has epochs; None leaves each its own.
        seeds: How many seeds (0, 1, …), or the seeds themselves.
        image_size: Side in pixels that images are resized to.
        fit: How an image that is not square becomes square.
        val_fraction: Share of the training images that becomes validation where none is given.
        split_seed: Seed of that draw, and of `per_class`.
        per_class: At most so many training images a class; None takes all.
        patient: As for `heldout.load`, and so the next two; not for a cohort, which was read already.
        skip_unreadable: Leave out images that cannot be read, and record them.
        require_test: Whether a given split without test images is an error.
        settings: Strategy -> setting -> text, as from `--set`.
        device: `auto`, `cpu` or `cuda`.
        precision: `no`, `bf16`, `fp16`, or `auto`: for each model the one that suits it on this machine
            (`heldout.training.precision.suited`).
        engine: What computes features that stay fixed, on a CPU in float32: `torch`; `folded`, PyTorch with BatchNorm
            folded into convolutions; `openvino`; `auto` takes OpenVINO if it is installed, else `folded`. One that
            does not agree with PyTorch on the images is not used.
        tune: Search settings on validation first, with so many trainings for each model with each strategy.
        tune_minutes: Or for so many minutes each; with both, whichever ends first.
        reporter: Told of the reading of the images.

    Raises:
        InputError: The data cannot be used; all problems at once.
        UsageError: An unknown model, strategy or setting.

    Examples:
        >>> study = Study("phantom:cells", ["efficientnet_lite0"], ["frozen"], "study")  # doctest: +SKIP
        >>> study.run().compare().runs[0].test.accuracy  # doctest: +SKIP
    """

    def __init__(
        self,
        data: Cohort | str | Path,
        models: Sequence[str],
        strategies: Sequence[str | Strategy] = ("finetune", "frozen"),
        out: str | Path = "study",
        *,
        epochs: int | None = None,
        seeds: int | Sequence[int] = 1,
        image_size: int = IMAGE_SIZE,
        fit: Fit = "stretch",
        val_fraction: float = 0.2,
        split_seed: int = 0,
        per_class: int | None = None,
        patient: str | None = None,
        skip_unreadable: bool = False,
        require_test: bool = True,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        device: Device = "auto",
        precision: PrecisionChoice = "no",
        engine: Engine = "auto",
        tune: int | None = None,
        tune_minutes: float | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        cohort = cohort_from(data, patient, skip_unreadable, require_test, reporter or Silent())
        self.cohort: Cohort = cohort if per_class is None else limit_per_class(cohort, per_class, split_seed)
        self.split: Split = make_split(self.cohort, val_fraction, split_seed)
        self.folder = Path(out)
        self.infos = tuple(backbones.resolve(name) for name in dict.fromkeys(models))
        self.strategies = plan_strategies(strategies, epochs, settings or {})
        self.seeds = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
        self.image_size, self.fit, self.precision, self.device = image_size, fit, precision, device
        self.engine: Engine = engine
        self.data = str(data) if not isinstance(data, Cohort) else cohort.name
        self.reading: dict[str, Setting] = {
            "patient": patient,
            "skip-unreadable": skip_unreadable,
            "no-test": not require_test,
            "val-fraction": val_fraction,
            "split-seed": split_seed,
            "per-class": per_class,
        }
        self.budget = None if tune is None and tune_minutes is None else SearchBudget(tune, tune_minutes)
        if self.budget is not None:
            self.reading |= {"tune": tune, "tune-minutes": tune_minutes}
        if not (self.infos and self.strategies and self.seeds):
            raise UsageError("A study needs at least one model, one strategy and one seed.")

    def plan(self) -> tuple[Planned, ...]:
        """All runs, in the order in which they are trained; nothing is trained and nothing is written.

        Weights that are not here are fetched, since a run's id holds their hash.

        Raises:
            HeldoutError: Weights cannot be fetched; says which file to put where.
        """
        return tuple(self._planned(base, seed) for base in self._bases() for seed in self.seeds)

    def _bases(self) -> tuple[Planned, ...]:
        """Every model with every strategy, at the first seed and with the settings as they were given."""
        fetched = self.infos if any(strategy.pretrained for strategy in self.strategies) else ()
        weights = each_of(fetched, lambda info: sha256_of(backbones.fetch(info))[:16])
        precisions = each_of(self.infos, self._precision)
        return tuple(
            Planned(
                self._recipe(
                    info,
                    strategy,
                    self.seeds[0],
                    weights[info.name] if strategy.pretrained else "random",
                    precisions[info.name],
                ),
                strategy,
                info,
            )
            for info in self.infos
            for strategy in self.strategies
        )

    def _precision(self, info: BackboneInfo) -> Precision:
        """The precision of a model's runs: as asked for, or the one that suits its network on this machine."""
        if self.precision != "auto":
            return self.precision
        network = backbones.build(info, len(self.cohort.classes), self.image_size, seed=0, pretrained=False)
        return suited(network, machine(self.device, "no", self.engine).device)

    def _planned(self, base: Planned, seed: int) -> Planned:
        """The run of a seed, with the settings that a search found, where one was made."""
        tuning = self._tuning(base)
        strategy = base.strategy if tuning is None else tuned(base.strategy, tuning)
        recipe = self._recipe(base.info, strategy, seed, base.recipe.weights, base.recipe.precision)
        return Planned(recipe, strategy, base.info, tuning)

    def _tuning(self, base: Planned) -> Tuning | None:
        file = tuning_file(self.folder, base.recipe)
        return read_record(Tuning, file) if self.budget is not None and file.exists() else None

    def _recipe(self, info: BackboneInfo, strategy: Strategy, seed: int, weights: str, precision: Precision) -> Recipe:
        return Recipe(
            cohort=self.cohort.hash,
            split=self.split.hash,
            classes=self.cohort.classes,
            backbone=info.name,
            weights=weights,
            strategy=strategy.name,
            settings=strategy_settings(strategy),
            image_size=self.image_size,
            fit=self.fit,
            interpolation=info.interpolation,
            seed=seed,
            precision=precision,
        )

    def run(self, reporter: Reporter | None = None) -> Study:
        """Train what is missing; what is finished stays, what was cut off goes on from its last epoch.

        Returns:
            The study itself.
        """
        reporter = reporter or Silent()
        self._bench("no" if self.precision == "auto" else self.precision)  # what is not there is told at once
        self._earlier()
        if self.budget is not None:
            bases = self._bases()
            self._check_models(bases)
            for base in bases:
                context = self._bench(base.recipe.precision)
                tune(base.recipe, base.strategy, base.info, context, self.budget, reporter)
        planned = self.plan()
        self._check_models(planned)
        self._write(planned)
        for number, item in enumerate(planned, start=1):
            here = (self.folder / "runs" / item.recipe.id / "run.json").exists()
            state = "finished before, not trained again" if here else "training"
            reporter.note(f"Run {number} of {len(planned)}: {item.info.name}, {item.strategy.name}, {state}.")
            fit(
                item.recipe,
                item.strategy,
                item.info,
                self._bench(item.recipe.precision),
                reporter,
                item.notes,
                item.searched,
            )
        return self

    def _bench(self, precision: Precision) -> RunContext:
        return RunContext(self.cohort, self.split, self.folder, machine(self.device, precision, self.engine))

    def _check_models(self, planned: Sequence[Planned]) -> None:
        """Build every model that is still to be trained, where there are several; a single one is built at once anyway.

        Weights that do not fit, or an image size that a network does not take, are told before hours of training.

        Raises:
            HeldoutError: All that is wrong, of all models.
        """
        missing = [item for item in planned if not (self.folder / "runs" / item.recipe.id / "run.json").exists()]
        infos = tuple({item.info.name: item.info for item in missing}.values())
        pretrained = any(item.strategy.pretrained for item in missing)

        def build(info: BackboneInfo) -> None:
            backbones.build(info, len(self.cohort.classes), self.image_size, seed=0, pretrained=pretrained)

        if len(infos) > 1:
            each_of(infos, build)

    def _earlier(self) -> StudyRecord | None:
        """The study that the folder holds already.

        Raises:
            UsageError: It is one of other images or another split.
            InputError: It holds no study, but tables of the person's under the names of ours.
        """
        file = self.folder / "study.json"
        earlier = read_record(StudyRecord, file) if file.exists() else None
        if earlier is not None and (earlier.cohort, earlier.split) != (self.cohort.hash, self.split.hash):
            what = "images" if earlier.cohort != self.cohort.hash else "split"
            raise UsageError(
                f"{self.folder} holds a study of other {what} (from {earlier.data}); expected the same ones, since "
                f"runs are only compared on the same images. Choose another --out, or remove that folder."
            )
        if earlier is None:
            refuse_tables(self.folder, self.cohort, self.split)
        return earlier

    def _write(self, planned: Iterable[Planned]) -> None:
        """Write plan, cohort and split; a study that is there already keeps its earlier runs and gains the new ones."""
        before = self._earlier() or StudyRecord(
            self.cohort.name, self.data, self.cohort.hash, self.split.hash, (), {}, (), 0, "stretch", "no", (), ""
        )
        ids = [item.recipe.id for item in planned]
        record = StudyRecord(
            name=self.cohort.name,
            data=self.data,
            cohort=self.cohort.hash,
            split=self.split.hash,
            models=tuple(dict.fromkeys([*before.models, *(info.name for info in self.infos)])),
            strategies={**before.strategies, **{s.name: strategy_settings(s) for s in self.strategies}},
            seeds=tuple(sorted({*before.seeds, *self.seeds})),
            image_size=self.image_size,
            fit=self.fit,
            precision=self.precision,
            runs=tuple(dict.fromkeys([*before.runs, *ids])),
            version=__version__,
            notes=self.cohort.notes,
            reading=self.reading,
        )
        self.cohort.save(self.folder / "cohort.parquet")
        self.split.save(self.folder / "split.parquet")
        write_record(self.folder / "study.json", record)

    def records(self) -> tuple[RunRecord, ...]:
        """The records of the planned runs that are finished."""
        places = [self.folder / "runs" / item.recipe.id for item in self.plan()]
        return tuple(read_run_record(place) for place in places if (place / "run.json").exists())

    def compare(self) -> Comparison:
        """Task D: all finished runs of the folder judged on the same images."""
        return compare(self.folder)

    def diagnose(self, run: str | None = None, reporter: Reporter | None = None) -> tuple[Diagnosis, ...]:
        """Task E: why test is lower than validation, for one run or all; experiments that are missing are run first.

        Args:
            run: Id of a run, or how it begins; None for all.
            reporter: Told of progress.
        """
        from heldout.diagnosis.diagnose import choose_runs, diagnose  # half a second that `run` need not wait
        from heldout.diagnosis.interventions import run_interventions

        files = read_study(self.folder)
        chosen = choose_runs(files, run)
        run_interventions(files, chosen, reporter=reporter, device=self.device)
        return diagnose(files, chosen, reporter=reporter)

    def report(self, out: str | Path | None = None) -> Path:
        """Write the HTML report; returns where it is."""
        from heldout.report import write_report

        return write_report(self.folder, None if out is None else Path(out))


def cohort_from(
    data: Cohort | str | Path, patient: str | None, skip_unreadable: bool, require_test: bool, reporter: Reporter
) -> Cohort:
    """The cohort itself, or DATA read as the options say.

    Raises:
        UsageError: Options of reading for a cohort that was read already.
        InputError: The data cannot be used; all problems at once.
    """
    if not isinstance(data, Cohort):
        return load(
            data, patient=patient, skip_unreadable=skip_unreadable, require_test=require_test, reporter=reporter
        )
    if patient is not None or skip_unreadable or not require_test:
        raise UsageError(
            "Found patient, skip_unreadable or require_test beside a cohort, which was read already; "
            "expected them where it is read: heldout.load(DATA, patient=…)."
        )
    return data


def refuse_tables(folder: Path, cohort: Cohort, split: Split) -> None:
    """Stop before tables of the person's are written over; those of this study, which was cut off, are let be.

    Raises:
        InputError: `cohort.parquet` or `split.parquet` is there and is another one.
    """
    problems = []
    for name, own in (("cohort.parquet", cohort), ("split.parquet", split)):
        file = folder / name
        try:
            other = file.exists() and type(own).load(file).hash != own.hash
        except InputError:
            other = True
        if other:
            expected = "a folder without it, or one that holds this study"
            problems.append(
                Problem(str(file), "a table that this study did not write", expected, "Choose another --out.")
            )
    if problems:
        raise InputError(problems, f"{folder} cannot hold the study")


def each_of(infos: Sequence[BackboneInfo], act: Callable[[BackboneInfo], T]) -> dict[str, T]:
    """What `act` gives for every backbone, by name; what goes wrong is collected and raised once.

    Raises:
        HeldoutError: The error, or several joined.
    """
    results: dict[str, T] = {}
    errors: list[HeldoutError] = []
    for info in infos:
        try:
            results[info.name] = act(info)
        except HeldoutError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise HeldoutError("\n\n".join(map(str, errors)))
    return results


def strategy_settings(strategy: Strategy) -> dict[str, Any]:
    """All settings of a strategy by name, defaults included."""
    return {field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)}


def plan_strategies(
    names: Sequence[str | Strategy], epochs: int | None, settings: Mapping[str, Mapping[str, str]]
) -> tuple[Strategy, ...]:
    """Strategies by name with their settings from text.

    Raises:
        UsageError: An unknown strategy or setting, or settings for a strategy that is not in the study.
    """
    chosen = [strategies.get(item)() if isinstance(item, str) else item for item in dict.fromkeys(names)]
    unused = sorted(set(settings) - {strategy.name for strategy in chosen})
    if unused:
        raise UsageError(
            f"Found settings for {', '.join(unused)}; expected one of the study's strategies: "
            f"{', '.join(strategy.name for strategy in chosen)}."
        )
    ready = []
    for strategy in chosen:
        own = dict(settings.get(strategy.name, {}))
        fields = {field.name for field in dataclasses.fields(strategy)}
        if epochs is not None and "epochs" in fields:
            own.setdefault("epochs", str(epochs))
        ready.append(with_settings(strategy, own, strategy.name))
    return tuple(ready)
