"""Every experiment on every run: what is there stays, what fails is written down and sinks nothing else.

An experiment that asks for the results of others comes after them, and is done anew when they are. One that scores a
sample image by image can be given more images later, which are appended to what it left.
"""

from __future__ import annotations

import graphlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from heldout.computing import Device
from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import check_scores
from heldout.diagnosis.interventions._shelf import interventions
from heldout.diagnosis.interventions.context import FEATURES_OF, InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention, NothingToDoError
from heldout.diagnosis.interventions.needs import Need, lacking
from heldout.diagnosis.looks import looks
from heldout.diagnosis.results import is_sound, read_about, write_result
from heldout.diagnosis.rules import RULES
from heldout.errors import HeldoutError, UsageError
from heldout.given.model import GivenModel
from heldout.progress import Reporter, Silent
from heldout.records import PARTS, ReasonKind
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, write_down
from heldout.training import machine
from heldout.training.device import release_memory

FORMAT = 1


def run_interventions(
    study: StudyFiles,
    runs: Sequence[RunFiles] | None = None,
    *,
    reporter: Reporter | None = None,
    device: Device = "auto",
    limit: int = RULES.max_sampled,
    seed: int = 0,
    retrain: bool = False,
    only: Collection[str] | None = None,
    model: GivenModel | None = None,
    features_of: str = FEATURES_OF,
) -> None:
    """Do every experiment on the shelf for runs of a study; results stand in `runs/<run id>/experiments/`.

    Each leaves `<name>.json`, written last, and, if it has logits, `<name>.parquet` (see `evidence.Scored`). What an
    earlier call left with the same version and settings is not done again.

    Args:
        study: The study, as `read_study` gives it.
        runs: Some of its runs; None for all.
        reporter: Told of progress.
        device: Where to compute.
        limit: Images a part that interventions are made on at first.
        seed: Seed of everything that is drawn.
        retrain: Also retrain where that takes long (`grouped`).
        only: Names of some experiments; None for all.
        model: Of runs whose predictions were given: what answers changed images. Without one, what an earlier call
            made with one stays.
        features_of: Of such runs: the pretrained network whose features stand for images.

    Raises:
        UsageError: A limit below 1.
    """
    if limit < 1:
        raise UsageError(f"Found a limit of {limit} images; expected at least 1.")
    reporter = reporter or Silent()
    chosen = [experiment for experiment in in_order(interventions) if only is None or experiment.name in only]
    for run in study.runs if runs is None else runs:
        context = InterventionContext(
            study,
            run,
            machine(device, run.recipe.precision),
            reporter,
            seed,
            limit,
            retrain,
            model=model,
            features_of=features_of,
        )
        missing = _missing(chosen, context)
        if not missing:
            continue
        reporter.begin(f"experiments on {run.record.id}", len(missing))
        for experiment in missing:
            if not _is_done(experiment, context):  # what it asks for may have come out as before
                _carry_out(experiment, context)
            context.let_go()
            reporter.step()
        reporter.end()
        release_memory()


def in_order(shelf: Iterable[Intervention]) -> list[Intervention]:
    """The experiments, each after those whose results it asks for; of others the name decides.

    Raises:
        HeldoutError: Some wait for each other.
    """
    named = {experiment.name: experiment for experiment in shelf}
    waits = {name: set(one.after(named.values())) & named.keys() for name, one in named.items()}
    try:
        sorter = graphlib.TopologicalSorter(waits)
        sorter.prepare()
    except graphlib.CycleError as error:
        raise HeldoutError(f"The interventions {' and '.join(error.args[1])} wait for each other.") from error
    found: list[Intervention] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += [named[name] for name in ready]
        sorter.done(*ready)
    return found


def missing(
    chosen: Sequence[Intervention], study: StudyFiles, run: RunFiles, seed: int, limit: int, retrain: bool
) -> list[Intervention]:
    """Experiments on a run that was trained here which an earlier call did not leave, and those that wait for them.

    Args:
        chosen: Some experiments, each after those whose results it asks for.
        study: The study.
        run: One of its runs.
        seed: As for `run_interventions`, and so the next two.
        limit: Likewise.
        retrain: Likewise.
    """
    here = machine("cpu")  # nothing is computed
    return _missing(chosen, InterventionContext(study, run, here, Silent(), seed, limit, retrain))


def _missing(chosen: Sequence[Intervention], context: InterventionContext) -> list[Intervention]:
    """Experiments that were not done, and those that ask for their results."""
    missing: list[Intervention] = []
    for experiment in chosen:
        waiting = {one.name for one in missing} & set(experiment.after(interventions))
        if waiting or not _is_done(experiment, context):
            missing.append(experiment)
    return missing


def score_more(
    study: StudyFiles,
    run: RunFiles,
    names: Collection[str],
    limit: int,
    *,
    reporter: Reporter | None = None,
    device: Device = "auto",
    seed: int = 0,
    model: GivenModel | None = None,
    features_of: str = FEATURES_OF,
) -> tuple[str, ...]:
    """Make interventions on more images than an earlier call, and append them to what it left.

    Args:
        study: The study.
        run: One of its runs.
        names: Interventions concerned.
        limit: Images a part in all.
        reporter: Told of progress.
        device: Where to compute.
        seed: As in the earlier call, and so the next two.
        model: As for `run_interventions`.
        features_of: Likewise.

    Returns:
        Names of those that have more images now: not one that does not work image by image, whose earlier result is
        not there, or that failed on the new images (what it left stays).
    """
    reporter = reporter or Silent()
    grown = []
    for experiment in in_order(interventions):
        place = run.folder / "experiments" / f"{experiment.name}.json"
        about = read_about(place)
        known = scored_so_far(about)
        if experiment.name not in names or not experiment.grows or not 0 < known < limit:
            continue
        context = InterventionContext(
            study,
            run,
            machine(device, run.recipe.precision),
            reporter,
            seed,
            limit,
            scored=known,
            model=model,
            features_of=features_of,
        )
        if lacking(context, experiment.needs) is not None:
            continue
        if _append(experiment, context, about):
            grown.append(experiment.name)
        release_memory()
    return tuple(grown)


def scored_so_far(about: Mapping[str, Any]) -> int:
    """Images a part that an experiment was made on, from its JSON; 0 where it left nothing."""
    settings = about.get("settings")
    if about.get("absent") is not None or not isinstance(settings, Mapping):
        return 0
    return int(about.get("reached", settings.get("limit", 0)))


def _append(experiment: Intervention, context: InterventionContext, about: Mapping[str, Any]) -> bool:
    """Score the images that are new, and write the table whole again."""
    started = time.perf_counter()
    earlier = context.result(experiment.name)
    try:
        more = experiment.run(context)
        table = more if earlier is None else pd.concat([earlier, more], ignore_index=True)
        check_scores(table, context.k, {id_ for part in PARTS for id_ in context.ids(part)})
        told = experiment.about(context, table)
    except NothingToDoError:
        return False
    except Exception as error:  # what is there already is as good as it was
        text = f"More images for the experiment {experiment.name} on {context.run.record.id} failed: {error}"
        context.reporter.note(text)
        return False
    if (more["split"] == "test").any():
        _count_evaluation(experiment, context)
    seconds = round(float(about.get("seconds", 0.0)) + time.perf_counter() - started, 3)
    write_result(_place(experiment, context), {**about, **told, "seconds": seconds, "reached": context.limit}, table)
    return True


def _place(experiment: Intervention, context: InterventionContext) -> Path:
    return context.run.folder / "experiments" / f"{experiment.name}.json"


def _is_done(experiment: Intervention, context: InterventionContext) -> bool:
    """Whether an earlier call left what this one would."""
    about = read_about(_place(experiment, context))
    sound = is_sound(_place(experiment, context), about)
    if about.get("format") != FORMAT or not sound or not experiment.is_current(about, context):
        return False
    if not context.given:
        return True
    own = _made_with(experiment, context)
    same_model = not own["model"] or about.get("model") == own["model"]
    return same_model and about.get("features_of") == own["features_of"]


def _made_with(experiment: Intervention, context: InterventionContext) -> dict[str, str]:
    """What besides its settings an intervention on a given model depends on."""
    model = context.model.key if context.model is not None and Need.ANSWERS in experiment.needs else ""
    return {"model": model, "features_of": context.features_of}


def _carry_out(experiment: Intervention, context: InterventionContext) -> None:
    """Do one experiment and write what came of it, whichever way it ended."""
    started = time.perf_counter()
    table, more = pd.DataFrame(), dict[str, Any]()
    absent: Absence | None = None
    try:
        absent = lacking(context, experiment.needs) or experiment.why_not(context)
        if absent is None:
            table = experiment.run(context)
            check_scores(table, context.k, {id_ for part in PARTS for id_ in context.ids(part)})
            more = experiment.about(context, table)
    except NothingToDoError as reason:
        absent = reason.absence
    except Exception as error:  # one broken experiment must not take the others with it
        text = f"it failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        absent = Absence(ReasonKind.INTERVENTION_FAILED, text)
        context.reporter.note(f"The experiment {experiment.name} on {context.run.record.id} failed: {error}")
    about = {
        "format": FORMAT,
        "version": experiment.version,
        "settings": experiment.settings(context),
        "seconds": round(time.perf_counter() - started, 3),
        "absent": None if absent is None else absent.text,
        "kind": None if absent is None else absent.kind,
        "failed": absent is not None and absent.kind is ReasonKind.INTERVENTION_FAILED,
        **(_made_with(experiment, context) if context.given else {}),
        **({"looks": looks(context.limit, _images(context))} if experiment.grows else {}),
    }
    if absent is None and not table.empty and (table["split"] == "test").any():
        _count_evaluation(experiment, context)
    write_result(
        _place(experiment, context), {**about, **(more if absent is None else {})}, table if absent is None else None
    )


def _images(context: InterventionContext) -> int:
    """Images of the larger of the parts that a sample is taken of."""
    return max(len(context.study.split.val), len(context.study.split.test))


def _count_evaluation(experiment: Intervention, context: InterventionContext) -> None:
    """Write down that an intervention scored test images, though no run's score came from it."""
    entry = {"run": context.run.record.id, "experiment": experiment.name, "split": context.study.record.split}
    write_down(context.study.folder, DIAGNOSIS_EVALUATIONS, entry)
