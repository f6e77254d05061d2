"""Every file of a study, and what commands take from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tests.worlds.made_labels import make_label_study
from tests.worlds.made_study import RUNS, make_study

from benchmarks.fuzz_kinds import Found, Kind
from heldout.array_files import is_sound, seal
from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.results import read_result, write_result
from heldout.errors import HeldoutError
from heldout.files import write_json
from heldout.progress import Silent
from heldout.records import InputMap
from heldout.records.codec import read_record, to_data, write_sealed
from heldout.records.table_file import load_table, save_table
from heldout.records.tuning import Trial, Tuning
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.ledger import TEST_EVALUATIONS, write_down
from heldout.runs.sitting import checksums_in


def made_study(folder: Path, runs: int = 2, images: int = 24) -> Path:
    """A study with everything beside it that commands write.

    Args:
        folder: Its folder.
        runs: How many.
        images: Of each part.
    """
    make_study(folder, runs=RUNS[:runs], n_train=images, n_val=images, n_test=images, epochs=3)
    for number, run in enumerate(read_study(folder).runs):
        val = run.predictions["val"]
        variants = pd.DataFrame({"id": list(val.ids), "split": "val", "variant": "blurred"})
        variants = variants.assign(**{f"logit_{k}": val.logits[:, k].astype(np.float32) for k in range(2)})
        write_down(folder, TEST_EVALUATIONS, {"run": run.record.id, "scoring": run.record.id})
        _write_search(folder, number, run.record.backbone, run.record.strategy, dict(run.recipe.settings), variants)
        save_table(variants.assign(variant="blend=0.5"), run.folder / "choices.parquet")
        write_sealed(run.folder / "run.json", replace(run.record, files=checksums_in(run.folder)))
        write_result(run.folder / "experiments" / "blur.json", {"format": 1, "settings": {}}, variants)
    save_table(pd.DataFrame({"id": ["a", "b"], "sharpness": [0.25, 0.5]}), folder / "quality" / "table.parquet")
    write_sealed(folder / "intensity" / "0123.json", InputMap("percentile:1,99", (4.5,), (812.0,), 24))
    for place, name in (("images/0123456789abcdef", "pixels.npy"), ("features/0123", "activations.npy")):
        (folder / place).mkdir(parents=True)
        np.save(folder / place / name, np.arange(600, dtype=np.float32))
        seal(folder / place)
        write_json(folder / place / "store.json", {"format": 1})
    diagnose(read_study(folder), bootstrap=100)
    return folder


def _write_search(
    folder: Path, number: int, backbone: str, strategy: str, settings: dict[str, object], variants: pd.DataFrame
) -> None:
    """A search of two trials, of which the first is what the run has."""
    trials = tuple(Trial({"lr": settings["lr"] if n == 0 else 0.5}, 0.9 - n / 10, 0.3 + n, 1.0) for n in range(2))
    write_sealed(folder / "tuning" / f"{number}.json", Tuning(backbone, strategy, 0, trials))
    answers = pd.concat([variants.assign(variant=str(n)) for n in range(2)], ignore_index=True)
    save_table(answers, folder / "tuning" / f"{number}.parquet")


def _study(folder: Path) -> None:
    made_study(folder / "study")


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)


def read_made_study(folder: Path) -> Found:
    """What all commands take from a study: remarks, and the numbers of every usable run."""
    said, numbers = read_records(folder)
    log = Notes()
    for data in read_run_data(read_study(folder / "study"), bootstrap=100, reporter=log):
        numbers[f"{data.run} judged"] = {
            **{f"chosen {name}": one.table.to_csv() for name, one in data.choices.items()},
            **{name: one.table.to_csv() for name, one in data.scored.items()},
        }
        said += [f"{name}: {absence.text}" for name, absence in data.absent.items()]
    return [*said, *log.notes], numbers


def read_records(folder: Path) -> tuple[list[str], dict[str, object]]:
    """The same without what is drawn and measured anew."""
    folder = folder / "study"
    files = read_study(folder)
    said = list(files.remarks)
    numbers: dict[str, object] = {}
    for run in files.runs:
        parts = {name: (one.ids, one.labels.tolist(), one.logits.tolist()) for name, one in run.predictions.items()}
        tables = run.history.to_csv(), run.val_epochs.to_csv()
        numbers[run.record.id] = (to_data(run.record), to_data(run.recipe), parts, tables, files.patients("test"))
    if not files.runs:
        raise HeldoutError("no run can be used")
    for place in sorted(folder.glob("diagnosis/*.json")):
        _noted(numbers, said, place.name, partial(_diagnosis, place))
    for place in sorted(folder.glob("tuning/*.json")):
        _noted(numbers, said, f"tuning/{place.name}", lambda place=place: to_data(read_record(Tuning, place)))  # type: ignore[misc]
    _read_caches(folder, files, numbers, said)
    return said, numbers


def _read_caches(folder: Path, files: StudyFiles, numbers: dict[str, object], said: list[str]) -> None:
    """Experiments, measurements, stores: what is damaged is made anew."""
    for run in files.runs:
        for place in sorted((run.folder / "experiments").glob("[!.]*.json")):
            _noted(numbers, said, f"{run.record.id} {place.stem}", lambda place=place: _result(place))  # type: ignore[misc]
    for place in sorted(folder.glob("quality/*.parquet")):
        _noted(numbers, said, place.name, lambda place=place: load_table(place).to_csv())  # type: ignore[misc]
    for place in sorted(folder.glob("intensity/*.json")):
        _noted(numbers, said, place.name, lambda place=place: to_data(read_record(InputMap, place)))  # type: ignore[misc]
    for place in (folder / "images/0123456789abcdef/pixels.npy", folder / "features/0123/activations.npy"):
        if is_sound(place):
            numbers[place.name] = float(np.load(place).astype(np.float64).sum())
        else:
            said.append(f"{place} is made anew")


def _noted(numbers: dict[str, object], said: list[str], name: str, read: Callable[[], object]) -> None:
    try:
        numbers[name] = read()
    except HeldoutError as error:
        said.append(str(error))


def _result(place: Path) -> object:
    about, table = read_result(place)
    return dict(about), None if table is None else table.to_csv()


def _diagnosis(place: Path) -> object:
    from heldout.report.diagnosis_files import read_diagnoses

    found = read_diagnoses(place.parent)[place.stem]
    if isinstance(found, str):
        raise HeldoutError(found)
    return found


def _label_study(folder: Path) -> None:
    made = make_label_study(folder / "study", n=24)
    for run in read_study(made).runs:
        write_sealed(run.folder / "run.json", replace(run.record, files=checksums_in(run.folder)))


def _read_label_study(folder: Path) -> Found:
    files = read_study(folder / "study")
    if not files.runs:
        raise HeldoutError("no run can be used")
    numbers = {
        run.record.id: (
            to_data(run.record),
            {name: (one.ids, one.labels.tolist(), one.logits.tolist()) for name, one in run.labelled.items()},
        )
        for run in files.runs
    }
    return list(files.remarks), numbers


STUDY_FILES = (
    *("study.json", "cohort.parquet", "split.parquet", "plans/*.json", "test_evaluations.jsonl"),
    *("runs/*/run.json", "runs/*/recipe.json", "runs/*/environment.json", "runs/*/history.csv"),
    *("runs/*/predictions.parquet", "runs/*/val_epochs.parquet", "runs/*/choices.parquet"),
    *("runs/*/experiments/blur.json", "runs/*/experiments/blur.parquet"),
    *("diagnosis/*.json", "tuning/*.json", "tuning/*.parquet", "intensity/*.json", "quality/*.parquet"),
    *("images/*/pixels.npy", "images/*/checksums.json", "features/*/activations.npy"),
)


def study_kinds() -> list[Kind]:
    """Every file of a study of one class an image, and the answers of one of several labels."""
    return [
        *(
            Kind(f"study: {pattern}", "study", _study, f"study/{pattern}", read_made_study, True)
            for pattern in STUDY_FILES
        ),
        *(
            Kind(f"labels: {name}", "labels", _label_study, f"study/{name}", _read_label_study, True)
            for name in ("runs/*/predictions.parquet", "runs/*/run.json", "cohort.parquet")
        ),
    ]
