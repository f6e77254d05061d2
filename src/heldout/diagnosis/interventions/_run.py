"""Every experiment on every run: what is there stays, what fails is written down and sinks nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import check_scores
from heldout.diagnosis.interventions._shelf import interventions
from heldout.diagnosis.interventions.context import FEATURES_OF, InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention, NothingToDoError
from heldout.diagnosis.interventions.needs import Need, lacking
from heldout.diagnosis.rules import RULES
from heldout.errors import UsageError
from heldout.files import read_json, whole, write_json
from heldout.given.model import GivenModel
from heldout.progress import Reporter, Silent
from heldout.records import PARTS, ReasonKind
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, write_down
from heldout.training import machine
from heldout.training.device import Device, release_memory

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
        limit: Images a part that interventions are made on.
        seed: Seed of everything that is drawn.
        retrain: Also retrain where that takes long (`grouped`).
        model: Of runs whose predictions were given: what answers changed images. Without one, what an earlier call
            made with one stays.
        features_of: Of such runs: the pretrained network whose features stand for images.

    Raises:
        UsageError: A limit below 1.
    """
    if limit < 1:
        raise UsageError(f"Found a limit of {limit} images; expected at least 1.")
    reporter = reporter or Silent()
    for run in study.runs if runs is None else runs:
        context = InterventionContext(
            study, run, machine(device, run.recipe.precision), reporter, seed, limit, retrain, model, features_of
        )
        missing = [experiment for experiment in interventions if not _is_done(experiment, context)]
        if not missing:
            continue
        reporter.begin(f"experiments on {run.record.id}", len(missing))
        for experiment in missing:
            _carry_out(experiment, context)
            context.let_go()
            reporter.step()
        reporter.end()
        release_memory()


def _place(experiment: Intervention, context: InterventionContext) -> Path:
    return context.run.folder / "experiments" / f"{experiment.name}.json"


def _is_done(experiment: Intervention, context: InterventionContext) -> bool:
    """Whether an earlier call left what this one would."""
    try:
        about = read_json(_place(experiment, context))
    except (OSError, ValueError):
        return False
    if not isinstance(about, Mapping) or about.get("format") != FORMAT or not experiment.is_current(about, context):
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
    }
    if absent is None and not table.empty and (table["split"] == "test").any():
        _count_evaluation(experiment, context)
    _write(
        _place(experiment, context), {**about, **(more if absent is None else {})}, table if absent is None else None
    )


def _count_evaluation(experiment: Intervention, context: InterventionContext) -> None:
    """Write down that an intervention scored test images, though no run's score came from it."""
    entry = {"run": context.run.record.id, "experiment": experiment.name, "split": context.study.record.split}
    write_down(context.study.folder, DIAGNOSIS_EVALUATIONS, entry)


def _write(place: Path, about: dict[str, Any], table: pd.DataFrame | None) -> None:
    """The table first, its JSON last: a JSON file says that the table is whole."""
    file = place.with_suffix(".parquet")
    if table is None or table.empty:
        file.unlink(missing_ok=True)
    else:
        with whole(file) as temporary:
            table.to_parquet(temporary, index=False)
    write_json(place, about)
