"""From a study's plan to its runs: weights are fetched, settings searched, and what is missing is trained.

What needs torch is imported where something is left to do: where nothing is, the answer need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from heldout import backbones
from heldout.claims import Claim, claim_of
from heldout.computing import Device, Engine
from heldout.data.input_map import input_map_of
from heldout.data.squares import Squares
from heldout.errors import HeldoutError, UsageError
from heldout.progress import Reporter, Silent
from heldout.records import BackboneInfo, Cohort, InputMap, Split
from heldout.records.recipe import Precision
from heldout.records.selection import Selection
from heldout.records.tuning import Tuning
from heldout.runs.plan import PlannedRun, SearchBudget, StudySpec, bases, plan
from heldout.runs.share import IN_TURN, Executor, Job
from heldout.runs.sitting import is_finished, run_folder
from heldout.runs.tidy import tidy
from heldout.runs.under_way import run_now
from heldout.runs.write_study import check_same, write_study
from heldout.work import Dispatcher

if TYPE_CHECKING:
    from heldout.runs.context import Pool, RunContext
    from heldout.strategies import Phase

T = TypeVar("T")


@dataclass(frozen=True)
class Execution:
    """A study on a machine, in a folder that other processes may work in too.

    Attributes:
        spec: The study.
        cohort: Its images.
        split: Their parts.
        folder: Where it is kept.
        device: `auto`, `cpu` or `cuda`.
        engine: What computes features that stay fixed, see `training.engine`.
        reporter: Told of training images that are read before anything is planned.
        pool: What the parts are taken from, where this is one fold of a cross-validation.
        selection: The search that the runs' recipe was chosen by; None where a person named it.
        squares: What was kept when the images were measured.
        travelled: Whether it was made in another process, on this machine or another.
    """

    spec: StudySpec
    cohort: Cohort
    split: Split
    folder: Path
    device: Device = "auto"
    engine: Engine = "auto"
    reporter: Reporter = field(default_factory=Silent)
    pool: Pool | None = None
    selection: Selection | None = None
    squares: Squares | None = None
    travelled: bool = False

    @cached_property
    def weights(self) -> dict[str, str]:
        """Full name of a backbone -> hash of its weights; those that are not here are fetched.

        Raises:
            HeldoutError: Weights cannot be fetched; says which file to put where.
        """
        fetched = self.spec.models if self.spec.needs_weights else ()
        return each_of(fetched, backbones.digest)

    @cached_property
    def precisions(self) -> dict[str, Precision]:
        """Full name of a backbone -> precision of its runs: as asked for, or the one that suits its network here."""
        return each_of(self.spec.models, self._precision)

    def _precision(self, info: BackboneInfo) -> Precision:
        if self.spec.precision != "auto":
            return self.spec.precision
        from heldout.training.device import machine
        from heldout.training.precision import suited

        network = backbones.build(info, len(self.cohort.classes), self.spec.image_size, seed=0, pretrained=False)
        return suited(network, machine(self.device, "no", self.engine).device)

    @cached_property
    def bases(self) -> tuple[PlannedRun, ...]:
        """Every model with every strategy, with the settings as they were given."""
        return bases(self.spec, self.cohort, self.split, self.weights, self.precisions, self.input_map)

    @cached_property
    def input_map(self) -> InputMap | None:
        """How values of the files become inputs; its numbers are computed on the training images once.

        Raises:
            InputError: A training image cannot be read any more, or the numbers would make blank images.
        """
        spec = self.spec
        return input_map_of(
            self.cohort,
            self.split.train or self.split.val,
            spec.intensity,
            spec.channels,
            self.folder / "intensity",
            self.reporter,
            self.squares,
        )

    def plan(self) -> tuple[PlannedRun, ...]:
        """All runs, with the settings that searches found so far."""
        found: dict[str, Tuning] = {}
        if self.spec.search is not None:
            from heldout.runs.tuning import tuning_of

            searches = {base.recipe.id: tuning_of(self.folder, base) for base in self.bases}
            found = {id_: tuning for id_, tuning in searches.items() if tuning.trials}
        planned = plan(self.spec, self.cohort, self.split, self.weights, self.precisions, found, self.input_map)
        return tuple(replace(run, selection=self.selection) for run in planned)

    def run(self, reporter: Reporter, executor: Executor = IN_TURN) -> None:
        """Train what is missing; what is finished stays, what was cut off goes on from its last epoch.

        Args:
            reporter: Told of progress.
            executor: Where it is computed.

        Raises:
            UsageError: The folder holds another study, or the machine cannot do what is asked.
            HeldoutError: Weights cannot be fetched or do not fit; all models at once.
        """
        jobs = self.begin(reporter, executor)
        self._share_features(jobs, reporter, executor)
        executor.run(jobs, reporter)

    def _share_features(self, jobs: Sequence[RunJob], reporter: Reporter, executor: Executor) -> None:
        """Where others compute, features of many images are divided among them before the runs that begin with them.

        On GPUs each run computes its own: which machine has one is not known here, and features differ with it.
        """
        left: dict[Precision, list[PlannedRun]] = {}
        for job in jobs:
            if not job.is_done():
                left.setdefault(job.run.recipe.precision, []).append(job.run)
        if executor.is_here or self.device != "cpu" or self.pool is not None:
            return
        from heldout.runs.feature_spans import share_features

        for precision, runs in left.items():
            share_features(runs, self.context(precision), executor, reporter)

    def begin(self, reporter: Reporter, executor: Executor = IN_TURN) -> list[RunJob]:
        """Search settings where that is asked for, and write the plan; what is left are the runs.

        Raises:
            UsageError, HeldoutError: As `run`.
        """
        named = (
            self.device == "cuda" or self.engine not in ("auto", "torch") or self.spec.precision not in ("no", "auto")
        )
        self.enter()
        asked = named or self.spec.search is not None or self._missing(self.plan())
        if asked and executor.is_here:  # what is not there is told first
            _ = self.context("no" if self.spec.precision == "auto" else self.spec.precision).machine
        if self.spec.search is not None:
            self._check_models(self.bases)
            executor.run([SearchJob(self, base, self.spec.search) for base in self.bases], reporter)
        planned = self.plan()
        self._check_models(planned)
        write_study(self.folder, self.spec, self.cohort, self.split, planned)
        total = len(planned)
        return [RunJob(self, run, f"Run {number} of {total}") for number, run in enumerate(planned, start=1)]

    def enter(self) -> None:
        """Stop before a folder of something else is worked on; what killed processes left in this one is removed.

        Raises:
            UsageError: The folder holds a study of other images or another split.
            InputError: It holds no study, but tables of the person's under the names of ours.
        """
        check_same(self.folder, self.cohort, self.split)
        tidy(self.folder)

    def _missing(self, planned: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Runs that are still to be made."""
        return [run for run in planned if not is_finished(run_folder(self.folder, run.recipe))]

    def context(self, precision: Precision) -> RunContext:
        """What all runs of that precision have in common."""
        from heldout.runs.context import RunContext

        where = (self.device, precision, self.engine)
        return RunContext(self.cohort, self.split, self.folder, *where, self.pool, self.squares, self.travelled)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: the reporter and what was kept of reading belong to this one.

        Which weights and precision runs have was decided here, also for a machine that would decide otherwise.
        """
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        decided = {name: self.__dict__[name] for name in ("weights", "precisions") if name in self.__dict__}
        return own | decided | {"reporter": Silent(), "squares": None, "travelled": True}

    def _check_models(self, planned: Sequence[PlannedRun]) -> None:
        """Build every model that is still to be trained, and hold the strategies against it.

        Weights that do not fit, an image size that a network does not take, or a strategy that finds nothing in it to
        train, are told before hours of training. Where a single model is used as a whole or not trained at all, it is
        not built twice: its first run says the same.

        Raises:
            HeldoutError: All that is wrong, of all models.
        """
        missing = self._missing(planned)
        infos = tuple({run.info.name: run.info for run in missing}.values())
        plans = {run.strategy.name: run.strategy.phases() for run in missing}
        in_parts = any(phase.trainable not in ("all", "head") for phases in plans.values() for phase in phases)
        if len(infos) > 1 or (in_parts and len(missing) > 1):
            pretrained = any(run.strategy.pretrained for run in missing)
            channels = planned[0].recipe.in_channels
            each_of(infos, lambda info: self._check_model(info, plans, pretrained, channels))

    def _check_model(
        self, info: BackboneInfo, plans: Mapping[str, tuple[Phase, ...]], pretrained: bool, channels: int
    ) -> None:
        """One model with every strategy, by the strategy's name."""
        from heldout.training.applies import check_applies

        network = backbones.build(info, len(self.cohort.classes), self.spec.image_size, 0, pretrained, channels)
        errors = []
        for name, phases in plans.items():
            try:
                check_applies(network, phases)
            except UsageError as error:
                errors.append(f"{info.name} with {name}: {error}")
        if errors:
            raise UsageError("\n\n".join(errors))


@dataclass(frozen=True)
class RunJob(Job):
    """A run of a study.

    Attributes:
        study: The study, or one of its folds.
        run: The run.
        place: Which of the runs it is, in words.
    """

    study: Execution
    run: PlannedRun
    place: str

    @property
    def title(self) -> str:  # type: ignore[override]
        """For people."""
        return f"{self.place}: {self.run.info.name}, {self.run.strategy.name}"

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.run.strategy.phases())

    @property
    def claim(self) -> Path:
        """Beside its folder."""
        return claim_of(run_folder(self.study.folder, self.run.recipe))

    def is_done(self) -> bool:
        """Whether its folder is whole."""
        return is_finished(run_folder(self.study.folder, self.run.recipe))

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Train it, or go on with it."""
        from heldout.runs.fit import fit

        fit(self.run, self.study.context(self.run.recipe.precision), reporter, claim, dispatcher)

    def steps_done(self) -> int:
        """Epochs in its checkpoint."""
        return run_now(self.study.folder, self.run.recipe.id).epochs


@dataclass(frozen=True)
class SearchJob(Job):
    """The search for settings of a model with a strategy.

    Attributes:
        study: The study.
        base: The run with the settings as they were given.
        budget: When to stop.
    """

    study: Execution
    base: PlannedRun
    budget: SearchBudget
    quiet = True

    @property
    def title(self) -> str:  # type: ignore[override]
        """For people."""
        return f"Search for {self.base.info.name}, {self.base.strategy.name}"

    @property
    def claim(self) -> Path:
        """Beside its record."""
        from heldout.runs.tuning import tuning_file

        return claim_of(tuning_file(self.study.folder, self.base.recipe))

    def is_done(self) -> bool:
        """Whether nothing is left to try."""
        from heldout.runs.tuning import is_over, tuning_of

        return is_over(self.base, tuning_of(self.study.folder, self.base), self.budget)

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Search, or go on with the search."""
        from heldout.runs.tuning import tune

        context = self.study.context(self.base.recipe.precision)
        tune(self.base, context, self.budget, reporter, claim, dispatcher)


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
