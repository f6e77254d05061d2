"""The networks of all folds put together as one run: each image out of fold, test by the mean of the networks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.claims import Claim
from heldout.files import whole, write_json
from heldout.progress import Reporter
from heldout.records import Frozen, RunRecord, Split
from heldout.records.codec import write_record
from heldout.records.label_predictions import LabelPredictions
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import variant_rows
from heldout.records.predictions import Predictions
from heldout.records.run import FOLDS, REDO, fold_name
from heldout.records.table_file import load_table, save_table
from heldout.runs.answers import ANSWER_TABLES, Scored
from heldout.runs.context import RunContext, cache_of, part_of, stores_read
from heldout.runs.fit import environment
from heldout.runs.folder import RunFiles, read_run
from heldout.runs.plan import PlannedRun
from heldout.runs.predict import load_network
from heldout.runs.sitting import Sitting, is_complete, sitting
from heldout.stats.mean_answers import mean_logits
from heldout.training import logits_of
from heldout.training.predict import head_logits
from heldout.work import HERE, Dispatcher, WorkItem, left_in


def join(
    run: PlannedRun,
    folds: Sequence[tuple[Path, Split]],
    context: RunContext,
    reporter: Reporter,
    claim: Claim,
    dispatcher: Dispatcher = HERE,
) -> RunRecord:
    """Put the finished runs of all folds together, and score test with the mean of their networks, once.

    Args:
        run: The run of the whole study.
        folds: The folder of each fold's run, and its split.
        context: The whole study.
        reporter: Told of passes over test images.
        claim: On the run.
        dispatcher: Has it done, in this process or elsewhere.

    Raises:
        InputError: The run of a fold is damaged.
        ClaimLostError: Another process took the run over before the test images were scored.
    """
    with sitting(context.folder, run.recipe, claim) as own:
        if not is_complete(own.folder) and own.scored() is None:
            claim.check()
            study = context.folder
            where = own.folder.relative_to(study).as_posix()
            members = [(folder.relative_to(study).as_posix(), split) for folder, split in folds]
            item = WorkItem(
                title=f"{run.info.name}, {run.strategy.name}, all folds",
                study=study,
                common=context,
                work=partial(_join_in, run, members, where),
                reads=partial(_reads, [folder for folder, _ in members], run, context),
                leaves=partial(left_in, where),
            )
            dispatcher.dispatch(item, reporter)
        return own.finish(bool(context.split.test))


def _reads(members: Sequence[str], run: PlannedRun, context: RunContext, reporter: Reporter) -> list[str]:
    """The runs of the folds, and test images."""
    return [*members, *stores_read(("test",), run.recipe, context, reporter)]


def _join_in(
    run: PlannedRun,
    folds: Sequence[tuple[str, Split]],
    where: str,
    context: RunContext,
    study: Path,
    reporter: Reporter,
) -> None:
    """Put runs of folds together in a study's folder, which may be a copy on another machine."""
    members = [read_run(study / folder, context.cohort, split) for folder, split in folds]
    (study / where).mkdir(parents=True, exist_ok=True)
    own = Sitting(study, study / "runs" / run.recipe.id, study / where, None)
    record = _joined(run, members, context.moved(study), reporter, own.folder)
    own.keep_scored(replace(record, files=own.checksums()))


def _joined(
    run: PlannedRun, members: Sequence[RunFiles], context: RunContext, reporter: Reporter, folder: Path
) -> RunRecord:
    """Write all files of the run but `run.json`, and give its record."""
    recipe, tables = run.recipe, ANSWER_TABLES[run.recipe.labels]
    asked = "val" if context.split.test else "test"  # nested: what a fold held back from its own choices
    scored = {"val": _out_of_fold([_part_of(member, asked) for member in members], context)}
    rows = [_rows(number, member, asked) for number, member in enumerate(members)]
    if not context.split.test:
        rows += [_rows(number, member, "val", "choice") for number, member in enumerate(members)]
    else:
        answers = [_score_test(member, context, reporter) for member in members]
        first = answers[0]
        mean = mean_logits(np.stack([one.logits for one in answers]), recipe.labels == SINGLE.name)
        scored["test"] = replace(first, logits=mean)
        rows += [variant_rows(one.ids, "test", fold_name(n), one.logits) for n, one in enumerate(answers)]
    history = mean_history(members)
    record = replace(_record(run, members, context, tables.thresholds(scored["val"])), epochs=len(history))
    write_record(folder / "recipe.json", recipe, make_folder=False)
    write_json(folder / "environment.json", environment(context.machine), make_folder=False)
    with whole(folder / "history.csv", make_folder=False) as temporary:
        history.to_csv(temporary, index=False)
    save_table(tables.predictions(scored, record.thresholds), folder / "predictions.parquet", make_folder=False)
    save_table(pd.concat(rows, ignore_index=True), folder / FOLDS, make_folder=False)
    if context.split.test:  # nested: what was chosen was chosen on other images than those that are reported
        _stack(folder, "val_epochs.parquet", "epoch", members)
        _stack(folder, "choices.parquet", "variant", members)
    return record


def _part_of(member: RunFiles, part: str) -> Predictions | LabelPredictions:
    return member.predictions[part] if member.predictions else member.labelled[part]


def _out_of_fold(parts: Sequence[Predictions | LabelPredictions], context: RunContext) -> Scored:
    """The answers of all folds, in the order of the split."""
    ids = [id_ for part in parts for id_ in part.ids]
    row = {id_: number for number, id_ in enumerate(ids)}
    order = np.array([row[id_] for id_ in context.split.val])
    labels = np.concatenate([part.labels for part in parts])
    logits = np.concatenate([part.logits for part in parts]).astype(np.float32)
    return Scored(context.split.val, labels[order], logits[order])


def _rows(number: int, member: RunFiles, part: str, name: str = "val") -> pd.DataFrame:
    """Rows of the table of folds: what one of them answered to one of its parts."""
    side = _part_of(member, part)
    return variant_rows(side.ids, name, fold_name(number), side.logits)


def _score_test(member: RunFiles, context: RunContext, reporter: Reporter) -> Scored:
    """Test images by the network of one fold; from cached features where its whole trunk was fixed."""
    network, recipe = load_network(member.folder)
    machine = context.machine
    machine.hold(network)
    part = part_of("test", recipe, context, reporter)
    frozen = member.record.frozen
    if frozen is not None and frozen.verified and set(frozen.prefix_stages) == set(network.stages):
        features = cache_of(recipe, context, reporter).activations(
            network, len(network.stages), part, machine, reporter
        )
        return Scored(part.ids, part.labels, head_logits(network, features, machine))
    return Scored(part.ids, part.labels, logits_of(network, part.pixels, machine))


MEANS = ("seconds", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
"""Columns of a history whose mean over the folds is told."""


def mean_history(members: Sequence[RunFiles]) -> pd.DataFrame:
    """The mean over folds of each epoch, as far as all of them went."""
    length = min(len(member.history) for member in members)
    frame = members[0].history.iloc[:length].copy()
    for name in MEANS:
        frame[name] = np.mean([member.history[name].to_numpy(dtype=np.float64)[:length] for member in members], axis=0)
    return frame


def _stack(folder: Path, name: str, key: str, runs: Sequence[RunFiles]) -> None:
    """The tables of all folds under one another: the epochs, or variants, that all have; none where a fold has none."""
    if not all((run.folder / name).is_file() for run in runs):
        return
    found = [load_table(run.folder / name, name, REDO) for run in runs]
    shared: set[object] = set.intersection(*(set(frame[key]) for frame in found))
    frame = pd.concat(found, ignore_index=True)
    save_table(frame[frame[key].isin(shared)].reset_index(drop=True), folder / name, make_folder=False)


def _record(
    run: PlannedRun, members: Sequence[RunFiles], context: RunContext, thresholds: tuple[float, ...]
) -> RunRecord:
    """What the runs of the folds say together."""
    records = [member.record for member in members]
    first = records[0]
    folder = context.folder / "runs" / run.recipe.id
    return replace(
        first,
        id=run.recipe.id,
        seed=run.recipe.seed,
        kept_epoch=None,
        seconds_per_epoch=_median([one.seconds_per_epoch for one in records]),
        wall_seconds=sum(one.wall_seconds or 0.0 for one in records),
        device=context.machine.name,
        frozen=_frozen([one.frozen for one in records]),
        test_evaluations=0,
        learning=run.learning if context.split.test else run.learning.chosen_elsewhere(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=tuple(dict.fromkeys((*run.notes, *(note for one in records for note in one.notes)))),
        files={},
        thresholds=thresholds,
        members=tuple(Path(os.path.relpath(member.folder, folder)).as_posix() for member in members),
    )


def _median(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return float(np.median(known)) if known else None


def _frozen(found: Sequence[Frozen | None]) -> Frozen | None:
    """The first that could not be verified, or else the first."""
    known = [one for one in found if one is not None]
    return next((one for one in known if not one.verified), known[0] if known else None)
