"""Files made up by a fuzzer that sees which lines of heldout and its libraries they reach (Atheris, libFuzzer).

    pip install atheris
    python benchmarks/fuzz_atheris.py images --minutes 10 --out fuzz-atheris     # and tables, records
    python benchmarks/fuzz_atheris.py images --out fuzz-atheris --keep tests/corpus

Wrong are an exception that no sentence is made of, a crash of the process, more than 20 seconds for a file, and more
than 2 GB. What was found is in OUT/<door>/found; the corpus, of files that each reach what no other does, in
OUT/<door>/corpus, where it goes on growing from call to call. `tests/corpus` holds a sample of it, and a test goes
through that.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

SECONDS = 20
MEGABYTES = 2048

WATCHED = ["heldout", "PIL", "pydicom", "tifffile", "nibabel", "liffile"]
"""Packages whose lines count; libraries in C are called, and not watched."""

KEPT, SMALL = 60, 2048
"""Files of a corpus that are kept with the tests, and bytes that they have at most."""

LONGEST = {"images": 1 << 14, "tables": 1 << 14, "records": 1 << 15}
"""Bytes of a file that is made up."""


def main() -> None:
    """Hand over to libFuzzer, which ends the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("door", choices=sorted(LONGEST))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-atheris"))
    parser.add_argument("--keep", type=Path, help="copy a sample of the corpus to a folder of this one")
    given = parser.parse_args()
    corpus, found = given.out / given.door / "corpus", given.out / given.door / "found"
    if given.keep:
        keep(corpus, given.keep / given.door, given.seed)
        return
    import atheris

    os.environ["HELDOUT_CACHE"] = str(given.out / "cache")
    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=WATCHED, enable_loader_override=False):
        doors = importlib.import_module("benchmarks.fuzz_doors")
        # The search for copies takes most of the time, and reads no file.
        vars(importlib.import_module("heldout.data.load"))["near_copies_of"] = lambda table, small, verify: None
        door, whole = doors.DOORS[given.door], list(doors.seeds(given.door))
        for data in whole:  # what is imported late is watched too
            door(data)
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(whole):
        (corpus / f"seed-{number:03d}").write_bytes(data)
    options = [f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={found}/"]
    options += [f"-max_total_time={int(60 * given.minutes)}", f"-max_len={LONGEST[given.door]}"]
    # Whole files stay what is mutated, though one alone reaches as much as all do, and long ones from the start.
    options += ["-keep_seed=1", "-len_control=0", f"-seed={given.seed}", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options], keeping(door, found))
    atheris.Fuzz()


def keep(corpus: Path, folder: Path, seed: int) -> None:
    """Copy `KEPT` small files of a corpus, but for whole ones, which are made anew."""
    small = [file for file in sorted(corpus.iterdir()) if file.stat().st_size <= SMALL and "seed" not in file.name]
    folder.mkdir(parents=True, exist_ok=True)
    for file in random.Random(seed).sample(small, min(KEPT, len(small))):
        shutil.copyfile(file, folder / file.name[:12])


def keeping(door: Callable[[bytes], None], found: Path) -> Callable[[bytes], None]:
    """The door; what goes wrong in it is kept and printed once for each place in the code, and the fuzzer goes on."""
    known: set[str] = set()

    def go(data: bytes) -> None:
        try:
            door(data)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
            if name not in known:
                known.add(name)
                (found / name).write_bytes(data)
                print(f"WRONG {name}\n{''.join(traceback.format_exception(error))}", flush=True)

    return go


if __name__ == "__main__":
    main()
