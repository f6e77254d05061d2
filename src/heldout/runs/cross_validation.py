"""A cross-validated study: each fold is a study of its own in `folds/`, and the runs of all folds are put together.

Images are read once and pass through fixed stages once, whatever the number of folds. What a fold is (its split, its
runs with their weights and curves) can be looked at as any other study: `heldout compare STUDY/folds/0-1`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from heldout.claims import Claim, claim_of
from heldout.data.splits import fold_splits
from heldout.progress import Reporter
from heldout.records import Split
from heldout.runs.execute import Execution, RunJob
from heldout.runs.plan import PlannedRun
from heldout.runs.share import IN_TURN, Executor, Job
from heldout.runs.sitting import is_finished, run_folder
from heldout.runs.write_study import write_study
from heldout.work import Dispatcher


def fold_folder(study: Path, repeat: int, number: int) -> Path:
    """Where the study of a fold stands; folds are counted from 1 in names, repeats from 0 as seeds are."""
    return study / "folds" / f"{repeat}-{number + 1}"


@dataclass(frozen=True)
class CrossValidation:
    """A cross-validated study on a machine.

    Every repeat draws folds of its own and trains with a seed of its own, so that a run of seed s is repeat s.

    Attributes:
        whole: The study with the split of the cross-validation; its runs are those that are put together.
    """

    whole: Execution

    def plan(self) -> tuple[PlannedRun, ...]:
        """The runs that are put together, in the order of the plan."""
        return self.whole.plan()

    def run(self, reporter: Reporter, executor: Executor = IN_TURN) -> None:
        """Train the folds' runs that are missing, and put together what is complete.

        Raises:
            UsageError: The folder holds another study, or the machine cannot do what is asked.
            HeldoutError: Weights cannot be fetched or do not fit; all models at once.
        """
        whole = self.whole
        whole.enter()
        planned = self.plan()
        write_study(whole.folder, whole.spec, whole.cohort, whole.split, planned)
        of_all: list[RunJob] = []
        for repeat in whole.spec.seeds:
            if all(is_finished(run_folder(whole.folder, run.recipe)) for run in planned if run.recipe.seed == repeat):
                continue  # folds of a study that was handed on need not be there
            for number, fold in enumerate(self.folds(repeat)):
                many = f", repeat {repeat + 1}" if len(whole.spec.seeds) > 1 else ""
                name = f"Fold {number + 1} of {whole.split.folds}{many}"
                if executor.is_here:
                    reporter.note(f"{name}.")
                    fold.run(reporter, executor)
                else:  # no fold waits for another one
                    of_all += [replace(job, place=f"{name}, {job.place}") for job in fold.begin(reporter, executor)]
        executor.run(of_all, reporter)
        executor.run([JoinJob(self, number, planned) for number in range(len(planned))], reporter)

    def folds(self, repeat: int) -> tuple[Execution, ...]:
        """The studies of the folds of one repeat."""
        splits = fold_splits(self.whole.cohort, self.whole.split, repeat)
        return tuple(self._fold(split, repeat, number) for number, split in enumerate(splits))

    def _fold(self, split: Split, repeat: int, number: int) -> Execution:
        from heldout.runs.context import Pool

        whole = self.whole
        spec = replace(whole.spec, seeds=(repeat,), reading=replace(whole.spec.reading, folds=None))
        folder = fold_folder(whole.folder, repeat, number)
        fold = replace(
            whole,
            spec=spec,
            split=split,
            folder=folder,
            pool=Pool(whole.folder, (*whole.split.train, *whole.split.val)),
        )
        for name in ("weights", "precisions"):  # the same for all folds: nothing is fetched or hashed again
            fold.__dict__[name] = getattr(whole, name)
        return fold


@dataclass(frozen=True)
class JoinJob(Job):
    """The runs of all folds, to be put together.

    Attributes:
        study: The cross-validated study.
        number: Which of its runs.
        planned: All of them.
    """

    study: CrossValidation
    number: int
    planned: tuple[PlannedRun, ...]

    @property
    def title(self) -> str:  # type: ignore[override]
        """For people."""
        run = self.planned[self.number]
        return f"Run {self.number + 1} of {len(self.planned)}: {run.info.name}, {run.strategy.name}, all folds"

    @property
    def _place(self) -> Path:
        return run_folder(self.study.whole.folder, self.planned[self.number].recipe)

    @property
    def claim(self) -> Path:
        """Beside the folder of the whole."""
        return claim_of(self._place)

    def is_done(self) -> bool:
        """Whether its folder is whole."""
        return is_finished(self._place)

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Put them together."""
        from heldout.runs.join import join

        whole, run = self.study.whole, self.planned[self.number]
        base = self.number // len(whole.spec.seeds)  # a fold is planned as the whole is, with one seed
        folds = self.study.folds(run.recipe.seed)
        members = [(run_folder(fold.folder, fold.plan()[base].recipe), fold.split) for fold in folds]
        join(run, members, whole.context(run.recipe.precision), reporter, claim, dispatcher)
