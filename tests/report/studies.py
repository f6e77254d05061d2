"""Studies for the tests of the report, made once a session, and the traps hidden in their names."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from heldout.errors import Problem
from heldout.records import Cohort, StudyRecord
from heldout.records.codec import read_record, write_record
from heldout.runs.folder import read_study
from tests.report.made_diagnosis import diagnose_study
from tests.worlds.made_study import Planted, make_study

EVIL = "<script>alert(1)</script>"
EVIL_CLASSES = (
    EVIL,
    "</script><img src=x onerror=alert(2)>",
    "%{x} & <b>bold</b>",
    '="1+1"',
    "a rather long class name",
)


def many_runs() -> list[Planted]:
    """2 models × 2 strategies × 3 seeds, their test accuracies apart."""
    return [
        Planted(model, strategy, seed, 0.99, 0.96 - 0.01 * seed, 0.92 - 0.01 * seed - 0.05 * loss)
        for model, penalty in (("efficientnet_lite0", 0), ("efficientnet_lite1", 2))
        for strategy, more in (("finetune", 0), ("frozen", 1))
        for seed in (0, 1, 2)
        for loss in [penalty + more]
    ]


def make_evil(folder: Path) -> Path:
    """Twelve runs and five classes whose names try to break out, with a file left out, notes and
    diagnoses."""
    make_study(folder, runs=many_runs(), classes=EVIL_CLASSES, n_train=150, n_val=150, n_test=250, epochs=8)
    cohort = Cohort.load(folder / "cohort.parquet")
    table = cohort.table.copy()
    excluded = (Problem(f"train/{EVIL}.png", "a truncated file", "a whole image", "Copy it again.", EVIL),)
    dataclasses.replace(cohort, table=table, excluded=excluded, notes=(f"A note on {EVIL}",)).save(
        folder / "cohort.parquet"
    )
    record = read_record(StudyRecord, folder / "study.json")
    write_record(folder / "study.json", dataclasses.replace(record, name=f"study of {EVIL}", data=f"{EVIL}; rm -rf"))
    diagnose_study(folder, pixels=False, evil=EVIL)
    return folder


def drop_run(folder: Path, index: int) -> str:
    """Make a planned run unfinished; returns its id."""
    run = read_study(folder).plan.runs[index]
    (folder / "runs" / run / "run.json").unlink()
    return run


def embedded(page: str, id_: str) -> dict[str, object]:
    """The data of a figure or table as the browser will read it."""
    start = page.index(f'id="data-{id_}">') + len(f'id="data-{id_}">')
    data = json.loads(page[start : page.index("</script>", start)])
    assert isinstance(data, dict)
    return data
