"""Plan to run: the only place where both sides of a split meet.

A strategy learns from a `Task`, which holds training and validation images only. When it has ended, the test images are
scored here, once, and that is written down. A run's folder appears by rename when it is complete.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from heldout import backbones
from heldout.backbones import Network
from heldout.claims import Claim
from heldout.errors import HeldoutError
from heldout.files import whole, write_json
from heldout.progress import Epoch, Reporter
from heldout.records import PARTS, Frozen, Recipe, RunRecord
from heldout.records.codec import write_record
from heldout.records.logit_table import variants_table
from heldout.records.table_file import save_table
from heldout.runs.answers import ANSWER_TABLES, Scored
from heldout.runs.context import RunContext, check_weights, features_read, new_network, part_of, stores_read, task_of
from heldout.runs.earlier import read_run_record
from heldout.runs.plan import PlannedRun
from heldout.runs.sitting import CHECKPOINT, Sitting, damaged_files, is_finished, run_folder, sitting
from heldout.strategies import BEGINNING, Strategy
from heldout.training import ActivationCache, Machine, Part, Task, learn, logits_of
from heldout.training.adapters import attach, merge
from heldout.training.averaging import measure_batchnorm
from heldout.training.checkpoint import Course
from heldout.training.loop import ends_needed
from heldout.training.phases import FrozenProof, frozen_stages, moving_names, moving_tensors, trainable_names
from heldout.training.predict import head_logits
from heldout.work import HERE, Dispatcher, WorkItem, left_in

PACKAGES = ("heldout", "torch", "torchvision", "timm", "accelerate", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Learned:
    """A network after its strategy has been carried out.

    Attributes:
        network: With the kept weights, in eval mode.
        course: History and validation predictions.
        frozen: What was verified.
        fixed: Whether the whole trunk stood still, so that cached features may be scored.
        trainable: Number of parameters that any phase trained.
    """

    network: Network
    course: Course
    frozen: Frozen
    fixed: bool
    trainable: int


def fit(
    run: PlannedRun, context: RunContext, reporter: Reporter, claim: Claim, dispatcher: Dispatcher = HERE
) -> RunRecord:
    """Carry out one planned run and write its folder; a finished one is read, never trained twice.

    Args:
        run: What to do.
        context: Cohort, split, folder and machine.
        reporter: Told of every epoch.
        claim: On this run.
        dispatcher: Has learning and scoring done, in this process or elsewhere.

    Returns:
        The run's record, as it stands in `run.json`.

    Raises:
        ClaimLostError: Another process took the run over before the test images were scored.
    """
    place = run_folder(context.folder, run.recipe)
    if is_finished(place):
        return read_run_record(place)
    if (place / "run.json").exists():
        wrong = ", ".join(damaged_files(place)) or "run.json"
        reporter.note(f"{place}: {wrong} damaged or gone; the run is made again, and this folder is kept beside it.")
    with sitting(context.folder, run.recipe, claim) as own:
        if not own.is_done:
            dispatcher.dispatch(_learning(run, context, own, claim), reporter)
        return own.finish(bool(context.split.test))


def _learning(run: PlannedRun, context: RunContext, own: Sitting, claim: Claim) -> WorkItem[RunContext, None]:
    """Learning and scoring of a run as a work item, which leaves all files of the run but `run.json`."""
    study = context.kept_in
    where = own.folder.relative_to(study).as_posix()

    def reads(reporter: Reporter) -> list[str]:
        begun = [f"{where}/{CHECKPOINT}"] if own.checkpoint.is_file() else []
        made = features_read(run.recipe, run.strategy, run.info, context)
        return [*stores_read(PARTS, run.recipe, context, reporter), *made, *begun]

    return WorkItem(
        title=f"{run.info.name}, {run.strategy.name}, seed {run.recipe.seed}",
        study=study,
        common=context,
        work=partial(_learn_in, run, where, own.checkpoint.absolute(), claim.path.absolute(), claim.text),
        reads=reads,
        leaves=partial(left_in, where),
    )


def _learn_in(
    run: PlannedRun,
    where: str,
    checkpoint: Path,
    claim: Path,
    text: str,
    context: RunContext,
    study: Path,
    reporter: Reporter,
) -> None:
    """Learn and score in a study's folder, which may be a copy on another machine.

    Where the claim can be seen from here, so can the checkpoint: whoever goes on with the run finds it there.
    """
    check_weights(run.recipe, run.info, context)
    seen = Claim(claim, text)
    shared = seen.is_held
    (study / where).mkdir(parents=True, exist_ok=True)
    own = Sitting(study, study / "runs" / run.recipe.id, study / where, seen if shared else None)
    _learn_and_score(run, context.moved(study), own, checkpoint if shared else own.checkpoint, reporter)
    if not shared:
        own.checkpoint.unlink(missing_ok=True)  # what was scored is gone on from; it need not travel


def _learn_and_score(run: PlannedRun, context: RunContext, own: Sitting, checkpoint: Path, reporter: Reporter) -> None:
    """Train, score every part once, and leave all files of the run but `run.json`."""
    started = time.perf_counter()
    recipe, machine = run.recipe, context.machine
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        network = new_network(recipe, run.strategy, run.info, context)
        task, cache = task_of(recipe, context, reporter)
        learned = learn_strategy(network, task, run.strategy, recipe.seed, machine, cache, reporter, checkpoint)
        scored = {
            "train": _score(learned, task.train, machine, cache, reporter),
            "val": _score(learned, task.val, machine, cache, reporter),
        }
        if own.claim is not None:
            own.claim.check()
        if context.split.test:
            scored["test"] = _score_test(learned, recipe, context, cache, reporter)
    seconds = learned.course.elapsed + time.perf_counter() - started
    answers = {name: Scored(part.ids, part.labels, logits) for name, (part, logits) in scored.items()}
    record = _record(run, learned, machine, seconds, answers["val"])
    _write_files(own.folder, record, recipe, learned, answers, context)
    own.keep_scored(replace(record, files=own.checksums()))


def _record(run: PlannedRun, learned: Learned, machine: Machine, seconds: float, val: Scored) -> RunRecord:
    """All but how often test was scored, which is counted when the files are written."""
    recipe = run.recipe
    return RunRecord(
        id=recipe.id,
        backbone=recipe.backbone,
        strategy=recipe.strategy,
        seed=recipe.seed,
        classes=recipe.classes,
        epochs=len(learned.course.history),
        kept_epoch=learned.course.kept_epoch,
        parameters=sum(parameter.numel() for parameter in learned.network.parameters()),
        trainable_parameters=learned.trainable,
        seconds_per_epoch=float(np.median([row.seconds for row in learned.course.history])),
        wall_seconds=seconds,
        device=machine.name,
        frozen=learned.frozen,
        test_evaluations=0,
        learning=run.learning,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=(*run.notes, *_notes(learned)),
        thresholds=ANSWER_TABLES[recipe.labels].thresholds(val),
    )


def learn_strategy(
    network: Network,
    task: Task,
    strategy: Strategy,
    seed: int,
    machine: Machine,
    cache: ActivationCache,
    reporter: Reporter,
    checkpoint: Path | None = None,
) -> Learned:
    """Carry out a strategy on a network, in place, and prove what stayed frozen.

    Args:
        network: On the machine's device, in channels-last layout.
        task: Training and validation images.
        strategy: What to do.
        seed: Decides the order of images and dropout.
        machine: Device and precision.
        cache: Where activations of frozen prefixes are kept.
        reporter: Told of every epoch.
        checkpoint: File to resume from, and to write after every epoch; None for neither.
    """
    started = time.perf_counter()
    phases = strategy.phases()
    attach(network, phases, seed)
    proof = FrozenProof.take(network, phases)
    trained = frozenset[str]().union(*(trainable_names(network, phase) for phase in phases))
    course = Course(moving_names(network, phases), strategy.keeps)
    if checkpoint is not None and checkpoint.exists():
        beginning = moving_tensors(network, course.moving) if BEGINNING in ends_needed(phases) else None
        try:
            course.load(checkpoint, network, beginning)
            reporter.note(f"Going on from epoch {len(course.history)}.")
        except HeldoutError as error:
            reporter.note(f"{error} Training begins anew.")
    total = sum(phase.epochs for phase in phases) - len(course.history)
    reporter.begin(f"{strategy.name}", total)
    before = course.elapsed
    for progress in learn(
        network, task, phases, seed=seed, machine=machine, cache=cache, reporter=reporter, resume=course.resume
    ):
        course.add(progress, network)
        if checkpoint is not None and progress.resumable:
            course.save(checkpoint, network, progress, before + time.perf_counter() - started)
        reporter.step(progress.epoch)
    reporter.end()
    course.put_kept(network)
    network.eval()
    if strategy.keeps == "average":
        measure_batchnorm(network, task.train.pixels, 0, course.moving, machine, seed)
    moved = proof.moved(network)
    length = min(frozen_stages(network, phase) for phase in phases)
    learned = Learned(
        network=network,
        course=course,
        frozen=_frozen(network, proof, moved, strategy, length, bool(trained)),
        fixed=not moved and length == len(network.stages),
        trainable=sum(p.numel() for name, p in network.named_parameters() if name in trained),
    )
    merge(network)
    return learned


def _frozen(
    network: Network, proof: FrozenProof, moved: tuple[str, ...], strategy: Strategy, length: int, any_trained: bool
) -> Frozen:
    names = {name for name, _ in network.named_parameters()}
    held = sum(name in names for name in proof.before)
    if not held or not any_trained:
        return Frozen(verified=not moved, bn="none", prefix_stages=(), detail="Every parameter was trained.")
    bn: Literal["eval", "train"] = "train" if any(phase.bn == "train" for phase in strategy.phases()) else "eval"
    prefix = tuple(list(network.stages)[:length])
    if moved:
        parameters = sum(name in names for name in moved)
        detail = (
            f"{parameters} of {held} frozen parameter tensors and {len(moved) - parameters} buffers "
            f"(BatchNorm statistics) changed during training."
        )
        return Frozen(verified=False, bn=bn, prefix_stages=prefix, detail=detail)
    detail = f"{held} frozen parameter tensors and {len(proof.before) - held} buffers: same SHA-256 before and after."
    return Frozen(verified=True, bn=bn, prefix_stages=prefix, detail=detail)


def _score(
    learned: Learned, part: Part, machine: Machine, cache: ActivationCache, reporter: Reporter
) -> tuple[Part, NDArray[np.float32]]:
    """Logits (n, k) in eval mode; from cached features where the whole trunk was fixed."""
    network = learned.network
    if learned.fixed:
        features = cache.activations(network, len(network.stages), part, machine, reporter)
        return part, head_logits(network, features, machine)
    return part, logits_of(network, part.pixels, machine)


def _score_test(
    learned: Learned, recipe: Recipe, context: RunContext, cache: ActivationCache, reporter: Reporter
) -> tuple[Part, NDArray[np.float32]]:
    """The one place where test images are read: after learning has ended."""
    return _score(learned, part_of("test", recipe, context, reporter), context.machine, cache, reporter)


def _notes(learned: Learned) -> tuple[str, ...]:
    notes = []
    if learned.frozen.bn != "none" and not learned.frozen.verified:
        notes.append(f"Not verified as frozen: {learned.frozen.detail}")
    if not all(row.converged for row in learned.course.history):
        notes.append("The logistic regression stopped at its iteration limit before it had converged.")
    return tuple(notes)


def _write_files(
    folder: Path,
    record: RunRecord,
    recipe: Recipe,
    learned: Learned,
    scored: dict[str, Scored],
    context: RunContext,
) -> None:
    tables = ANSWER_TABLES[recipe.labels]
    write_record(folder / "recipe.json", recipe, make_folder=False)
    write_json(folder / "environment.json", environment(context.machine), make_folder=False)
    history = pd.DataFrame([asdict(row) for row in learned.course.history], columns=list(Epoch.__annotations__))
    with whole(folder / "history.csv", make_folder=False) as temporary:
        history.to_csv(temporary, index=False)
    save_table(tables.predictions(scored, record.thresholds), folder / "predictions.parquet", make_folder=False)
    val_ids = scored["val"].ids
    epochs = [
        tables.epoch(val_ids, row.epoch, predicted)
        for row, predicted in zip(learned.course.history, learned.course.val_predicted, strict=True)
    ]
    save_table(pd.concat(epochs, ignore_index=True), folder / "val_epochs.parquet", make_folder=False)
    if learned.course.choices:
        choices = variants_table("val", val_ids, learned.course.choices)
        save_table(choices, folder / "choices.parquet", make_folder=False)
    write_weights(learned.network, recipe, folder / "model.safetensors")


def write_weights(network: torch.nn.Module, recipe: Recipe, file: Path) -> None:
    """Write a network's weights; equal weights of equal recipes give equal bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    about = json.dumps({"backbone": recipe.backbone, "classes": recipe.classes})
    with whole(file, make_folder=False) as temporary:
        save_file(tensors, temporary, metadata={"heldout": about})  # of several entries the order is left to chance


def environment(machine: Machine) -> dict[str, object]:
    """What the numbers may depend on besides the recipe."""
    return {
        "format": 1,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": machine.name,
        "engine": machine.engine,
        "packages": {name: version(name) for name in dict.fromkeys((*PACKAGES, *backbones.installed_versions()))},
    }
