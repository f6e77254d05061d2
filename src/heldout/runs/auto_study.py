"""A study whose strategy is chosen for the person: a search on validation, then the recommended recipe as its run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from heldout import backbones
from heldout.claims import Claim, claim_of
from heldout.errors import UsageError
from heldout.files import hash_of
from heldout.progress import Reporter
from heldout.records.codec import to_data
from heldout.records.selection import Selection
from heldout.runs.cross_validation import CrossValidation
from heldout.runs.execute import Execution
from heldout.runs.plan import PlannedRun, bases
from heldout.runs.selections import selection_of
from heldout.runs.share import IN_TURN, Executor, Job
from heldout.strategies import strategies
from heldout.work import Dispatcher


@dataclass(frozen=True)
class AutoStudy:
    """A study with `--strategies auto` on a machine.

    Attributes:
        whole: The study; its spec names models and a budget, and no strategy.

    Raises:
        UsageError: The study is cross-validated and has no test images.
    """

    whole: Execution

    def __post_init__(self) -> None:
        if self.whole.split.folds and not self.whole.split.test:
            raise UsageError(
                "Found --strategies auto together with --folds, and no test images; expected test images: a recipe "
                "that was chosen by its answers out of fold has no other score that tells what it is worth. Name the "
                "strategies instead: --folds then chooses among them in each fold anew, and scores the choice."
            )

    @cached_property
    def bases(self) -> tuple[PlannedRun, ...]:
        """For each model the run that its candidates begin from: everything but its strategy counts."""
        return _bases(self.whole)

    @cached_property
    def file(self) -> Path:
        """Where the search is recorded; more minutes go on with the same one."""
        assert self.whole.spec.auto is not None
        key = hash_of([[to_data(base.recipe) for base in self.bases], self.whole.spec.auto.epochs])
        return self.whole.folder / "auto" / f"{key}.json"

    @property
    def found(self) -> Selection | None:
        """The search so far; None where none was begun."""
        return selection_of(self.file)

    def plan(self) -> tuple[PlannedRun, ...]:
        """The recommended runs, one a seed; none while the search goes on."""
        found = self.found
        return () if found is None or found.chosen is None else self._recommended(found).plan()

    def run(self, reporter: Reporter, executor: Executor = IN_TURN) -> None:
        """Search, and train what is recommended as a run of the study, whose test images are scored once.

        Raises:
            UsageError: The folder holds another study, or the machine cannot do what is asked.
            HeldoutError: Weights cannot be fetched or do not fit; all models at once.
        """
        self.whole.enter()
        executor.run([AutoJob(self)], reporter)
        found = self.found
        assert found is not None
        self._recommended(found).run(reporter, executor)

    def holdouts(self) -> tuple[Execution, ...]:
        """What candidates learn from and are judged by: the study's split, or the folds of the first repeat."""
        whole = self.whole
        return CrossValidation(whole).folds(whole.spec.seeds[0]) if whole.split.folds else (whole,)

    def _recommended(self, found: Selection) -> Execution | CrossValidation:
        """The study of the recommended recipe."""
        assert found.chosen is not None
        chosen = found.candidates[found.chosen]
        kind = strategies.get(chosen.strategy)
        strategy = replace(kind(), **chosen.settings)
        spec = replace(self.whole.spec, models=(backbones.resolve(chosen.backbone),), strategies=(strategy,))
        study = replace(self.whole, spec=spec, selection=found)
        return CrossValidation(study) if study.split.folds else study


AnyExecution = Execution | CrossValidation | AutoStudy


def execution_of(whole: Execution) -> AnyExecution:
    """How a study is carried out, as its spec says: its strategy chosen, in folds, or as it stands."""
    if whole.spec.auto is not None:
        return AutoStudy(whole)
    return whole if whole.spec.reading.folds is None else CrossValidation(whole)


@dataclass(frozen=True)
class AutoJob(Job):
    """The search for a recipe on validation.

    Attributes:
        study: The study.
    """

    study: AutoStudy
    title = "Search for a recipe on validation"
    quiet = True

    @property
    def claim(self) -> Path:
        """Beside its record."""
        return claim_of(self.study.file)

    def is_done(self) -> bool:
        """Whether the ladder is climbed, or the minutes are spent."""
        found, auto = self.study.found, self.study.whole.spec.auto
        assert auto is not None
        if found is None or not found.ended:
            return False
        return found.ended == "ladder" or found.spent >= auto.minutes

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Search, or go on with the search."""
        from heldout.runs.auto import Holdout, Search

        study, auto = self.study, self.study.whole.spec.auto
        assert auto is not None
        precision = study.bases[0].recipe.precision
        holdouts = [Holdout(_bases(one), one.context(precision)) for one in study.holdouts()]
        Search(study.file, tuple(holdouts), auto.minutes, auto.epochs).run(reporter, claim, dispatcher)


def _bases(study: Execution) -> tuple[PlannedRun, ...]:
    """The study's models, each with any strategy."""
    spec = replace(study.spec, strategies=(strategies.get("probe")(),))
    return bases(spec, study.cohort, study.split, study.weights, study.precisions, study.input_map)
