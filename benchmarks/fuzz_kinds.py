"""What the fuzz damages: a whole example of every kind of file that heldout reads, and how a command reads it.

A reader gives what a person would be told, and the numbers. Images and arrays of every decoder come from
`tests/images/decoders/making.py`, so a new decoder is fuzzed as soon as it has a sample.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tests.images.decoders.making import DEEP, MAKERS, dicom, sample
from tests.worlds.given_tables import made_table
from tests.worlds.made_labels import make_label_study
from tests.worlds.made_study import RUNS, make_study

from heldout.array_files import is_sound, seal
from heldout.data.examine.labels import asked_labels
from heldout.data.load import examine
from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.read import read_review, read_run_data
from heldout.diagnosis.results import read_result, write_result
from heldout.errors import HeldoutError
from heldout.files import write_json
from heldout.given.preprocessing import read_preprocessing
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.given.tables import read_given
from heldout.images import count_images, decode
from heldout.progress import Silent
from heldout.records import InputMap
from heldout.records.codec import read_record, to_data, write_sealed
from heldout.records.table_file import load_table, save_table
from heldout.records.tuning import Trial, Tuning
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.judging import judging_of
from heldout.runs.ledger import TEST_EVALUATIONS, write_down
from heldout.runs.sitting import checksums_in

Rng = np.random.Generator

Found = tuple[list[str], object]
"""What a person is told, and the numbers."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What it is called.
        example: What it is part of; kinds of one example share it.
        make: Writes the whole example into an empty folder.
        pattern: Which of its files are damaged, one at a time.
        read: Reads the example as a command would.
        sure: Whether the file, or a record of ours, holds a checksum of what is read, so that other numbers are damage
            that passed for data. Of other files nobody can know: another pixel is another image.
    """

    name: str
    example: str
    make: Callable[[Path], object]
    pattern: str
    read: Callable[[Path], Found]
    sure: bool = False


def _pixels(rng: Rng, n: int, size: int = 24) -> np.ndarray:
    return rng.integers(0, 256, (n, size, size), dtype=np.uint8)


# ---- one image of every format ----

SURE_FORMATS = ("png", "nifti, compressed")
"""PNG holds a CRC of every chunk, gzip one of everything."""


def _image(name: str, folder: Path) -> None:
    (folder / "image").write_bytes(sample(name).content)


def _read_image(row: int, folder: Path) -> Found:
    path = folder / "image"
    image = decode(path, row=row)
    told = {**vars(image), "pixels": hashlib.sha256(image.pixels.tobytes()).hexdigest(), "about": dict(image.about)}
    return list(image.notes), (count_images(path), image.pixels.shape, str(image.pixels.dtype), told)


def image_kinds() -> list[Kind]:
    """A kind for each sample of a decoder."""
    return [
        Kind(
            f"image: {name}",
            f"image: {name}",
            partial(_image, name),
            "image",
            partial(_read_image, sample(name).row),
            name.startswith(SURE_FORMATS[0]) or name == SURE_FORMATS[1],
        )
        for name in MAKERS
    ]


# ---- data, in every layout that a reader takes ----


def _folder(ending: str, folder: Path) -> None:
    rng = np.random.default_rng(1)
    for part in ("train", "test"):
        for label in ("a", "b"):
            for number, pixels in enumerate(_pixels(rng, 2)):
                file = folder / part / label / f"{number}{ending}"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)


def _scans(folder: Path) -> None:
    rng = np.random.default_rng(5)
    for number in range(8):
        part, label = ("train", "test")[number // 4], "ab"[number % 2]
        file = folder / part / label / f"{number}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        window = {"WindowCenter": 2000, "WindowWidth": 3000}
        file.write_bytes(
            dicom(rng.integers(0, 4096, DEEP.shape, dtype=np.uint16), 12, PatientID=f"p{number // 2}", **window)
        )


def _npy(folder: Path) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for part in ("train", "test"):
        for label in ("a", "b"):
            (folder / part).mkdir(exist_ok=True)
            np.save(folder / part / f"{label}.npy", _pixels(rng, 4))
            rows += [
                {"file": f"{part}/{label}.npy", "row": row, "patient": f"{part}{label}{row // 2}"} for row in range(4)
            ]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)


def _npz(folder: Path) -> None:
    rng = np.random.default_rng(3)
    arrays = {f"{part}_images": _pixels(rng, 6) for part in ("train", "val", "test")}
    labels = {f"{part}_labels": np.arange(6) % 2 for part in ("train", "val", "test")}
    np.savez_compressed(folder / "set.npz", **arrays, **labels)


def _rows(folder: Path, labels: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    rows = []
    for number, pixels in enumerate(_pixels(np.random.default_rng(4), 12)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        place = {"path": f"{number}.png", "label": labels[number % len(labels)], "patient": f"p{number // 2}"}
        rows.append({**place, "split": "test" if number > 7 else "train"})
    return pd.DataFrame(rows)


def _manifest(ending: str, folder: Path) -> None:
    table, file = _rows(folder), folder / f"set{ending}"
    table.to_csv(file, index=False) if ending == ".csv" else table.to_parquet(file, index=False)


def _several(folder: Path) -> None:
    _rows(folder, ("a", "a|b", "b", "c|a")).to_csv(folder / "set.csv", index=False)


def _one_hot(folder: Path) -> None:
    table = _rows(folder)
    hot = pd.DataFrame({name: (table["label"] == name).astype(int) for name in ("a", "b")})
    pd.concat([table.drop(columns="label"), hot], axis=1).to_csv(folder / "set.csv", index=False, sep=";")


def _tables(folder: Path) -> None:
    table = _rows(folder)
    for part, own in table.groupby("split"):
        own.drop(columns="split").to_csv(folder / f"{part}.csv", index=False)


def _zip(folder: Path) -> None:
    inside = folder / "inside"
    inside.mkdir()
    _folder(".png", inside)
    with zipfile.ZipFile(folder / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(inside.rglob("*.png")):
            archive.write(file, file.relative_to(inside))
    shutil.rmtree(inside)


SCANS = ". of DICOM files"
SEVERAL = "set.csv of several labels"


def read_data(name: str, folder: Path) -> Found:
    """What `heldout inspect` would say; a damaged pixel is another image, which only its id tells."""
    asked = asked_labels("several" if name == SEVERAL else None, "")
    intensity = "dicom-window" if name == SCANS else ""
    examined = examine(folder / name.partition(" ")[0], require_test=False, labels=asked, intensity=intensity)
    table, said = examined.cohort.table, [*map(str, examined.problems), *examined.cohort.notes]
    # Where an archive lies extracted hangs on its content, and tells nothing of what is in it.
    return [text for text in said if "is extracted in" not in text], table.sort_values("id").to_csv(index=False)


def data_kinds() -> list[Kind]:
    """A kind for each layout, and for each file that plays a part of its own in it."""

    def kind(name: str, make: Callable[[Path], object], pattern: str, data: str = "", sure: bool = False) -> Kind:
        return Kind(name, name.partition(",")[0], make, pattern, partial(read_data, data), sure)

    endings = (".png", ".jpg", ".tif", ".bmp")
    return [
        *(kind(f"folder of {end}", partial(_folder, end), f"*/*/*{end}", sure=end == ".png") for end in endings),
        kind("folder of .dcm", _scans, "*/*/*.dcm", SCANS),
        kind("arrays", _npy, "*/*.npy"),
        kind("arrays, metadata.csv", _npy, "metadata.csv"),
        kind("archive.npz", _npz, "set.npz", "set.npz"),
        kind("archive.zip", _zip, "set.zip", "set.zip"),
        kind("manifest.csv", partial(_manifest, ".csv"), "set.csv", "set.csv"),
        kind("manifest.parquet", partial(_manifest, ".parquet"), "set.parquet", "set.parquet"),
        kind("several labels", _several, "set.csv", SEVERAL),
        kind("one column a class", _one_hot, "set.csv", "set.csv"),
        kind("split tables", _tables, "*.csv"),
    ]


# ---- what else a person brings ----


def _given(ending: str, folder: Path) -> None:
    table = pd.concat([made_table("val"), made_table("test", seed=1)], ignore_index=True)
    file = folder / f"table{ending}"
    table.to_csv(file, index=False) if ending == ".csv" else table.to_parquet(file, index=False)


def _read_given(folder: Path) -> Found:
    (file,) = folder.iterdir()
    tables = read_given([Source(file, "", file.name)], Reading(answers="probabilities"))
    logits = {(run.name, part): values.tolist() for run in tables.runs for part, values in run.logits.items()}
    return list(tables.notes), (tables.classes, tables.images.to_csv(), logits)


def _costs(folder: Path) -> None:
    pd.DataFrame({"class": ["normal", "sick"], "cost": [1, 5], "share": [0.9, 0.1]}).to_csv(
        folder / "costs.csv", index=False
    )


def _read_costs(folder: Path) -> Found:
    return [], asdict(judging_of(("normal", "sick"), f"cost:{folder / 'costs.csv'}").metric)


def _preprocessing(folder: Path) -> None:
    said = {
        "size": 24,
        "channels": "grey",
        "scale": 255.0,
        "mean": [0.5],
        "std": [0.25],
        "layout": "nchw",
        "output": "logits",
    }
    write_json(folder / "preprocessing.json", said)


def _read_preprocessing(folder: Path) -> Found:
    return [], asdict(read_preprocessing(folder / "preprocessing.json"))


def _review(folder: Path) -> None:
    study = read_study(make_study(folder / "study", runs=RUNS[:1], n_train=24, n_val=24, n_test=24, epochs=2))
    rows = [{"id": id_, "label": study.cohort.classes[0], "reader": "r"} for id_ in study.split.test[:9]]
    pd.DataFrame(rows).to_csv(folder / "review.csv", index=False)


def _read_review(folder: Path) -> Found:
    return [], read_review(folder / "review.csv", read_study(folder / "study"), {}).to_csv()


def person_kinds() -> list[Kind]:
    """Tables of predictions, costs, reviews, and how a given model takes its images."""
    return [
        Kind("predictions.csv", "predictions.csv", partial(_given, ".csv"), "table.csv", _read_given),
        Kind("predictions.parquet", "given.parquet", partial(_given, ".parquet"), "table.parquet", _read_given),
        Kind("costs.csv", "costs.csv", _costs, "costs.csv", _read_costs),
        Kind("preprocessing.json", "preprocessing.json", _preprocessing, "*.json", _read_preprocessing),
        Kind("review.csv", "review.csv", _review, "review.csv", _read_review),
    ]


# ---- a study ----


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


def every_kind() -> list[Kind]:
    """All of them."""
    return [*image_kinds(), *data_kinds(), *person_kinds(), *study_kinds()]
