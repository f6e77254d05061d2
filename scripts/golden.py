"""The golden record: what `heldout compare` and `heldout diagnose` say of four small studies, frozen.

    python scripts/golden.py make FOLDER             # data, trainings and interventions; once, minutes on one core
    python scripts/golden.py record FOLDER FILE      # what is said of them, as JSON
    python scripts/golden.py check FOLDER FILE       # says it again and compares; exit code 1 if anything differs

Only the command line is used, so that any version can be held against the record of another. `record` and `check` work
on a copy of the studies: FOLDER stays as `make` left it. Numbers must agree within 1e-9; verdicts, codes, orders and
ids of images must be equal; words are compared too, but only counted (`--words` lists them).

Names that a later version gives to the same thing stand in the tables of `golden_compare.py`. If the files of a study
get another layout, `make` a new FOLDER with that version: on one machine the trainings come out the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from golden_compare import SHOWN, report
from golden_studies import STUDIES, CommandError, answer, make, runs_of

BOOTSTRAP = 300
"""Replicates behind the intervals: few, since what is asked is only whether they are the same ones."""


def said_of(folder: Path, names: list[str]) -> dict[str, Any]:
    """Everything that is compared: study -> view -> JSON."""
    said: dict[str, Any] = {}
    for name in names:
        study = STUDIES[name]
        with tempfile.TemporaryDirectory() as temporary:
            if not (folder / name).is_dir():
                raise CommandError(f"{folder / name} is missing; make it: python scripts/golden.py make {folder}")
            place = shutil.copytree(folder / name, Path(temporary) / name)
            before = interventions(place)
            words = ["diagnose", str(place), "--bootstrap", str(BOOTSTRAP), "--sample", str(study.images)]
            views = {
                "compare": ["compare", str(place), "--bootstrap", str(BOOTSTRAP)],
                "diagnose": [*words, "--device", "cpu"],
                "without-interventions": [*words, "--no-experiments"],
            }
            if name == "xray":
                views["review"] = [*words, "--device", "cpu", "--review", str(folder / "review.csv")]
            said[name] = {}
            for view, line in views.items():
                started = time.perf_counter()
                found = answer(line)
                said[name][view] = found if view == "compare" else runs_of(found)
                print(f"  {name} {view}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
            if interventions(place) != before:
                print(f"Note: on {name} this version made interventions again; their numbers are new.", flush=True)
    return said


def interventions(place: Path) -> dict[str, int]:
    """Files of interventions' logits with the time they were written."""
    return {
        str(file.relative_to(place)): file.stat().st_mtime_ns
        for folder in ("experiments", "interventions")
        for file in place.glob(f"runs/*/{folder}/*")
    }


def about() -> dict[str, str]:
    """What the numbers may depend on."""
    from threadpoolctl import threadpool_info

    names = ("numpy", "scipy", "scikit-learn", "pandas", "cleanlab", "torch")
    kernels = {f"{one['internal_api']} {one.get('architecture', '')}".strip() for one in threadpool_info()}
    return {name: version(name) for name in names} | {"kernels": ", ".join(sorted(kernels))}


def main() -> int:
    """One of three verbs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("make", "record", "check"))
    parser.add_argument("folder", type=Path, help="with the studies")
    parser.add_argument("file", type=Path, nargs="?", help="the record, JSON")
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="with kermany224, wbc_two_labs, mhsma64"
    )
    parser.add_argument("--only", default=",".join(STUDIES), help="check these studies alone, comma-separated")
    parser.add_argument("--words", action="store_true", help="list differences in words too")
    parser.add_argument("--lines", type=int, default=SHOWN, help="lines of differences that are printed at most")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy is there: sums in another order differ in the last digits
    try:
        if options.verb == "make":
            make(options.folder.resolve(), options.data)
            return 0
        if options.file is None:
            parser.error("name the file of the record")
        started, used = time.perf_counter(), time.process_time()
        said = said_of(options.folder.resolve(), options.only.split(","))
    except CommandError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 2
    made = about()
    if options.verb == "record":
        options.file.write_text(json.dumps({"about": made, "studies": said}, ensure_ascii=False, separators=(",", ":")))
        print(f"{options.file}: {options.file.stat().st_size / 1e6:.2f} MB in {time.perf_counter() - started:.0f} s")
        return 0
    golden = json.loads(options.file.read_text(encoding="utf-8"))
    for key, value in golden["about"].items():
        if made.get(key) != value:
            print(f"Note: recorded with {key} {value}, now {made.get(key)}")
    status = report({name: golden["studies"][name] for name in said}, said, options.words, options.lines)
    print(f"{time.perf_counter() - started:.0f} s, of which {time.process_time() - used:.0f} s on the processor")
    return status


if __name__ == "__main__":
    sys.exit(main())
