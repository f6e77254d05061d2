"""A study in an S3 store with requests that fail: is it the study without faults, nothing lost and nothing doubled?

    OMP_NUM_THREADS=1 python -m benchmarks.store_faults --faults 50 --out /tmp/store_faults

A server on loopback (moto's) holds the images. For each fault a fresh bucket, a fresh cache, and the whole path: run,
diagnose, report, compare; a command that a fault stopped is called again when the server is whole. Then the study is
copied from the store, and held against one that was made in a folder from the same images: weights, answers, curves and
interventions bit for bit, every entry of the ledgers once, every run whole; and `compare` from a third machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.remote.s3 import machine, serving, use
from tests.remote.whole_path import faults, local_study, pictures, told, tried


def main() -> None:
    """Try the faults, and say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    images = pictures(asked.out / "images")
    outcomes = []
    with pytest.MonkeyPatch.context() as patch, serving() as s3:
        use(s3, patch)
        with machine(asked.out / "cache", patch):
            local = local_study(asked.out / "local", images)
        clean = tried(s3, "clean", images, local, None, asked.out / "clean", patch)
        print(f"Without faults: {clean.requests} requests, {clean.seconds} s", flush=True)
        for number, fault in enumerate(faults(clean.requests, asked.faults, asked.seed), start=1):
            folder = asked.out / f"fault-{number}"
            outcomes.append(tried(s3, f"fault-{number}", images, local, fault, folder, patch))
            print(number, outcomes[-1], flush=True)
            shutil.rmtree(folder)
            (asked.out / "outcomes.json").write_text(json.dumps([asdict(one) for one in outcomes], indent=2))
    print(told(outcomes))
    print(f"{len(outcomes)} faults, {sum(one.struck for one in outcomes)} failed requests; every study equal.")


if __name__ == "__main__":
    main()
