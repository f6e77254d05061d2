"""A study in Python: one cohort and split, models × strategies × seeds, in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd

from heldout.computing import Device, Engine
from heldout.data.draft import layout_of
from heldout.data.examine.labels import asked_labels
from heldout.data.readers.manifest import FRAME
from heldout.data.splits import whole_split
from heldout.executors import opened
from heldout.notebook import InNotebook, usual_reporter
from heldout.progress import Reporter
from heldout.records import Cohort, Comparison, Diagnoses, RunRecord, Split
from heldout.records.recipe import Fit, PrecisionChoice
from heldout.records.run import ChosenOn
from heldout.records.selection import Selection
from heldout.records.stress import StressReport
from heldout.remote.urls import folder_of
from heldout.remote.working_copy import up_to_date
from heldout.runs.asked import asked_strategies, models_of
from heldout.runs.auto_study import AnyExecution, AutoStudy, execution_of
from heldout.runs.compare import compare_study
from heldout.runs.earlier import read_run_record
from heldout.runs.execute import Execution
from heldout.runs.folder import read_study
from heldout.runs.judging import CLASSES, asking_of, judging_of
from heldout.runs.plan import IMAGE_SIZE, PlannedRun, Reading, SearchBudget, StudySpec
from heldout.runs.read_images import cohort_of, refuse_reading_again, squares_of
from heldout.runs.sitting import run_folder
from heldout.runs.stressed import Asked
from heldout.stats.bootstrap import REPLICATES
from heldout.strategies import Strategy

Given = Cohort | pd.DataFrame | None
Computed = tuple[Device, Engine]


class Study(InNotebook):
    """Models × strategies × seeds on one cohort and split, in a folder.

    The images are read when first needed. Several processes may run a study in one folder: they share the runs.

    Args:
        data: What `heldout.load` takes, or a cohort that was loaded before.
        models: Names of backbones, short or full.
        strategies: Names of strategies, or strategies with settings of their own; `auto` alone chooses one.
        out: The study's folder, or a URL; one that is there is gone on with, if its cohort and split are the same.
        epochs: For every strategy that has epochs; None leaves each its own.
        seeds: How many seeds (0, 1, …), or the seeds themselves.
        image_size: Side in pixels that images are resized to.
        fit: How an image that is not square becomes square.
        val_fraction: Share of the training images that becomes validation where none is given.
        split_seed: Seed of that draw, of folds, and of `per_class`.
        folds: Cross-validate with so many folds; each seed draws folds of its own.
        per_class: At most so many training images a class; None takes all.
        images: As for `heldout.load`, and so the next six; not for a cohort, which was read already.
        path_column: Column of a table that names the image.
        label_column: Column of a table that holds the class.
        ignore: Patterns of files and folders to leave out.
        patient: Column or regular expression that names the patient, or `auto`.
        skip_unreadable: Leave out images that cannot be read, and record them.
        require_test: Whether a given split without test images is an error.
        intensity: Policy for more than 8 bits, as for `heldout.load`; empty for the one that a cohort was read with.
        channels: Choice of channels, likewise.
        labels: `single` or `several` labels an image; None goes by the rules (`heldout.data.examine.labels`).
        label_separator: Between names in one cell, which settles what they are; empty for `|` by the rules.
        order: Grades from low to high, with commas between, or `classes` for as they stand: adds weighted kappa.
        settings: Strategy -> setting -> text, as from `--set`.
        device: `auto`, `cpu` or `cuda`.
        precision: `no`, `bf16`, `fp16`, or `auto`: what suits each model here.
        engine: What computes fixed features on a CPU: `torch`, `folded`, `openvino` or `auto` (`training.engine`).
        tune: Search settings on validation first: trainings for each model with each strategy.
        tune_minutes: Or minutes for each; with both, whichever ends first.
        tune_at_once: Settings that a search proposes together, which an executor may try at once.
        budget_minutes: How long `auto` may search; None for 30.
        verify: Read every image file, also those that an earlier command read and that have not changed since.
        reporter: Told of progress; None draws bars in a notebook and says nothing elsewhere.

    Raises:
        UsageError: An unknown model, strategy or setting, or options of reading for a cohort that was read already.

    Examples:
        >>> study = Study("phantom:cells", ["efficientnet_lite0"], ["frozen"], "study")  # doctest: +SKIP
        >>> study.run().compare().runs[0].test.accuracy  # doctest: +SKIP
    """

    def __init__(
        self,
        data: Cohort | pd.DataFrame | str | Path,
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
        folds: int | None = None,
        per_class: int | None = None,
        images: str | Path | None = None,
        path_column: str = "",
        label_column: str | Sequence[str] = "",
        ignore: Sequence[str] = (),
        patient: str | None = None,
        skip_unreadable: bool = False,
        require_test: bool = True,
        intensity: str = "",
        channels: str = "",
        labels: str | None = None,
        label_separator: str = "",
        order: str | None = None,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        device: Device = "auto",
        precision: PrecisionChoice = "no",
        engine: Engine = "auto",
        tune: int | None = None,
        tune_minutes: float | None = None,
        tune_at_once: int = 1,
        budget_minutes: float | None = None,
        verify: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        asked, layout = asked_labels(labels, label_separator), layout_of(images, path_column, label_column, ignore)
        drawn = (val_fraction, split_seed, per_class)
        reading = Reading(patient, skip_unreadable, require_test, *drawn, asked, order, layout, folds)
        chosen, auto = asked_strategies(strategies, epochs, settings or {}, budget_minutes)
        spec = StudySpec(
            data=data.name if isinstance(data, Cohort) else FRAME if isinstance(data, pd.DataFrame) else str(data),
            models=models_of(models),
            strategies=chosen,
            seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
            reading=reading,
            image_size=image_size,
            fit=fit,
            precision=precision,
            search=SearchBudget.of(tune, tune_minutes, tune_at_once),
            intensity=intensity,
            channels=channels,
            auto=auto,
        )
        given = data if isinstance(data, Cohort | pd.DataFrame) else None
        self._set(spec, folder_of(out), (device, engine), reporter, given, verify)

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        out: str | Path,
        *,
        device: Device = "auto",
        engine: Engine = "auto",
        verify: bool = False,
        reporter: Reporter | None = None,
    ) -> Study:
        """The study that a spec describes, in a folder; the other arguments are those of the class."""
        study = cls.__new__(cls)
        study._set(spec, folder_of(out), (device, engine), reporter, None, verify)
        return study

    def _set(
        self, spec: StudySpec, out: Path, where: Computed, told: Reporter | None, given: Given, verify: bool
    ) -> None:
        if isinstance(given, Cohort):
            refuse_reading_again(spec.reading)
        self.spec, self.folder = spec, out
        self.device, self.engine = where
        self.reporter = told or usual_reporter()
        self._given, self._verify = given, verify
        self._squares = None if isinstance(given, Cohort) else squares_of(spec, self.folder)

    @cached_property
    def cohort(self) -> Cohort:
        """The images, read when first asked for.

        Raises:
            InputError: The data cannot be used; all problems at once.
            UsageError: The order that was given is none of its classes; told before anything is trained.
        """
        cohort = cohort_of(self.spec, self._given, self.reporter, self._verify, self._squares)
        asking_of(cohort.classes, order=self.spec.reading.order or "", labelling=cohort.labelling)
        return cohort

    @cached_property
    def split(self) -> Split:
        """Which images are for training, validation and test."""
        reading = self.spec.reading
        return whole_split(self.cohort, reading.folds, reading.val_fraction, reading.split_seed)

    @cached_property
    def _execution(self) -> AnyExecution:
        of, where = (self.spec, self.cohort, self.split), (self.device, self.engine, self.reporter)
        return execution_of(Execution(*of, self.folder, *where, squares=self._squares))

    def plan(self) -> tuple[PlannedRun, ...]:
        """All runs, in the order in which they are trained; nothing is trained and nothing is written.

        Weights that are not here are fetched, since a run's id holds their hash; `heldout.runs.plan.plan` fetches none.

        Raises:
            HeldoutError: Weights cannot be fetched; says which file to put where.
        """
        return self._execution.plan()

    def run(
        self, reporter: Reporter | None = None, on: str = "local", cpus: int | None = None, gpus: float | None = None
    ) -> Study:
        """Train what is missing; what is finished stays, what was cut off goes on from its last epoch.

        Args:
            reporter: Told of the training; None takes the study's.
            on: Where: `local`, `ray[:ADDRESS]` or `slurm[:NAME=VALUE,…]` (docs/clusters.md).
            cpus: Cores, and threads, of a run there; None for one.
            gpus: GPUs of a run there, .5 for a half; None for none.

        Returns the study itself.
        """
        with up_to_date(self.folder, reporter or self.reporter), opened(on, self.folder, cpus, gpus) as executor:
            self._execution.run(reporter or self.reporter, executor)
        return self

    def records(self) -> tuple[RunRecord, ...]:
        """The records of the planned runs that are finished."""
        places = [run_folder(self.folder, run.recipe) for run in self.plan()]
        return tuple(read_run_record(place) for place in places if (place / "run.json").exists())

    def selection(self) -> Selection | None:
        """What `auto` tried and recommends; None for named strategies, and before the search."""
        return self._execution.found if isinstance(self._execution, AutoStudy) else None

    def compare(
        self,
        metric: str = "",
        unit: str = "image",
        by: str = "mean",
        *,
        ordered: bool = False,
        order: str = "",
        positive: str = "",
        at: float = 0.9,
    ) -> Comparison:
        """Task D: all finished runs of the folder judged on the same images.

        Args:
            metric: `accuracy`, `balanced-accuracy`, or `cost:FILE` with a CSV of class, cost and, if given, share; of
                several labels an image `mean-auc`, `mean-average-precision` or `mean-f1`. Empty for the first of them.
            unit: `image`, or `patient` for one decision a patient.
            by: How a patient's images give one answer: `mean`, `max` or `majority`.
            ordered: Whether the classes are grades in their order: adds quadratic-weighted kappa.
            order: The same with their order: classes from low to high, with commas between; empty for what was said
                when the study was made.
            positive: Class that F1, sensitivity … are of; empty: the second of two, the mean over more.
            at: Specificity at which sensitivity is told, and the reverse.

        Raises:
            UsageError: An unknown name.
            InputError: No finished run, costs that do not fit, or patients of several classes where they are the unit.
        """
        with up_to_date(self.folder, self.reporter):
            files = read_study(self.folder)
        for remark in files.remarks:
            self.reporter.note(remark)
        classes, kind, said = files.cohort.classes, files.cohort.labelling, files.record.reading.get("order")
        order = order or (CLASSES if ordered else "")
        asking = asking_of(classes, order=order, recorded=said, positive=positive, at=at, labelling=kind)
        judging = judging_of(classes, metric, unit, by, asking, kind)
        return compare_study(files, judging=judging)

    def diagnose(
        self,
        run: str | None = None,
        reporter: Reporter | None = None,
        *,
        metric: str = "",
        unit: str = "image",
        by: str = "mean",
        chosen_on: ChosenOn = "",
        label: str = "",
        on: str = "local",
    ) -> Diagnoses:
        """Task E: why test is lower than validation, for one run or all; experiments that are missing are run first.

        Args:
            run: Id of a run, or how it begins; None for all.
            reporter: Told of progress; None takes the study's.
            metric: `accuracy`, `balanced-accuracy` or `cost:FILE`: what all points are points of. Empty for accuracy;
                for one of several labels, which most images lack, for balanced accuracy.
            unit: As for `compare`.
            by: As for `compare`.
            chosen_on: `test` says that a run was chosen by its test score among the runs of the study.
            label: One of several labels an image; empty for every one of them in turn.
            on: Where experiments are made, as for `run`.

        Raises:
            UsageError: An unknown name.
            InputError: Costs that do not fit, or patients of several classes where they are the unit.
        """
        from heldout.diagnosis.until_told import diagnose_until_told  # half a second that `run` need not wait

        told, asked = reporter or self.reporter, (run, (metric, unit, by), label, chosen_on)
        with up_to_date(self.folder, reporter or self.reporter), opened(on, self.folder) as executor:
            return diagnose_until_told(
                read_study(self.folder), *asked, reporter=told, device=self.device, executor=executor
            )

    def stress(self, asked: Asked | None = None, *, metric: str = "", bootstrap: int = REPLICATES) -> StressReport:
        """Will it hold elsewhere? Every run on validation images changed as images of other sites differ.

        Args:
            asked: How many images, which stresses and sites; None for the usual ones.
            metric: As for `compare`.
            bootstrap: Replicates of the intervals.

        Raises UsageError and InputError as `runs.stress.stress_study`.
        """
        from heldout.runs.stress import stress_study  # half a second that `run` need not wait

        with up_to_date(self.folder, self.reporter):
            return stress_study(read_study(self.folder), asked, metric, bootstrap, self.reporter, self.device)

    def report(
        self,
        out: str | Path | None = None,
        *,
        metric: str = "",
        unit: str = "",
        by: str = "",
        label: str = "",
        overwrite: bool = False,
        lang: str = "",
    ) -> Path:
        """Write the HTML report; returns where it is.

        Args:
            out: The file; `report.html` in the study's folder by default.
            metric: As for `compare`, and so `unit` and `by`; empty for what the diagnoses were made by.
            unit: Likewise.
            by: Likewise.
            label: One of several labels, for the page of it alone; empty for the study's.
            overwrite: Whether a file that is no report of ours may be replaced.
            lang: Language of the page: `en`, `zh-TW`, or another that is installed; English by default.

        Raises:
            UsageError: An unknown language; a file of another kind stands there.
        """
        from heldout.report import Wanted, write_report

        where = None if out is None else Path(out)
        with up_to_date(self.folder, self.reporter):
            return write_report(self.folder, where, Wanted(metric, unit, by, label), overwrite, lang)
