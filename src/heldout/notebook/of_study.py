"""A study as an output: what it is, how far it is, and the answer where that takes no time.

It reads the study's folder and nothing else: no image is read, no weight fetched and nothing trained by looking at it.
"""

from __future__ import annotations

from pathlib import Path

from heldout.answer.names import RunIdentity, run_names, short_models
from heldout.answer.texts import count, duration, listing
from heldout.errors import HeldoutError
from heldout.notebook.blocks import Block, Cell, Column, Display, Fold, Grid, Lines
from heldout.notebook.cells import NOTHING
from heldout.notebook.of_comparison import of_comparison
from heldout.records import PARTS
from heldout.records.labelling import SINGLE
from heldout.runs.compare import compare_study
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.plan import StudySpec

AT_ONCE = 50_000
"""Runs squared × images × classes up to which runs are compared by looking at a study: what that takes grows so. On one
core 20,000 took 0.3 s, 2,300,000 took 10 s; a reader who scrolls past should wait a second at most."""

WORDS = {"train": "training", "val": "validation", "test": "test"}


def of_study(spec: StudySpec, folder: Path) -> Display:
    """A study, trained or not."""
    if not (folder / "study.json").is_file():
        return Display((_planned(spec, folder), "Nothing has been trained yet: study.run() does."))
    try:
        files = read_study(folder)
        return _trained(files)
    except HeldoutError as error:
        return Display((_planned(spec, folder), "Its folder cannot be shown."), (Lines("", (str(error),)),))


def _planned(spec: StudySpec, folder: Path) -> str:
    names = short_models([info.name for info in spec.models])
    strategies = [strategy.name for strategy in spec.strategies] if spec.auto is None else ["auto"]
    runs = len(names) * len(strategies) * len(spec.seeds)
    return (
        f"A study of {spec.data} in {folder}: {listing(list(names.values()))} with {listing(strategies)}, "
        f"{count(len(spec.seeds), 'seed')}: {count(runs, 'run')} planned."
    )


def _trained(files: StudyFiles) -> Display:
    done, missing = len(files.runs), len(files.missing)
    state = (
        f"{done} of {count(done + missing, 'planned run')} finished" if missing else f"{count(done, 'run')} finished"
    )
    where = f"A study of {files.record.data} in {files.folder}: {state}."
    if missing:
        where += " study.run() goes on from there."
    blocks: list[Block] = [Fold(_counted(files), (_images(files),))]
    if files.remarks:
        blocks.append(Lines("What is wrong with the folder", files.remarks))
    if not files.runs:
        return Display((where,), tuple(blocks))
    if done**2 * len(files.cohort.table) * len(files.cohort.classes) > AT_ONCE:
        told = "study.compare() says which run is best, study.diagnose() why test is lower."
        return Display((where, told), (_runs(files), *blocks))
    answer = of_comparison(compare_study(files))
    return Display((*answer.sentences, where), (*answer.blocks, *blocks), answer.note)


def _counted(files: StudyFiles) -> str:
    table = files.cohort.table
    patients = table.loc[table["patient"] != "", "patient"].nunique()
    of = f" of {count(patients, 'patient')}" if files.cohort.patients_known else ", patients not known for all"
    return f"{count(len(table), 'image')}{of}, by part"


def _images(files: StudyFiles) -> Grid:
    """Images of each part and class; of several labels of each part and label."""
    labels = files.cohort.table.set_index("id")["label"]
    parts = [part for part in PARTS if files.split.part(part)]
    own = {part: labels.loc[list(files.split.part(part))] for part in parts}
    several = files.cohort.labelling is not SINGLE
    rows = []
    for number, name in enumerate(files.cohort.classes):
        cells = []
        for part in parts:
            if several:
                of_part = files.cohort.labelling.members(own[part].tolist(), files.cohort.classes)
                cells.append(Cell(f"{int(of_part[:, number].sum()):,}"))
            else:
                cells.append(Cell(f"{int((own[part] == name).sum()):,}"))
        rows.append((Cell(name), *cells))
    rows.append((Cell("all images"), *(Cell(f"{len(own[part]):,}") for part in parts)))
    columns = (Column("label" if several else "class"), *(Column(WORDS[part], number=True) for part in parts))
    return Grid("", columns, tuple(rows))


def _runs(files: StudyFiles) -> Grid:
    """What finished, without any judgement."""
    records = [run.record for run in files.runs]
    names = run_names([RunIdentity(one.id, one.backbone, one.strategy, one.seed) for one in records])
    rows = tuple(
        (
            Cell(*names[one.id].lines),
            NOTHING if one.epochs is None else Cell(f"{one.epochs:,}"),
            NOTHING if one.wall_seconds is None else Cell(duration(one.wall_seconds)),
            Cell(one.device),
        )
        for one in records
    )
    columns = (Column("run"), Column("epochs", number=True), Column("whole run", number=True), Column("device"))
    return Grid("", columns, rows)
