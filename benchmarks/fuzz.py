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
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fuzz_images import data_kinds, image_kinds
from benchmarks.fuzz_kinds import Found, Kind, Rng
from benchmarks.fuzz_studies import study_kinds
from benchmarks.fuzz_tables import person_kinds
from heldout.errors import HeldoutError
from heldout.system_errors import told

SECONDS = 20
BYTES = 2 * 2**30


class HungError(Exception):
    """Reading took longer than `SECONDS`."""


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
    file.unlink()  # the whole example is linked here
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


def quietly(kind: Kind, folder: Path) -> Found:
    """Read without the warnings of libraries about damaged files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind.read(folder)


def judge(kind: Kind, folder: Path, whole: Found) -> tuple[str, str]:
    """What came of reading: `refused`, `told`, `same`, `other data`, or what is wrong, and the words."""
    try:
        with limits():
            said, numbers = quietly(kind, folder)
    except HeldoutError as error:
        return "refused", str(error)
    except Exception as error:
        sentence = told(error)
        if sentence is not None:
            return "refused", str(sentence)
        return "TRACEBACK", "".join(traceback.format_exception(error)[-3:])
    if said != whole[0]:
        return "told", str(said[:1])
    difference = _first_difference(numbers, whole[1])
    if not difference:
        return "same", ""
    return ("SILENT" if kind.sure else "other data"), difference


def _first_difference(found: object, before: object) -> str:
    """In words; empty where there is none, NaN being NaN."""
    if not isinstance(found, dict) or not isinstance(before, dict):
        return "" if repr(found) == repr(before) else f"{str(found)[:600]} instead of {str(before)[:600]}"
    for key in (*before, *found):
        if repr(found.get(key)) != repr(before.get(key)):
            return f"{key}: {str(found.get(key))[:300]} instead of {str(before.get(key))[:300]}"
    return ""


def every_kind() -> list[Kind]:
    """All of them."""
    return [*image_kinds(), *data_kinds(), *person_kinds(), *study_kinds()]


def trials(seed: int, base: Path, kinds: Sequence[Kind] | None = None) -> Iterator[tuple[int, Kind, str, str, str]]:
    """Damaged files without end, kind after kind: (number, kind, way, outcome, words)."""
    kinds = every_kind() if kinds is None else kinds
    wholes: dict[str, tuple[Path, Found]] = {}
    for number in count():
        kind = kinds[number % len(kinds)]
        if kind.example not in wholes:
            example = base / f"whole-{len(wholes)}"
            example.mkdir(parents=True)
            kind.make(example)
            wholes[kind.example] = example, quietly(kind, example)
        rng = np.random.default_rng([seed, number])
        example, whole = wholes[kind.example]
        folder = base / "damaged"
        shutil.copytree(example, folder, copy_function=os.link)
        files = sorted(path for path in folder.glob(kind.pattern) if path.is_file())
        way = damage(files[int(rng.integers(len(files)))], rng)
        outcome, words = judge(kind, folder, whole)
        if outcome.islower():
            shutil.rmtree(folder)
        else:
            folder.rename(base / f"{seed}-{number}")
        yield number, kind, way, outcome, words.replace(str(folder), "DATA")


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
