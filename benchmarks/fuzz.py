"""Damaged files of every kind that heldout reads: no traceback, no hang, no other numbers.

    python benchmarks/fuzz.py --files 1000 --out fuzz
    python benchmarks/fuzz.py --minutes 10 --seed 7 --out fuzz

One whole example of each kind is made: data as a person brings it (image files, arrays, tables), and every file of a
study (records, tables, caches). Each damaged file is one of them with a byte flipped, cut off, emptied, doubled in
part, filled with noise, a number replaced, or a folder or pipe in its place. Then it is read as a command would.

Right is one of: an error of ours that names what is wrong; what is damaged is set aside or made anew; the numbers are
the same. Wrong are a traceback, more than 20 seconds, more than 2 GB, and other numbers without a word. What went wrong
is kept in OUT/seed-<seed>/ and printed.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from heldout.array_files import is_sound, seal
from heldout.data.load import examine
from heldout.diagnosis.results import read_result, write_result
from heldout.errors import HeldoutError
from heldout.files import write_json
from heldout.records.codec import to_data, write_sealed
from heldout.records.table_file import load_table, save_table
from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, write_down
from heldout.runs.sitting import checksums_in
from heldout.system_errors import told

SECONDS = 20
BYTES = 2 * 2**30

Rng = np.random.Generator


class HungError(Exception):
    """Reading took longer than `SECONDS`."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What it is called.
        make: Writes a whole example into an empty folder; returns the file to damage.
        read: Reads it as a command would; returns everything that a person would be told in numbers.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]


def _pixels(rng: Rng, n: int, size: int = 24) -> np.ndarray:
    return rng.integers(0, 256, (n, size, size), dtype=np.uint8)


def _images(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        rng = np.random.default_rng(1)
        for part in ("train", "test"):
            for label in ("a", "b"):
                for number, pixels in enumerate(_pixels(rng, 2)):
                    file = folder / part / label / f"{number}{ending}"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(file)
        return folder / "train" / "a" / f"1{ending}"

    return make


def _npy(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    for part in ("train", "test"):
        for label in ("a", "b"):
            (folder / part).mkdir(exist_ok=True)
            np.save(folder / part / f"{label}.npy", _pixels(rng, 4))
    return folder / "train" / "a.npy"


def _npz(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    arrays = {f"{part}_images": _pixels(rng, 6) for part in ("train", "val", "test")}
    np.savez_compressed(
        folder / "set.npz", **arrays, **{f"{p}_labels": np.arange(6) % 2 for p in ("train", "val", "test")}
    )
    return folder / "set.npz"


def _manifest(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        rows = []
        for number, pixels in enumerate(_pixels(np.random.default_rng(4), 12)):
            Image.fromarray(pixels).save(folder / f"{number}.png")
            split = "test" if number > 7 else "train"
            rows.append(
                {"path": f"{number}.png", "label": "ab"[number % 2], "patient": f"p{number // 2}", "split": split}
            )
        table = pd.DataFrame(rows)
        file = folder / f"set{ending}"
        table.to_csv(file, index=False) if ending == ".csv" else table.to_parquet(file, index=False)
        return file

    return make


def read_data(folder: Path) -> object:
    """What `heldout inspect` would say; a damaged pixel is another image, which only its id tells."""
    found = [path for path in folder.iterdir() if path.suffix in (".npz", ".csv", ".parquet")]
    examined = examine(found[0] if found else folder, require_test=False)
    return [str(problem) for problem in examined.problems], list(examined.cohort.table["id"])


def _study(folder: Path) -> Path:
    return made_study(folder / "study") / "study.json"


def made_study(folder: Path) -> Path:
    """A study of two runs with everything beside it that commands write."""
    from tests.worlds.made_study import RUNS, make_study

    make_study(folder, runs=RUNS[:2], n_train=24, n_val=24, n_test=24, epochs=3)
    for run in read_study(folder).runs:
        table = pd.DataFrame({"id": list(run.predictions["val"].ids), "split": "val", "variant": "blurred"})
        logits = run.predictions["val"].logits
        table = table.assign(logit_0=logits[:, 0].astype(np.float32), logit_1=logits[:, 1].astype(np.float32))
        write_down(folder, TEST_EVALUATIONS, {"run": run.record.id, "scoring": run.record.id})
        files = {**to_data(run.record), "files": checksums_in(run.folder)}
        write_sealed(run.folder / "run.json", type(run.record)(**{**vars(run.record), "files": files["files"]}))
        write_result(run.folder / "experiments" / "blur.json", {"format": 1, "settings": {}}, table)
    save_table(pd.DataFrame({"id": ["a", "b"], "sharpness": [0.25, 0.5]}), folder / "quality" / "table.parquet")
    for place, name in (("images/0123456789abcdef", "pixels.npy"), ("features/0123", "activations.npy")):
        (folder / place).mkdir(parents=True)
        np.save(folder / place / name, np.arange(600, dtype=np.float32))
        seal(folder / place)
        write_json(folder / place / "store.json", {"format": 1})
    return folder


def read_made_study(folder: Path) -> object:
    """What all commands take from a study: remarks, and the numbers of every usable run."""
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
    for run in files.runs:
        for place in sorted((run.folder / "experiments").glob("[!.]*.json")):
            try:
                about, table = read_result(place)
                numbers[f"{run.record.id} {place.stem}"] = (dict(about), None if table is None else table.to_csv())
            except HeldoutError as error:
                said.append(str(error))
    for place in sorted(folder.glob("quality/*.parquet")):
        try:
            numbers[place.name] = load_table(place).to_csv()
        except HeldoutError as error:
            said.append(str(error))
    for place in (folder / "images/0123456789abcdef/pixels.npy", folder / "features/0123/activations.npy"):
        if is_sound(place):
            numbers[place.name] = float(np.load(place).astype(np.float64).sum())
        else:
            said.append(f"{place} is made anew")
    return said, numbers


KINDS = (
    *(Kind(f"image{ending}", _images(ending), read_data) for ending in (".png", ".jpg", ".tif", ".bmp")),
    Kind("array.npy", _npy, read_data),
    Kind("archive.npz", _npz, read_data),
    Kind("manifest.csv", _manifest(".csv"), read_data),
    Kind("manifest.parquet", _manifest(".parquet"), read_data),
    *(
        Kind(pattern.rpartition("/")[2], _study, read_made_study)
        for pattern in (
            "study.json",
            "cohort.parquet",
            "split.parquet",
            "plans/*.json",
            "runs/*/run.json",
            "runs/*/recipe.json",
            "runs/*/history.csv",
            "runs/*/predictions.parquet",
            "runs/*/val_epochs.parquet",
            "runs/*/experiments/blur.json",
            "runs/*/experiments/blur.parquet",
            "quality/*.parquet",
            "images/*/pixels.npy",
            "images/*/checksums.json",
            "features/*/activations.npy",
            "test_evaluations.jsonl",
        )
    ),
)


def damage(file: Path, rng: Rng) -> str:
    """Damage a file; returns how."""
    data = bytearray(file.read_bytes())
    ways = (
        "flip",
        "flip",
        "flip",
        "cut",
        "empty",
        "double",
        "noise",
        "number",
        "number",
        "folder",
        "pipe",
        "link",
        "zeros",
    )
    way = str(rng.choice(ways))
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
    if way == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif way == "cut":
        del data[at:]
    elif way == "empty":
        data.clear()
    elif way == "double":
        data[at:at] = data[at : at + length]
    elif way == "noise":
        data[at : at + length] = rng.bytes(length)
    elif way == "zeros":
        data[at:] = bytes(len(data) - at)
    elif way == "number":
        numbers = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data)))
        if numbers:
            one = numbers[int(rng.integers(len(numbers)))]
            other = [b"-1", b"0", b"1e999", b"NaN", b"99999999999999999999", b'"x"', b"null", b"[" * 2000]
            data[one.start() : one.end()] = other[int(rng.integers(len(other)))]
    else:
        file.unlink()
        {"folder": file.mkdir, "pipe": lambda: os.mkfifo(file), "link": lambda: file.symlink_to("/dev/zero")}[way]()
        return way
    file.write_bytes(bytes(data))
    return way


@contextmanager
def limits() -> Iterator[None]:
    """An alarm after `SECONDS`."""

    def ring(*_: object) -> None:
        raise HungError(f"more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge(kind: Kind, folder: Path, whole: object) -> tuple[str, str]:
    """What came of reading: `refused`, `told`, `same`, or what is wrong, and the words."""
    try:
        with limits():
            found = kind.read(folder)
    except HeldoutError as error:
        return "refused", str(error)
    except Exception as error:
        sentence = told(error)
        if sentence is not None:
            return "refused", str(sentence)
        return "TRACEBACK", f"{type(error).__name__}: {error}"
    said, numbers = found  # type: ignore[misc]
    said_before, numbers_before = whole  # type: ignore[misc]
    if said != said_before:
        return "told", str(said[:1])
    if numbers == numbers_before:
        return "same", ""
    if kind.read is read_data:  # other pixels or labels are other data; what is damaged in them nobody can know
        return "other data", ""
    return "SILENT", str(_first_difference(numbers, numbers_before))


def _first_difference(found: dict[str, object], before: dict[str, object]) -> str:
    keys = [key for key in sorted(found.keys() | before.keys()) if found.get(key) != before.get(key)]
    return f"{keys[0]}: {str(found.get(keys[0]))[:300]} instead of {str(before.get(keys[0]))[:300]}"


def trials(seed: int, base: Path) -> Iterator[tuple[int, Kind, str, str, str]]:
    """Damaged files without end: (number, kind, way, outcome, words)."""
    wholes: dict[str, tuple[Path, object]] = {}
    number = 0
    while True:
        kind = KINDS[number % len(KINDS)]
        own = "study" if kind.read is read_made_study else kind.name
        if own not in wholes:
            example = base / f"whole-{len(wholes)}"
            example.mkdir(parents=True)
            kind.make(example)
            wholes[own] = example, kind.read(example)
        rng = np.random.default_rng([seed, number])
        example, whole = wholes[own]
        folder = base / f"{seed}-{number}"
        shutil.copytree(example, folder)
        file = folder / next_file(kind, example)
        way = damage(file, rng)
        outcome, words = judge(kind, folder, whole)
        if outcome.islower():
            shutil.rmtree(folder)
        yield number, kind, way, outcome, words
        number += 1


def next_file(kind: Kind, example: Path) -> Path:
    """The file to damage, relative to the example's folder."""
    pattern = kind.name
    found = sorted(path for path in example.rglob("*") if path.is_file() and path.name == pattern)
    if found:
        return found[0].relative_to(example)
    ending = Path(pattern).suffix
    found = sorted(path for path in example.rglob(f"*{ending}") if path.is_file())
    places = {"*.json": "plans", "*.parquet": "quality"}
    if pattern in places:
        found = [path for path in found if path.parent.name == places[pattern]]
    return found[0].relative_to(example)


def main() -> None:
    """Run until the files or the minutes are spent, and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long, whatever --files says")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "fuzz")
    given = parser.parse_args()
    os.environ["HELDOUT_CACHE"] = str(given.out / "cache")
    started, outcomes, wrong = time.monotonic(), Counter[tuple[str, str]](), 0
    base = given.out / f"seed-{given.seed}"
    shutil.rmtree(base, ignore_errors=True)
    for number, kind, way, outcome, words in trials(given.seed, base):
        outcomes[kind.name, outcome] += 1
        if not outcome.islower():
            wrong += 1
            print(f"{outcome} {kind.name} {way} ({given.seed}-{number}): {words[:600]}", flush=True)
        enough = number + 1 >= given.files if not given.minutes else time.monotonic() - started > 60 * given.minutes
        if enough:
            break
    table = pd.Series(outcomes).unstack(fill_value=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(table.to_string())
    print(f"{number + 1} files, {wrong} wrong, {time.monotonic() - started:.0f} s, at most {peak / 2**30:.2f} GiB")
    sys.exit(1 if wrong or peak > BYTES else 0)


if __name__ == "__main__":
    main()
